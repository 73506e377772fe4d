//! How a connector fares, as one report: how far our copy is behind, what the last sweep found, what is wrong and who can
//! mend it, which codes have no word, and what reading costs the source.

pub(crate) mod codes;
mod report;
mod trouble;

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::id::ConnectorId;
use serde::{Deserialize, Serialize};

pub use report::{all, read};
pub use trouble::TroubleKind;

use crate::orders::Warning;
use crate::stops::Stop;
use crate::usage::Used;

/// In one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Somebody used the kill switch.
    Stopped,
    /// Put away; its age counts no more.
    Retired,
    /// The mapping does not fit; people must mend it.
    Refused,
    /// It is tried again and again.
    Failing,
    /// Nothing says that it fails, but no round has ended for long.
    Behind,
    /// The history is being loaded.
    Loading,
    Well,
}

impl Condition {
    /// As pages and commands name it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Retired => "retired",
            Self::Refused => "refused",
            Self::Failing => "failing",
            Self::Behind => "behind",
            Self::Loading => "loading",
            Self::Well => "well",
        }
    }

    /// Whether somebody should look.
    #[must_use]
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Refused | Self::Failing | Self::Behind)
    }
}

/// Whether readers that cannot wait try at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Breaker {
    Closed,
    /// Not before this moment; then one try decides.
    Open {
        until: DateTime<Utc>,
    },
}

/// What a full sweep has found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SweepFound {
    pub began_at: Option<DateTime<Utc>>,
    /// Orders that the source has.
    pub read: u64,
    /// Those that the other ways of reading had missed; at the first sweep, all that were new.
    pub changed: u64,
    /// Orders of ours that the source no longer has.
    pub gone: u64,
    /// Orders of accounts that no customer has.
    pub unknown: u64,
}

/// Full sweeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sweeps {
    /// None while the history is being loaded.
    pub ended_at: Option<DateTime<Utc>>,
    pub found: Option<SweepFound>,
    pub under_way: Option<SweepFound>,
    /// Somebody has asked for one.
    pub requested: bool,
}

/// What is wrong, since when, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    pub kind: TroubleKind,
    pub what: &'static str,
    pub act: &'static str,
    pub since: Option<DateTime<Utc>>,
    /// The source's or the program's own words.
    pub said: String,
}

/// A status code without a word of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmapped {
    pub code: String,
    /// Orders that bear it, as of the last reading.
    pub count: u64,
    pub first_seen_at: Option<DateTime<Utc>>,
    pub last_seen_at: Option<DateTime<Utc>>,
    /// The number of an order that bears it.
    pub example: Option<String>,
}

/// A part of the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BooksPart {
    /// A section of the mapping, such as `invoice`.
    pub part: String,
    pub swept_at: Option<DateTime<Utc>>,
    pub error: Option<String>,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    pub connector: ConnectorId,
    pub name: String,
    pub condition: Condition,
    /// The database's clock, when this was read.
    pub at: DateTime<Utc>,
    /// Every open order was read at this moment or later: what pages show as their age.
    pub data_as_of: Option<DateTime<Utc>>,
    /// Seconds since then.
    pub lag_seconds: Option<i64>,
    /// Our copy of an order last changed.
    pub changed_at: Option<DateTime<Utc>>,
    pub change_age_seconds: Option<i64>,
    pub sweeps: Sweeps,
    pub breaker: Breaker,
    pub trouble: Option<Trouble>,
    pub stop: Option<Stop>,
    pub unmapped: Vec<Unmapped>,
    /// Accounts that no customer has, with their orders.
    pub unknown_accounts: Vec<(String, u64)>,
    pub warnings: Vec<Warning>,
    pub books: Vec<BooksPart>,
    /// Statements a second that the sync allows itself; 0 is no limit.
    pub allowed_per_second: u32,
    pub last_hour: Used,
    pub last_day: Used,
}

/// Without a finished round for so long, something is wrong even if nobody says so: a runner is missing, or the source
/// is too large for its pace.
const BEHIND: TimeDelta = TimeDelta::minutes(5);
