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
use crate::budget::delta;
use crate::precheck::{NoPrecheck, Precheck};
use crate::settings::IssuerConfig;
use crate::store::{self, Duties, Opening};
use crate::tls::Configs;
use crate::update::Updater;
use crate::wire::{Wire, WireError};
use crate::{budget, drive, installed};

/// Orders opened in one look.
const BATCH: usize = 500;
/// Looks without a hint.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The least sleep while windows are asked for: more of them are due than one look takes.
const LEAST_SLEEP: Duration = Duration::from_millis(100);
const SWEEP_EVERY: TimeDelta = TimeDelta::hours(1);
/// How long a shutdown waits for steps under way.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);
/// Finished orders are kept this long, for people.
const KEEP_ORDERS: TimeDelta = TimeDelta::days(90);
/// The keys of certificates are kept this long after a successor came, and certificates after they expired.
const KEEP_KEYS: TimeDelta = TimeDelta::days(1);
const KEEP_EXPIRED: TimeDelta = TimeDelta::days(90);

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
    /// Where the zone of proofs lies on other name servers than our own.
    pub(crate) updater: Option<Updater>,
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
            updater: None,
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

    /// Brings proofs of DNS-01 to the operator's own name servers.
    #[must_use]
    pub fn with_updater(mut self, updater: Updater) -> Self {
        self.updater = Some(updater);
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
            let duties = self.duties().await?;
            if duties.renew {
                self.open_renewals().await?;
            }
            self.fill(workers, shutdown).await?;
            if asking.is_empty() && (duties.ask || duties.revoke) {
                // A slow authority shall not keep orders from being driven.
                let issuer = self.clone();
                asking.spawn(async move { issuer.side_jobs().await });
            }
            let sleep =
                if workers.len() < self.config.workers { self.until_next().await? } else { LOOK_EVERY };
            let sleep = if asking.is_empty() { sleep } else { sleep.max(LEAST_SLEEP) };
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

    async fn duties(&self) -> Result<Duties, DbError> {
        let mut tx = self.db.system(System::Certificates).await?;
        store::duties(&mut tx, self.clock.now()).await
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
        let duties = self.duties().await?;
        if duties.ask {
            self.ask_for_windows().await?;
        }
        if duties.revoke {
            self.revoke_due().await?;
        }
        if duties.ask || duties.renew {
            self.open_renewals().await?;
        }
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
        let room = self.config.workers.max(1).saturating_sub(workers.len());
        if room == 0 {
            return Ok(());
        }
        for row in self.claim(room).await? {
            let (issuer, shutdown) = (self.clone(), shutdown.clone());
            workers.spawn(async move { drive::drive(&issuer, row, &shutdown).await });
        }
        Ok(())
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
