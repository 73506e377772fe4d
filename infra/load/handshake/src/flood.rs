//! A flood of hellos that name hosts nobody has: one hello written once, with another name of the same length in it each
//! time, from many loopback addresses, at a fixed rate.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use rustls::ClientConnection;
use rustls_pki_types::ServerName;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;

use crate::client::{self, Group};
use crate::names::Dice;

/// Its letters are what is replaced.
const NAME: &str = "qqqqqqqqqqqq.flood.example";
const LETTERS: usize = 12;
const AT_ONCE: usize = 512;

#[derive(Debug, Args)]
pub(crate) struct Flood {
    #[arg(long)]
    connect: SocketAddr,
    /// Any authority: no handshake gets so far.
    #[arg(long)]
    ca: PathBuf,
    #[arg(long, default_value_t = 10_000.0)]
    rate: f64,
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
}

impl Flood {
    /// Gives `sent`, `per_second` and how many `answered` with more than an alert (none should).
    ///
    /// # Errors
    /// The hello cannot be made.
    pub(crate) async fn run(&self) -> anyhow::Result<serde_json::Value> {
        let hello = Arc::new(hello(&self.ca)?);
        let place = hello.windows(NAME.len()).position(|part| part == NAME.as_bytes());
        let place = place.context("the hello does not hold the name")?;
        let (turns, answered) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(AtomicU64::new(0)));
        let (began, mut sent, mut dice) = (Instant::now(), 0_u64, Dice::new(11));
        let end = began + Duration::from_secs_f64(self.seconds);
        while Instant::now() < end {
            let due = (began.elapsed().as_secs_f64() * self.rate) as u64;
            if sent >= due {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
            let turn = turns.clone().acquire_owned().await?;
            let (hello, answered, server) = (hello.clone(), answered.clone(), self.connect);
            let (name, from) = (letters(&mut dice), dice.below(250));
            sent += 1;
            tokio::spawn(async move {
                if let Ok(true) = one(server, from, &hello, place, name).await {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                drop(turn);
            });
        }
        let seconds = began.elapsed().as_secs_f64();
        Ok(
            json!({ "sent": sent, "per_second": sent as f64 / seconds, "answered": answered.load(Ordering::Relaxed) }),
        )
    }
}

fn hello(ca: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    let config = client::config(ca, Group::X25519, false)?;
    let mut connection = ClientConnection::new(config, ServerName::try_from(NAME)?)?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello)?;
    Ok(hello)
}

fn letters(dice: &mut Dice) -> [u8; LETTERS] {
    std::array::from_fn(|_| b'a' + u8::try_from(dice.below(26)).unwrap_or(0))
}

/// Whether anything but an alert comes back.
async fn one(
    server: SocketAddr,
    from: usize,
    hello: &[u8],
    place: usize,
    name: [u8; LETTERS],
) -> anyhow::Result<bool> {
    let socket = TcpSocket::new_v4()?;
    let last = u8::try_from(from + 2)?;
    socket.bind(SocketAddr::new(Ipv4Addr::new(127, 0, 1, last).into(), 0))?;
    let mut stream = socket.connect(server).await?;
    let mut hello = hello.to_vec();
    hello[place..place + LETTERS].copy_from_slice(&name);
    stream.write_all(&hello).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    // 21: a record with an alert.
    Ok(answer.first().is_some_and(|kind| *kind != 21))
}
