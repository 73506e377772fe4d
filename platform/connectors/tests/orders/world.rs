//! Our side in a test: a database with two tenants, their customers, and a runner beside an ERP.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use migrations::testing::TestDatabase;
use platform_connectors::health::{self, Health};
use platform_connectors::registry::{self, Connector, NewConnector};
use platform_connectors::sync::{Refresher, Runner};
use platform_connectors::{Author, stops};
use platform_core::clock::{Clock, SystemClock};
use platform_core::db::DbConfig;
use platform_core::id::{ConnectorId, CustomerId, OrderId, TenantId};
use platform_core::random::{Random, SystemRandom};
use platform_core::secrets::Sealer;
use platform_core::{Db, Scope};
use sqlx::{AssertSqlSafe, Row};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::erp::orderflow_mapping;

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) db: Db,
    pub(crate) sealer: Sealer,
    pub(crate) tenant: TenantId,
    pub(crate) brightwater: CustomerId,
    pub(crate) halvorsen: CustomerId,
}

/// A runner under way; dropping the token's guard would leave it running, so tests call `stop`.
pub(crate) struct Running {
    pub(crate) refresher: Refresher,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.expect("the runner ends in peace");
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let config =
            DbConfig { app: database.app_options(), operator: None, pooler: false, max_connections: 10 };
        let db = Db::connect(config).await.expect("our database answers");
        let key = Sealer::new_key_line(1, &SystemRandom);
        let sealer = Sealer::from_key_file(&key, Arc::new(SystemRandom)).expect("a key");
        let (clock, random) = (SystemClock, SystemRandom);
        let tenant = TenantId::new(&clock, &random);
        let brightwater = CustomerId::new(&clock, &random);
        let halvorsen = CustomerId::new(&clock, &random);
        let mut owner = database.owner().await;
        let arrange = format!(
            "insert into tenants (id, slug, name, time_zone) values ('{tenant}', 'techflow', 'TechFlow', 'America/Chicago');
             insert into customers (tenant_id, id, name, external_key) values
                 ('{tenant}', '{brightwater}', 'Brightwater Utilities', 'BRW-1042'),
                 ('{tenant}', '{halvorsen}', 'Halvorsen Marine', 'HAL-2210')"
        );
        sqlx::raw_sql(AssertSqlSafe(arrange)).execute(&mut owner).await.expect("tenants");
        Self { database, db, sealer, tenant, brightwater, halvorsen }
    }

    /// Adds the connector with a mapping that is read fast.
    pub(crate) async fn connect(&self, url: &str, mapping: &str) -> ConnectorId {
        let new = NewConnector {
            id: ConnectorId::new(&SystemClock, &SystemRandom),
            name: "OrderFlow",
            mapping: &hurried(mapping),
            url,
        };
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await.expect("a transaction");
        let id = registry::put(&mut tx, &self.sealer, &new).await.expect("a connector");
        tx.commit().await.expect("stored");
        id
    }

    pub(crate) async fn connect_orderflow(&self, url: &str) -> ConnectorId {
        self.connect(url, &orderflow_mapping()).await
    }

    /// Where documents lie that the ERP names by their path.
    pub(crate) async fn keep_documents_in(&self, connector: ConnectorId, folder: &std::path::Path) {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await.expect("a transaction");
        let folder = folder.to_str();
        registry::set_documents_root(&mut tx, connector, folder).await.expect("a folder");
        tx.commit().await.expect("stored");
    }

    /// Asks for everything anew.
    pub(crate) async fn sweep(&self, connector: ConnectorId) {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await.expect("a transaction");
        assert!(registry::request_sweep(&mut tx, connector).await.expect("asked"));
        tx.commit().await.expect("stored");
    }

    /// Waits for the first sweep of each part of the books.
    pub(crate) async fn books_loaded(&self) {
        eventually("the books' first load", || async {
            let books = self.connector().await.books;
            ["invoice", "credit", "address", "product"].iter().all(|part| !books[part]["swept_at"].is_null())
        })
        .await;
    }

    pub(crate) fn start(&self) -> Running {
        let runner =
            Runner::new(self.db.clone(), self.sealer.clone(), Arc::new(SystemClock), Arc::new(SystemRandom));
        let shutdown = CancellationToken::new();
        let refresher = runner.refresher();
        let task = tokio::spawn(runner.run(shutdown.clone()));
        Running { refresher, shutdown, task }
    }

    pub(crate) async fn connector(&self) -> Connector {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await.expect("a transaction");
        registry::list(&mut tx).await.expect("a list").remove(0)
    }

    pub(crate) async fn health(&self) -> Health {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await.expect("a transaction");
        health::all(&mut tx).await.expect("a report").remove(0)
    }

    /// Uses the kill switch.
    pub(crate) async fn halt(&self, connector: ConnectorId, by: &str, reason: &str) {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await.expect("a transaction");
        let clocks = (&SystemClock as &dyn Clock, &SystemRandom as &dyn Random);
        let by = Author::operator(by);
        assert!(stops::stop(&mut tx, clocks, connector, by, reason).await.expect("stopped"));
        tx.commit().await.expect("stored");
    }

    /// False when nothing was stopped.
    pub(crate) async fn resume(&self, connector: ConnectorId, by: &str) -> bool {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await.expect("a transaction");
        let clocks = (&SystemClock as &dyn Clock, &SystemRandom as &dyn Random);
        let done = stops::resume(&mut tx, clocks, connector, Author::operator(by)).await.expect("resumed");
        tx.commit().await.expect("stored");
        done
    }

    /// Statements of the owner of our own database.
    pub(crate) async fn sql(&self, sql: &str) {
        let mut owner = self.database.owner().await;
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut owner).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Waits for the first full sweep.
    pub(crate) async fn loaded(&self) {
        eventually("the first load", || async { self.connector().await.last_sweep_at.is_some() }).await;
    }

    /// One text value of the tenant's data, whoever's.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let mut owner = self.database.owner().await;
        let row = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut owner).await;
        row.unwrap_or_else(|error| panic!("{sql}: {error}")).get::<Option<String>, _>(0).unwrap_or_default()
    }

    pub(crate) async fn order(&self, key: &str) -> OrderId {
        let id = self.value(&format!("select id::text from orders where external_id = '{key}'")).await;
        id.parse().expect("an order")
    }

    /// A word of one order, whoever's.
    pub(crate) async fn word(&self, key: &str, column: &str) -> String {
        self.value(&format!("select {column}::text from orders where external_id = '{key}'")).await
    }
}

pub(crate) fn hurried(mapping: &str) -> String {
    mapping
        .replace("hot_seconds = 5", "hot_seconds = 1\nstatements_per_second = 0")
        .replace("watermark_seconds = 15", "watermark_seconds = 1")
        .replace("invoice_seconds = 60", "invoice_seconds = 1")
        .replace("books_seconds = 60", "books_seconds = 1")
}

/// Waits until it is so; a test that waits in vain says for what.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, so: impl Fn() -> F) -> Duration {
    let started = Instant::now();
    while !so().await {
        assert!(started.elapsed() < Duration::from_secs(90), "never: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    started.elapsed()
}

impl World {
    /// The status of an order that may not be there yet.
    pub(crate) async fn word_or_none(&self, key: &str) -> Option<String> {
        let sql = format!("select (select status from orders where external_id = '{key}')");
        Some(self.value(&sql).await).filter(|status| !status.is_empty())
    }
}
