//! Limits per client address, before any cryptography: how often an address may connect, and how many connections may be
//! unfinished or open at once. An IPv6 client is its /64, because it owns all of it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// The numbers. All of them are per process.
#[derive(Debug, Clone)]
pub struct Limits {
    /// New connections a second from one address, lasting.
    pub connections_per_second: NonZeroU32,
    /// New connections from one address at once.
    pub connection_burst: NonZeroU32,
    /// Handshakes being computed, all addresses together; more wait their turn, inside their deadline. Clients that have
    /// not sent their hello yet do not count, so that silent ones keep nobody out.
    pub handshakes: usize,
    /// Open connections, all addresses together.
    pub connections: usize,
    /// Open connections of one address, so that none takes them all.
    pub connections_per_client: usize,
    /// First visitors who wait for certificates that are on their way, all addresses together.
    pub waiting: usize,
    /// The same from one address: whoever asks for many new hosts leaves places to others.
    pub waiting_per_client: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_per_second: NonZeroU32::new(200).expect("not 0"),
            connection_burst: NonZeroU32::new(1000).expect("not 0"),
            // More than one address can have open within the handshake's deadline, so that none keeps the others out.
            handshakes: 4096,
            connections: 20_000,
            connections_per_client: 2000,
            waiting: 256,
            waiting_per_client: 64,
        }
    }
}

/// Enforces [`Limits`].
#[derive(Debug)]
pub struct Gauge {
    rate: DefaultKeyedRateLimiter<IpAddr>,
    handshakes: Semaphore,
    open: Arc<Places>,
    waiting: Arc<Places>,
}

/// Places that clients hold, each no more than its share.
#[derive(Debug)]
struct Places {
    all: Arc<Semaphore>,
    per_client: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

impl Places {
    fn new(all: usize, per_client: usize) -> Arc<Self> {
        Arc::new(Self { all: Arc::new(Semaphore::new(all)), per_client, held: Mutex::default() })
    }

    fn take(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let permit = self.all.clone().try_acquire_owned().ok()?;
        let mut held = self.held.lock().expect("no holder panics");
        let count = held.entry(client).or_default();
        if *count >= self.per_client {
            return None;
        }
        *count += 1;
        drop(held);
        Some(Place { places: self.clone(), client, _permit: permit })
    }
}

/// Held as long as a connection lives, or a visitor waits.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    client: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.held.lock().expect("no holder panics");
        if let Some(count) = held.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.client);
            }
        }
    }
}

impl Gauge {
    /// A gauge with nothing counted.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let quota = Quota::per_second(limits.connections_per_second).allow_burst(limits.connection_burst);
        Self {
            rate: RateLimiter::keyed(quota),
            handshakes: Semaphore::new(limits.handshakes),
            open: Places::new(limits.connections, limits.connections_per_client),
            waiting: Places::new(limits.waiting, limits.waiting_per_client),
        }
    }

    /// Whether a new connection of this address may go on.
    #[must_use]
    pub fn admit(&self, peer: IpAddr) -> Option<Place> {
        let client = client(peer);
        self.rate.check_key(&client).ok()?;
        self.open.take(client)
    }

    /// Whether a visitor of this address may wait for a certificate.
    #[must_use]
    pub fn wait(&self, peer: IpAddr) -> Option<Place> {
        self.waiting.take(client(peer))
    }

    /// Waits for a place among the handshakes.
    pub async fn handshake(&self) -> SemaphorePermit<'_> {
        self.handshakes.acquire().await.expect("never closed")
    }

    /// Forgets addresses that have been quiet; the memory would grow with every address ever seen.
    pub fn forget_quiet(&self) {
        self.rate.retain_recent();
        self.rate.shrink_to_fit();
    }
}

/// What counts as one client.
fn client(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(burst: u32, connections: usize) -> Limits {
        let one = NonZeroU32::new(1).unwrap();
        let burst = NonZeroU32::new(burst).unwrap();
        Limits { connections_per_second: one, connection_burst: burst, connections, ..Limits::default() }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_client_never_takes_all_places_to_wait() {
        let gauge = Gauge::new(&Limits { waiting: 3, waiting_per_client: 2, ..limits(1, 1) });
        let held = [gauge.wait(ip("192.0.2.1")), gauge.wait(ip("192.0.2.1"))];
        assert!(held.iter().all(Option::is_some) && gauge.wait(ip("192.0.2.1")).is_none());
        let other = gauge.wait(ip("192.0.2.2"));
        assert!(other.is_some() && gauge.wait(ip("192.0.2.3")).is_none(), "all places are taken");
        drop(held);
        assert!(gauge.wait(ip("192.0.2.1")).is_some(), "given back");
    }

    #[test]
    fn an_address_and_a_whole_64_are_one_client() {
        let gauge = Arc::new(Gauge::new(&limits(2, 100)));
        assert!(gauge.admit(ip("2001:db8::1")).is_some());
        assert!(gauge.admit(ip("2001:db8::ffff:2")).is_some());
        assert!(gauge.admit(ip("2001:db8:0:0:5::3")).is_none(), "the third of one /64");
        assert!(gauge.admit(ip("2001:db8:0:1::1")).is_some(), "another /64");
        assert!(gauge.admit(ip("192.0.2.1")).is_some());
        assert!(gauge.admit(ip("::ffff:192.0.2.1")).is_some());
        assert!(gauge.admit(ip("192.0.2.1")).is_none(), "a mapped address is the same client");
    }

    #[test]
    fn caps_are_given_back() {
        let gauge = Arc::new(Gauge::new(&limits(100, 1)));
        let open = gauge.admit(ip("192.0.2.1")).unwrap();
        assert!(gauge.admit(ip("192.0.2.2")).is_none());
        drop(open);
        assert!(gauge.admit(ip("192.0.2.2")).is_some());
    }

    #[test]
    fn one_client_cannot_hold_all_connections() {
        let limits = Limits { connections_per_client: 2, ..limits(100, 10) };
        let gauge = Arc::new(Gauge::new(&limits));
        let held: Vec<_> = (0..3).map(|_| gauge.admit(ip("192.0.2.1"))).collect();
        assert_eq!(held.iter().flatten().count(), 2);
        assert!(gauge.admit(ip("192.0.2.2")).is_some());
        drop(held);
        assert!(gauge.open.held.lock().unwrap().is_empty(), "nothing is kept of a client that has gone");
        assert!(gauge.admit(ip("192.0.2.1")).is_some());
    }
}
