//! The certificate cache: host -> ready `ServerConfig`. A handshake only reads here. A miss is one query and one unseal,
//! however many visitors come at once; a hint or a look every minute brings renewed certificates.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::clock::Clock;
use platform_core::db::{Db, Error as DbError, System};
use platform_core::secrets::Sealer;
use rustls::ServerConfig;
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::certificate::{self, ChainError};
use crate::tls::Configs;
use crate::{installed, key};

/// Loads at the same time; the rest waits its turn, so that a cold start does not take every database connection.
const LOADS: usize = 16;
/// How long the absence of a certificate is remembered, should the hint of its arrival be lost.
const ABSENT_FOR: TimeDelta = TimeDelta::seconds(5);
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A certificate that is ready to serve.
#[derive(Debug)]
pub struct Loaded {
    pub config: Arc<ServerConfig>,
    /// The names it covers; see [`certificate::covers`].
    pub names: Arc<[String]>,
    pub not_after: DateTime<Utc>,
    id: Uuid,
}

/// A certificate that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("the key of the certificate does not open: {0}")]
    Sealed(#[from] platform_core::secrets::Error),
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("the certificate is not usable: {0}")]
    Tls(#[from] rustls::Error),
}

#[derive(Debug)]
struct Slot {
    made: DateTime<Utc>,
    cell: OnceCell<Option<Arc<Loaded>>>,
}

/// The cache of one process.
#[derive(Debug)]
pub struct CertCache {
    db: Db,
    sealer: Sealer,
    clock: Arc<dyn Clock>,
    configs: Configs,
    slots: RwLock<HashMap<Arc<str>, Arc<Slot>>>,
    loads: Semaphore,
}

impl CertCache {
    /// An empty cache.
    ///
    /// # Errors
    /// The crypto provider cannot make ticket keys.
    pub fn new(db: Db, sealer: Sealer, clock: Arc<dyn Clock>) -> Result<Arc<Self>, rustls::Error> {
        Ok(Arc::new(Self {
            db,
            sealer,
            clock,
            configs: Configs::new()?,
            slots: RwLock::default(),
            loads: Semaphore::new(LOADS),
        }))
    }

    /// The certificate of a host, from memory or, the first time, from the database. Ask for known hosts only: absence
    /// is remembered too.
    ///
    /// # Errors
    /// The database does not answer, or what is stored is not usable.
    pub async fn get(&self, host: &str) -> Result<Option<Arc<Loaded>>, LoadError> {
        let slot = self.slot(host);
        slot.cell.get_or_try_init(|| self.load(host)).await.cloned()
    }

    /// For hosts that nobody serves: a handshake with it ends in an alert.
    #[must_use]
    pub fn refusing(&self) -> Arc<ServerConfig> {
        self.configs.refusing()
    }

    /// How TLS is set up here, for certificates that do not come from the database.
    #[must_use]
    pub fn configs(&self) -> &Configs {
        &self.configs
    }

    /// Keeps the cache fresh until shutdown: by hints, and by a look at the database every minute.
    pub async fn run(&self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let round = tokio::select! {
                () = shutdown.cancelled() => return,
                round = self.follow() => round,
            };
            if let Err(error) = round {
                tracing::warn!(%error, "certificate hints are lost for the moment");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    async fn follow(&self) -> Result<(), LoadError> {
        let mut listener = self.db.listen(&["certificates"]).await?;
        loop {
            self.refresh_all().await?;
            let look = tokio::time::sleep(LOOK_EVERY);
            tokio::pin!(look);
            loop {
                let hint = tokio::select! {
                    hint = listener.try_recv() => hint.map_err(DbError::from)?,
                    () = &mut look => break,
                };
                match hint {
                    Some(hint) => self.refresh(hint.payload()).await,
                    // The connection broke, and hints with it.
                    None => break,
                }
            }
        }
    }

    /// Loads a host's certificate anew if it is in the cache, and swaps it in; visitors meanwhile get the old one.
    async fn refresh(&self, host: &str) {
        for name in self.cached_under(host) {
            match self.load(&name).await {
                Ok(loaded) => self.put(&name, loaded),
                Err(error) => tracing::error!(host = %name, %error, "a renewed certificate is not usable"),
            }
        }
    }

    /// Compares everything in the cache with the database.
    async fn refresh_all(&self) -> Result<(), LoadError> {
        let cached = self.contents();
        let mut hosts: Vec<String> = cached.iter().map(|(host, _)| host.to_string()).collect();
        hosts.extend(cached.iter().filter_map(|(host, _)| Some(format!("*.{}", host.split_once('.')?.1))));
        let mut tx = self.db.system(System::Certificates).await?;
        let current: HashMap<String, Uuid> = installed::current(&mut tx, &hosts).await?.into_iter().collect();
        drop(tx);
        for (host, known) in cached {
            let own = current.get(&*host);
            let wild = host.split_once('.').and_then(|(_, rest)| current.get(&format!("*.{rest}")));
            let fresh = known.is_some_and(|id| Some(&id) == own || (own.is_none() && Some(&id) == wild));
            if !fresh && (known.is_some() || own.or(wild).is_some()) {
                self.refresh(&host).await;
            }
        }
        Ok(())
    }

    fn slot(&self, host: &str) -> Arc<Slot> {
        let now = self.clock.now();
        if let Some(slot) = self.slots.read().expect("no holder panics").get(host)
            && !stale(slot, now)
        {
            return slot.clone();
        }
        let mut slots = self.slots.write().expect("no holder panics");
        match slots.get(host) {
            Some(slot) if !stale(slot, now) => slot.clone(),
            _ => {
                let slot = Arc::new(Slot { made: now, cell: OnceCell::new() });
                slots.insert(Arc::from(host), slot.clone());
                slot
            }
        }
    }

    fn put(&self, host: &str, loaded: Option<Arc<Loaded>>) {
        let slot = Arc::new(Slot { made: self.clock.now(), cell: OnceCell::new_with(Some(loaded)) });
        self.slots.write().expect("no holder panics").insert(Arc::from(host), slot);
    }

    /// The cached hosts that a certificate's host concerns: itself, or all one label below a wildcard.
    fn cached_under(&self, host: &str) -> Vec<Arc<str>> {
        let slots = self.slots.read().expect("no holder panics");
        match host.strip_prefix("*.") {
            Some(base) => {
                slots.keys().filter(|k| k.split_once('.').is_some_and(|(_, r)| r == base)).cloned().collect()
            }
            None => slots.get_key_value(host).map(|(known, _)| known.clone()).into_iter().collect(),
        }
    }

    fn contents(&self) -> Vec<(Arc<str>, Option<Uuid>)> {
        let slots = self.slots.read().expect("no holder panics");
        let known = |slot: &Slot| slot.cell.get()?.as_ref().map(|loaded| loaded.id);
        slots.iter().map(|(host, slot)| (host.clone(), known(slot))).collect()
    }

    async fn load(&self, host: &str) -> Result<Option<Arc<Loaded>>, LoadError> {
        let _turn = self.loads.acquire().await.expect("never closed");
        let mut tx = self.db.system(System::Certificates).await?;
        let Some(stored) = installed::load(&mut tx, host, self.clock.now()).await? else { return Ok(None) };
        drop(tx);
        let private = key::for_tls(self.sealer.open(&installed::binding(stored.id), &stored.key_sealed)?);
        let config = self.configs.serving(certificate::chain(&stored.chain)?, private)?;
        Ok(Some(Arc::new(Loaded {
            config,
            names: stored.names.into(),
            not_after: stored.not_after,
            id: stored.id,
        })))
    }
}

fn stale(slot: &Slot, now: DateTime<Utc>) -> bool {
    matches!(slot.cell.get(), Some(None)) && now - slot.made > ABSENT_FOR
}
