//! The accept loops: TLS and the plain port. Limits come before cryptography, and one silent client never holds up another.
//! The handshake itself is `handshake`'s, what is said afterwards `wire`'s.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use acme::{AlpnChallenges, CertCache};
use axum::body::Body;
use http::{Request, Response};
use platform_core::db::Db;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::handshake::Handshakes;
use crate::layer::Gate;
use crate::limits::{Gauge, Limits, Place};
use crate::neutral::NeutralPages;
use crate::plain::Plain;
use crate::table::RouteTable;
use crate::wire::{Protocol, Times, Wire};

/// What a TLS client gets that names a host nobody serves here, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownHost {
    /// The handshake ends with an alert: no key is used and nothing is said.
    #[default]
    Alert,
    /// A self-signed certificate for `unknown.invalid`, then the neutral page.
    NeutralPage,
}

/// How the edge behaves.
#[derive(Debug, Clone)]
pub struct EdgeConfig {
    pub limits: Limits,
    /// From the accepted connection to the end of the handshake; waiting for a certificate is not counted.
    pub handshake: Duration,
    /// How long a first visit waits for a certificate that is on its way.
    pub arrival: Duration,
    /// For the whole head of a request, and for idling between requests of HTTP/1.
    pub header_read: Duration,
    /// For idling of HTTP/2.
    pub idle: Duration,
    /// For a write that the client does not take.
    pub stall: Duration,
    /// How long open requests may take after shutdown began.
    pub drain: Duration,
    /// The HTTPS port as clients see it.
    pub public_port: u16,
    pub unknown: UnknownHost,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            handshake: Duration::from_secs(5),
            arrival: Duration::from_secs(8),
            header_read: Duration::from_secs(15),
            idle: Duration::from_secs(180),
            stall: Duration::from_secs(30),
            drain: Duration::from_secs(10),
            public_port: 443,
            unknown: UnknownHost::default(),
        }
    }
}

/// The edge of one process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Edge {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: EdgeConfig,
    handshakes: Handshakes,
    gate: Arc<Gate>,
    plain: Arc<Plain>,
    gauge: Arc<Gauge>,
    wire: Wire,
}

impl Edge {
    /// An edge over a table and a certificate cache; `pages` draws what names no tenant.
    ///
    /// # Errors
    /// The crypto provider cannot make the neutral certificate.
    pub fn new(
        config: EdgeConfig,
        table: Arc<RouteTable>,
        certs: Arc<CertCache>,
        db: Db,
        pages: Arc<dyn NeutralPages>,
    ) -> Result<Self, rustls::Error> {
        let neutral = match config.unknown {
            UnknownHost::Alert => None,
            UnknownHost::NeutralPage => Some(certs.configs().neutral()?),
        };
        let challenges = AlpnChallenges::new(db.clone(), certs.configs().clone());
        let gate = Arc::new(Gate { table: table.clone(), pages, public_port: config.public_port });
        let times = Times { first: config.header_read, idle: config.idle, stall: config.stall };
        let limits = (config.handshake, config.arrival);
        let inner = Inner {
            handshakes: Handshakes::new(table, certs, challenges, neutral, limits),
            plain: Arc::new(Plain::new(gate.clone(), db)),
            gauge: Arc::new(Gauge::new(&config.limits)),
            wire: Wire::new(times),
            config,
            gate,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Serves tenants over TLS until shutdown, then lets open requests finish. `app` finds [`Conn`](crate::Conn), `Tenant` and
    /// `ConnectInfo<SocketAddr>` in the request's extensions.
    ///
    /// # Errors
    /// The listener has no address: it is not a listening socket.
    pub async fn serve_https<S>(
        &self,
        listener: TcpListener,
        app: S,
        shutdown: CancellationToken,
    ) -> io::Result<()>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        let inner = self.inner.clone();
        self.accept(listener, shutdown, move |arrived| {
            let (inner, app) = (inner.clone(), app.clone());
            async move { inner.https(arrived, app).await }
        })
        .await
    }

    /// Serves the plain port until shutdown: challenges, redirects of known hosts, the neutral page.
    ///
    /// # Errors
    /// The listener has no address: it is not a listening socket.
    pub async fn serve_http(&self, listener: TcpListener, shutdown: CancellationToken) -> io::Result<()> {
        let inner = self.inner.clone();
        self.accept(listener, shutdown, move |arrived| {
            let inner = inner.clone();
            async move { inner.http(arrived).await }
        })
        .await
    }

    async fn accept<F, C>(
        &self,
        listener: TcpListener,
        shutdown: CancellationToken,
        connection: F,
    ) -> io::Result<()>
    where
        F: Fn(Arrived) -> C,
        C: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr()?;
        let (tasks, stop, end) = (TaskTracker::new(), CancellationToken::new(), CancellationToken::new());
        let mut quiet = tokio::time::interval(Duration::from_secs(60));
        loop {
            let (stream, peer) = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                _ = quiet.tick() => { self.inner.gauge.forget_quiet(); continue; }
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => { pause(&error).await; continue; }
                },
            };
            let Some(open) = self.inner.gauge.admit(peer.ip()) else {
                tracing::debug!(%peer, "connection refused by a limit");
                continue;
            };
            let connection = connection(Arrived { stream, peer, stop: stop.clone(), open });
            let end = end.clone();
            tasks.spawn(async move {
                tokio::select! { () = connection => {}, () = end.cancelled() => {} }
            });
        }
        drop(listener);
        stop.cancel();
        tasks.close();
        let drained = timeout(self.inner.config.drain, tasks.wait()).await.is_ok();
        tracing::info!(%address, drained, "the listener has closed");
        end.cancel();
        tasks.wait().await;
        Ok(())
    }
}

/// An accepted connection that passed the limits.
struct Arrived {
    stream: TcpStream,
    peer: SocketAddr,
    /// Ends the connection after the requests that are under way.
    stop: CancellationToken,
    open: Place,
}

/// Out of file descriptors, or the client was gone already. The loop must neither end nor spin.
async fn pause(error: &io::Error) {
    let gone = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset];
    if !gone.contains(&error.kind()) {
        tracing::warn!(%error, "cannot accept connections");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Inner {
    async fn https<S>(&self, arrived: Arrived, app: S)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        let Arrived { stream, peer, stop, open } = arrived;
        let shaken = tokio::select! {
            shaken = self.handshakes.shake(stream, peer, &self.gauge) => shaken,
            () = stop.cancelled() => return,
        };
        let (stream, conn) = match shaken {
            Ok(Some(done)) => done,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(%peer, %error, "handshake failed");
                return;
            }
        };
        let protocol =
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") { Protocol::Http2 } else { Protocol::Http1 };
        let gate = self.gate.clone();
        let answer = move |request| {
            let (gate, conn, app) = (gate.clone(), conn.clone(), app.clone());
            async move { gate.serve(request, conn, app).await }
        };
        self.wire.serve(stream, protocol, stop, answer).await;
        drop(open);
    }

    async fn http(&self, arrived: Arrived) {
        let Arrived { stream, peer, stop, open } = arrived;
        if stream.set_nodelay(true).is_err() {
            return;
        }
        tracing::trace!(%peer, "plain connection");
        let plain = self.plain.clone();
        let answer = move |request: Request<Body>| {
            let plain = plain.clone();
            // Nothing on this port reads a body.
            let head = request.map(drop);
            async move { plain.serve(head).await }
        };
        self.wire.serve(stream, Protocol::Http1, stop, answer).await;
        drop(open);
    }
}
