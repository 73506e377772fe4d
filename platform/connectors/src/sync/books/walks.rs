//! Walks under way: where one goes on, what it met, how long it takes.

use std::collections::HashSet;
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::orders::Cursor;

/// A walk through a selection or a whole table. A restart begins it anew.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) began: Instant,
    /// By the clock that is shown.
    pub(super) began_at: DateTime<Utc>,
    pub(super) after: Option<Cursor>,
    pub(super) seen: HashSet<String>,
    pub(super) stamp: Option<String>,
    pub(super) unknown: u64,
    /// All was read; now our own keys are looked through, after this one.
    pub(super) checking: Option<String>,
}

impl Walk {
    pub(super) fn new(began_at: DateTime<Utc>) -> Self {
        Self {
            began: Instant::now(),
            began_at,
            after: None,
            seen: HashSet::new(),
            stamp: None,
            unknown: 0,
            checking: None,
        }
    }
}
