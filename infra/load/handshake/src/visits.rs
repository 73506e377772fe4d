//! Handshakes by the thousand: as fast as they are answered, or one with each host of a list.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::{self, Group};
use crate::names::{lines, spread};

#[derive(Debug, Args)]
pub(crate) struct Server {
    #[arg(long)]
    connect: SocketAddr,
    /// Authorities to trust, PEM.
    #[arg(long)]
    ca: PathBuf,
    /// Hosts to name, one a line.
    #[arg(long)]
    hosts: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Handshakes {
    #[command(flatten)]
    server: Server,
    #[arg(long, value_enum)]
    group: Group,
    #[arg(long, default_value_t = 8)]
    connections: usize,
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

impl Handshakes {
    /// Names the hosts in turn; gives `requests` (handshakes) and `per_second`.
    ///
    /// # Errors
    /// A handshake fails: a figure over failures would mean nothing.
    pub(crate) async fn run(&self) -> anyhow::Result<serde_json::Value> {
        let config = client::config(&self.server.ca, self.group, false)?;
        let (hosts, at) = (Arc::new(lines(&self.server.hosts)?), Arc::new(AtomicUsize::new(0)));
        let (server, began) = (self.server.connect, Instant::now());
        let end = began + Duration::from_secs_f64(self.seconds);
        let mut all = JoinSet::new();
        for _ in 0..self.connections {
            let (config, hosts, at) = (config.clone(), hosts.clone(), at.clone());
            all.spawn(async move {
                while Instant::now() < end {
                    let host = &hosts[at.fetch_add(1, Ordering::Relaxed) % hosts.len()];
                    client::part(client::shake(&config, server, host).await?).await;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = all.join_next().await {
            done??;
        }
        let done = at.load(Ordering::Relaxed);
        Ok(json!({ "requests": done, "per_second": done as f64 / began.elapsed().as_secs_f64() }))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Visits {
    #[command(flatten)]
    server: Server,
    /// Handshakes under way at once.
    #[arg(long, default_value_t = 1)]
    at_once: usize,
    /// Begin one so often a second and no sooner; without it, as soon as one before has ended.
    #[arg(long)]
    rate: Option<f64>,
    /// Go through the list again and again for so long.
    #[arg(long)]
    seconds: Option<f64>,
    /// Visits before the measured ones, to any server, so that our own code is warm.
    #[arg(long, default_value_t = 0)]
    warm: usize,
}

impl Visits {
    /// Gives how long handshakes took, and how many were `refused`.
    ///
    /// # Errors
    /// The list or the authorities cannot be read.
    pub(crate) async fn run(&self) -> anyhow::Result<serde_json::Value> {
        let config = client::config(&self.server.ca, Group::Mlkem, false)?;
        let hosts = lines(&self.server.hosts)?;
        let server = self.server.connect;
        let measured = self.warm.min(hosts.len());
        for host in &hosts[..measured] {
            client::part(client::shake(&config, server, host).await?).await;
        }
        let turns = Arc::new(tokio::sync::Semaphore::new(self.at_once));
        let (mut all, began) = (JoinSet::new(), Instant::now());
        let end = self.seconds.map(|seconds| began + Duration::from_secs_f64(seconds));
        let again = if end.is_some() { usize::MAX } else { hosts.len() - measured };
        for (number, host) in hosts[measured..].iter().cycle().take(again).enumerate() {
            if end.is_some_and(|end| Instant::now() > end) {
                break;
            }
            if let Some(rate) = self.rate {
                let begin = began + Duration::from_secs_f64(number as f64 / rate);
                tokio::time::sleep_until(begin.into()).await;
            }
            let turn = turns.clone().acquire_owned().await?;
            let (config, host) = (config.clone(), host.clone());
            all.spawn(async move {
                let began = Instant::now();
                let shaken = client::shake(&config, server, &host).await.ok()?;
                let took = began.elapsed().as_secs_f64() * 1000.0;
                client::part(shaken).await;
                drop(turn);
                Some(took)
            });
        }
        let outcomes = all.join_all().await;
        let mut report = spread(outcomes.iter().flatten().copied().collect());
        report["refused"] = json!(outcomes.iter().filter(|outcome| outcome.is_none()).count());
        Ok(report)
    }
}
