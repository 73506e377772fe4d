//! The certificate cache: host -> ready `ServerConfig`. A handshake only reads here. A miss is one query and one unseal,
//! however many visitors come at once; a hint or a look every minute brings renewed certificates. What stays in memory
//! is `memory`'s.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use platform_core::clock::Clock;
use platform_core::db::{Db, Error as DbError, System};
use platform_core::secrets::Sealer;
use rustls::ServerConfig;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::certificate::{self, ChainError};
use crate::memory::{Memory, Seen};
use crate::tickets::SharedTickets;
use crate::tls::Configs;
use crate::{installed, key};

/// Loads at the same time; the rest waits its turn, so that a cold start does not take every database connection.
const LOADS: usize = 16;
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// A visitor who waits for a certificate looks by himself too, should a hint be lost.
const WAITING_LOOK: Duration = Duration::from_secs(1);
/// Heap that a loaded certificate takes besides the octets of its chain and names: configuration, key, resolver.
const LOADED: usize = 2500;

/// A certificate that is ready to serve.
#[derive(Debug)]
pub struct Loaded {
    pub config: Arc<ServerConfig>,
    /// The names it covers; see [`certificate::covers`].
    pub names: Arc<[String]>,
    pub not_after: DateTime<Utc>,
    pub(crate) id: Uuid,
    /// Octets that it counts for in memory.
    pub(crate) weight: usize,
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
    #[error("the load was broken off")]
    BrokenOff,
}

/// How a cache is set up.
#[derive(Debug, Clone)]
pub struct CacheConfig {
    /// Octets for loaded certificates; wildcards are not counted. About 4,500 each with a usual chain.
    pub memory: usize,
    /// Tickets shared with the other nodes; without them sessions are resumed by this process alone.
    pub tickets: Option<Arc<SharedTickets>>,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { memory: 64 * 1024 * 1024, tickets: None }
    }
}

/// What a load gave, told to all who waited for it.
type Outcome = Result<Option<Arc<Loaded>>, Arc<LoadError>>;
type Flight = watch::Receiver<Option<Outcome>>;

/// The cache of one process.
#[derive(Debug)]
pub struct CertCache {
    db: Db,
    sealer: Sealer,
    clock: Arc<dyn Clock>,
    configs: Configs,
    tickets: Option<Arc<SharedTickets>>,
    memory: Memory,
    /// Loads under way.
    flights: Mutex<HashMap<Arc<str>, Flight>>,
    turns: Semaphore,
    /// Told whenever a certificate has been put into memory.
    arrivals: watch::Sender<()>,
    loads: AtomicU64,
}

impl CertCache {
    /// An empty cache of a process on its own.
    ///
    /// # Errors
    /// The crypto provider cannot make ticket keys.
    pub fn new(db: Db, sealer: Sealer, clock: Arc<dyn Clock>) -> Result<Arc<Self>, rustls::Error> {
        Self::with(db, sealer, clock, CacheConfig::default())
    }

    /// An empty cache.
    ///
    /// # Errors
    /// The crypto provider cannot make ticket keys.
    pub fn with(
        db: Db,
        sealer: Sealer,
        clock: Arc<dyn Clock>,
        config: CacheConfig,
    ) -> Result<Arc<Self>, rustls::Error> {
        let configs = match &config.tickets {
            Some(tickets) => Configs::with_tickets(tickets.clone())?,
            None => Configs::new()?,
        };
        Ok(Arc::new(Self {
            db,
            sealer,
            clock,
            configs,
            tickets: config.tickets,
            memory: Memory::new(config.memory),
            flights: Mutex::default(),
            turns: Semaphore::new(LOADS),
            arrivals: watch::Sender::new(()),
            loads: AtomicU64::new(0),
        }))
    }

    /// The certificate of a host, from memory or, the first time, from the database. Ask for known hosts only: absence
    /// is remembered too. A caller who gives up leaves the load to the others who wait for it.
    ///
    /// # Errors
    /// The database does not answer, or what is stored is not usable.
    pub async fn get(self: &Arc<Self>, host: &str) -> Outcome {
        match self.memory.look(host, self.clock.now()) {
            Seen::Ready(loaded) => Ok(Some(loaded)),
            Seen::Absent => Ok(None),
            Seen::Unknown => self.land(self.fly(host, true)).await,
        }
    }

    /// As `get`, and when there is none, waits until one comes. The caller sets the limit.
    ///
    /// # Errors
    /// As `get`.
    pub async fn arrival(self: &Arc<Self>, host: &str) -> Result<Arc<Loaded>, Arc<LoadError>> {
        let mut arrivals = self.arrivals.subscribe();
        loop {
            arrivals.mark_unchanged();
            if let Some(loaded) = self.get(host).await? {
                return Ok(loaded);
            }
            let _ = tokio::time::timeout(WAITING_LOOK, arrivals.changed()).await;
        }
    }

    /// How TLS is set up here, for certificates that do not come from the database.
    #[must_use]
    pub fn configs(&self) -> &Configs {
        &self.configs
    }

    /// Certificates in memory and the octets they count for, wildcards left out; and queries for certificates so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let (certificates, octets) = self.memory.size();
        Statistics { certificates, octets, loads: self.loads.load(Ordering::Relaxed) }
    }

    /// Keeps the cache and the ticket keys fresh until shutdown: by hints, and by a look at the database every minute.
    pub async fn run(self: &Arc<Self>, shutdown: CancellationToken) {
        let tickets = async {
            if let Some(tickets) = &self.tickets {
                tickets.run(shutdown.clone()).await;
            }
        };
        tokio::join!(self.follow_on(&shutdown), tickets);
    }

    async fn follow_on(self: &Arc<Self>, shutdown: &CancellationToken) {
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

    async fn follow(self: &Arc<Self>) -> Result<(), DbError> {
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

    /// Loads a host's certificate anew if it is in memory, and swaps it in; visitors meanwhile get the old one.
    async fn refresh(self: &Arc<Self>, host: &str) {
        // A load that began before the change may bring what was before it.
        let under_way = self.flights.lock().expect("no holder panics").get(host).cloned();
        if let Some(flight) = under_way {
            let _ = self.land(flight).await;
        }
        if self.memory.concerned(host)
            && let Err(error) = self.land(self.fly(host, false)).await
        {
            tracing::error!(host, %error, "a renewed certificate is not usable");
        }
    }

    /// Compares everything in memory with the database.
    async fn refresh_all(self: &Arc<Self>) -> Result<(), DbError> {
        let cached = self.memory.contents();
        let wildcard = |host: &str| Some(format!("*.{}", host.split_once('.')?.1));
        let mut hosts: Vec<String> = cached.iter().map(|(host, _)| host.clone()).collect();
        hosts.extend(cached.iter().filter_map(|(host, _)| wildcard(host)));
        hosts.sort_unstable();
        hosts.dedup();
        let mut tx = self.db.system(System::Certificates).await?;
        let current: HashMap<String, Uuid> = installed::current(&mut tx, &hosts).await?.into_iter().collect();
        drop(tx);
        for (host, known) in cached {
            let own = current.get(&host);
            let wild = wildcard(&host).and_then(|wildcard| current.get(&wildcard));
            let fresh = known.is_some_and(|id| Some(&id) == own || (own.is_none() && Some(&id) == wild));
            if !fresh && (known.is_some() || own.or(wild).is_some()) {
                self.refresh(&host).await;
            }
        }
        Ok(())
    }

    /// The load of a host that is under way, else a new one. It ends on its own, whoever waits for it or gives up. With
    /// `unless_known` nothing is loaded that has come into memory since the caller looked.
    fn fly(self: &Arc<Self>, host: &str, unless_known: bool) -> Flight {
        let mut flights = self.flights.lock().expect("no holder panics");
        if let Some(flight) = flights.get(host) {
            return flight.clone();
        }
        // A load leaves `flights` after its result is in memory, so nobody can miss both.
        let seen = if unless_known { self.memory.look(host, self.clock.now()) } else { Seen::Unknown };
        match seen {
            Seen::Ready(loaded) => return watch::channel(Some(Ok(Some(loaded)))).1,
            Seen::Absent => return watch::channel(Some(Ok(None))).1,
            Seen::Unknown => {}
        }
        let (tell, flight) = watch::channel(None);
        let host: Arc<str> = Arc::from(host);
        flights.insert(host.clone(), flight.clone());
        let cache = self.clone();
        tokio::spawn(async move {
            let landing = Landing { cache: &cache, host: &host };
            let outcome = cache.load(&host).await.map_err(Arc::new);
            if let Ok(loaded) = &outcome {
                cache.memory.put(&host, loaded.clone(), cache.clock.now());
                cache.arrivals.send_replace(());
            }
            drop(landing);
            tell.send_replace(Some(outcome));
        });
        flight
    }

    async fn land(&self, mut flight: Flight) -> Outcome {
        match flight.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().expect("waited for"),
            Err(_) => Err(Arc::new(LoadError::BrokenOff)),
        }
    }

    async fn load(&self, host: &str) -> Result<Option<Arc<Loaded>>, LoadError> {
        let _turn = self.turns.acquire().await.expect("never closed");
        self.loads.fetch_add(1, Ordering::Relaxed);
        let mut tx = self.db.system(System::Certificates).await?;
        let Some(stored) = installed::load(&mut tx, host, self.clock.now()).await? else { return Ok(None) };
        drop(tx);
        let private = key::for_tls(self.sealer.open(&installed::binding(stored.id), &stored.key_sealed)?);
        let chain = certificate::chain(&stored.chain)?;
        let octets: usize = chain.iter().map(|certificate| certificate.len()).sum();
        let names: usize = stored.names.iter().map(|name| name.len() + size_of::<String>()).sum();
        Ok(Some(Arc::new(Loaded {
            config: self.configs.serving(chain, private)?,
            names: stored.names.into(),
            not_after: stored.not_after,
            id: stored.id,
            weight: LOADED + octets + names,
        })))
    }
}

/// How full the cache is, and what it has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Hosts in memory, those without a certificate among them.
    pub certificates: usize,
    pub octets: usize,
    /// Queries for certificates since the start.
    pub loads: u64,
}

/// Takes a load off the list when it ends, also when it ends in a panic.
struct Landing<'a> {
    cache: &'a CertCache,
    host: &'a str,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        if let Ok(mut flights) = self.cache.flights.lock() {
            flights.remove(self.host);
        }
    }
}
