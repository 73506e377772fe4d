//! The client: HTTP/1.1 over keep-alive TLS connections, one request at a time on each, another visitor's with each
//! request.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::wire::{Dialer, Stream, read_answer};

/// What to ask for, and how hard.
#[derive(Debug, Args)]
pub(crate) struct Drive {
    #[arg(long)]
    connect: SocketAddr,
    /// Name in the handshake, and in `Host` where no visitor says another.
    #[arg(long)]
    host: String,
    #[arg(long, default_value = "/")]
    path: String,
    /// Authorities to trust, PEM.
    #[arg(long)]
    ca: PathBuf,
    /// A file of visitors, one a line, `host cookie`, taken in turn: each request is another visitor's. The certificate
    /// must cover all the hosts.
    #[arg(long)]
    visitors: Option<PathBuf>,
    /// Adds a query that no request had before, so that no page made for an earlier one is given again.
    #[arg(long)]
    anew: bool,
    /// Ends when every visitor has asked once.
    #[arg(long)]
    once: bool,
    #[arg(long, default_value_t = 8)]
    connections: usize,
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

/// What one connection saw.
#[derive(Debug, Default)]
struct Seen {
    micros: Vec<u64>,
    bytes: usize,
}

impl Drive {
    /// Drives, and gives `requests`, `per_second`, `p50_us`, `p99_us` and `body_bytes` (of the last answer) as JSON.
    ///
    /// # Errors
    /// When a connection fails or an answer is not 200: a figure over errors would mean nothing.
    pub(crate) async fn run(&self) -> anyhow::Result<serde_json::Value> {
        let requests = Arc::new(self.requests()?);
        let dialer = Dialer::new(self.connect, &self.ca)?;
        let mut streams = Vec::new();
        for _ in 0..self.connections {
            streams.push(dialer.dial(&self.host).await?);
        }
        let began = Instant::now();
        let end = began + Duration::from_secs_f64(self.seconds);
        let each = streams.into_iter().enumerate().map(|(at, stream)| {
            let first = self.first_line();
            let left = if self.once { requests.len() / self.connections } else { usize::MAX };
            let way = Way { requests: requests.clone(), first, at, step: self.connections, left };
            tokio::spawn(travel(stream, way, end))
        });
        let mut all = Seen::default();
        for task in each.collect::<Vec<_>>() {
            let seen = task.await??;
            all.micros.extend(seen.micros);
            all.bytes = seen.bytes;
        }
        let seconds = began.elapsed().as_secs_f64();
        all.micros.sort_unstable();
        let at = |share: f64| {
            all.micros
                .get(((all.micros.len() as f64 * share) as usize).min(all.micros.len().saturating_sub(1)))
        };
        Ok(json!({ "requests": all.micros.len(), "per_second": all.micros.len() as f64 / seconds,
                   "p50_us": at(0.5), "p99_us": at(0.99), "body_bytes": all.bytes }))
    }

    /// Of the requests; where it ends with `=`, a number is put behind it.
    fn first_line(&self) -> String {
        format!("GET {}{}", self.path, if self.anew { "?anew=" } else { "" })
    }

    /// What each request says after its first line.
    fn requests(&self) -> anyhow::Result<Vec<String>> {
        let port = self.connect.port();
        let head = |host: &str| format!("Host: {host}:{port}\r\nAccept: text/html\r\n");
        let Some(visitors) = &self.visitors else {
            return Ok(vec![format!("{}\r\n", head(&self.host))]);
        };
        let text = std::fs::read_to_string(visitors).with_context(|| format!("{}", visitors.display()))?;
        let one = |line: &str| {
            let (host, cookie) = line.split_once(' ').context("a visitor is a host and a cookie")?;
            Ok(format!("{}Cookie: {cookie}\r\n\r\n", head(host)))
        };
        let requests: Vec<_> = text.lines().map(one).collect::<anyhow::Result<_>>()?;
        ensure!(!requests.is_empty(), "{} names no visitor", visitors.display());
        Ok(requests)
    }
}

/// What one connection asks for.
struct Way {
    requests: Arc<Vec<String>>,
    first: String,
    at: usize,
    step: usize,
    left: usize,
}

impl Way {
    /// The next request, written into `text`. Turns are told apart by the nanosecond at which they begin.
    fn next(&mut self, turn: u128, text: &mut String) {
        text.clear();
        text.push_str(&self.first);
        if self.first.ends_with('=') {
            text.push_str(&format!("{turn}-{}", self.at));
        }
        text.push_str(" HTTP/1.1\r\n");
        text.push_str(&self.requests[self.at % self.requests.len()]);
        self.at += self.step;
        self.left -= 1;
    }
}

async fn travel(mut stream: Stream, mut way: Way, end: Instant) -> anyhow::Result<Seen> {
    let turn = std::time::UNIX_EPOCH.elapsed()?.as_nanos();
    let (mut seen, mut buffer, mut request) = (Seen::default(), Vec::with_capacity(64 * 1024), String::new());
    while Instant::now() < end && way.left > 0 {
        let began = Instant::now();
        way.next(turn, &mut request);
        stream.write_all(request.as_bytes()).await?;
        let answer = read_answer(&mut stream, &mut buffer).await?;
        ensure!(answer.status == 200, "not 200 but {}", answer.status);
        seen.bytes = answer.length;
        seen.micros.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(seen)
}
