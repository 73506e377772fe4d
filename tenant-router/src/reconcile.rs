//! The reconciler: checks domains that are due, tells the issuer which hosts shall have a certificate, opens hosts whose
//! certificate has come. It takes no input: a hint only makes it look sooner.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::clock::Clock;
use platform_core::db::{Db, Error, System};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::domains::{Checker, store as domains};
use crate::host::Host;
use crate::store;
use crate::table::Kind;

/// Domains checked at the same time.
const CHECKS: i64 = 32;
/// A check is over by then, or another node may take the domain.
const CHECK_LEASE: TimeDelta = TimeDelta::seconds(30);
const LOOK_EVERY: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_secs(1);

/// Walks the domains of all tenants.
#[derive(Debug, Clone)]
pub struct Reconciler {
    db: Db,
    checker: Checker,
    base: Host,
    clock: Arc<dyn Clock>,
}

impl Reconciler {
    /// A reconciler; `base` is the platform's domain.
    #[must_use]
    pub fn new(db: Db, checker: Checker, base: Host, clock: Arc<dyn Clock>) -> Self {
        Self { db, checker, base, clock }
    }

    /// Works until shutdown.
    pub async fn run(&self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let round = tokio::select! {
                () = shutdown.cancelled() => return,
                round = self.rounds() => round,
            };
            if let Err(error) = round {
                tracing::warn!(%error, "the domain reconciler cannot reach the database");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    async fn rounds(&self) -> Result<(), Error> {
        let mut hints = self.db.listen(&["routes", "domains", "certificates"]).await?;
        loop {
            self.pass().await?;
            let sleep = self.until_next().await?;
            tokio::select! {
                hint = hints.try_recv() => {
                    // None: the connection broke, and hints with it; look at once as after a hint.
                    hint?;
                    // One pass answers all hints that have come together.
                    while hints.next_buffered().is_some() {}
                }
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// One look at everything; a second one right after it changes nothing.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn pass(&self) -> Result<(), Error> {
        self.check_due().await?;
        self.want_certificates().await?;
        self.open_covered().await
    }

    async fn check_due(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let mut tx = self.db.system(System::Routes).await?;
        let due = domains::take_due(&mut tx, now, now + CHECK_LEASE, CHECKS).await?;
        tx.commit().await?;
        let mut checks = JoinSet::new();
        for domain in due {
            let checker = self.checker.clone();
            checks.spawn(async move { (domain.host.clone(), checker.check(&domain).await) });
        }
        while let Some(ended) = checks.join_next().await {
            if let Ok((host, Err(error))) = ended {
                tracing::warn!(%host, %error, "a domain could not be checked");
            }
        }
        Ok(())
    }

    /// Every host that is or will be served, except those under a wildcard certificate.
    async fn want_certificates(&self) -> Result<(), Error> {
        let read_at = self.clock.now();
        let mut tx = self.db.system(System::Routes).await?;
        let routes = store::all_routes(&mut tx, &self.base, read_at).await?;
        drop(tx);
        let mut tx = self.db.system(System::Certificates).await?;
        let wildcard = acme::installed::has_wildcard(&mut tx, self.base.as_str(), read_at).await?;
        let hosts = routes.into_iter().filter(|(_, route)| route.kind != Kind::Tombstone);
        let hosts = hosts.filter(|(_, route)| !(wildcard && route.domain.is_none()));
        let hosts: Vec<String> = hosts.map(|(host, _)| host.into()).collect();
        let (added, removed) = acme::wanted::replace(&mut tx, &hosts, read_at).await?;
        tx.commit().await?;
        if added + removed > 0 {
            tracing::info!(added, removed, "the list of hosts for certificates changed");
        }
        Ok(())
    }

    async fn open_covered(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let mut tx = self.db.system(System::Routes).await?;
        let waiting = domains::waiting_for_certificate(&mut tx).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let covered = acme::installed::covered(&mut tx, &waiting, now).await?;
        let opened = domains::go_live(&mut tx, &covered, now).await?;
        tx.commit().await?;
        if opened > 0 {
            tracing::info!(opened, "domains are live");
        }
        Ok(())
    }

    async fn until_next(&self) -> Result<Duration, Error> {
        let mut tx = self.db.system(System::Routes).await?;
        let next: Option<DateTime<Utc>> = domains::next_check(&mut tx).await?;
        let wait = next.map_or(LOOK_EVERY, |at| (at - self.clock.now()).to_std().unwrap_or(Duration::ZERO));
        Ok(wait.clamp(Duration::from_millis(100), LOOK_EVERY))
    }
}
