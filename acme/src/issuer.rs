//! The issuer: opens orders for wanted hosts, drives them step by step, renews, revokes. A reconciler without input: it
//! looks at the database on a timer and on hints, so a restart or a second node needs no telling.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::clock::Clock;
use platform_core::db::{Db, Error as DbError, System};
use platform_core::id;
use platform_core::random::{Random, below};
use platform_core::secrets::Sealer;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::account::Known;
use crate::authority::Authority;
use crate::budget::{Bucket, Lane, delta};
use crate::precheck::{NoPrecheck, Precheck};
use crate::store::{self, Opening, OrderRow};
use crate::tls::Configs;
use crate::wire::{Wire, WireError};
use crate::{budget, drive, installed};

/// Orders opened in one look.
const BATCH: usize = 500;
/// Looks without a hint.
const LOOK_EVERY: Duration = Duration::from_secs(30);
const SWEEP_EVERY: TimeDelta = TimeDelta::hours(1);
/// How long a shutdown waits for steps under way.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);
/// Finished orders are kept this long, for people.
const KEEP_ORDERS: TimeDelta = TimeDelta::days(90);
/// The keys of certificates are kept this long after a successor came, and certificates after they expired.
const KEEP_KEYS: TimeDelta = TimeDelta::days(1);
const KEEP_EXPIRED: TimeDelta = TimeDelta::days(90);

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

/// Renewals an hour, as they were found to be right at some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) found_at: DateTime<Utc>,
    pub(crate) hourly: f64,
}

/// Obtains and renews certificates for the wanted hosts.
#[derive(Clone)]
pub struct Issuer {
    pub(crate) config: Arc<IssuerConfig>,
    pub(crate) db: Db,
    pub(crate) sealer: Sealer,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) wires: Arc<HashMap<String, Wire>>,
    pub(crate) configs: Configs,
    pub(crate) precheck: Arc<dyn Precheck>,
    pub(crate) accounts: Arc<tokio::sync::Mutex<HashMap<String, Known>>>,
    /// The authorities that did not work when this process last looked.
    pub(crate) faulty: Arc<std::sync::Mutex<HashSet<String>>>,
    /// The pace of renewals an hour, and when it was found.
    pub(crate) pace: Arc<std::sync::Mutex<Option<Pace>>>,
    swept: Arc<std::sync::Mutex<Option<DateTime<Utc>>>>,
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
        let mut wires = HashMap::new();
        for authority in &config.authorities {
            let wire = Wire::new(authority.ca_file.as_deref(), clock.clone())?;
            wires.insert(authority.directory.clone(), wire);
        }
        Self::over(wires, config, db, sealer, (clock, random))
    }

    /// An issuer that reaches each authority, by its directory, over a wire of the caller's.
    ///
    /// # Errors
    /// The crypto provider cannot make ticket keys.
    pub fn over(
        wires: HashMap<String, Wire>,
        config: IssuerConfig,
        db: Db,
        sealer: Sealer,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
    ) -> Result<Self, WireError> {
        let configs = Configs::new().map_err(|error| WireError::TrustStore(error.to_string()))?;
        Ok(Self {
            config: Arc::new(config),
            db,
            sealer,
            clock,
            random,
            wires: Arc::new(wires),
            configs,
            precheck: Arc::new(NoPrecheck),
            accounts: Arc::default(),
            faulty: Arc::default(),
            pace: Arc::default(),
            swept: Arc::default(),
        })
    }

    /// Looks before each order.
    #[must_use]
    pub fn with_precheck(mut self, precheck: Arc<dyn Precheck>) -> Self {
        self.precheck = precheck;
        self
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
        let mut asking = JoinSet::new();
        let mut looked: Option<tokio::time::Instant> = None;
        loop {
            if looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
                self.reconcile().await?;
                looked = Some(tokio::time::Instant::now());
            }
            self.open_renewals().await?;
            self.fill(workers, shutdown).await?;
            if asking.is_empty() {
                // A slow authority shall not keep orders from being driven.
                let issuer = self.clone();
                asking.spawn(async move { issuer.side_jobs().await });
            }
            let sleep =
                if workers.len() < self.config.workers { self.until_next().await? } else { LOOK_EVERY };
            tokio::select! {
                hint = hints.try_recv() => {
                    // None: the connection broke, and hints with it; look at once as after a hint.
                    let mut again = hint?.is_none_or(|hint| hint.payload().is_empty());
                    while let Some(more) = hints.next_buffered() {
                        again |= more.payload().is_empty();
                    }
                    if again { looked = None; }
                }
                Some(ended) = workers.join_next(), if !workers.is_empty() => report(ended),
                () = tokio::time::sleep(sleep) => {}
            }
            while asking.try_join_next().is_some() {}
        }
    }

    async fn side_jobs(&self) {
        if let Err(error) = self.ask_for_windows().await {
            tracing::warn!(%error, "renewal windows could not be asked for");
        }
        if let Err(error) = self.revoke_due().await {
            tracing::warn!(%error, "revocations could not be looked at");
        }
    }

    /// Drives one batch of orders that are due, each as far as it goes, and does what is due beside orders. Gives how many
    /// orders it took. For those who turn the clock themselves; a server calls [`Issuer::run`].
    ///
    /// # Errors
    /// The database's answer.
    pub async fn turn(&self) -> Result<usize, DbError> {
        self.ask_for_windows().await?;
        self.revoke_due().await?;
        self.open_renewals().await?;
        let (mut workers, shutdown) = (JoinSet::new(), CancellationToken::new());
        self.fill(&mut workers, &shutdown).await?;
        let count = workers.len();
        while let Some(ended) = workers.join_next().await {
            report(ended);
        }
        Ok(count)
    }

    /// Makes the orders those that there shall be: opens, drops, moves and hurries them.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn reconcile(&self) -> Result<(), DbError> {
        let now = self.clock.now();
        let mut tx = self.db.system(System::Certificates).await?;
        store::drop_unwanted(&mut tx, now).await?;
        store::adopt(&mut tx, &self.directories()).await?;
        let mut opened = 0;
        loop {
            let opening = Opening {
                ids: self.ids(BATCH),
                directory: self.config.authorities[0].directory.clone(),
                patience: (delta(self.config.patience), delta(self.config.bulk_patience)),
            };
            let some = store::open_first(&mut tx, now, &opening).await?;
            opened += some;
            if some < BATCH as u64 {
                break;
            }
        }
        store::hurry_orders(&mut tx, now).await?;
        self.move_on(&mut tx, now).await?;
        self.off_board(&mut tx, now).await?;
        self.sweep(&mut tx, now).await?;
        tx.commit().await?;
        if opened > 0 {
            tracing::info!(opened, "certificate orders opened");
        }
        Ok(())
    }

    async fn sweep(&self, tx: &mut platform_core::db::SystemTx, now: DateTime<Utc>) -> Result<(), DbError> {
        {
            let mut swept = self.swept.lock().expect("no holder panics");
            if swept.is_some_and(|at| now - at < SWEEP_EVERY) {
                return Ok(());
            }
            *swept = Some(now);
        }
        store::sweep(tx, now, now - KEEP_ORDERS).await?;
        installed::sweep(tx, now - KEEP_KEYS, now - KEEP_EXPIRED).await?;
        budget::sweep(tx, now).await
    }

    /// Fills the workers with orders that are due.
    async fn fill(&self, workers: &mut JoinSet<()>, shutdown: &CancellationToken) -> Result<(), DbError> {
        while workers.len() < self.config.workers.max(1) {
            let Some(row) = self.claim().await? else { return Ok(()) };
            let (issuer, shutdown) = (self.clone(), shutdown.clone());
            workers.spawn(async move { drive::drive(&issuer, row, &shutdown).await });
        }
        Ok(())
    }

    /// Takes the next order: first those ahead of bulk that have a token, then those that need none, then bulk.
    async fn claim(&self) -> Result<Option<OrderRow>, DbError> {
        let now = self.clock.now();
        let lease = now + delta(self.config.lease);
        let mut tx = self.db.system(System::Certificates).await?;
        let away = self.away(&mut tx, now).await?;
        let mut row = self.claim_spending(&mut tx, lease, Lane::First, &away).await?;
        if row.is_none() {
            row = store::claim_free(&mut tx, now, lease, &away).await?;
        }
        if row.is_none() {
            row = self.claim_spending(&mut tx, lease, Lane::Bulk, &away).await?;
        }
        tx.commit().await?;
        Ok(row)
    }

    async fn claim_spending(
        &self,
        tx: &mut platform_core::db::SystemTx,
        lease: DateTime<Utc>,
        lane: Lane,
        away: &[String],
    ) -> Result<Option<OrderRow>, DbError> {
        let now = self.clock.now();
        for authority in self.config.authorities.iter().filter(|known| !away.contains(&known.directory)) {
            let mut open = Some(lane);
            if let Some(limit) = authority.limits.orders {
                let orders = Bucket::orders(&authority.directory, limit);
                let has_room = |left: usize| left > 0;
                if !has_room(orders.left(tx, lane, now).await?) {
                    open = None;
                    if lane == Lane::Bulk && has_room(orders.left(tx, Lane::Renewal, now).await?) {
                        open = Some(Lane::Renewal);
                    }
                }
            }
            let Some(open) = open else { continue };
            let row = store::claim_spending(tx, now, lease, &authority.directory, open).await?;
            if row.is_some() {
                return Ok(row);
            }
        }
        Ok(None)
    }

    /// When something is due next, by the issuer's clock; none when nothing is.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn next_look(&self) -> Result<Option<DateTime<Utc>>, DbError> {
        let now = self.clock.now();
        let mut tx = self.db.system(System::Certificates).await?;
        let away = self.away(&mut tx, now).await?;
        let mut moments = vec![
            store::next_free(&mut tx, &away).await?,
            self.next_renewal(&mut tx, now, &away).await?,
            self.next_revocation(&mut tx, &away).await?,
            self.next_try(&mut tx, now).await?,
        ];
        for authority in self.config.authorities.iter().filter(|known| !away.contains(&known.directory)) {
            for lane in Lane::ALL {
                let due = store::next_spending(&mut tx, &authority.directory, lane).await?;
                moments.push(match (due, authority.limits.orders) {
                    (Some(due), Some(limit)) => {
                        let orders = Bucket::orders(&authority.directory, limit);
                        Some(due.max(orders.free_at(&mut tx, lane, now).await?))
                    }
                    (due, _) => due,
                });
            }
        }
        Ok(moments.into_iter().flatten().min())
    }

    /// How long nothing is due. A little is added at random, so that nodes do not look in step.
    async fn until_next(&self) -> Result<Duration, DbError> {
        let next = self.next_look().await?;
        let wait = next.map_or(LOOK_EVERY, |at| (at - self.clock.now()).to_std().unwrap_or(Duration::ZERO));
        let spread = Duration::from_millis(u64::from(below(&*self.random, 50)) + 1);
        Ok(wait.min(LOOK_EVERY) + spread)
    }

    pub(crate) fn ids(&self, count: usize) -> Vec<Uuid> {
        (0..count).map(|_| id::uuid(&*self.clock, &*self.random)).collect()
    }

    /// When a new certificate is first asked about: some time in the first hour, so that an import does not ask at once.
    pub(crate) fn first_ari_look(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(below(&*self.random, 3600)))
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
