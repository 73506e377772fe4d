//! Domains that come and go under a running platform: how long until a new one is served, and until one that was given
//! back is refused.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use rustls::HandshakeKind;
use serde_json::json;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{self, Group};
use crate::names::{lines, spread};
use crate::store;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(crate) struct Arrive {
    /// As a superuser.
    #[arg(long)]
    database: String,
    #[arg(long)]
    connect: SocketAddr,
    #[arg(long)]
    ca: PathBuf,
    /// Claimed hosts, one a line with the target of its CNAME behind it.
    #[arg(long)]
    hosts: PathBuf,
    /// Where the DNS stub is told its records.
    #[arg(long)]
    dns: SocketAddr,
}

impl Arrive {
    /// Gives milliseconds from the record being there to the first 200.
    ///
    /// # Errors
    /// A host is not served within half a minute.
    pub(crate) async fn run(&self) -> anyhow::Result<serde_json::Value> {
        let config = client::config(&self.ca, Group::Mlkem, false)?;
        let mut database = PgConnection::connect(&self.database).await?;
        let mut took = Vec::new();
        for line in lines(&self.hosts)? {
            let (host, target) = line.split_once(' ').context("a line is a host and a target")?;
            self.point(host, target).await?;
            let began = Instant::now();
            store::check_now(&mut database, host).await?;
            // Until its route is known a handshake is refused; then it waits for the certificate by itself.
            while !matches!(client::status(&config, self.connect, host).await, Ok(200..=399)) {
                ensure!(began.elapsed() < PATIENCE, "{host} is not served");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            took.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(spread(took))
    }

    async fn point(&self, host: &str, target: &str) -> anyhow::Result<()> {
        let body = json!({ "host": format!("{host}."), "target": format!("{target}.") }).to_string();
        let length = body.len();
        let request = format!("POST /set-cname HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
        let mut stream = TcpStream::connect(self.dns).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        ensure!(answer.contains(" 200 "), "the DNS stub answers {answer}");
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Leave {
    /// As a superuser.
    #[arg(long)]
    database: String,
    /// Every node's TLS port.
    #[arg(long, value_delimiter = ',')]
    nodes: Vec<SocketAddr>,
    #[arg(long)]
    ca: PathBuf,
    /// Live hosts with certificates, one a line; they are live no more afterwards.
    #[arg(long)]
    hosts: PathBuf,
}

impl Leave {
    /// Gives milliseconds from the giving back to the refusal of a session's resumption by all nodes; and `resumed`, how
    /// many sessions of one node another one had resumed before.
    ///
    /// # Errors
    /// A host is not served, or still is after half a minute.
    pub(crate) async fn run(&self) -> anyhow::Result<serde_json::Value> {
        let mut database = PgConnection::connect(&self.database).await?;
        let (mut took, mut resumed, hosts) = (Vec::new(), 0, lines(&self.hosts)?);
        for host in &hosts {
            let config = client::config(&self.ca, Group::Mlkem, true)?;
            for node in &self.nodes {
                let mut stream = client::shake(&config, *node, host).await?;
                let kind = stream.get_ref().1.handshake_kind();
                resumed += usize::from(kind == Some(HandshakeKind::Resumed));
                let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
                stream.write_all(request.as_bytes()).await?;
                // The ticket comes with the answer.
                stream.read_to_end(&mut Vec::new()).await?;
            }
            let began = Instant::now();
            store::release(&mut database, host).await?;
            for node in &self.nodes {
                while client::shake(&config, *node, host).await.is_ok() {
                    ensure!(began.elapsed() < PATIENCE, "{host} is still served");
                }
            }
            took.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        let mut report = spread(took);
        report["resumed"] = json!(resumed);
        report["could_resume"] = json!(hosts.len() * self.nodes.len().saturating_sub(1));
        Ok(report)
    }
}
