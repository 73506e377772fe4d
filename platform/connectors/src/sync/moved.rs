//! Orders whose date moved to a later day, handed on in the transaction that writes the move: whoever tells customers of
//! delays takes it from there.

use chrono::NaiveDate;
use platform_core::id::OrderId;
use platform_core::jobs::Job;
use serde::{Deserialize, Serialize};

use crate::orders::{EventKind, SourceEvent};

/// Moves in one job; a bulk change of a source makes several.
pub(super) const AT_ONCE: usize = 50;

/// Dates that moved to later days.
#[derive(Debug, Serialize, Deserialize)]
pub struct DatesMoved {
    pub moves: Vec<DateMoved>,
}

/// One order's date moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateMoved {
    pub order: OrderId,
    pub was: NaiveDate,
    pub now: NaiveDate,
    /// In the source's words.
    pub reason: Option<String>,
}

impl Job for DatesMoved {
    const KIND: &'static str = "dates_moved";
}

/// The move that a line of history tells, if it is one to a later day.
pub(super) fn later(order: OrderId, event: &SourceEvent) -> Option<DateMoved> {
    let day = |text: &Option<String>| text.as_deref()?.parse::<NaiveDate>().ok();
    let (was, now) = (day(&event.old)?, day(&event.new)?);
    let dated = matches!(event.kind, EventKind::Expected | EventKind::Promised);
    (dated && now > was).then(|| DateMoved { order, was, now, reason: event.reason.clone() })
}
