//! What a node hears of the kill switch: the set of stopped connectors, by a hint at once and by looking twice a second.

use std::collections::BTreeSet;

use platform_core::id::ConnectorId;
use platform_core::{Db, Error, System};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::stops;

/// What everybody on this node may look at.
#[derive(Debug, Clone)]
pub(super) struct Halts {
    stopped: watch::Receiver<BTreeSet<ConnectorId>>,
    /// Counts hints: something about some connector has changed.
    changes: watch::Receiver<u64>,
}

/// What fills it.
pub(super) struct Watcher {
    stopped: watch::Sender<BTreeSet<ConnectorId>>,
    changes: watch::Sender<u64>,
}

pub(super) fn pair() -> (Watcher, Halts) {
    let (stopped, seen) = watch::channel(BTreeSet::new());
    let (changes, told) = watch::channel(0);
    (Watcher { stopped, changes }, Halts { stopped: seen, changes: told })
}

impl Halts {
    /// Ends when the connector is stopped.
    pub(super) async fn until_stopped(&self, connector: ConnectorId) {
        let mut stopped = self.stopped.clone();
        if stopped.wait_for(|all| all.contains(&connector)).await.is_err() {
            // the watcher went away with its runner, which ends everything else too
            std::future::pending::<()>().await;
        }
    }

    /// Ends at the next hint.
    pub(super) async fn until_changed(&self) {
        let mut changes = self.changes.clone();
        changes.mark_unchanged();
        if changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Watcher {
    /// Looks until `shutdown`.
    pub(super) async fn run(self, db: Db, shutdown: CancellationToken) {
        let hinted = Notify::new();
        let hear = db.heed(stops::CHANNEL, &shutdown, |_| hinted.notify_one());
        let look = async {
            loop {
                match everywhere(&db).await {
                    Ok(now) => {
                        self.stopped.send_if_modified(|known| {
                            let is_new = *known != now;
                            known.clone_from(&now);
                            is_new
                        });
                    }
                    Err(error) => tracing::warn!(%error, "stopped connectors could not be looked for"),
                }
                tokio::select! {
                    () = hinted.notified() => self.changes.send_modify(|count| *count += 1),
                    () = tokio::time::sleep(stops::LOOK) => {}
                    () = shutdown.cancelled() => return,
                }
            }
        };
        tokio::join!(hear, look);
    }
}

async fn everywhere(db: &Db) -> Result<BTreeSet<ConnectorId>, Error> {
    let mut tx = db.system(System::Sync).await?;
    stops::everywhere(&mut tx).await
}
