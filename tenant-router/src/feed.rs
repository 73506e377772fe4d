//! Fills the route table: one read at the start, then a hint re-reads what it names, and a full diff every minute makes
//! good every lost hint. The table answers from memory whatever happens to the database.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use platform_core::clock::Clock;
use platform_core::db::{Db, Error, System};
use platform_core::id::TenantId;
use tokio_util::sync::CancellationToken;

use crate::host::Host;
use crate::store;
use crate::table::{Pattern, Route, RouteTable};

const FULL_EVERY: Duration = Duration::from_secs(60);
/// Hosts that are read together.
const BATCH: usize = 2000;
const RECONNECT: Duration = Duration::from_secs(1);

/// Keeps a table equal to the database.
#[derive(Debug, Clone)]
pub struct Feed {
    db: Db,
    base: Host,
    clock: Arc<dyn Clock>,
    table: Arc<RouteTable>,
}

/// What a hint on the channel `routes` names.
#[derive(Debug, PartialEq, Eq)]
enum Hint {
    Host(Host),
    Tenant(TenantId),
    /// From a newer version of the triggers: read everything.
    Unknown,
}

/// Hints that have come together.
#[derive(Debug, Default)]
struct Batch {
    hosts: HashSet<Host>,
    tenants: HashSet<TenantId>,
    unknown: bool,
}

impl Feed {
    /// Reads the whole table once. `base` is the platform's domain: tenants are at `<slug>.<base>`.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn boot(db: Db, base: Host, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let feed = Self { db, base, clock, table: Arc::new(RouteTable::new()) };
        feed.full().await?;
        tracing::info!(hosts = feed.table.len(), "the route table is read");
        Ok(feed)
    }

    /// The table that this feed fills.
    #[must_use]
    pub fn table(&self) -> Arc<RouteTable> {
        self.table.clone()
    }

    /// Follows the database until shutdown.
    pub async fn run(&self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let round = tokio::select! {
                () = shutdown.cancelled() => return,
                round = self.follow() => round,
            };
            if let Err(error) = round {
                tracing::warn!(%error, "route hints are lost for the moment");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(RECONNECT) => {}
            }
        }
    }

    async fn follow(&self) -> Result<(), Error> {
        let mut hints = self.db.listen(&["routes"]).await?;
        loop {
            // After listening has begun, so that nothing falls between the two.
            self.full().await?;
            let full = tokio::time::sleep(FULL_EVERY);
            tokio::pin!(full);
            loop {
                let hint = tokio::select! {
                    hint = hints.try_recv() => hint?,
                    () = &mut full => break,
                };
                // None: the connection broke, and hints with it.
                let Some(hint) = hint else { break };
                let mut batch = Batch::default();
                batch.add(Hint::parse(hint.payload()));
                // An import of thousands of domains must not stand between a domain that is given back and its end here.
                while batch.hosts.len() < BATCH {
                    let more = tokio::select! {
                        biased;
                        more = hints.try_recv() => more?,
                        () = std::future::ready(()) => break,
                    };
                    batch.add(more.map_or(Hint::Unknown, |hint| Hint::parse(hint.payload())));
                }
                if batch.unknown {
                    break;
                }
                self.hosts(batch.hosts).await?;
                for tenant in batch.tenants {
                    self.tenant(tenant).await?;
                }
            }
        }
    }

    async fn full(&self) -> Result<(), Error> {
        let mut tx = self.db.system(System::Routes).await?;
        let routes = store::all_routes(&mut tx, &self.base, self.clock.now()).await?;
        drop(tx);
        let changed =
            self.table.replace(routes.into_iter().map(|(host, route)| (Pattern::Exact(host), route)));
        if changed > 0 {
            tracing::debug!(changed, hosts = self.table.len(), "routes changed");
        }
        Ok(())
    }

    async fn hosts(&self, hosts: HashSet<Host>) -> Result<(), Error> {
        if hosts.is_empty() {
            return Ok(());
        }
        let hosts: Vec<Host> = hosts.into_iter().collect();
        let mut tx = self.db.system(System::Routes).await?;
        let mut routes: HashMap<Host, Route> =
            store::routes_of_hosts(&mut tx, &hosts, self.clock.now()).await?.into_iter().collect();
        drop(tx);
        let changes = hosts.into_iter().map(|host| {
            let route = routes.remove(&host);
            (Pattern::Exact(host), route)
        });
        self.table.apply(changes);
        Ok(())
    }

    /// A tenant's slug or status changed: all its hosts are read again, and those that it has no more are taken out.
    async fn tenant(&self, tenant: TenantId) -> Result<(), Error> {
        let mut tx = self.db.system(System::Routes).await?;
        let routes = store::routes_of_tenant(&mut tx, tenant, &self.base, self.clock.now()).await?;
        drop(tx);
        let gone = self.table.hosts_of(tenant);
        let gone: Vec<Host> =
            gone.into_iter().filter(|host| !routes.iter().any(|(kept, _)| kept == host)).collect();
        let changes = gone.into_iter().map(|host| (host, None));
        let changes = changes.chain(routes.into_iter().map(|(host, route)| (host, Some(route))));
        self.table.apply(changes.map(|(host, route)| (Pattern::Exact(host), route)));
        Ok(())
    }
}

impl Batch {
    fn add(&mut self, hint: Hint) {
        match hint {
            Hint::Host(host) => drop(self.hosts.insert(host)),
            Hint::Tenant(tenant) => drop(self.tenants.insert(tenant)),
            Hint::Unknown => self.unknown = true,
        }
    }
}

impl Hint {
    fn parse(text: &str) -> Self {
        match text.split_once(' ') {
            Some(("host", host)) => Host::parse(host).map_or(Self::Unknown, Self::Host),
            Some(("tenant", id)) => TenantId::from_str(id).map_or(Self::Unknown, Self::Tenant),
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_a_host_or_a_tenant() {
        assert_eq!(Hint::parse("host a.example"), Hint::Host(Host::parse("a.example").unwrap()));
        let id = "0199d0a0-0000-7000-8000-000000000001";
        assert_eq!(Hint::parse(&format!("tenant {id}")), Hint::Tenant(id.parse().unwrap()));
        for text in ["", "host", "host a b", "tenant x", "more things"] {
            assert_eq!(Hint::parse(text), Hint::Unknown, "{text}");
        }
    }
}
