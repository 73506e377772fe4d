//! From the roots to the servers of a host's own zone, asking each level's servers themselves: what a resolver's cache
//! says may be hours old, and what a broken delegation hides, a resolver hides too.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::client::{Client, Mode};
use super::message::{Answer, Code, Data, Kind};
use super::said::{Said, Trouble};
use super::{Sources, is_within, parent};

/// Most levels between the root and a zone.
const DEEPEST: usize = 16;
/// Servers of one zone that are looked at.
const MOST_SERVERS: usize = 13;
/// Addresses of one server that are looked at.
const MOST_ADDRESSES: usize = 2;
/// Servers of a level that are asked at the same time, and how often others are asked instead.
const ABREAST: usize = 3;
const ROUNDS: usize = 2;
/// How long the servers of a registry are remembered: roots need not be asked for the same thing at each look.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// A name server and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServer {
    pub name: String,
    /// Empty when its name has no address.
    pub addresses: Vec<IpAddr>,
}

/// The zone that a host is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Its top, such as `brightwater.example`.
    pub apex: String,
    /// Every server that the zone above or the zone itself names.
    pub servers: Vec<NameServer>,
    /// The names in the zone above.
    pub delegated: Vec<String>,
    /// The names in the zone itself; none when no server of it answers.
    pub listed: Option<Vec<String>>,
}

/// Why the walk ended before a zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    #[error("{} cannot be asked from here: the last one {trouble}", servers_of(.zone))]
    Cut { zone: String, trouble: Trouble },
    #[error("the delegations lead nowhere")]
    TooDeep,
}

fn servers_of(zone: &str) -> String {
    if zone.is_empty() {
        "The root's name servers".to_owned()
    } else {
        format!("The name servers of “.{zone}”")
    }
}

#[derive(Clone)]
struct Level {
    zone: String,
    servers: Vec<NameServer>,
}

/// Registries by their zone, and when they were asked for.
type Registries = HashMap<String, (Vec<NameServer>, Instant)>;

/// Walks.
#[derive(Debug, Clone)]
pub struct Walker {
    client: Client,
    sources: Sources,
    registries: Arc<Mutex<Registries>>,
}

impl Walker {
    /// A walker over `sources`.
    #[must_use]
    pub fn new(client: Client, sources: Sources) -> Self {
        Self { client, sources, registries: Arc::default() }
    }

    /// The zone of a host and all its servers.
    ///
    /// # Errors
    /// The roots or a registry's servers cannot be reached. A zone whose own servers all fail is no error.
    pub async fn zone(&self, host: &str) -> Result<Zone, WalkError> {
        let mut level = self.start(host);
        for _ in 0..DEEPEST {
            let (server, answer) = match self.first(&level, host).await {
                Ok(found) => found,
                Err(trouble) if !level.zone.contains('.') => {
                    return Err(WalkError::Cut { zone: level.zone, trouble });
                }
                Err(_) => return Ok(unheard(level)),
            };
            match referral(&answer, &level.zone, host) {
                Some((zone, names)) => {
                    let servers = self.servers(names, &answer, &zone).await;
                    level = Level { zone, servers };
                    self.remember(&level);
                }
                None => return Ok(self.settle(level, server, host).await),
            }
        }
        Err(WalkError::TooDeep)
    }

    /// Whether an address may be asked.
    ///
    /// # Errors
    /// The guard forbids it.
    pub fn address(&self, ip: IpAddr) -> Result<SocketAddr, Trouble> {
        if self.sources.guard.allows(ip) {
            Ok(SocketAddr::new(ip, self.sources.port))
        } else {
            Err(Trouble::Forbidden)
        }
    }

    /// The registry of the host's last label where it is remembered, else the root.
    fn start(&self, host: &str) -> Level {
        let top = host.rsplit('.').next().unwrap_or_default();
        let registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner);
        match registries.get(top) {
            Some((servers, at)) if at.elapsed() < REMEMBERED && top != host => {
                Level { zone: top.to_owned(), servers: servers.clone() }
            }
            _ => {
                let addresses = self.sources.roots.clone();
                let root = NameServer { name: "root".to_owned(), addresses };
                Level { zone: String::new(), servers: vec![root] }
            }
        }
    }

    fn remember(&self, level: &Level) {
        if !level.zone.contains('.') && level.servers.iter().any(|server| !server.addresses.is_empty()) {
            let mut registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner);
            registries.insert(level.zone.clone(), (level.servers.clone(), Instant::now()));
        }
    }

    /// The first server of a level that answers as it should, and its answer. Several are asked at once: whoever does not
    /// answer costs no time while another does.
    async fn first(&self, level: &Level, host: &str) -> Result<(SocketAddr, Answer), Trouble> {
        let mut trouble = Trouble::NoAddress;
        // One address of each server before the second of any.
        let nth = |n: usize| level.servers.iter().filter_map(move |server| server.addresses.get(n).copied());
        let most = level.servers.iter().map(|server| server.addresses.len()).max().unwrap_or(0);
        let addresses: Vec<IpAddr> = (0..most).flat_map(nth).collect();
        for some in addresses.chunks(ABREAST).take(ROUNDS) {
            let mut asked = JoinSet::new();
            for ip in some {
                let (walker, host, ip) = (self.clone(), host.to_owned(), *ip);
                asked.spawn(async move {
                    let server = walker.address(ip)?;
                    let answer = walker.client.ask(server, &host, Kind::A, Mode::Own).await?;
                    Ok::<_, Trouble>((server, answer))
                });
            }
            while let Some(ended) = asked.join_next().await {
                match ended {
                    Ok(Ok((server, answer))) if is_sound(&answer, &level.zone, host) => {
                        return Ok((server, answer));
                    }
                    Ok(Ok((_, answer))) => {
                        let said = Said::read(host, Kind::A, true, &answer);
                        trouble = said.trouble().cloned().unwrap_or(Trouble::Lame);
                    }
                    Ok(Err(found)) => trouble = found,
                    Err(_) => {}
                }
            }
        }
        Err(trouble)
    }

    /// `server` speaks for the host: where its zone begins, and who else serves it.
    async fn settle(&self, level: Level, server: SocketAddr, host: &str) -> Zone {
        let apex = self.apex(server, &level.zone, host).await;
        let listed = match self.client.ask(server, &apex, Kind::Ns, Mode::Own).await {
            Ok(answer) => Some((names_of(&answer.answers, &apex), answer)),
            Err(_) => None,
        };
        // A server of the zone above may hold the zone as well and so hide the cut.
        let mut delegated: Vec<String> = Vec::new();
        let mut servers = Vec::new();
        if apex == level.zone {
            delegated = level.servers.iter().map(|server| server.name.clone()).collect();
            servers = level.servers;
        }
        let mut names = None;
        if let Some((listed, answer)) = listed {
            let more: Vec<String> = listed
                .iter()
                .filter(|name| !servers.iter().any(|known| known.name == **name))
                .cloned()
                .collect();
            servers.extend(self.servers(more, &answer, &apex).await);
            names = Some(listed);
        }
        if delegated.is_empty() {
            delegated = names.clone().unwrap_or_default();
        }
        servers.truncate(MOST_SERVERS);
        Zone { apex, servers, delegated, listed: names }
    }

    /// The top of the zone: the owner of the SOA that the server gives for the host or a name above it.
    async fn apex(&self, server: SocketAddr, zone: &str, host: &str) -> String {
        let mut name = host;
        loop {
            if let Ok(answer) = self.client.ask(server, name, Kind::Soa, Mode::Own).await {
                let both = answer.answers.iter().chain(&answer.authority);
                let mut owners =
                    both.filter(|rr| matches!(rr.data, Data::Soa { .. })).map(|rr| rr.name.as_str());
                let owner = owners.find(|owner| is_within(name, owner) && is_within(owner, zone));
                if let Some(owner) = owner {
                    return owner.to_owned();
                }
            }
            match parent(name) {
                Some(above) if is_within(above, zone) && above.len() > zone.len() => name = above,
                _ => return zone.to_owned(),
            }
        }
    }

    /// Servers with their addresses: from the answer's own additions where they lie within the zone, else asked for.
    async fn servers(&self, names: Vec<String>, answer: &Answer, zone: &str) -> Vec<NameServer> {
        let mut found = JoinSet::new();
        for (place, name) in names.into_iter().take(MOST_SERVERS).enumerate() {
            let glue = answer.additional.iter().filter(|rr| rr.name == name);
            let mut addresses: Vec<IpAddr> = glue.filter_map(|rr| rr.data.address()).collect();
            let trusted = is_within(&name, parent(zone).unwrap_or_default());
            let walker = self.clone();
            found.spawn(async move {
                if addresses.is_empty() || !trusted {
                    addresses = walker.addresses(&name).await;
                }
                addresses.sort();
                addresses.truncate(MOST_ADDRESSES);
                (place, NameServer { name, addresses })
            });
        }
        let mut servers: Vec<(usize, NameServer)> = found.join_all().await;
        servers.sort_by_key(|(place, _)| *place);
        servers.into_iter().map(|(_, server)| server).collect()
    }

    /// A name's addresses by the first resolver that has any: IPv4, or IPv6 where there is no other.
    pub async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        for kind in [Kind::A, Kind::Aaaa] {
            for resolver in &self.sources.resolvers {
                let said = self.client.said(*resolver, name, kind, Mode::Resolver).await;
                let found: Vec<IpAddr> = said.data().iter().filter_map(Data::address).collect();
                if !found.is_empty() {
                    return found;
                }
                if said.trouble().is_none() {
                    break;
                }
            }
        }
        Vec::new()
    }
}

fn unheard(level: Level) -> Zone {
    let delegated = level.servers.iter().map(|server| server.name.clone()).collect();
    Zone { apex: level.zone, servers: level.servers, delegated, listed: None }
}

/// Whether an answer is of use: the server's own word, or the way to a zone further down.
fn is_sound(answer: &Answer, zone: &str, host: &str) -> bool {
    match answer.code {
        Code::NoError => answer.authoritative || referral(answer, zone, host).is_some(),
        Code::NoName => answer.authoritative,
        _ => false,
    }
}

/// The zone below and its servers, when an answer sends us there.
fn referral(answer: &Answer, zone: &str, host: &str) -> Option<(String, Vec<String>)> {
    if answer.code != Code::NoError || !answer.answers.is_empty() {
        return None;
    }
    let below = answer.authority.iter().find(|rr| {
        matches!(rr.data, Data::Ns(_))
            && rr.name.len() > zone.len()
            && is_within(&rr.name, zone)
            && is_within(host, &rr.name)
    })?;
    Some((below.name.clone(), names_of(&answer.authority, &below.name)))
}

fn names_of(records: &[super::Rr], zone: &str) -> Vec<String> {
    let names = records.iter().filter(|rr| rr.name == zone).filter_map(|rr| match &rr.data {
        Data::Ns(name) => Some(name.clone()),
        _ => None,
    });
    names.collect::<BTreeSet<_>>().into_iter().collect()
}
