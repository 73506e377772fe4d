//! The route table: which tenant a host belongs to, and whether it is served. Immutable shards, so a look-up takes no
//! lock and makes no allocation, and a change copies one shard. Exact names win over one-label wildcards. `feed` fills
//! it; an entry's place in memory is `known`'s, how threads read shards is `shards`'.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, LazyLock};

use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;
use platform_core::id::{DomainId, TenantId};

use crate::host::{Host, canonical};
use crate::known::Known;
use crate::shards::{Shard, Shards};

/// For exact names; one more holds the wildcards.
const SHARDS: usize = 64;
const WILDCARDS: usize = SHARDS;

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

impl Pattern {
    fn host(&self) -> &Host {
        match self {
            Self::Exact(host) | Self::Wildcard(host) => host,
        }
    }

    /// Goes by bits of the hash that the shards' own tables do not: those take the lowest and the highest ones.
    fn shard(&self, hash: u64) -> usize {
        match self {
            Self::Exact(_) => shard(hash),
            Self::Wildcard(_) => WILDCARDS,
        }
    }
}

/// Hash, name, and what shall be there.
type Change = (u64, Host, Option<Known>);

/// Names come from strangers, so an attacker must not be able to choose names that meet in one bucket. SipHash would make
/// that certain and costs as much as the rest of the look-up. A keyed foldhash is enough here: its 128 secret bits are the
/// system's (foldhash's own seed is made of addresses and the time), no answer ever shows a hash, and a look-up adds
/// nothing to the table. Only names that their owner has proven get into it, one DNS record and one claim each.
static SEED: LazyLock<SharedSeed> = LazyLock::new(|| SharedSeed::from_u64(secret()));

/// 64 bits from the system's generator, by the only way that the standard library has to it.
fn secret() -> u64 {
    RandomState::new().hash_one(0)
}

/// The table; cheap to share, safe to read from every task.
#[derive(Debug)]
pub struct RouteTable {
    hasher: SeedableRandomState,
    shards: Shards,
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
        Self { hasher: SeedableRandomState::with_seed(secret(), &SEED), shards: Shards::new(SHARDS + 1) }
    }

    /// The route of a host: its own, else that of a wildcard that covers it.
    #[must_use]
    pub fn get(&self, host: &Host) -> Option<Route> {
        self.look_up(host.as_str(), Route::clone)
    }

    /// As `get`, and takes what is needed of it on the spot: no two cores fight for a shared count.
    pub fn with<R>(&self, host: &Host, take: impl FnOnce(&Route) -> R) -> Option<R> {
        self.look_up(host.as_str(), take)
    }

    /// As `with`, for a name as a client sent it: a stranger's name costs no allocation either.
    pub fn find<R>(&self, name: &str, take: impl FnOnce(&Route) -> R) -> Option<R> {
        self.look_up(&canonical(name).ok()?, take)
    }

    fn look_up<R>(&self, name: &str, take: impl FnOnce(&Route) -> R) -> Option<R> {
        let hash = self.hash(name.as_bytes());
        self.shards
            .read(shard(hash), |shard| match shard.find(hash, |known| known.is(name)) {
                Some(known) => Ok(take(&known.route)),
                None => Err(take),
            })
            .or_else(|take| {
                let (_, parent) = name.split_once('.').ok_or(())?;
                self.shards.read(WILDCARDS, |wildcards| {
                    if wildcards.is_empty() {
                        return Err(());
                    }
                    let hash = self.hash(parent.as_bytes());
                    wildcards.find(hash, |known| known.is(parent)).map(|known| take(&known.route)).ok_or(())
                })
            })
            .ok()
    }

    /// Number of exact hosts and wildcards.
    #[must_use]
    pub fn len(&self) -> usize {
        (0..=WILDCARDS).map(|at| self.shards.read(at, Shard::len)).sum()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts or, with `None`, removes the route of one pattern. Gives whether that changed anything.
    pub fn set(&self, pattern: &Pattern, route: Option<Route>) -> bool {
        self.apply([(pattern.clone(), route)]) > 0
    }

    /// As `set` for many patterns, and copies each shard once. Gives the number of changed shards.
    pub fn apply(&self, changes: impl IntoIterator<Item = (Pattern, Option<Route>)>) -> usize {
        let mut by_shard: BTreeMap<usize, Vec<Change>> = BTreeMap::new();
        for (pattern, route) in changes {
            let host = pattern.host();
            let hash = self.hash(host.as_str().as_bytes());
            let known = route.map(|route| Known::new(host, route));
            by_shard.entry(pattern.shard(hash)).or_default().push((hash, host.clone(), known));
        }
        let changed = by_shard.into_iter().filter(|(at, changes)| {
            self.shards.change(*at, |old| {
                let same = |(hash, host, known): &Change| {
                    old.find(*hash, |known| known.is(host.as_str())) == known.as_ref()
                };
                if changes.iter().all(same) {
                    return None;
                }
                let mut new = Shard::clone(old);
                for (hash, host, known) in changes {
                    self.put(&mut new, *hash, host, known.clone());
                }
                Some(new)
            })
        });
        changed.count()
    }

    /// Makes the table equal to `routes`; shards that do not change are left alone. Gives the number of changed shards.
    /// A pattern that comes twice has its last route.
    pub fn replace(&self, routes: impl IntoIterator<Item = (Pattern, Route)>) -> usize {
        let mut all: Vec<Shard> = (0..=WILDCARDS).map(|_| Shard::new()).collect();
        for (pattern, route) in routes {
            let host = pattern.host();
            let hash = self.hash(host.as_str().as_bytes());
            let known = Known::new(host, route);
            self.put(&mut all[pattern.shard(hash)], hash, host, Some(known));
        }
        let mut changed = 0;
        for (at, mut new) in all.into_iter().enumerate() {
            let put = self.shards.change(at, |old| {
                if self.same(old, &new) {
                    return None;
                }
                new.shrink_to_fit(|known| self.hash(known.bytes()));
                Some(new)
            });
            changed += usize::from(put);
        }
        changed
    }

    /// The exact hosts that belong to a tenant.
    #[must_use]
    pub fn hosts_of(&self, tenant: TenantId) -> Vec<Host> {
        let mut hosts = Vec::new();
        for at in 0..SHARDS {
            self.shards.read(at, |shard| {
                hosts.extend(
                    shard.iter().filter(|known| known.route.tenant == tenant).map(|known| known.host()),
                );
            });
        }
        hosts
    }

    fn same(&self, one: &Shard, other: &Shard) -> bool {
        let known = |entry: &Known| {
            let hash = self.hash(entry.bytes());
            one.find(hash, |known| known.bytes() == entry.bytes()) == Some(entry)
        };
        one.len() == other.len() && other.iter().all(known)
    }

    fn put(&self, into: &mut Shard, hash: u64, host: &Host, known: Option<Known>) {
        if let Ok(entry) = into.find_entry(hash, |known| known.is(host.as_str())) {
            entry.remove();
        }
        if let Some(known) = known {
            into.insert_unique(hash, known, |known| self.hash(known.bytes()));
        }
    }

    fn hash(&self, name: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(name);
        hasher.finish()
    }
}

fn shard(hash: u64) -> usize {
    usize::try_from((hash >> 40) % SHARDS as u64).expect("less than 64")
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
        assert!(table.get(&host("t0.example")).is_none());
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

    #[test]
    fn names_are_found_as_clients_spell_them() {
        let table = RouteTable::new();
        table.set(&Pattern::Exact(host("münchen.example")), Some(route(1, Kind::Live)));
        table.set(&Pattern::Exact(host("a.example")), Some(route(2, Kind::Live)));
        for name in ["a.example", "A.Example.", "MÜNCHEN.example", "xn--mnchen-3ya.example"] {
            assert!(table.find(name, |_| ()).is_some(), "{name}");
        }
        for name in ["", "b.example", "a.example:443", "a_b.example", "a.example.."] {
            assert!(table.find(name, |_| ()).is_none(), "{name}");
        }
    }

    #[test]
    fn the_table_agrees_with_a_plain_map() {
        let (table, mut plain) = (RouteTable::new(), std::collections::HashMap::new());
        // A linear congruential walk: puts, changes and removals in an order that repeats.
        let mut at = 7_u64;
        for _ in 0..20_000 {
            at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let host = host(&format!("n{}.example", (at >> 33) % 3000));
            let new = ((at >> 20) & 3 != 0).then(|| route(u128::from(at >> 60), Kind::Live));
            let old = match new.clone() {
                Some(new) => plain.insert(host.clone(), new),
                None => plain.remove(&host),
            };
            assert_eq!(table.set(&Pattern::Exact(host), new.clone()), old != new);
        }
        assert_eq!(table.len(), plain.len());
        for (host, route) in &plain {
            assert_eq!(table.get(host).as_ref(), Some(route));
        }
        let all = plain.iter().map(|(host, route)| (Pattern::Exact(host.clone()), route.clone()));
        assert_eq!(table.replace(all), 0, "a full look finds nothing to change");
    }
}
