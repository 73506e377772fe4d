//! A database, a private authority, and nodes: each a feed, a cache and an edge of its own, as a process has them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use acme::{CacheConfig, CertCache, SharedTickets};
use axum::Router;
use axum::extract::Extension;
use migrations::testing::TestDatabase;
use platform_core::clock::{Clock, SystemClock};
use platform_core::db::{Db, DbConfig, System};
use platform_core::id::{DomainId, TenantId};
use platform_core::random::{SeededRandom, SystemRandom};
use platform_core::secrets::Sealer;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use rustls_pki_types::ServerName;
use tenant_router::{Edge, EdgeConfig, Feed, Host, PlainPages, RouteTable, Tenant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

pub(crate) struct Ground {
    pub(crate) test: TestDatabase,
    pub(crate) db: Db,
    sealer: Sealer,
    ca: CertifiedIssuer<'static, KeyPair>,
    stop: CancellationToken,
}

pub(crate) struct Node {
    pub(crate) table: Arc<RouteTable>,
    pub(crate) certs: Arc<CertCache>,
    pub(crate) https: SocketAddr,
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

impl Ground {
    pub(crate) async fn new() -> Self {
        let test = TestDatabase::new().await;
        let config = DbConfig { app: test.app_options(), operator: None, pooler: false, max_connections: 24 };
        let line = Sealer::new_key_line(1, &SeededRandom::new(1));
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self {
            db: Db::connect(config).await.unwrap(),
            test,
            sealer: Sealer::from_key_file(&line, Arc::new(SystemRandom)).unwrap(),
            ca: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap(),
            stop: CancellationToken::new(),
        }
    }

    pub(crate) async fn node(&self, change: impl FnOnce(&mut EdgeConfig)) -> Node {
        let (db, sealer) = (self.db.clone(), self.sealer.clone());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let feed = Feed::boot(db.clone(), host("portico.localhost"), clock.clone()).await.unwrap();
        let tickets = SharedTickets::boot(db.clone(), sealer.clone(), clock.clone(), Arc::new(SystemRandom))
            .await
            .unwrap();
        let cache = CacheConfig { tickets: Some(tickets), ..CacheConfig::default() };
        let certs = CertCache::with(db.clone(), sealer, clock, cache).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let https = listener.local_addr().unwrap();
        let mut config = EdgeConfig { public_port: https.port(), ..EdgeConfig::default() };
        config.limits.connection_burst = 100_000.try_into().unwrap();
        config.limits.connections_per_second = 100_000.try_into().unwrap();
        change(&mut config);
        let table = feed.table();
        let edge = Edge::new(config, table.clone(), certs.clone(), db, Arc::new(PlainPages)).unwrap();
        let (stop, following) = (self.stop.clone(), certs.clone());
        tokio::spawn(async move {
            tokio::join!(
                feed.run(stop.clone()),
                following.run(stop.clone()),
                edge.serve_https(listener, application(), stop.clone()),
            )
        });
        let node = Node { table, certs, https };
        node.listens(&self.db).await;
        node
    }

    /// A tenant, known to the platform at `<slug>.portico.localhost`.
    pub(crate) async fn tenant(&self, slug: &str) -> TenantId {
        let id = TenantId::new(&SystemClock, &SystemRandom);
        self.sql(&format!("insert into tenants (id, slug, name) values ('{id}', '{slug}', '{slug}')")).await;
        id
    }

    /// A domain of a tenant, in this state.
    pub(crate) async fn domain(&self, tenant: TenantId, name: &str, state: &str) -> DomainId {
        let id = DomainId::new(&SystemClock, &SystemRandom);
        self.sql(&format!(
            "insert into domains (tenant_id, id, host, label, nonce, state, claimed_at)
             values ('{tenant}', '{id}', '{name}', '{id}', 'n', '{state}', now())"
        ))
        .await;
        id
    }

    pub(crate) async fn sql(&self, text: &str) {
        let text = sqlx::AssertSqlSafe(text.to_owned());
        sqlx::query(text).execute(&mut self.test.owner().await).await.unwrap();
    }

    /// A certificate of the private authority for these names, as if it had been ordered.
    pub(crate) async fn certificate(&self, names: &[&str]) {
        let key = KeyPair::generate().unwrap();
        let params =
            CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        let chain = params.signed_by(&key, &self.ca).unwrap().pem();
        let mut tx = self.db.system(System::Certificates).await.unwrap();
        let sources = (&SystemClock as _, &SystemRandom as _);
        acme::import::import(&mut tx, &self.sealer, sources, &chain, &key.serialize_pem()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A client of its own memory of sessions.
    pub(crate) fn client(&self, alpn: &[&[u8]]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.der().clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(acme::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }
}

impl Node {
    /// Until the feed and the cache hear hints: both have a connection that listens.
    async fn listens(&self, db: &Db) {
        let begin = Instant::now();
        // A hint for a name that stands nowhere changes nothing, and its connections are counted.
        loop {
            let mut tx = db.system(System::Routes).await.unwrap();
            let listening: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                  where datname = current_database() and query ilike 'listen%' and state = 'idle'",
            )
            .fetch_one(tx.conn())
            .await
            .unwrap();
            if listening % 2 == 0 && listening > 0 {
                // Both look once after they have begun to listen.
                tokio::time::sleep(Duration::from_millis(100)).await;
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(10), "{listening} listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn connect(
        &self,
        client: &Arc<ClientConfig>,
        name: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.https).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(client.clone()).connect(name, stream).await
    }

    /// One page over a connection of its own; gives what came and how the handshake went. Reading to the end takes the
    /// ticket in.
    pub(crate) async fn page(
        &self,
        client: &Arc<ClientConfig>,
        name: &str,
    ) -> std::io::Result<(String, HandshakeKind)> {
        let mut stream = self.connect(client, name).await?;
        let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let kind = stream.get_ref().1.handshake_kind().unwrap();
        Ok((String::from_utf8(answer).unwrap(), kind))
    }
}

fn application() -> Router {
    Router::new().fallback(|Extension(tenant): Extension<Tenant>| async move {
        format!("tenant={} host={}", tenant.slug, tenant.host)
    })
}
