//! Keeps our copy of every tenant's orders and books: finds connectors, runs each on one node, restarts what fails.
//!
//! Four ways of reading, because none alone finds everything: the hot set (open orders, every few seconds), the watermark
//! (stamps, with an overlap for transactions that commit late), the full sweep (deletes and whatever was missed) and orders
//! that somebody looks at (every second). All are idempotent: only what changed is written.

mod books;
mod changes;
mod halt;
mod mirror;
mod moved;
mod notes;
mod plan;
mod refresh;
mod routine;
mod rows;
mod search_keys;
mod statements;
mod worker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use platform_core::clock::Clock;
use platform_core::id::{self, ConnectorId};
use platform_core::random::Random;
use platform_core::secrets::Sealer;
use platform_core::{Db, Error, System};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use moved::{DateMoved, DatesMoved};
pub use refresh::{Refreshed, Refresher, watch};
pub use search_keys::{SHORTEST, normalised};

use crate::registry::{self, Leased};
use crate::usage::Account;
use halt::Halts;
use routine::Routine;
use worker::Worker;

/// The workers of this node, shared with whoever wants an order refreshed.
type Live = Arc<Mutex<HashMap<ConnectorId, Arc<Worker>>>>;

/// Runs the connectors of all tenants.
#[derive(Clone)]
pub struct Runner {
    db: Db,
    sealer: Sealer,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    live: Live,
    look: Duration,
}

/// How often a node looks for connectors that nobody runs.
const LOOK: Duration = Duration::from_secs(2);

impl Runner {
    /// Prepares; nothing is read before [`Runner::run`].
    #[must_use]
    pub fn new(db: Db, sealer: Sealer, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { db, sealer, clock, random, live: Live::default(), look: LOOK }
    }

    /// For pages that open an order: reads it at once when its connector runs here.
    #[must_use]
    pub fn refresher(&self) -> Refresher {
        Refresher::new(self.db.clone(), Arc::clone(&self.live))
    }

    /// Runs every enabled connector that no other node runs, until `shutdown`; then gives the leases back.
    pub async fn run(self, shutdown: CancellationToken) {
        let holder = id::uuid(&*self.clock, &*self.random);
        let (watcher, halts) = halt::pair();
        let watching = tokio::spawn(watcher.run(self.db.clone(), shutdown.clone()));
        let mut routines = JoinSet::new();
        loop {
            match self.claim(holder).await {
                Ok(leased) => {
                    for leased in leased {
                        let routine = self.routine(leased, halts.clone());
                        let stop = shutdown.child_token();
                        routines.spawn(routine.run(stop));
                    }
                }
                Err(error) => tracing::warn!(%error, "connectors could not be looked for"),
            }
            while let Some(ended) = routines.try_join_next() {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connector's routine broke off; its lease ends by itself");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(self.look) => {}
                () = halts.until_changed() => {}
            }
        }
        if let Err(error) = watching.await {
            tracing::error!(%error, "watching for stops broke off");
        }
        while routines.join_next().await.is_some() {}
    }

    async fn claim(&self, holder: uuid::Uuid) -> Result<Vec<Leased>, Error> {
        let mut tx = self.db.system(System::Sync).await?;
        let leased = registry::claim(&mut tx, holder).await?;
        tx.commit().await?;
        Ok(leased)
    }

    fn routine(&self, leased: Leased, halts: Halts) -> Routine {
        let (tenant, connector) = (leased.tenant_id, leased.id);
        Routine {
            db: self.db.clone(),
            sealer: self.sealer.clone(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            live: Arc::clone(&self.live),
            account: Account::new(self.db.clone(), Arc::clone(&self.clock), tenant, connector),
            halts,
            leased,
        }
    }
}

/// The map of workers; a panic while it was held cannot have left it half written.
fn workers(live: &Live) -> std::sync::MutexGuard<'_, HashMap<ConnectorId, Arc<Worker>>> {
    live.lock().unwrap_or_else(PoisonError::into_inner)
}
