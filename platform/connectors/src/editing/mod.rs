//! Changing a mapping without harm: versions that never change, a check of each with the line of every fault, a dry run
//! against the source within its budget, and activation as compare-and-set, back to an older version too.

mod check;
mod compare;
mod trial;
mod versions;

pub use check::{Located, check, located};
pub use compare::{Changed, Compared};
pub use trial::{Trial, TrialError, trial};
pub use versions::{Activated, LONGEST_NOTE, Saved, Version, activate, active, get, history, save};

pub(crate) use versions::put_active;
