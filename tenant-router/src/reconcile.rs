//! The reconciler: checks domains that are due, tells the issuer which hosts shall have a certificate, opens hosts whose
//! certificate has come, tells tenants what happened. It takes no input: a hint only makes it look sooner.
//!
//! Checks run beside the rest, each for itself: one zone whose name servers keep silent holds nobody else up.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use platform_core::clock::Clock;
use platform_core::db::{Db, Error, System};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::domains::{self, Checker, Notices, check};
use crate::host::Host;
use crate::store;
use crate::table::Kind;

/// Domains checked at the same time.
const CHECKS: usize = 64;
const LOOK_EVERY: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_secs(1);

/// Walks the domains of all tenants.
#[derive(Debug, Clone)]
pub struct Reconciler {
    db: Db,
    checker: Checker,
    base: Host,
    clock: Arc<dyn Clock>,
    notices: Option<Notices>,
    wildcard: bool,
}

impl Reconciler {
    /// A reconciler; `base` is the platform's domain.
    #[must_use]
    pub fn new(db: Db, checker: Checker, base: Host, clock: Arc<dyn Clock>) -> Self {
        Self { db, checker, base, clock, notices: None, wildcard: false }
    }

    /// Tells tenants what happens to their domains. Without it deeds wait to be told.
    #[must_use]
    pub fn telling(self, notices: Notices) -> Self {
        Self { notices: Some(notices), ..self }
    }

    /// Has one wildcard ordered for the platform's own hosts, where the platform can prove it by DNS: ten thousand tenants
    /// are then one certificate. Each host has its own until the wildcard is there.
    #[must_use]
    pub fn wanting_wildcard(self, wildcard: bool) -> Self {
        Self { wildcard, ..self }
    }

    /// Works until shutdown.
    pub async fn run(&self, shutdown: CancellationToken) {
        let work = async {
            tokio::join!(
                self.forever("checks of domains", || self.checks()),
                self.forever("the list of hosts", || self.hosts()),
            )
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = work => {}
        }
    }

    async fn forever<F: Future<Output = Result<(), Error>>>(&self, what: &str, work: impl Fn() -> F) {
        loop {
            if let Err(error) = work().await {
                tracing::warn!(%error, what, "the domain reconciler cannot reach the database");
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Keeps up to `CHECKS` checks going.
    async fn checks(&self) -> Result<(), Error> {
        let mut hints = self.db.listen(&["domains"]).await?;
        let mut running = JoinSet::new();
        loop {
            self.begin_due(&mut running).await?;
            let sleep = self.until_next().await?;
            tokio::select! {
                hint = hints.try_recv() => {
                    // None: the connection broke, and hints with it; look at once as after a hint.
                    hint?;
                    while hints.next_buffered().is_some() {}
                }
                Some(_) = running.join_next() => while running.try_join_next().is_some() {},
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    async fn begin_due(&self, running: &mut JoinSet<()>) -> Result<(), Error> {
        let free = i64::try_from(CHECKS.saturating_sub(running.len())).unwrap_or_default();
        if free == 0 {
            return Ok(());
        }
        let now = self.clock.now();
        let mut tx = self.db.system(System::Routes).await?;
        let due = domains::take_due(&mut tx, now, check::lease(now), free).await?;
        tx.commit().await?;
        for domain in due {
            let checker = self.checker.clone();
            running.spawn(async move {
                if let Err(error) = checker.check(&domain).await {
                    tracing::warn!(host = %domain.host, %error, "a domain could not be checked");
                }
            });
        }
        Ok(())
    }

    /// Follows what changes about hosts.
    async fn hosts(&self) -> Result<(), Error> {
        let mut hints = self.db.listen(&["routes", "certificates"]).await?;
        loop {
            self.pass().await?;
            tokio::select! {
                hint = hints.try_recv() => {
                    hint?;
                    // One pass answers all hints that have come together.
                    while hints.next_buffered().is_some() {}
                }
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// One look at everything but the DNS; a second one right after it changes nothing.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn pass(&self) -> Result<(), Error> {
        self.want_certificates().await?;
        self.open_covered().await?;
        match &self.notices {
            Some(notices) => notices.tell(&self.db).await,
            None => Ok(()),
        }
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
        let mut hosts: Vec<String> = hosts.map(|(host, _)| host.into()).collect();
        hosts.extend(self.wildcard.then(|| format!("*.{}", self.base)));
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
