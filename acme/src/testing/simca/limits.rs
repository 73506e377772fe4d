//! The authority's own buckets, written apart from ours: a mistake in one shall not hide in the other.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

/// Limits as (burst, hours of a full refill).
#[derive(Debug, Clone, Copy)]
pub struct SimLimits {
    pub orders: Option<(u32, u32)>,
    pub domain: Option<(u32, u32)>,
    pub set: Option<(u32, u32)>,
    pub failures: Option<(u32, u32)>,
}

impl SimLimits {
    /// As documented on 2026-08-05.
    #[must_use]
    pub const fn lets_encrypt() -> Self {
        Self { orders: Some((300, 3)), domain: Some((50, 168)), set: Some((5, 168)), failures: Some((5, 1)) }
    }

    /// None at all.
    #[must_use]
    pub const fn none() -> Self {
        Self { orders: None, domain: None, set: None, failures: None }
    }
}

/// Tokens left and when they were counted; refilled by the passing of time.
#[derive(Debug, Clone, Copy)]
struct Level {
    tokens: f64,
    at: DateTime<Utc>,
}

#[derive(Debug, Default)]
pub(super) struct Buckets {
    levels: HashMap<String, Level>,
}

impl Buckets {
    /// Seconds until a token is there; none when there is one.
    pub(super) fn wait(&self, key: &str, limit: (u32, u32), now: DateTime<Utc>) -> Option<u64> {
        let tokens = self.level(key, limit, now);
        if tokens >= 1.0 - 1e-6 {
            return None;
        }
        let seconds = (1.0 - tokens) / rate(limit);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive wait of days at most"
        )]
        let seconds = seconds.ceil() as u64;
        Some(seconds.max(1))
    }

    pub(super) fn spend(&mut self, key: &str, limit: (u32, u32), now: DateTime<Utc>) {
        let tokens = self.level(key, limit, now) - 1.0;
        self.levels.insert(key.to_owned(), Level { tokens, at: now });
    }

    fn level(&self, key: &str, limit: (u32, u32), now: DateTime<Utc>) -> f64 {
        let Some(level) = self.levels.get(key) else { return f64::from(limit.0) };
        let seconds = (now - level.at).max(TimeDelta::zero()).as_seconds_f64();
        (level.tokens + seconds * rate(limit)).min(f64::from(limit.0))
    }
}

/// Tokens a second.
fn rate((burst, hours): (u32, u32)) -> f64 {
    f64::from(burst) / (f64::from(hours) * 3600.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_hundred_and_then_one_each_36_seconds() {
        let mut buckets = Buckets::default();
        let start = DateTime::from_timestamp(0, 0).unwrap();
        let limit = (300, 3);
        for _ in 0..300 {
            assert_eq!(buckets.wait("a", limit, start), None);
            buckets.spend("a", limit, start);
        }
        assert_eq!(buckets.wait("a", limit, start), Some(36));
        assert_eq!(buckets.wait("a", limit, start + TimeDelta::seconds(36)), None);
        assert_eq!(buckets.wait("b", limit, start), None);
    }
}
