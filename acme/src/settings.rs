//! How an issuer works: its authorities, its patience, and its waits after failures.

use std::time::Duration;

use chrono::TimeDelta;

use crate::authority::Authority;

/// How the issuer works.
#[derive(Debug, Clone)]
pub struct IssuerConfig {
    /// In the order of preference; never empty.
    pub authorities: Vec<Authority>,
    /// Orders driven at the same time.
    pub workers: usize,
    /// How long a worker holds an order between two commits before others may take it.
    pub lease: Duration,
    pub backoff: Backoff,
    /// How long a fault of an authority may last before the next one is asked for a host that a person waits for.
    pub patience: Duration,
    /// The same for bulk.
    pub bulk_patience: Duration,
    /// Whether port 80 of the platform cannot be reached from outside, so that names are proven on port 443.
    pub port_80_blocked: bool,
    /// How long a host stays unwanted before its certificate is revoked.
    pub revoke_after: TimeDelta,
}

impl IssuerConfig {
    /// The usual settings for one authority.
    #[must_use]
    pub fn new(directory: impl Into<String>) -> Self {
        Self::of(vec![Authority::new(directory)])
    }

    /// The usual settings for these authorities.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn of(authorities: Vec<Authority>) -> Self {
        assert!(!authorities.is_empty(), "an issuer needs an authority");
        Self {
            authorities,
            workers: 4,
            lease: Duration::from_secs(120),
            backoff: Backoff::default(),
            patience: Duration::from_secs(10 * 60),
            bulk_patience: Duration::from_secs(24 * 60 * 60),
            port_80_blocked: false,
            revoke_after: TimeDelta::days(1),
        }
    }
}

/// Waits after failures; a longer `Retry-After` of the authority always wins.
#[derive(Debug, Clone)]
pub struct Backoff {
    /// After the authority's n-th no to a host; the last one repeats. At most four in an hour: the authority locks a
    /// host out after five.
    pub verdict: Vec<Duration>,
    /// After the first fault of network, database or authority; doubles up to `fault_max`.
    pub fault: Duration,
    pub fault_max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        let minutes = [1, 5, 15, 60, 6 * 60, 24 * 60];
        Self {
            verdict: minutes.into_iter().map(|n| Duration::from_secs(60 * n)).collect(),
            fault: Duration::from_secs(2),
            fault_max: Duration::from_secs(10 * 60),
        }
    }
}

impl Backoff {
    pub(crate) fn after_verdict(&self, attempts: i32) -> Duration {
        let index = usize::try_from(attempts.max(1) - 1).unwrap_or(0);
        self.verdict.get(index).or(self.verdict.last()).copied().unwrap_or(self.fault_max)
    }

    pub(crate) fn after_fault(&self, attempts: i32) -> Duration {
        let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or(0);
        self.fault.saturating_mul(1 << doublings).min(self.fault_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_below_the_lock_out() {
        let backoff = Backoff::default();
        let hour: Vec<_> = (1..=6).map(|n| backoff.after_verdict(n).as_secs()).collect();
        assert_eq!(hour, [60, 300, 900, 3600, 21_600, 86_400]);
        assert_eq!(backoff.after_verdict(100).as_secs(), 86_400);
        assert_eq!(backoff.after_fault(1).as_secs(), 2);
        assert_eq!(backoff.after_fault(4).as_secs(), 16);
        assert_eq!(backoff.after_fault(1000).as_secs(), 600);
    }
}
