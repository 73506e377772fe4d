//! Everything real on loopback: a database, an authority with its DNS, the feed, the issuer, the reconciler and the edge,
//! with an application that says which tenant it was called for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use acme::dns::Sources;
use acme::probe::{Platform, Prober};
use acme::testing::{Pebble, PebbleOptions};
use acme::{CertCache, Issuer};
use axum::Router;
use axum::extract::Extension;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use migrations::testing::TestDatabase;
use platform_core::clock::{Clock, SystemClock};
use platform_core::db::{Db, DbConfig, Scope};
use platform_core::id::TenantId;
use platform_core::random::{SeededRandom, SystemRandom};
use platform_core::secrets::Sealer;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tenant_router::domains::{Checker, ClaimRules, Domain, State};
use tenant_router::{
    Conn, Edge, EdgeConfig, Feed, Host, PlainPages, Reconciler, RouteTable, Tenant, domains,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

pub(crate) struct World {
    pub(crate) test: TestDatabase,
    pub(crate) db: Db,
    pub(crate) pebble: Pebble,
    pub(crate) checker: Checker,
    pub(crate) table: Arc<RouteTable>,
    pub(crate) certs: Arc<CertCache>,
    pub(crate) https: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) serving: tokio::task::JoinHandle<std::io::Result<()>>,
    pub(crate) sealer: Sealer,
    base: Host,
    roots: RootCertStore,
    private_ca: CertifiedIssuer<'static, KeyPair>,
}

pub(crate) fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

impl World {
    pub(crate) async fn new(change: impl FnOnce(&mut EdgeConfig)) -> Self {
        let base = host("portico.localhost");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let test = TestDatabase::new().await;
        let config = DbConfig { app: test.app_options(), operator: None, pooler: false, max_connections: 16 };
        let db = Db::connect(config).await.unwrap();
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let secure = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (http, https) = (plain.local_addr().unwrap(), secure.local_addr().unwrap());
        let pebble = Pebble::start(PebbleOptions::asking_at(http.port())).await;
        let mut roots = RootCertStore::empty();
        let root = pebble.issuing_root().await;
        roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();

        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let private_ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        roots.add(private_ca.der().clone()).unwrap();

        let line = Sealer::new_key_line(1, &SeededRandom::new(1));
        let sealer = Sealer::from_key_file(&line, Arc::new(SystemRandom)).unwrap();
        let shutdown = CancellationToken::new();
        let feed = Feed::boot(db.clone(), base.clone(), clock.clone()).await.unwrap();
        let table = feed.table();
        let certs = CertCache::new(db.clone(), sealer.clone(), clock.clone()).unwrap();
        let platform = Platform::new(base.as_str());
        let sources = Sources::only(&[pebble.dns.address]);
        let prober = Prober::new(sources, platform, clock.clone(), Arc::new(SystemRandom));
        let checker = Checker::new(db.clone(), prober, base.clone(), clock.clone());
        let reconciler = Reconciler::new(db.clone(), checker.clone(), base.clone(), clock.clone());
        let issuer = Issuer::new(
            pebble.issuer_config(),
            db.clone(),
            sealer.clone(),
            clock.clone(),
            Arc::new(SystemRandom),
        )
        .unwrap()
        .with_precheck(Arc::new(checker.clone()));
        let mut config = EdgeConfig { public_port: https.port(), ..EdgeConfig::default() };
        change(&mut config);
        let edge = Edge::new(config, table.clone(), certs.clone(), db.clone(), Arc::new(PlainPages)).unwrap();

        let stop = || shutdown.clone();
        tokio::spawn({
            let stop = stop();
            async move { feed.run(stop).await }
        });
        tokio::spawn({
            let (stop, certs) = (stop(), certs.clone());
            async move { certs.run(stop).await }
        });
        tokio::spawn({
            let stop = stop();
            async move { reconciler.run(stop).await }
        });
        tokio::spawn({
            let stop = stop();
            async move { issuer.run(stop).await }
        });
        tokio::spawn({
            let (stop, edge) = (stop(), edge.clone());
            async move { edge.serve_http(plain, stop).await }
        });
        let serving = tokio::spawn({
            let stop = stop();
            async move { edge.serve_https(secure, application(), stop).await }
        });
        Self {
            test,
            db,
            pebble,
            checker,
            table,
            certs,
            https,
            http,
            shutdown,
            serving,
            sealer,
            base,
            roots,
            private_ca,
        }
    }

    pub(crate) async fn tenant(&self, slug: &str) -> TenantId {
        let id = TenantId::new(&SystemClock, &SystemRandom);
        sqlx::query("insert into tenants (id, slug, name) values ($1, $2, $2)")
            .bind(id)
            .bind(slug)
            .execute(&mut self.test.owner().await)
            .await
            .unwrap();
        id
    }

    /// A tenant whose own host is served already.
    pub(crate) async fn served_tenant(&self, slug: &str) -> TenantId {
        let id = self.tenant(slug).await;
        self.until_served(&format!("{slug}.portico.localhost")).await;
        id
    }

    pub(crate) async fn claim(&self, tenant: TenantId, name: &str) -> Domain {
        let rules = ClaimRules { base: self.base.clone(), test_names: true };
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await.unwrap();
        let domain = domains::claim(&mut tx, &rules, name, &SystemClock, &SystemRandom).await.unwrap();
        tx.commit().await.unwrap();
        domain
    }

    pub(crate) async fn domain(&self, tenant: TenantId, name: &str) -> Option<Domain> {
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await.unwrap();
        domains::find(&mut tx, &host(name)).await.unwrap()
    }

    pub(crate) async fn point(&self, domain: &Domain) {
        let target = domain.target(&self.base).unwrap();
        self.pebble.dns.set_cname(domain.host.as_str(), target.as_str()).await;
    }

    pub(crate) async fn until_state(&self, tenant: TenantId, name: &str, state: State) -> Domain {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let domain = self.domain(tenant, name).await;
            match domain {
                Some(domain) if domain.state == state => return domain,
                other => assert!(Instant::now() < deadline, "not {state:?}: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for a certificate in the cache and a live route.
    pub(crate) async fn until_served(&self, name: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let live =
                self.table.get(&host(name)).is_some_and(|route| route.kind == tenant_router::Kind::Live);
            if live && self.certs.get(name).await.unwrap().is_some() {
                return;
            }
            assert!(Instant::now() < deadline, "{name} is not served");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A wildcard certificate for the platform's domain from elsewhere: chain and key as PEM.
    pub(crate) fn wildcard(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![format!("*.{}", self.base)]).unwrap();
        (params.signed_by(&key, &self.private_ca).unwrap().pem(), key.serialize_pem())
    }

    pub(crate) async fn tls(&self, sni: &str, alpn: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut config = ClientConfig::builder_with_provider(acme::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let stream = TcpStream::connect(self.https).await?;
        let name = ServerName::try_from(sni.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// As a visitor who clicks the browser's warning away.
    pub(crate) async fn tls_unchecked(&self, sni: &str) -> TlsStream<TcpStream> {
        let config = ClientConfig::builder_with_provider(acme::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unchecked))
            .with_no_client_auth();
        let stream = TcpStream::connect(self.https).await.unwrap();
        let name = ServerName::try_from(sni.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }

    /// Sends raw text over a checked TLS connection and gives everything that comes back.
    pub(crate) async fn raw(&self, sni: &str, text: &str) -> String {
        let mut stream = self.tls(sni, "http/1.1").await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        read_all(&mut stream).await
    }

    /// A plain GET of `/` over TLS.
    pub(crate) async fn get(&self, name: &str) -> String {
        self.raw(name, &format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n")).await
    }

    /// Sends raw text to the plain port.
    pub(crate) async fn raw_plain(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.http).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        read_all(&mut stream).await
    }

    /// One HTTP/2 request over a connection of another name.
    pub(crate) async fn h2(&self, sni: &str, request: Request<Empty<Bytes>>) -> Response<Bytes> {
        let stream = self.tls(sni, "h2").await.unwrap();
        let io = TokioIo::new(stream);
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
    }
}

pub(crate) async fn read_all(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    if let Ok(Err(error)) = read {
        // rustls reports a close without close_notify; what was read counts.
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
    }
    String::from_utf8(answer).unwrap()
}

fn application() -> Router {
    Router::new().fallback(
        |Extension(tenant): Extension<Tenant>, Extension(conn): Extension<Conn>| async move {
            format!("tenant={} host={} names={:?}", tenant.slug, tenant.host, conn.cert_names)
        },
    )
}

#[derive(Debug)]
struct Unchecked;

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        acme::tls::provider().signature_verification_algorithms.supported_schemes()
    }
}
