//! The route table: which tenant a host belongs to, and whether it is served. Immutable shards behind `ArcSwap`, so a
//! look-up takes no lock and a change copies one shard. Exact names win over one-label wildcards. `feed` fills it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arc_swap::ArcSwap;
use platform_core::id::{DomainId, TenantId};

use crate::host::Host;

const SHARDS: usize = 64;

/// How a known host is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Served.
    Live,
    /// Every request is redirected, path kept, to another host of the same tenant.
    RedirectTo(Host),
    /// Verified, but its certificate has not come yet: challenges are answered, pages are not.
    Waiting,
    /// The tenant is suspended: a neutral answer.
    Suspended,
    /// Was a host of this tenant; kept so that nobody else's page is ever shown there. Answered as unknown.
    Tombstone,
}

/// What the table knows of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub tenant: TenantId,
    pub slug: Arc<str>,
    /// `None` for `<slug>.<base>`.
    pub domain: Option<DomainId>,
    pub kind: Kind,
}

/// A key of the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pattern {
    Exact(Host),
    /// `*.<host>`, one label deep.
    Wildcard(Host),
}

type Map = HashMap<Host, Arc<Route>>;

/// The table; cheap to share, safe to read from every task.
#[derive(Debug)]
pub struct RouteTable {
    hasher: RandomState,
    exact: Vec<ArcSwap<Map>>,
    wildcards: ArcSwap<Map>,
}

impl Default for RouteTable {
    fn default() -> Self {
        Self::new()
    }
}

impl RouteTable {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            exact: (0..SHARDS).map(|_| ArcSwap::default()).collect(),
            wildcards: ArcSwap::default(),
        }
    }

    /// The route of a host: its own, else that of a wildcard that covers it.
    #[must_use]
    pub fn get(&self, host: &Host) -> Option<Arc<Route>> {
        if let Some(route) = self.shard(host).load().get(host) {
            return Some(route.clone());
        }
        let wildcards = self.wildcards.load();
        if wildcards.is_empty() {
            return None;
        }
        wildcards.get(host.parent()?).cloned()
    }

    /// Number of exact hosts and wildcards.
    #[must_use]
    pub fn len(&self) -> usize {
        self.exact.iter().map(|shard| shard.load().len()).sum::<usize>() + self.wildcards.load().len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts or, with `None`, removes the route of one pattern. Gives whether that changed anything.
    pub fn set(&self, pattern: &Pattern, route: Option<Route>) -> bool {
        let (slot, host) = match pattern {
            Pattern::Exact(host) => (self.shard(host), host),
            Pattern::Wildcard(host) => (&self.wildcards, host),
        };
        if slot.load().get(host).map(|known| &**known) == route.as_ref() {
            return false;
        }
        let route = route.map(Arc::new);
        slot.rcu(|old| {
            let mut new = Map::clone(old);
            match &route {
                Some(route) => new.insert(host.clone(), route.clone()),
                None => new.remove(host),
            };
            new
        });
        true
    }

    /// Makes the table equal to `routes`; shards that do not change are left alone. Gives the number of changed shards.
    pub fn replace(&self, routes: impl IntoIterator<Item = (Pattern, Route)>) -> usize {
        let mut exact: Vec<Map> = (0..SHARDS).map(|_| Map::new()).collect();
        let mut wildcards = Map::new();
        for (pattern, route) in routes {
            match pattern {
                Pattern::Exact(host) => exact[self.index(&host)].insert(host, Arc::new(route)),
                Pattern::Wildcard(host) => wildcards.insert(host, Arc::new(route)),
            };
        }
        let slots = self.exact.iter().zip(exact).chain([(&self.wildcards, wildcards)]);
        let mut changed = 0;
        for (slot, new) in slots {
            if **slot.load() != new {
                slot.store(Arc::new(new));
                changed += 1;
            }
        }
        changed
    }

    /// The exact hosts that belong to a tenant.
    #[must_use]
    pub fn hosts_of(&self, tenant: TenantId) -> Vec<Host> {
        let mut hosts = Vec::new();
        for shard in &self.exact {
            let map = shard.load();
            hosts
                .extend(map.iter().filter(|(_, route)| route.tenant == tenant).map(|(host, _)| host.clone()));
        }
        hosts
    }

    fn shard(&self, host: &Host) -> &ArcSwap<Map> {
        &self.exact[self.index(host)]
    }

    fn index(&self, host: &Host) -> usize {
        let hash = self.hasher.hash_one(host.as_str());
        usize::try_from(hash % SHARDS as u64).expect("less than 64")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    fn route(tenant: u128, kind: Kind) -> Route {
        Route { tenant: TenantId(Uuid::from_u128(tenant)), slug: "techflow".into(), domain: None, kind }
    }

    #[test]
    fn exact_wins_over_a_wildcard_of_one_label() {
        let table = RouteTable::new();
        table.set(&Pattern::Wildcard(host("brightwater.example")), Some(route(1, Kind::Live)));
        table.set(&Pattern::Exact(host("success.brightwater.example")), Some(route(2, Kind::Live)));
        let tenant = |name: &str| table.get(&host(name)).map(|r| r.tenant.0.as_u128());
        assert_eq!(tenant("success.brightwater.example"), Some(2));
        assert_eq!(tenant("orders.brightwater.example"), Some(1));
        assert_eq!(tenant("a.orders.brightwater.example"), None);
        assert_eq!(tenant("brightwater.example"), None);
    }

    #[test]
    fn replace_is_a_diff() {
        let table = RouteTable::new();
        let all: Vec<_> = (0..200)
            .map(|n| (Pattern::Exact(host(&format!("t{n}.example"))), route(n, Kind::Live)))
            .collect();
        assert!(table.replace(all.clone()) > 32);
        assert_eq!(table.len(), 200);
        assert_eq!(table.replace(all.clone()), 0);
        assert_eq!(table.replace(all.iter().skip(1).cloned()), 1);
        assert_eq!(table.get(&host("t0.example")), None);
        assert_eq!(table.get(&host("t199.example")).unwrap().tenant.0.as_u128(), 199);
    }

    #[test]
    fn set_tells_whether_it_changed() {
        let table = RouteTable::new();
        let key = Pattern::Exact(host("a.example"));
        assert!(table.set(&key, Some(route(1, Kind::Waiting))));
        assert!(!table.set(&key, Some(route(1, Kind::Waiting))));
        assert!(table.set(&key, Some(route(1, Kind::Live))));
        assert_eq!(table.hosts_of(TenantId(Uuid::from_u128(1))), [host("a.example")]);
        assert!(table.set(&key, None));
        assert!(table.is_empty());
    }
}
