//! A tenant with two customers and their people.

use std::sync::Arc;

use migrations::testing::TestDatabase;
use platform_connectors::requests::{self, Kind, NewRequest, Submitted};
use platform_core::clock::SystemClock;
use platform_core::db::DbConfig;
use platform_core::id::{ContactId, CustomerId, RequestId, TenantId};
use platform_core::random::SystemRandom;
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
