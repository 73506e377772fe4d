//! A tenant with two customers and their people.

use std::sync::Arc;

use migrations::testing::TestDatabase;
use platform_connectors::doors::{Doors, DoorsConfig};
use platform_connectors::requests::{self, Kind, NewRequest, Request, Submitted};
use platform_core::clock::{Clock, SystemClock};
use platform_core::db::DbConfig;
use platform_core::id::{ContactId, CustomerId, RequestId, TenantId};
use platform_core::jobs::Worker;
use platform_core::mail::Outbox;
use platform_core::random::{Random, SystemRandom};
use platform_core::secrets::Sealer;
use platform_core::{Db, Scope, TenantTx};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};

pub(crate) struct Ground {
    pub(crate) database: TestDatabase,
    pub(crate) db: Db,
    pub(crate) sealer: Sealer,
    pub(crate) tenant: TenantId,
    pub(crate) brightwater: CustomerId,
    pub(crate) halvorsen: CustomerId,
    pub(crate) maya: ContactId,
    pub(crate) noor: ContactId,
    pub(crate) sverre: ContactId,
}

impl Ground {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let config = DbConfig {
            app: database.app_options(),
            operator: Some(database.operator_options()),
            pooler: false,
            max_connections: 10,
        };
        let db = Db::connect(config).await.expect("our database answers");
        let key = Sealer::new_key_line(1, &SystemRandom);
        let sealer = Sealer::from_key_file(&key, Arc::new(SystemRandom)).expect("a key");
        let (clock, random) = (SystemClock, SystemRandom);
        let tenant = TenantId::new(&clock, &random);
        let (brightwater, halvorsen) = (CustomerId::new(&clock, &random), CustomerId::new(&clock, &random));
        let [maya, noor, sverre] = [(); 3].map(|()| ContactId::new(&clock, &random));
        let arrange = format!(
            "insert into tenants (id, slug, name, time_zone) values ('{tenant}', 'techflow', 'TechFlow', 'America/Chicago');
             insert into customers (tenant_id, id, name, external_key) values
                 ('{tenant}', '{brightwater}', 'Brightwater Utilities', 'BRW-1042'),
                 ('{tenant}', '{halvorsen}', 'Halvorsen Marine', 'HAL-2210');
             insert into contacts (tenant_id, id, customer_id, email, name, role) values
                 ('{tenant}', '{maya}', '{brightwater}', 'maya@brightwater.example', 'Maya Okafor', 'champion'),
                 ('{tenant}', '{noor}', '{brightwater}', 'noor@brightwater.example', 'Noor Haddad', 'admin'),
                 ('{tenant}', '{sverre}', '{halvorsen}', 'sverre@halvorsen.example', 'Sverre Dahl', 'admin')"
        );
        let mut owner = database.owner().await;
        sqlx::raw_sql(AssertSqlSafe(arrange)).execute(&mut owner).await.expect("people");
        Self { database, db, sealer, tenant, brightwater, halvorsen, maya, noor, sverre }
    }

    /// What a contact of Brightwater sees.
    pub(crate) async fn customer(&self) -> TenantTx {
        self.db.tenant(Scope::customer(self.tenant, self.brightwater)).await.expect("a transaction")
    }

    /// What staff and workers see.
    pub(crate) async fn staff(&self) -> TenantTx {
        self.db.tenant(Scope::tenant(self.tenant)).await.expect("a transaction")
    }

    pub(crate) fn reorder<'a>(&self, key: &'a str, payload: Value) -> NewRequest<'a> {
        NewRequest {
            kind: Kind::Reorder,
            customer: self.brightwater,
            contact: self.maya,
            payload,
            summary: "2 items".to_owned(),
            idempotency_key: key,
            approval: false,
        }
    }

    pub(crate) async fn submit(&self, new: NewRequest<'_>) -> Result<Submitted, requests::Error> {
        let mut tx = self.customer().await;
        let done = requests::submit(&mut tx, &SystemClock, &SystemRandom, new).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// A submitted reorder of two pumps.
    pub(crate) async fn submitted(&self, key: &str) -> RequestId {
        let payload = json!({ "lines": [{ "sku": "PMP-50", "quantity": "2" }], "purchase_order": "PO-7" });
        self.submit(self.reorder(key, payload)).await.expect("it is taken").id
    }

    /// One value of the whole database, whoever's.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let mut owner = self.database.owner().await;
        let row = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut owner).await;
        row.unwrap_or_else(|error| panic!("{sql}: {error}")).get::<Option<String>, _>(0).unwrap_or_default()
    }
}

impl Ground {
    /// Doors as a node has them; `loopback` as in the demo.
    pub(crate) fn doors(&self) -> Doors {
        let config =
            DoorsConfig { base_domain: "portico.localhost".into(), public_port: 8443, loopback: true };
        let clocks: (Arc<dyn Clock>, Arc<dyn Random>) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let outbox = Outbox::new(self.sealer.clone(), clocks.0.clone(), clocks.1.clone());
        Doors::new(self.db.clone(), self.sealer.clone(), outbox, clocks, config)
    }

    /// Runs what is due of hand-overs, whatever pause a failure has asked for.
    pub(crate) async fn work(&self, doors: &Doors) {
        self.run("update jobs set due_at = now() where done_at is null").await;
        doors.register(Worker::new(self.db.clone())).run_batch().await.expect("jobs can be claimed");
    }

    pub(crate) async fn run(&self, sql: &str) {
        let mut owner = self.database.owner().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut owner).await.expect("arranged");
    }

    pub(crate) async fn request(&self, id: RequestId) -> Request {
        let mut tx = self.customer().await;
        requests::get(&mut tx, id).await.expect("answers").expect("seen")
    }
}

/// An order system's database with an inbox, on the test's own server.
pub(crate) struct Erp(pub(crate) TestDatabase);

impl Erp {
    pub(crate) async fn new() -> Self {
        static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        // Roles belong to the server, so two tests at once would make it twice.
        let _one = ONE.lock().await;
        let erp = Self(TestDatabase::new().await);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/orderflow/inbox.sql");
        erp.run(&std::fs::read_to_string(path).expect("the file is there")).await;
        erp
    }

    pub(crate) async fn run(&self, sql: &str) {
        let mut owner = self.0.owner().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut owner)
            .await
            .expect("the order system answers");
    }

    pub(crate) async fn value(&self, sql: &str) -> String {
        let mut owner = self.0.owner().await;
        let row = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut owner).await;
        row.unwrap_or_else(|error| panic!("{sql}: {error}")).get::<Option<String>, _>(0).unwrap_or_default()
    }

    pub(crate) fn url(&self, role: &str) -> String {
        let options = self.0.owner_options();
        let socket =
            options.get_socket().expect("a socket").to_str().expect("a plain path").replace('/', "%2F");
        let name = options.get_database().expect("a name");
        format!("postgres://{role}@{socket}/{name}?sslmode=disable")
    }
}
