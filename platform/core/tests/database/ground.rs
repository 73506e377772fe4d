//! What the database tests stand on: pools as the application sees them, and a tenant.

use migrations::testing::TestDatabase;
use platform_core::Db;
use platform_core::clock::SystemClock;
use platform_core::db::DbConfig;
use platform_core::id::TenantId;
use platform_core::random::SystemRandom;
use platform_core::tenants::{self, NewTenant};

/// How a test's database is reached.
pub(crate) fn config(database: &TestDatabase) -> DbConfig {
    DbConfig {
        app: database.app_options(),
        operator: Some(database.operator_options()),
        pooler: false,
        max_connections: 4,
    }
}

/// The pools of a test's database.
pub(crate) async fn open(database: &TestDatabase) -> Db {
    Db::connect(config(database)).await.expect("the application role is safe")
}

/// A tenant with nothing but a name.
pub(crate) async fn tenant(db: &Db, slug: &str) -> TenantId {
    let mut tx = db.operator("test", "arrange").await.expect("an operator may");
    let brand = serde_json::json!({});
    let new = NewTenant {
        id: TenantId::new(&SystemClock, &SystemRandom),
        slug,
        name: slug,
        locale: "en",
        time_zone: "UTC",
        modules: &[],
        brand: &brand,
    };
    let id = tenants::upsert(&mut tx, &new).await.expect("the tenant is created");
    tx.commit().await.expect("it is kept");
    id
}
