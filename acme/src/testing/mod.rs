//! Certificate authorities and a DNS for tests. Debian's Pebble with its DNS stub, on free loopback ports, ended with the
//! test, is the wire; the simulated authority on a clock of its own is the limits, the windows and the years; the DNS has
//! a root, delegations and servers that misbehave. Behind the feature `testing`, so that every crate's tests can have
//! real certificates.

mod challtestsrv;
mod dns;
mod knot;
mod pebble;
mod simca;
pub mod simulation;

pub use challtestsrv::DnsStub;
pub use dns::{DnsWorld, Temper};
pub use knot::{KEY as KNOT_KEY, Knot};
pub use pebble::{Pebble, PebbleOptions};
pub use simca::{Judge, Outage, SimCa, SimLimits, SimOptions, Stats, When};

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

/// A port that was free a moment ago.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound listener has an address")
}

/// A program that ends with this test, also when the test is killed.
fn spawn(program: &str, arguments: &[&str], environment: &[(&str, String)]) -> Child {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]).args(arguments);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().expect("setpriv starts the program")
}

async fn wait_for(address: SocketAddr, what: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while tokio::net::TcpStream::connect(address).await.is_err() {
        assert!(
            Instant::now() < deadline,
            "{what} does not listen on {address}; is its Debian package (pebble, knot) installed?"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
