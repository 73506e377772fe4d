//! The tenant wall as the application role meets it: what each kind of transaction sees, and what it cannot do.

use migrations::testing::TestDatabase;
use platform_core::clock::SystemClock;
use platform_core::db::DbConfig;
use platform_core::id::{ContactId, CustomerId, TenantId};
use platform_core::random::SystemRandom;
use platform_core::tenants::{self, Contact};
use platform_core::{Db, Error, Scope, System};

use crate::ground;

struct World {
    database: TestDatabase,
    db: Db,
    tenants: [TenantId; 2],
    customers: [CustomerId; 3],
}

/// Two tenants; the first has two customers, the second one; each customer has the same contact address.
async fn world() -> World {
    let database = TestDatabase::new().await;
    let db = ground::open(&database).await;
    let ids = [ground::tenant(&db, "techflow").await, ground::tenant(&db, "lumen").await];
    let mut customers = Vec::new();
    for (tenant, key) in [(ids[0], "A"), (ids[0], "B"), (ids[1], "A")] {
        let mut tx = db.tenant(Scope::tenant(tenant)).await.expect("a transaction");
        let id = CustomerId::new(&SystemClock, &SystemRandom);
        let customer =
            tenants::upsert_customer(&mut tx, id, key, key).await.expect("the customer is created");
        let contact = Contact {
            id: ContactId::new(&SystemClock, &SystemRandom),
            customer_id: customer,
            email: "maya@customer.example".into(),
            name: "Maya".into(),
            role: "admin".into(),
            locale: None,
            active: true,
        };
        tenants::upsert_contact(&mut tx, &contact).await.expect("the contact is created");
        tx.commit().await.expect("it is kept");
        customers.push(customer);
    }
    World { database, db, tenants: ids, customers: [customers[0], customers[1], customers[2]] }
}

async fn count(tx: &mut platform_core::TenantTx, table: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
        .fetch_one(tx.conn())
        .await
        .expect("the count answers")
}

#[tokio::test]
async fn a_tenant_sees_its_own_rows_and_a_customer_only_its_own() {
    let world = world().await;
    let mut staff = world.db.tenant(Scope::tenant(world.tenants[0])).await.expect("a transaction");
    assert_eq!(count(&mut staff, "customers").await, 2);
    assert_eq!(count(&mut staff, "contacts").await, 2);
    assert_eq!(count(&mut staff, "tenants").await, 1);
    drop(staff);
    let scope = Scope::customer(world.tenants[0], world.customers[0]);
    let mut contact = world.db.tenant(scope).await.expect("a transaction");
    assert_eq!(count(&mut contact, "customers").await, 1);
    assert_eq!(count(&mut contact, "contacts").await, 1);
    drop(contact);
    // A customer of another tenant: the pair matches nothing.
    let mut crossed =
        world.db.tenant(Scope::customer(world.tenants[0], world.customers[2])).await.expect("a transaction");
    assert_eq!(count(&mut crossed, "contacts").await, 0);
}

#[tokio::test]
async fn sign_in_finds_a_person_in_one_tenant_only() {
    let world = world().await;
    let mut tx = world.db.tenant(Scope::tenant(world.tenants[0])).await.expect("a transaction");
    let found =
        tenants::contacts_by_email(&mut tx, "MAYA@customer.example").await.expect("the look-up answers");
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|contact| contact.customer_id != world.customers[2]));
}

#[tokio::test]
async fn no_setting_shows_no_row_even_after_another_transaction() {
    let world = world().await;
    let one = DbConfig { max_connections: 1, ..ground::config(&world.database) };
    let db = Db::connect(one).await.expect("the application role is safe");
    let mut tx = db.tenant(Scope::tenant(world.tenants[0])).await.expect("a transaction");
    assert_eq!(count(&mut tx, "contacts").await, 2);
    tx.commit().await.expect("it ends");
    // The same connection, now for a purpose that opens neither of these tables.
    let mut tx = db.system(System::Mail).await.expect("a transaction");
    let seen: i64 =
        sqlx::query_scalar("select (select count(*) from contacts) + (select count(*) from customers)")
            .fetch_one(tx.conn())
            .await
            .expect("the count answers");
    assert_eq!(seen, 0);
}

#[tokio::test]
async fn rows_cannot_be_written_into_another_tenant() {
    let world = world().await;
    let mut tx = world.db.tenant(Scope::tenant(world.tenants[0])).await.expect("a transaction");
    let refused = sqlx::query("insert into customers (tenant_id, id, name) values ($1, $2, 'x')")
        .bind(world.tenants[1])
        .bind(CustomerId::new(&SystemClock, &SystemRandom))
        .execute(tx.conn())
        .await
        .expect_err("the policy refuses");
    assert_eq!(refused.as_database_error().and_then(|e| e.code()).as_deref(), Some("42501"));
    drop(tx);
    // Foreign keys ignore row-level security, so the key itself must carry the tenant.
    let mut tx = world.db.tenant(Scope::tenant(world.tenants[0])).await.expect("a transaction");
    let contact = Contact {
        id: ContactId::new(&SystemClock, &SystemRandom),
        customer_id: world.customers[2],
        email: "x@y.example".into(),
        name: "X".into(),
        role: "user".into(),
        locale: None,
        active: true,
    };
    let refused = tenants::upsert_contact(&mut tx, &contact).await.expect_err("the key refuses");
    assert_eq!(refused.constraint(), Some("contacts_customer_fkey"));
}

#[tokio::test]
async fn the_audit_log_cannot_be_changed() {
    let world = world().await;
    for sql in ["update audit_log set action = 'x'", "delete from audit_log", "truncate audit_log"] {
        let mut tx = world.db.tenant(Scope::tenant(world.tenants[0])).await.expect("a transaction");
        let refused = sqlx::query(sql).execute(tx.conn()).await.expect_err("nobody may");
        assert_eq!(refused.as_database_error().and_then(|e| e.code()).as_deref(), Some("42501"), "{sql}");
    }
}

#[tokio::test]
async fn a_role_that_could_pass_the_wall_is_refused() {
    let database = TestDatabase::new().await;
    let config =
        DbConfig { app: database.owner_options(), operator: None, pooler: false, max_connections: 2 };
    assert!(matches!(Db::connect(config).await, Err(Error::Unsafe(_))), "a superuser must not serve");
}

#[tokio::test]
async fn an_operator_leaves_a_line() {
    let world = world().await;
    let mut owner = world.database.owner().await;
    let lines: Vec<(String, String)> = sqlx::query_as("select actor, reason from operator_log")
        .fetch_all(&mut owner)
        .await
        .expect("the log answers");
    assert_eq!(lines, vec![("test".to_owned(), "arrange".to_owned()); 2]);
}

#[tokio::test]
async fn ten_thousand_interleaved_requests_on_one_connection_see_no_foreign_row() {
    let world = world().await;
    let one = DbConfig { max_connections: 1, ..ground::config(&world.database) };
    let db = Db::connect(one).await.expect("the application role is safe");
    for round in 0..10_000_usize {
        let tenant = round % 2;
        let mut tx = db.tenant(Scope::tenant(world.tenants[tenant])).await.expect("a transaction");
        if round % 40 == 7 {
            // Cancelled in flight: the future is dropped with its statement unanswered.
            let slow = sqlx::query("select pg_sleep(0.005)").execute(tx.conn());
            let _ = tokio::time::timeout(std::time::Duration::from_micros(50), slow).await;
            continue;
        }
        let foreign: i64 = sqlx::query_scalar("select count(*) from contacts where tenant_id <> $1")
            .bind(world.tenants[tenant])
            .fetch_one(tx.conn())
            .await
            .expect("the count answers");
        assert_eq!(foreign, 0, "round {round}");
        if round % 3 == 0 {
            tx.commit().await.expect("it ends");
        }
    }
}
