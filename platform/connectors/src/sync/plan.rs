//! When a connector's passes are due, and what they noted since the state was last stored.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::books::BooksPlan;
use super::notes::Notes;
use super::worker::Sweep;
use crate::mapping::Mapping;
use crate::registry::{Leased, Progress};

/// What is due when.
pub(super) struct Plan {
    pub(super) hot_due: Instant,
    pub(super) watermark_due: Instant,
    pub(super) watermark: Option<String>,
    pub(super) sweep_due: Instant,
    pub(super) sweep: Option<Sweep>,
    pub(super) hot_notes: Notes,
    pub(super) sweep_notes: Notes,
    pub(super) books: BooksPlan,
    stored_notes: Option<[Value; 3]>,
    pub(super) failed: bool,
}

impl Plan {
    pub(super) fn new(leased: &Leased, mapping: &Mapping, clock_now: DateTime<Utc>) -> Self {
        let (now, every) = (Instant::now(), mapping.pace.sweep);
        let sweep: Option<Sweep> = leased.sweep.clone().and_then(|sweep| serde_json::from_value(sweep).ok());
        let age = leased.last_sweep_at.map(|at| (clock_now - at).to_std().unwrap_or_default());
        let sweep_due = match age {
            // the first load, and a sweep that was cut off, go on at once
            _ if sweep.is_some() => now,
            None => now,
            Some(age) => now + every.saturating_sub(age).max(FIRST_SWEEP),
        };
        Self {
            hot_due: now,
            watermark_due: now,
            watermark: leased.watermark.clone(),
            sweep_due,
            sweep,
            hot_notes: Notes::default(),
            sweep_notes: Notes::default(),
            books: BooksPlan::new(leased.books.clone(), mapping, clock_now),
            stored_notes: None,
            failed: true,
        }
    }

    /// Clears the last error once, and stores notes only when they are others than before.
    pub(super) fn progress(&mut self) -> Progress {
        let notes = self.hot_notes.json(&self.sweep_notes, self.books.warnings());
        let notes = (self.stored_notes.as_ref() != Some(&notes)).then_some(notes);
        if notes.is_some() {
            self.stored_notes.clone_from(&notes);
        }
        let error = std::mem::take(&mut self.failed).then_some(None);
        Progress { notes, error, ..Progress::default() }
    }

    pub(super) fn rest(&self) -> Duration {
        let next = self.hot_due.min(self.watermark_due).min(self.sweep_due);
        let next = self.books.due().map_or(next, |due| due.min(next));
        next.saturating_duration_since(Instant::now()).max(SHORTEST_REST)
    }
}

/// After a restart, so that a node that starts often does not sweep often; a node that runs sweeps by the mapping.
const FIRST_SWEEP: Duration = Duration::from_secs(300);
/// Between pages of a sweep: other work of this process goes first.
const SHORTEST_REST: Duration = Duration::from_millis(20);
