//! Questions to the DNS, each to one server that the asker names, never through a cache of ours.
//!
//! `message` is what a server said, `client` asks one server, `said` reads the answer to one question, `walk` goes from
//! the roots to the servers of a host's zone. `caa` and `probe` stand on these. Names here are lower case and without
//! their final dot; the root is the empty text.

pub mod client;
pub mod message;
mod resolver;
pub mod said;
pub mod walk;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

pub use client::{Client, Mode};
pub use message::{Answer, Code, Data, Kind, Rr};
pub use platform_core::guard::Guard;
pub use said::{Said, Trouble};
pub use walk::{NameServer, WalkError, Zone};

/// The root servers that answer by IPv4, A to M (IANA, root.hints).
const ROOTS: [Ipv4Addr; 13] = [
    Ipv4Addr::new(198, 41, 0, 4),
    Ipv4Addr::new(170, 247, 170, 2),
    Ipv4Addr::new(192, 33, 4, 12),
    Ipv4Addr::new(199, 7, 91, 13),
    Ipv4Addr::new(192, 203, 230, 10),
    Ipv4Addr::new(192, 5, 5, 241),
    Ipv4Addr::new(192, 112, 36, 4),
    Ipv4Addr::new(198, 97, 190, 53),
    Ipv4Addr::new(192, 36, 148, 17),
    Ipv4Addr::new(192, 58, 128, 30),
    Ipv4Addr::new(193, 0, 14, 129),
    Ipv4Addr::new(199, 7, 83, 42),
    Ipv4Addr::new(202, 12, 27, 33),
];

/// Three public resolvers of three companies: Cloudflare, Google, Quad9.
const PUBLIC: [Ipv4Addr; 3] =
    [Ipv4Addr::new(1, 1, 1, 1), Ipv4Addr::new(8, 8, 8, 8), Ipv4Addr::new(9, 9, 9, 9)];

/// Whom to ask.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Resolvers that stand for what the world sees. Never empty.
    pub resolvers: Vec<SocketAddr>,
    /// Where the walk begins. Empty: no walk, and the resolvers' word is all there is.
    pub roots: Vec<IpAddr>,
    /// The port of authoritative servers: 53 everywhere but in tests.
    pub port: u16,
    /// For one try of one question; a question is tried twice.
    pub patience: Duration,
    /// Which addresses that a stranger's DNS names may be asked.
    pub guard: Guard,
}

impl Sources {
    /// The internet's roots and three public resolvers.
    #[must_use]
    pub fn internet() -> Self {
        Self {
            resolvers: PUBLIC.iter().map(|ip| SocketAddr::new((*ip).into(), 53)).collect(),
            roots: ROOTS.iter().map(|ip| (*ip).into()).collect(),
            port: 53,
            patience: Duration::from_millis(1500),
            guard: Guard::Public,
        }
    }

    /// Only these resolvers, and no walk: for an installation that cannot reach the internet's name servers.
    #[must_use]
    pub fn only(resolvers: &[SocketAddr]) -> Self {
        Self { resolvers: resolvers.to_vec(), roots: Vec::new(), ..Self::internet() }
    }
}

/// Lower case, without the final dot.
#[must_use]
pub fn canonical(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Whether `name` is `zone` or lies below it.
#[must_use]
pub fn is_within(name: &str, zone: &str) -> bool {
    zone.is_empty() || name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The name without its first label; the root has none.
#[must_use]
pub fn parent(name: &str) -> Option<&str> {
    match name.split_once('.') {
        Some((_, rest)) => Some(rest),
        None if name.is_empty() => None,
        None => Some(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_nest() {
        assert_eq!(canonical("A.Example."), "a.example");
        assert!(is_within("a.example", "example") && is_within("example", "example") && is_within("a", ""));
        assert!(!is_within("aexample", "example") && !is_within("example", "a.example"));
        assert_eq!(parent("a.example"), Some("example"));
        assert_eq!(parent("example"), Some(""));
        assert_eq!(parent(""), None);
    }
}
