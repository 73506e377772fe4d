//! The issuer: opens orders for wanted hosts, drives them step by step, renews. A reconciler without input: it looks at
//! the database on a timer and on hints, so a restart or a second node needs no telling.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use instant_acme::Account;
use platform_core::clock::Clock;
use platform_core::db::{Db, Error as DbError, System};
use platform_core::id;
use platform_core::random::{Random, below};
use platform_core::secrets::Sealer;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::drive;
use crate::store;
use crate::tls::Configs;
use crate::wire::{Wire, WireError};

/// Orders opened in one look.
const BATCH: usize = 100;
/// Looks without a hint.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long a shutdown waits for steps under way.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);
/// Finished orders are kept this long, for people.
const KEEP_ORDERS: TimeDelta = TimeDelta::days(90);

/// How the issuer works.
#[derive(Debug, Clone)]
pub struct IssuerConfig {
    /// The authority's directory URL.
    pub directory: String,
    /// A mail address for the authority's notices.
    pub contact: Option<String>,
    /// PEM roots to trust instead of the system's, for a private or test authority.
    pub ca_file: Option<PathBuf>,
    /// Orders driven at the same time.
    pub workers: usize,
    /// How long a worker holds an order between two commits before others may take it.
    pub lease: Duration,
    pub backoff: Backoff,
}

impl IssuerConfig {
    /// The usual settings for an authority.
    #[must_use]
    pub fn new(directory: impl Into<String>) -> Self {
        Self {
            directory: directory.into(),
            contact: None,
            ca_file: None,
            workers: 4,
            lease: Duration::from_secs(120),
            backoff: Backoff::default(),
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

/// Obtains and renews certificates for the wanted hosts.
#[derive(Clone)]
pub struct Issuer {
    pub(crate) config: Arc<IssuerConfig>,
    pub(crate) db: Db,
    pub(crate) sealer: Sealer,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) wire: Wire,
    pub(crate) configs: Configs,
    pub(crate) account: Arc<Mutex<Option<Account>>>,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Issuer {
    /// An issuer; talks to nobody yet, so an authority that is down does not stop the start.
    ///
    /// # Errors
    /// The roots to trust are not usable.
    pub fn new(
        config: IssuerConfig,
        db: Db,
        sealer: Sealer,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, WireError> {
        let wire = Wire::new(config.ca_file.as_deref(), clock.clone())?;
        let configs = Configs::new().map_err(|error| WireError::TrustStore(error.to_string()))?;
        Ok(Self {
            config: Arc::new(config),
            db,
            sealer,
            clock,
            random,
            wire,
            configs,
            account: Arc::default(),
        })
    }

    /// Works until shutdown. Then orders under way are put back after their step, or left to the end of their lease.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut workers = JoinSet::new();
        while !shutdown.is_cancelled() {
            let round = tokio::select! {
                () = shutdown.cancelled() => break,
                round = self.rounds(&mut workers, &shutdown) => round,
            };
            if let Err(error) = round {
                tracing::warn!(%error, "the issuer cannot reach the database");
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
        let rest = async { while workers.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(SHUTDOWN_LIMIT, rest).await;
    }

    /// Looks, works, sleeps; ends only with an error of the database.
    async fn rounds(&self, workers: &mut JoinSet<()>, shutdown: &CancellationToken) -> Result<(), DbError> {
        let mut hints = self.db.listen(&["acme_orders"]).await?;
        loop {
            self.open_orders().await?;
            while workers.len() < self.config.workers.max(1) {
                let Some(row) = self.claim().await? else { break };
                let (issuer, shutdown) = (self.clone(), shutdown.clone());
                workers.spawn(async move { drive::drive(&issuer, row, &shutdown).await });
            }
            let sleep =
                if workers.len() < self.config.workers { self.until_next().await? } else { LOOK_EVERY };
            tokio::select! {
                // None: the connection broke, and hints with it; look at once as after a hint.
                hint = hints.try_recv() => { hint?; }
                Some(ended) = workers.join_next(), if !workers.is_empty() => report(ended),
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    async fn open_orders(&self) -> Result<(), DbError> {
        let ids: Vec<_> = (0..BATCH).map(|_| id::uuid(&*self.clock, &*self.random)).collect();
        let now = self.clock.now();
        let mut tx = self.db.system(System::Certificates).await?;
        let opened = store::open_orders(&mut tx, now, &ids).await?;
        store::sweep(&mut tx, now, now - KEEP_ORDERS).await?;
        tx.commit().await?;
        if opened > 0 {
            tracing::info!(opened, "certificate orders opened");
        }
        Ok(())
    }

    async fn claim(&self) -> Result<Option<store::OrderRow>, DbError> {
        let now = self.clock.now();
        let mut tx = self.db.system(System::Certificates).await?;
        let row = store::claim(&mut tx, now, now + drive::delta(self.config.lease)).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// How long nothing is due. A little is added at random, so that nodes do not look in step.
    async fn until_next(&self) -> Result<Duration, DbError> {
        let mut tx = self.db.system(System::Certificates).await?;
        let due = store::next_due(&mut tx).await?;
        let renewal = store::next_renewal(&mut tx).await?;
        drop(tx);
        let next: Option<DateTime<Utc>> = [due, renewal].into_iter().flatten().min();
        let wait = next.map_or(LOOK_EVERY, |at| (at - self.clock.now()).to_std().unwrap_or(Duration::ZERO));
        let spread = Duration::from_millis(u64::from(below(&*self.random, 50)) + 1);
        Ok(wait.min(LOOK_EVERY) + spread)
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "an order's worker failed; its lease will end");
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
