//! When the DNS is looked at next: every few seconds while somebody waits, then ever more rarely for a week (the curve of
//! Cloudflare's custom hostnames: 75 looks), and once a night when all is well.

use chrono::TimeDelta;
use platform_core::id::DomainId;

/// A claim that is not proven within this time ends.
pub(super) const CLAIM_LIFE: TimeDelta = TimeDelta::days(7);
/// How long a domain whose DNS has turned away is kept, in case it comes back.
pub(super) const GRACE: TimeDelta = TimeDelta::days(7);
/// For how long a new claim, or one that somebody asks about, is looked at every few seconds.
pub(super) const WATCH: TimeDelta = TimeDelta::minutes(10);
const WATCHED: TimeDelta = TimeDelta::seconds(5);
/// A domain that has moved is looked at this often.
pub(super) const MOVED: TimeDelta = TimeDelta::hours(1);
/// A host that was given up is looked at this often, and for so long: its record may still point here.
pub(super) const AFTERWARDS: TimeDelta = TimeDelta::days(7);
pub(super) const MEMORY: TimeDelta = TimeDelta::days(91);
/// A probe that ended without a report is repeated then.
pub(super) const AGAIN: TimeDelta = TimeDelta::minutes(1);

/// Looks on demand: one in this time, and this many at once.
pub(super) const LOOK_EACH: TimeDelta = TimeDelta::seconds(10);
pub(super) const LOOK_BURST: i32 = 6;

/// Until the next look at a claim of this age.
pub(super) fn waiting(age: TimeDelta, watched: bool) -> TimeDelta {
    if watched {
        return WATCHED;
    }
    let (mut at, mut number) = (0.0, 0);
    let age = seconds(age);
    loop {
        let step = step(number);
        at += step;
        if at > age || step >= LONGEST {
            return TimeDelta::milliseconds((step * 1000.0).round() as i64);
        }
        number += 1;
    }
}

/// Between two looks at a domain that is well: a day, a little more for each by its own number, so that a thousand that
/// were made together are not looked at together for ever.
pub(super) fn settled(id: DomainId) -> TimeDelta {
    let spread = i64::from(id.0.as_bytes()[15]) * 28;
    TimeDelta::days(1) + TimeDelta::seconds(spread)
}

const LONGEST: f64 = 4.0 * 3600.0;

/// The n-th pause in seconds: 60·1.05ⁿ for the first ten, then 60·1.15ⁿ, four hours at most.
fn step(number: i32) -> f64 {
    let growth: f64 = if number < 10 { 1.05 } else { 1.15 };
    (60.0 * growth.powi(number)).min(LONGEST)
}

fn seconds(age: TimeDelta) -> f64 {
    age.num_milliseconds() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_grow_rare() {
        let seconds = |age: TimeDelta| waiting(age, false).num_seconds();
        assert_eq!(waiting(TimeDelta::days(3), true), TimeDelta::seconds(5));
        assert_eq!(seconds(TimeDelta::zero()), 60);
        assert!((60..100).contains(&seconds(TimeDelta::minutes(10))));
        assert_eq!(seconds(TimeDelta::days(6)), 4 * 3600);
    }

    #[test]
    fn a_week_has_about_seventy_five_looks() {
        let (mut age, mut looks) = (TimeDelta::zero(), 0);
        while age < CLAIM_LIFE {
            age += waiting(age, false);
            looks += 1;
        }
        assert!((65..=85).contains(&looks), "{looks}");
    }
}
