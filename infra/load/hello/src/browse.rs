//! The client of many sessions at once, each with a connection of its own, each request at a time that was fixed before the
//! run: a server that falls behind is not asked less. Latency counts from that time, so waiting for one's turn is in it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::wire::{Dialer, Stream, read_answer};

#[derive(Debug, Args)]
pub(crate) struct Browse {
    #[arg(long)]
    connect: SocketAddr,
    /// Authorities to trust, PEM.
    #[arg(long)]
    ca: PathBuf,
    /// A session a line, parts divided by tabs: its host, its cookie, then what it asks for, each as
    /// `MILLISECONDS KIND PATH`.
    #[arg(long)]
    plan: PathBuf,
    /// Where each answer goes, a line each: `MILLISECONDS KIND STATUS MICROSECONDS`, the first of them as planned. Status 0:
    /// the connection broke.
    #[arg(long)]
    samples: PathBuf,
    /// A kind of page behind which the events at `PATH/events` are listened to until the session asks for another page.
    #[arg(long)]
    listen_behind: Option<String>,
}

struct Session {
    host: String,
    cookie: String,
    steps: Vec<Step>,
}

struct Step {
    at: Duration,
    kind: String,
    path: String,
}

/// Connections that are opened at the same time, before the run.
const DIALLED_AT_ONCE: usize = 32;

impl Browse {
    /// Asks for everything that is planned and gives how many `sessions` and `requests` there were as JSON.
    ///
    /// # Errors
    /// When the plan cannot be read, or the first connections cannot be made.
    pub(crate) async fn run(&self) -> anyhow::Result<serde_json::Value> {
        let plan = std::fs::read_to_string(&self.plan).with_context(|| format!("{}", self.plan.display()))?;
        let sessions: Vec<Session> = plan.lines().map(str::parse).collect::<anyhow::Result<_>>()?;
        let dialer = Dialer::new(self.connect, &self.ca)?;
        let dialled = sessions.into_iter().map(|session| async {
            let connection = dialer.dial(&session.host).await?;
            anyhow::Ok((session, connection))
        });
        let dialled: Vec<_> = stream::iter(dialled).buffer_unordered(DIALLED_AT_ONCE).try_collect().await?;
        let (count, began) = (dialled.len(), Instant::now());
        let seen = Arc::new(Mutex::new((String::new(), 0_u32)));
        let tasks = dialled.into_iter().map(|(session, connection)| {
            let visitor = Visitor {
                head: session.head(dialer.port()),
                host: session.host,
                dialer: dialer.clone(),
                connection: Some(connection),
                buffer: Vec::new(),
            };
            let (seen, listen_behind) = (Arc::clone(&seen), self.listen_behind.clone());
            tokio::spawn(visitor.follow(session.steps, began, listen_behind, seen))
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await?;
        }
        let (samples, requests) = &*seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::fs::write(&self.samples, samples).with_context(|| format!("{}", self.samples.display()))?;
        Ok(json!({ "sessions": count, "requests": requests }))
    }
}

impl Session {
    /// What each request says after its first line.
    fn head(&self, port: u16) -> String {
        format!("Host: {}:{port}\r\nAccept: text/html\r\nCookie: {}\r\n\r\n", self.host, self.cookie)
    }
}

impl FromStr for Session {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> anyhow::Result<Self> {
        let mut parts = line.split('\t');
        let host = parts.next().context("a session has a host")?.to_owned();
        let cookie = parts.next().context("a session has a cookie")?.to_owned();
        let steps = parts.map(|part| {
            let mut words = part.splitn(3, ' ');
            let (at, kind, path) = (words.next(), words.next(), words.next());
            let at = at.and_then(|at| at.parse().ok()).map(Duration::from_millis);
            let step =
                at.zip(kind).zip(path).map(|((at, kind), path)| (at, kind.to_owned(), path.to_owned()));
            let (at, kind, path) = step.with_context(|| format!("not planned: {part}"))?;
            Ok(Step { at, kind, path })
        });
        let steps = steps.collect::<anyhow::Result<_>>()?;
        Ok(Self { host, cookie, steps })
    }
}

/// One session at work.
struct Visitor {
    host: String,
    head: String,
    dialer: Dialer,
    connection: Option<Stream>,
    buffer: Vec<u8>,
}

impl Visitor {
    async fn follow(
        mut self,
        steps: Vec<Step>,
        began: Instant,
        listen_behind: Option<String>,
        seen: Arc<Mutex<(String, u32)>>,
    ) {
        let mut ear: Option<Ear> = None;
        for step in steps {
            let due = began + step.at;
            tokio::time::sleep_until(due).await;
            // the page that listened is left
            drop(ear.take());
            let status = self.ask(&step.path).await;
            let micros = due.elapsed().as_micros();
            {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.1 += 1;
                let _ = writeln!(seen.0, "{} {} {status} {micros}", step.at.as_millis(), step.kind);
            }
            if status == 200 && listen_behind.as_ref() == Some(&step.kind) {
                let (dialer, host, head) = (self.dialer.clone(), self.host.clone(), self.head.clone());
                let events = format!("{}/events", step.path);
                ear = Some(Ear(tokio::spawn(async move { listen(&dialer, &host, &head, &events).await })));
            }
        }
    }

    /// The status of the answer; 0 when there was none, also not over a new connection.
    async fn ask(&mut self, path: &str) -> u16 {
        for _ in 0..2 {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => match self.dialer.dial(&self.host).await {
                    Ok(connection) => connection,
                    Err(_) => continue,
                },
            };
            let request = format!("GET {path} HTTP/1.1\r\n{}", self.head);
            if connection.write_all(request.as_bytes()).await.is_err() {
                continue;
            }
            if let Ok(answer) = read_answer(&mut connection, &mut self.buffer).await {
                self.connection = Some(connection);
                return answer.status;
            }
        }
        0
    }
}

/// Somebody who listens, until dropped.
struct Ear(JoinHandle<anyhow::Result<()>>);

impl Drop for Ear {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn listen(dialer: &Dialer, host: &str, head: &str, path: &str) -> anyhow::Result<()> {
    let mut connection = dialer.dial(host).await?;
    connection.write_all(format!("GET {path} HTTP/1.1\r\n{head}").as_bytes()).await?;
    let mut buffer = vec![0; 4096];
    while connection.read(&mut buffer).await? > 0 {}
    Ok(())
}
