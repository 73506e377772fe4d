//! Orders by our own rules: when one is late, and which filter it belongs to. Pure.

use chrono::{DateTime, NaiveDate, Utc};
use platform_connectors::sync::{SHORTEST, normalised};
use platform_web::paging;
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

/// Where an order stands, in our words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Received,
    Confirmed,
    InProduction,
    OnHold,
    Backordered,
    PartiallyShipped,
    Shipped,
    Delivered,
    Cancelled,
    /// The source said something that the mapping does not know.
    InProgress,
}

/// A filter as a plain word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Show {
    All,
    Open,
    Late,
    /// Within seven days.
    Arriving,
    Delivered,
    OnHold,
}

impl Show {
    pub const ALL: [Show; 6] =
        [Show::All, Show::Open, Show::Late, Show::Arriving, Show::OnHold, Show::Delivered];
}

/// One order as lists need it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Summary {
    pub id: Uuid,
    pub number: String,
    pub purchase_order: Option<String>,
    pub summary: String,
    /// One of our words; see [`status`].
    pub status: String,
    pub promised_on: Option<NaiveDate>,
    pub expected_on: Option<NaiveDate>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub total: Option<Decimal>,
    pub currency: Option<String>,
    pub sort_at: DateTime<Utc>,
}

impl Summary {
    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        status(&self.status)
    }

    /// See [`late`].
    #[must_use]
    pub fn late(&self, today: NaiveDate) -> bool {
        late(self.status(), self.promised_on, self.expected_on, today)
    }

    /// Where a page that ends with this order goes on.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.sort_at, id: self.id }
    }
}

/// A stored word as a state. What a newer version may have written reads as "in progress".
#[must_use]
pub fn status(word: &str) -> Status {
    match word {
        "received" => Status::Received,
        "confirmed" => Status::Confirmed,
        "in_production" => Status::InProduction,
        "on_hold" => Status::OnHold,
        "backordered" => Status::Backordered,
        "partially_shipped" => Status::PartiallyShipped,
        "shipped" => Status::Shipped,
        "delivered" => Status::Delivered,
        "cancelled" => Status::Cancelled,
        _ => Status::InProgress,
    }
}

/// Nothing more will happen to it.
#[must_use]
pub fn ended(status: Status) -> bool {
    matches!(status, Status::Delivered | Status::Cancelled)
}

/// Late: still to come, and either expected after the promise or past the day it was to be there. `today` is the
/// tenant's day, because promises are made in the tenant's days.
#[must_use]
pub fn late(
    status: Status,
    promised: Option<NaiveDate>,
    expected: Option<NaiveDate>,
    today: NaiveDate,
) -> bool {
    if ended(status) {
        return false;
    }
    let after_promise =
        matches!((promised, expected), (Some(promised), Some(expected)) if expected > promised);
    after_promise || expected.or(promised).is_some_and(|day| day < today)
}

/// A place in the list: orders by the moment they were placed.
pub type Cursor = paging::Cursor<DateTime<Utc>>;

/// Which way a page goes from a place.
pub type From = paging::From<DateTime<Utc>>;

/// A filter's word in addresses.
#[must_use]
pub fn word(show: Show) -> &'static str {
    match show {
        Show::All => "all",
        Show::Open => "open",
        Show::Late => "late",
        Show::Arriving => "arriving",
        Show::Delivered => "delivered",
        Show::OnHold => "on_hold",
    }
}

/// The filter that a word in an address means; an unknown word is no filter.
#[must_use]
pub fn show(text: &str) -> Show {
    Show::ALL.into_iter().find(|show| word(*show) == text).unwrap_or(Show::All)
}

/// What somebody typed, as keys are stored: upper-case letters and digits. Too short is no search.
#[must_use]
pub fn searched(typed: &str) -> String {
    let key = normalised(typed);
    if key.len() < SHORTEST { String::new() } else { key }
}

/// Something was typed that is too short, or has no letter or digit, to be looked for.
#[must_use]
pub fn nothing_to_find(typed: &str) -> bool {
    !typed.trim().is_empty() && searched(typed).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<NaiveDate> {
        Some(text.parse().expect("a day"))
    }

    #[test]
    fn lateness_is_about_the_promise_and_about_today() {
        let today = day("2026-11-21").expect("a day");
        let late = |status, promised, expected| late(status, promised, expected, today);
        assert!(late(Status::Confirmed, day("2026-11-25"), day("2026-11-28")), "expected after the promise");
        assert!(late(Status::Shipped, day("2026-11-20"), None), "the promised day has passed");
        assert!(!late(Status::Shipped, day("2026-11-21"), None), "today is not late yet");
        assert!(!late(Status::Delivered, day("2026-11-01"), day("2026-11-09")), "it is there");
        assert!(!late(Status::Confirmed, None, None), "nothing was promised");
        assert!(!late(Status::Confirmed, day("2026-11-28"), day("2026-11-25")), "early");
    }
}
