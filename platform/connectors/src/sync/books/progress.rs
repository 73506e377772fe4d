//! How far each entity of the books has been read, as `connectors.books` keeps it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::sync::worker::Sweep;

/// Of all entities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::sync) struct Progress {
    pub(super) invoice: Place,
    pub(super) credit: Place,
    pub(super) address: Place,
    pub(super) product: Place,
}

/// Of one entity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) watermark: Option<String>,
    /// Where a sweep of invoices goes on after a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sweep: Option<Sweep>,
    /// Every row was read between this moment and `swept_at`; what changed later may be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) swept_at: Option<DateTime<Utc>>,
    /// Of invoices: every unpaid one was read at this moment or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hot_at: Option<DateTime<Utc>>,
    /// Rows of accounts that no customer has, in the last whole walk.
    pub(super) unknown: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}
