//! `portico serve`: HTTP, HTTPS and the worker, in one process or apart.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use acme::delegation::ProofServer;
use acme::update::Updater;
use acme::{CacheConfig, CertCache, Issuer, IssuerConfig, SharedTickets};
use anyhow::Context as _;
use clap::Args;
use platform_connectors::carriers::Poller;
use platform_connectors::sync::{Refresher, Runner};
use platform_core::jobs::Worker;
use platform_core::mail::{self, Courier};
use tenant_router::domains::Notices;
use tenant_router::{Edge, EdgeConfig, Feed, Host, Limits, Reconciler};
use themes::Themes;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::domain::{checker, sources};
use crate::compose::{self, Neutral};
use crate::stack::Stack;

/// Serves the portals until SIGTERM or Ctrl-C, then lets open requests finish.
///
/// Without a flag everything runs in this process. With flags only what they name: `portico serve --http --https` on
/// the machines at the edge, `portico serve --worker` on another. They share nothing but the database.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The plain port: certificate challenges, and redirects of known hosts.
    #[arg(long)]
    http: bool,
    /// The portals over TLS.
    #[arg(long)]
    https: bool,
    /// Certificates, domains, mails, jobs and the sync of orders.
    #[arg(long)]
    worker: bool,
}

impl Serve {
    pub(crate) async fn run(&self, stack: &Stack) -> anyhow::Result<ExitCode> {
        let all = !(self.http || self.https || self.worker);
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let themes = compose::themes()?;
        let mut refresher = Refresher::elsewhere(stack.db.clone());
        if all || self.worker {
            refresher = worker(stack, themes.clone(), &shutdown, &mut tasks)?;
        }
        if let (true, Some(zone)) = (all || self.http || self.https, &stack.config.acme.zone) {
            let listen = stack.config.acme.dns_listen;
            let server = ProofServer::new(stack.db.clone(), zone);
            let started = server.start(listen, shutdown.clone()).await;
            let address = started.with_context(|| format!("acme.dns_listen: cannot listen on {listen}"))?;
            tracing::info!(%address, zone = zone.name, "acme.dns_listen");
        }
        if all || self.http || self.https {
            self.edge(stack, (themes, refresher), &shutdown, &mut tasks).await?;
        }
        until_signal().await?;
        tracing::info!("stopping");
        shutdown.cancel();
        while tasks.join_next().await.is_some() {}
        stack.db.close().await;
        Ok(ExitCode::SUCCESS)
    }

    async fn edge(
        &self,
        stack: &Stack,
        (themes, refresher): (Arc<Themes>, Refresher),
        shutdown: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) -> anyhow::Result<()> {
        let all = !(self.http || self.https);
        let feed = Feed::boot(stack.db.clone(), base(stack)?, stack.clock.clone()).await?;
        let (db, sealer, clock) = (stack.db.clone(), stack.sealer.clone(), stack.clock.clone());
        let tickets =
            SharedTickets::boot(db.clone(), sealer.clone(), clock.clone(), stack.random.clone()).await?;
        let cache = CacheConfig { tickets: Some(tickets), ..CacheConfig::default() };
        let certs = CertCache::with(db, sealer, clock, cache)?;
        let edge =
            Edge::new(edge_config(stack), feed.table(), certs.clone(), stack.db.clone(), Arc::new(Neutral))?;
        let stop = shutdown.clone();
        tasks.spawn(async move { feed.run(stop).await });
        if all || self.http {
            let listener = listen("http.listen", stack.config.http.listen)?;
            let (edge, stop) = (edge.clone(), shutdown.clone());
            tasks.spawn(async move { report(edge.serve_http(listener, stop).await) });
        }
        if all || self.https {
            let listener = listen("https.listen", stack.config.https.listen)?;
            let app = compose::app(stack, themes, refresher);
            let stop = shutdown.clone();
            tasks.spawn(async move { certs.run(stop).await });
            let stop = shutdown.clone();
            let web = app.web.clone();
            tasks.spawn(async move {
                tokio::select! { () = web.maintain() => {}, () = stop.cancelled() => {} }
            });
            let (live, stop) = (app.live.clone(), shutdown.clone());
            tasks.spawn(async move { live.run(stop).await });
            let (sessions, stop) = (app.sessions.clone(), shutdown.clone());
            tasks.spawn(async move { sessions.run(stop).await });
            let stop = shutdown.clone();
            tasks.spawn(async move { report(edge.serve_https(listener, app.router, stop).await) });
        }
        Ok(())
    }
}

fn edge_config(stack: &Stack) -> EdgeConfig {
    let limits = &stack.config.limits;
    let usual = Limits::default();
    EdgeConfig {
        public_port: stack.config.https.public_port,
        limits: Limits {
            connections_per_second: limits.connections_per_second,
            connection_burst: limits.connection_burst,
            // Who lets one address open so many at once has a forwarder in front: they may stay open, too.
            connections_per_client: usual.connections_per_client.max(limits.connection_burst.get() as usize),
            ..usual
        },
        ..EdgeConfig::default()
    }
}

/// Starts the worker; gives the handle by which pages have an order read at once.
fn worker(
    stack: &Stack,
    themes: Arc<Themes>,
    shutdown: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<Refresher> {
    let (db, clock) = (stack.db.clone(), stack.clock.clone());
    let checker = checker(stack)?;
    let issuer = issuer(stack)?.with_precheck(Arc::new(checker.clone()));
    let notices = Notices::new(stack.outbox.clone(), clock.clone(), stack.random.clone());
    let reconciler = Reconciler::new(db.clone(), checker, base(stack)?, clock).telling(notices);
    // Where there is a zone for proofs, the platform's own hosts need one certificate only.
    let reconciler = reconciler.wanting_wildcard(stack.config.acme.zone_name().is_some());
    let smtp = &stack.config.smtp;
    let courier =
        Courier::new(db.clone(), stack.outbox.clone(), &smtp.url, &smtp.from).map_err(anyhow::Error::msg)?;
    let jobs = courier.register(Worker::new(db.clone()));
    let letters = compose::letters(stack, themes);
    let jobs = compose::notices(stack, &letters).register(compose::tell(stack, &letters).register(jobs));
    doors(stack, shutdown, tasks);
    let runner = Runner::new(db.clone(), stack.sealer.clone(), stack.clock.clone(), stack.random.clone());
    let refresher = runner.refresher();
    let loopback = stack.config.platform.demo;
    let poller =
        Poller::new(db.clone(), stack.sealer.clone(), stack.clock.clone(), stack.random.clone(), loopback);
    let stop = shutdown.clone();
    tasks.spawn(async move { poller.run(stop).await });
    let stop = shutdown.clone();
    tasks.spawn(async move { runner.run(stop).await });
    let stop = shutdown.clone();
    tasks.spawn(async move { issuer.run(stop).await });
    let stop = shutdown.clone();
    tasks.spawn(async move { reconciler.run(stop).await });
    let stop = shutdown.clone();
    tasks.spawn(async move { jobs.run(stop).await });
    let stop = shutdown.clone();
    tasks.spawn(async move {
        loop {
            if let Err(error) = mail::erase_old_bodies(&db).await {
                tracing::warn!(%error, "old mail bodies could not be erased");
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(600)) => {}
                () = stop.cancelled() => return,
            }
        }
    });
    Ok(refresher)
}

/// Hands requests over, on a worker of its own: a door may be slow, and sign-in mails may not.
fn doors(stack: &Stack, shutdown: &CancellationToken, tasks: &mut JoinSet<()>) {
    let doors = compose::doors(stack);
    let (worker, stop) = (doors.register(Worker::new(stack.db.clone())), shutdown.clone());
    tasks.spawn(async move { worker.run(stop).await });
    let stop = shutdown.clone();
    tasks.spawn(async move { doors.run(stop).await });
}

/// Obtains certificates from the configured authorities.
pub(crate) fn issuer(stack: &Stack) -> anyhow::Result<Issuer> {
    let config = IssuerConfig {
        port_80_blocked: stack.config.acme.port_80_blocked,
        ..IssuerConfig::of(stack.config.acme.authorities.clone())
    };
    let (clock, random) = (stack.clock.clone(), stack.random.clone());
    let issuer = Issuer::new(config, stack.db.clone(), stack.sealer.clone(), clock.clone(), random.clone())?;
    let Some(updates) = stack.config.acme.updates.clone() else { return Ok(issuer) };
    let updater =
        Updater::new(updates, sources(&stack.config), clock, random).context("acme.dns_update_server")?;
    Ok(issuer.with_updater(updater))
}

/// The platform's own domain.
pub(crate) fn base(stack: &Stack) -> anyhow::Result<Host> {
    Host::parse(&stack.config.platform.base_domain).context("platform.base_domain")
}

/// Connections that the system holds until we come to them; it allows as many as `net.core.somaxconn` at most. With fewer,
/// a burst of strangers has everybody else's first packet dropped, and repeated only a second later.
const BACKLOG: u32 = 16 * 1024;

fn listen(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listening = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    let listener = listening().with_context(|| format!("{key}: cannot listen on {address}"))?;
    tracing::info!(%address, "{key}");
    Ok(listener)
}

fn report(outcome: std::io::Result<()>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "a listener has failed");
    }
}

async fn until_signal() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
