//! A whole DNS on loopback, in this process: root, registries, zones and resolvers, each server at an address of its own
//! in 127.0.0.0/8 and all at one port. Servers of one zone may differ, fail, refuse or be silent, as a test wants.
//!
//! `zone` reads and answers one zone, `resolver` follows the delegations as a recursive resolver does, `wire` speaks UDP
//! and TCP.

mod resolver;
mod wire;
mod zone;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_proto::rr::{Record, RecordType};
use tokio::task::JoinSet;

use crate::dns::{Guard, Sources, canonical, parent};
use zone::Contents;

/// How a server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temper {
    /// As it should.
    Well,
    /// Never answers.
    Silent,
    /// REFUSED to everything.
    Refuses,
    /// SERVFAIL to everything.
    Fails,
    /// Answers without the AA bit, as a server that only has the zone from a cache.
    NotOwn,
    /// NOTIMP to questions for CAA, well otherwise.
    NoCaa,
    /// Drops questions for CAA, well otherwise.
    SilentOnCaa,
    /// Cuts every answer over UDP short.
    CutsShort,
    /// FORMERR to EDNS.
    Old,
}

#[derive(Debug, Default)]
struct State {
    servers: HashMap<Ipv4Addr, Server>,
    names: HashMap<String, Ipv4Addr>,
    /// Zones whose signatures do not fit: resolvers fail on them unless told not to check.
    bogus: Vec<String>,
    /// What a resolver has kept from before.
    kept: HashMap<(Ipv4Addr, String, RecordType), Option<Record>>,
    resolvers: Vec<Ipv4Addr>,
    /// Questions so far: server, name, kind.
    asked: Vec<(Ipv4Addr, String, RecordType)>,
}

#[derive(Debug)]
struct Server {
    temper: Temper,
    zones: HashMap<String, Contents>,
}

impl Default for Server {
    fn default() -> Self {
        Self { temper: Temper::Well, zones: HashMap::new() }
    }
}

/// The running DNS; ends when dropped.
#[derive(Debug)]
pub struct DnsWorld {
    state: Arc<Mutex<State>>,
    port: u16,
    net: [u8; 2],
    /// Where the root is.
    pub root: Ipv4Addr,
    tasks: JoinSet<()>,
}

impl DnsWorld {
    /// A root, three resolvers, and nothing else.
    ///
    /// # Panics
    /// When loopback has no free port.
    pub async fn start() -> Self {
        let (port, net) = wire::free_port().await;
        let root = Ipv4Addr::new(127, net[0], net[1], 1);
        let mut world = Self { state: Arc::default(), port, net, root, tasks: JoinSet::new() };
        world.serve("a.root-servers.test").await;
        world.zone("a.root-servers.test", "", "@ NS a.root-servers.test.");
        for number in 1..=3 {
            let address = world.serve(&format!("resolver{number}.test")).await;
            world.state().resolvers.push(address);
        }
        world
    }

    /// A server of this name, with no zone yet, at an address of its own.
    ///
    /// # Panics
    /// When its address cannot be bound.
    pub async fn serve(&mut self, name: &str) -> Ipv4Addr {
        let name = canonical(name);
        if let Some(known) = self.state().names.get(&name) {
            return *known;
        }
        let number = u8::try_from(self.state().names.len() + 1).expect("less than 255 servers");
        let address = Ipv4Addr::new(127, self.net[0], self.net[1], number);
        {
            let mut state = self.state();
            state.names.insert(name, address);
            state.servers.insert(address, Server::default());
        }
        wire::listen(&mut self.tasks, SocketAddr::new(address.into(), self.port), &self.state).await;
        address
    }

    /// Puts a zone on a server: one record a line, `name TYPE value`, names relative to the zone, `@` for its top; TTL 300.
    /// The SOA is made when there is none.
    ///
    /// # Panics
    /// When the server is unknown or a line cannot be read.
    pub fn zone(&self, server: &str, apex: &str, text: &str) {
        let contents = Contents::read(apex, text);
        self.with(server, |server| server.zones.insert(canonical(apex), contents));
    }

    /// A zone with its own servers and the delegation from the zone above, glue included; every server the same.
    ///
    /// # Panics
    /// As `zone`.
    pub async fn delegate(&mut self, apex: &str, servers: &[&str], text: &str) {
        for server in servers {
            self.serve(server).await;
        }
        let list: String = servers.iter().map(|server| format!("@ NS {server}.\n")).collect();
        let own = format!("{list}{}{text}", self.addresses_within(apex, servers));
        for server in servers {
            self.zone(server, apex, &own);
        }
        self.refer(apex, servers);
    }

    /// Delegates to a server whose name has no address at all.
    ///
    /// # Panics
    /// When no server has the zone above.
    pub fn refer_unplaced(&self, apex: &str, server: &str) {
        self.refer(apex, &[server]);
    }

    /// Only the delegation in the zone above: where it points need not know of it.
    ///
    /// # Panics
    /// When no server has the zone above.
    pub fn refer(&self, apex: &str, servers: &[&str]) {
        let mut state = self.state();
        let names = state.names.clone();
        let mut above = parent(apex);
        while let Some(zone) = above {
            let holders = state.servers.values_mut().filter_map(|server| server.zones.get_mut(zone));
            let mut found = false;
            for holder in holders {
                found = true;
                for server in servers {
                    let glue = names.get(&canonical(server)).copied();
                    holder.refer(apex, server, glue);
                }
            }
            if found {
                return;
            }
            above = parent(zone);
        }
        panic!("no zone above {apex}");
    }

    /// How a server behaves from now on.
    ///
    /// # Panics
    /// When the server is unknown.
    pub fn temper(&self, server: &str, temper: Temper) {
        self.with(server, |server| server.temper = temper);
    }

    /// Makes the signatures of a zone wrong, as far as validating resolvers see.
    pub fn bogus(&self, apex: &str) {
        self.state().bogus.push(canonical(apex));
    }

    /// What resolver `number` (from 1) has kept: a line as in `zone`, or only `name TYPE` for an absence.
    ///
    /// # Panics
    /// When the line cannot be read.
    pub fn keep(&self, number: usize, line: &str) {
        let (name, kind, record) = zone::kept(line);
        let mut state = self.state();
        let resolver = state.resolvers[number - 1];
        state.kept.insert((resolver, name, kind), record);
    }

    /// The address of a server.
    ///
    /// # Panics
    /// When the server is unknown.
    #[must_use]
    pub fn address(&self, server: &str) -> Ipv4Addr {
        *self.state().names.get(&canonical(server)).expect("a known server")
    }

    /// Where the resolvers are.
    #[must_use]
    pub fn resolvers(&self) -> Vec<SocketAddr> {
        let at = |ip: &Ipv4Addr| SocketAddr::new((*ip).into(), self.port);
        self.state().resolvers.iter().map(at).collect()
    }

    /// Everything to ask, for a walk from this root.
    #[must_use]
    pub fn sources(&self) -> Sources {
        Sources {
            resolvers: self.resolvers(),
            roots: vec![IpAddr::V4(self.root)],
            port: self.port,
            patience: Duration::from_millis(150),
            guard: Guard::Any,
        }
    }

    /// Questions so far for names of a zone that reached its own servers.
    #[must_use]
    pub fn asked(&self, server: &str) -> usize {
        let address = self.address(server);
        self.state().asked.iter().filter(|(at, _, _)| *at == address).count()
    }

    fn addresses_within(&self, apex: &str, servers: &[&str]) -> String {
        let within = servers.iter().filter(|server| crate::dns::is_within(server, apex));
        within.map(|server| format!("{server}. A {}\n", self.address(server))).collect()
    }

    fn with<T>(&self, server: &str, change: impl FnOnce(&mut Server) -> T) -> T {
        let address = self.address(server);
        change(self.state().servers.get_mut(&address).expect("a known server"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
