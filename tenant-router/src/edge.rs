//! The accept loops: TLS with the certificate of the named host, and the plain port. Limits come before cryptography, one
//! deadline spans the whole handshake, nothing is issued inside it, and one silent client never holds up another.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use acme::CertCache;
use axum::body::Body;
use http::{Request, Response};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use platform_core::db::Db;
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::host::Host;
use crate::layer::{Conn, Gate};
use crate::limits::{Gauge, Limits, Open};
use crate::neutral::NeutralPages;
use crate::plain::Plain;
use crate::table::{Kind, RouteTable};
use crate::wire::{Protocol, Wire};

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
    /// From the accepted connection to the end of the handshake.
    pub handshake: Duration,
    /// For the whole head of a request, and for idling between requests.
    pub header_read: Duration,
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
            header_read: Duration::from_secs(15),
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
    certs: Arc<CertCache>,
    gate: Arc<Gate>,
    plain: Arc<Plain>,
    gauge: Gauge,
    wire: Wire,
    neutral: Option<Arc<ServerConfig>>,
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
        let gate = Arc::new(Gate { table, pages, public_port: config.public_port });
        let neutral = match config.unknown {
            UnknownHost::Alert => None,
            UnknownHost::NeutralPage => Some(certs.configs().neutral()?),
        };
        let inner = Inner {
            plain: Arc::new(Plain::new(gate.clone(), db)),
            gauge: Gauge::new(&config.limits),
            wire: Wire::new(config.header_read),
            config,
            certs,
            gate,
            neutral,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Serves tenants over TLS until shutdown, then lets open requests finish. `app` finds [`Conn`], `Tenant` and
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
        let graceful = GracefulShutdown::new();
        let (tasks, end) = (TaskTracker::new(), CancellationToken::new());
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
            let connection = connection(Arrived { stream, peer, watcher: graceful.watcher(), open });
            let end = end.clone();
            tasks.spawn(async move {
                tokio::select! { () = connection => {}, () = end.cancelled() => {} }
            });
        }
        drop(listener);
        let drained = timeout(self.inner.config.drain, graceful.shutdown()).await.is_ok();
        tracing::info!(%address, drained, "the listener has closed");
        end.cancel();
        tasks.close();
        tasks.wait().await;
        Ok(())
    }
}

/// An accepted connection that passed the limits.
struct Arrived {
    stream: TcpStream,
    peer: SocketAddr,
    watcher: Watcher,
    open: Open,
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
        let Arrived { stream, peer, watcher, open } = arrived;
        let deadline = Instant::now() + self.config.handshake;
        let (stream, conn) = match timeout_at(deadline, self.handshake(stream, peer)).await {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => {
                tracing::debug!(%peer, %error, "handshake failed");
                return;
            }
            Err(_) => {
                tracing::debug!(%peer, "handshake took too long");
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
        self.wire.serve(stream, protocol, watcher, answer).await;
        drop(open);
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> io::Result<(TlsStream<TcpStream>, Conn)> {
        stream.set_nodelay(true)?;
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let sni = hello.client_hello().server_name().and_then(|name| Host::parse(name).ok());
        let (config, cert_names) = self.certificate(sni.as_ref()).await;
        let _turn = self.gauge.handshake().await;
        let stream = hello.into_stream(config).await?;
        Ok((stream, Conn { peer, sni, cert_names }))
    }

    /// The certificate for a name: from memory, at most from the database; never from the authority.
    async fn certificate(&self, sni: Option<&Host>) -> (Arc<ServerConfig>, Arc<[String]>) {
        if let Some(host) = sni
            && self.gate.table.get(host).is_some_and(|route| route.kind != Kind::Tombstone)
        {
            match self.certs.get(host.as_str()).await {
                Ok(Some(loaded)) => return (loaded.config.clone(), loaded.names.clone()),
                Ok(None) => tracing::debug!(%host, "no certificate yet"),
                Err(error) => tracing::error!(%host, %error, "the certificate cannot be loaded"),
            }
        }
        let config = self.neutral.clone().unwrap_or_else(|| self.certs.refusing());
        (config, Arc::default())
    }

    async fn http(&self, arrived: Arrived) {
        let Arrived { stream, peer, watcher, open } = arrived;
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
        self.wire.serve(stream, Protocol::Http1, watcher, answer).await;
        drop(open);
    }
}
