//! One TLS handshake: from the client's hello to the certificate that it gets. Names are judged from memory; the database
//! is asked for certificates of known hosts alone, and the authority never. One deadline spans all that the client does.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use acme::{AlpnChallenges, CertCache, Loaded};
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::{StartHandshake, TlsStream};

use crate::host::Host;
use crate::layer::Conn;
use crate::limits::Gauge;
use crate::table::{Kind, RouteTable};

/// What every handshake of a process shares.
#[derive(Debug)]
pub(crate) struct Handshakes {
    pub(crate) table: Arc<RouteTable>,
    pub(crate) certs: Arc<CertCache>,
    pub(crate) challenges: AlpnChallenges,
    /// For names that nobody serves; without it they get an alert.
    pub(crate) neutral: Option<Arc<ServerConfig>>,
    pub(crate) limit: Duration,
    pub(crate) arrival: Duration,
}

/// How a client is answered.
enum Answer {
    /// With the certificate of a host.
    Certificate(Host, Arc<Loaded>),
    /// With a challenge's certificate; nothing is said on such a connection.
    Challenge(Arc<ServerConfig>),
    Nobody(Option<Host>),
}

impl Handshakes {
    pub(crate) fn new(
        table: Arc<RouteTable>,
        certs: Arc<CertCache>,
        challenges: AlpnChallenges,
        neutral: Option<Arc<ServerConfig>>,
        (limit, arrival): (Duration, Duration),
    ) -> Self {
        Self { table, certs, challenges, neutral, limit, arrival }
    }

    /// Brings a connection to where requests can come. `None`: it has had its answer, a challenge or an alert.
    ///
    /// # Errors
    /// The client's or the network's fault, or the deadline.
    pub(crate) async fn shake(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        gauge: &Gauge,
    ) -> io::Result<Option<(TlsStream<TcpStream>, Conn)>> {
        stream.set_nodelay(true)?;
        let deadline = Instant::now() + self.limit;
        let hello = timeout_at(deadline, LazyConfigAcceptor::new(Acceptor::default(), stream)).await??;
        let asked_at = Instant::now();
        let (hello, answer) = self.answer(hello, deadline, (peer, gauge)).await?;
        // Waiting for our certificate is not the client's delay.
        let deadline = deadline + asked_at.elapsed();
        let (config, conn) = match answer {
            Answer::Certificate(host, loaded) => {
                let conn = Conn { peer, sni: Some(host), cert_names: loaded.names.clone() };
                (loaded.config.clone(), conn)
            }
            Answer::Challenge(config) => {
                timeout_at(deadline, challenge(hello, config)).await??;
                tracing::debug!(%peer, "a challenge was looked at");
                return Ok(None);
            }
            Answer::Nobody(sni) => match &self.neutral {
                Some(neutral) => (neutral.clone(), Conn { peer, sni, cert_names: Arc::default() }),
                None => return timeout_at(deadline, refuse(hello.io)).await?,
            },
        };
        let _turn = timeout_at(deadline, gauge.handshake()).await?;
        let stream = timeout_at(deadline, hello.into_stream(config)).await??;
        Ok(Some((stream, conn)))
    }

    async fn answer(
        &self,
        hello: StartHandshake<TcpStream>,
        deadline: Instant,
        (peer, gauge): (SocketAddr, &Gauge),
    ) -> io::Result<(StartHandshake<TcpStream>, Answer)> {
        let client = hello.client_hello();
        let served = client.server_name().and_then(|name| self.served(name));
        let challenge = client.alpn().is_some_and(AlpnChallenges::asked);
        let Some((host, kind)) = served else { return Ok((hello, Answer::Nobody(None))) };
        let found = async {
            if challenge {
                return self.challenge(host).await;
            }
            self.certificate(host).await
        };
        match timeout_at(deadline, found).await? {
            Answer::Nobody(Some(host)) if kind != Kind::Suspended && !challenge => {
                let loaded = match gauge.wait(peer.ip()) {
                    Some(_place) => self.arrival(&hello.io, &host).await,
                    None => None,
                };
                Ok((hello, loaded.map_or(Answer::Nobody(None), |loaded| Answer::Certificate(host, loaded))))
            }
            answer => Ok((hello, answer)),
        }
    }

    /// A name that this platform answers for, by the table alone: a stranger's name costs no allocation.
    fn served(&self, name: &str) -> Option<(Host, Kind)> {
        let kind = self.table.find(name, |known| known.kind.clone())?;
        (kind != Kind::Tombstone).then_some((Host::parse(name).ok()?, kind))
    }

    async fn challenge(&self, host: Host) -> Answer {
        match self.challenges.answer(host.as_str()).await {
            Ok(Some(config)) => return Answer::Challenge(config),
            Ok(None) => tracing::debug!(%host, "no such challenge is open"),
            Err(error) => tracing::warn!(%host, %error, "a challenge could not be looked up"),
        }
        Answer::Nobody(None)
    }

    /// The certificate for a host: from memory, at most from the database; never from the authority.
    async fn certificate(&self, host: Host) -> Answer {
        match self.certs.get(host.as_str()).await {
            Ok(Some(loaded)) => Answer::Certificate(host, loaded),
            Ok(None) => Answer::Nobody(Some(host)),
            Err(error) => {
                tracing::error!(%host, %error, "the certificate cannot be loaded");
                Answer::Nobody(None)
            }
        }
    }

    /// The first visit to a host whose certificate is on its way waits a while, as long as the client does. Whoever
    /// finds no place to wait is turned away at once, as an unknown name is.
    async fn arrival(&self, client: &TcpStream, host: &Host) -> Option<Arc<Loaded>> {
        let loaded = tokio::select! {
            arrived = timeout(self.arrival, self.certs.arrival(host.as_str())) => arrived.ok()?.ok()?,
            () = gone(client) => return None,
        };
        // It may have been given back meanwhile.
        self.served(host.as_str()).map(|_| loaded)
    }
}

/// The whole handshake of a challenge; the authority has seen what it wants by then.
async fn challenge(hello: StartHandshake<TcpStream>, config: Arc<ServerConfig>) -> io::Result<()> {
    let mut stream = hello.into_stream(config).await?;
    // It may have closed already.
    let _ = stream.shutdown().await;
    Ok(())
}

/// Ends a connection with the alert `unrecognized_name`, written by hand: a flood of such names is not worth a TLS
/// connection's memory each.
async fn refuse<T>(mut client: TcpStream) -> io::Result<Option<T>> {
    const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];
    client.write_all(&ALERT).await?;
    client.shutdown().await?;
    tracing::trace!("a name that nobody serves");
    Ok(None)
}

/// Ends when the client closes. It has nothing to say before our answer, so anything it sends counts as its end too.
async fn gone(client: &TcpStream) {
    let _ = client.peek(&mut [0]).await;
}
