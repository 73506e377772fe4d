//! Every statement of the account slice, on a real database, as the application role, under the customer wall.

use chrono::{NaiveDate, TimeDelta};
use migrations::testing::TestDatabase;
use platform_core::clock::{Clock as _, SystemClock};
use platform_core::db::DbConfig;
use platform_core::id::{ConnectorId, ContactId, CustomerId, OrderId, TenantId};
use platform_core::random::SystemRandom;
use platform_core::{Db, Scope, TenantTx};
use platform_portal::account::standing::{Level, ageing, credit};
use platform_portal::account::store;
use rust_decimal::Decimal;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

struct World {
    db: Db,
    owner: PgConnection,
    tenant: TenantId,
    connector: ConnectorId,
    ours: CustomerId,
    theirs: CustomerId,
    contact: ContactId,
    today: NaiveDate,
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let config =
            DbConfig { app: database.app_options(), operator: None, pooler: false, max_connections: 4 };
        let (clock, random) = (SystemClock, SystemRandom);
        let mut world = Self {
            db: Db::connect(config).await.expect("the database answers"),
            owner: database.owner().await,
            tenant: TenantId::new(&clock, &random),
            connector: ConnectorId::new(&clock, &random),
            ours: CustomerId::new(&clock, &random),
            theirs: CustomerId::new(&clock, &random),
            contact: ContactId::new(&clock, &random),
            today: "2026-11-21".parse().expect("a day"),
        };
        let World { tenant, connector, ours, theirs, contact, .. } = &world;
        let arrange = format!(
            "insert into tenants (id, slug, name) values ('{tenant}', 'techflow', 'TechFlow');
             insert into customers (tenant_id, id, name, external_key) values ('{tenant}', '{ours}', 'Ours', 'A-1'), ('{tenant}', '{theirs}', 'Theirs', 'A-2');
             insert into contacts (tenant_id, id, customer_id, email, name) values ('{tenant}', '{contact}', '{ours}', 'a@ours.example', 'A');
             insert into connectors (tenant_id, id, kind, name, mapping, connection_url) values ('{tenant}', '{connector}', 'orders', 'OrderFlow', '', '')"
        );
        world.sql(&arrange).await;
        world
    }

    async fn sql(&mut self, sql: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.owner).await;
        done.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    async fn tx(&self, customer: CustomerId) -> TenantTx {
        self.db.tenant(Scope::customer(self.tenant, customer)).await.expect("a transaction")
    }

    /// `(kind, status, days until due, total, paid, currency, order)`, issued 30 days before it is due.
    async fn invoice(&mut self, of: (&str, &str, i64, i64, i64, &str, &str)) {
        let (kind, status, due, total, paid, currency, order) = of;
        let (id, day) = (OrderId::new(&SystemClock, &SystemRandom), self.today + TimeDelta::days(due));
        let (tenant, ours, connector) = (self.tenant, self.ours, self.connector);
        self.sql(&format!(
            "insert into invoices (tenant_id, id, customer_id, connector_id, external_id, kind, number, order_key, status, issued_on, due_on,
                 total, paid, currency, row_hash, first_seen_at, changed_at)
             values ('{tenant}', '{id}', '{ours}', '{connector}', '{id}', '{kind}', 'N{total}', '{order}', '{status}', date '{day}' - 30, '{day}',
                 {total}, {paid}, '{currency}', '', now(), now())"
        ))
        .await;
    }

    async fn order(&mut self, key: &str, status: &str, total: i64, currency: &str) {
        let id = OrderId::new(&SystemClock, &SystemRandom);
        let (tenant, ours, connector) = (self.tenant, self.ours, self.connector);
        self.sql(&format!(
            "insert into orders (tenant_id, id, customer_id, connector_id, external_id, number, status, total, currency, sort_at, source_open,
                 row_hash, first_seen_at, changed_at)
             values ('{tenant}', '{id}', '{ours}', '{connector}', '{key}', '{key}', '{status}', {total}, '{currency}', now(), true, '', now(), now())"
        ))
        .await;
    }
}

#[tokio::test]
async fn credit_counts_open_orders_that_were_not_invoiced_and_keeps_currencies_apart() {
    let mut world = World::new().await;
    let (tenant, ours, connector) = (world.tenant, world.ours, world.connector);
    world
        .sql(&format!(
            "insert into account_standing (tenant_id, customer_id, connector_id, credit_limit, used, currency, terms, on_hold, as_of)
             values ('{tenant}', '{ours}', '{connector}', 1000, null, 'EUR', '30 days', false, now())"
        ))
        .await;
    for invoice in [
        ("invoice", "open", 5, 200, 0, "EUR", "x"),
        ("invoice", "partly_paid", -40, 300, 100, "EUR", "half"),
        ("invoice", "paid", -50, 70, 70, "EUR", "x"),
        ("invoice", "void", -50, 5000, 0, "EUR", "none"),
        ("credit_note", "open", -50, 50, 0, "EUR", "x"),
        ("invoice", "open", -100, 9, 0, "USD", "x"),
    ] {
        world.invoice(invoice).await;
    }
    for (key, status, total, currency) in [
        ("half", "shipped", 500, "EUR"),
        ("none", "confirmed", 150, "EUR"),
        ("done", "delivered", 7000, "EUR"),
        ("gone", "cancelled", 7000, "EUR"),
        ("other", "confirmed", 7000, "USD"),
    ] {
        world.order(key, status, total, currency).await;
    }
    let mut tx = world.tx(ours).await;
    let standings = store::standings(&mut tx).await.expect("standings");
    let line = credit(standings[0].clone()).expect("a currency");
    let amounts = [line.used.amount, line.exposure.amount, line.available.expect("a limit").amount];
    // 200 + (300 - 100) - 50 unpaid; 500 - 300 invoiced, and 150.
    assert_eq!(amounts, [350, 350, 300].map(Decimal::from));
    assert_eq!((line.percent, line.level), (70, Level::Calm));
    let ages = ageing(&store::unpaid(&mut tx).await.expect("sums"), world.today);
    let sums = |at: usize| ages[at].buckets.iter().map(|money| money.amount).collect::<Vec<_>>();
    assert_eq!(
        (sums(0), sums(1)),
        ([200, 0, 200, 0, 0].map(Decimal::from).to_vec(), [0, 0, 0, 0, 9].map(Decimal::from).to_vec())
    );
    let company = store::company(&mut tx).await.expect("an answer").expect("it is there");
    assert_eq!((company.name.as_str(), company.external_key.as_deref()), ("Ours", Some("A-1")));

    let mut tx = world.tx(world.theirs).await;
    assert!(store::standings(&mut tx).await.expect("an answer").is_empty());
    assert!(store::unpaid(&mut tx).await.expect("an answer").is_empty());
}

#[tokio::test]
async fn addresses_are_archived_by_their_own_customer_alone() {
    let mut world = World::new().await;
    let (tenant, ours, connector) = (world.tenant, world.ours, world.connector);
    let ids = [1_u128, 2, 3].map(Uuid::from_u128);
    for (id, kind, default) in
        [(ids[0], "ship_to", false), (ids[1], "ship_to", true), (ids[2], "bill_to", false)]
    {
        world
            .sql(&format!(
                "insert into addresses (tenant_id, id, customer_id, connector_id, external_id, kind, street, is_default, row_hash, changed_at)
                 values ('{tenant}', '{id}', '{ours}', '{connector}', '{id}', '{kind}', 'street', {default}, '', now())"
            ))
            .await;
    }
    let mut tx = world.tx(ours).await;
    let order = |rows: Vec<store::AddressRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(
        order(store::addresses(&mut tx).await.expect("rows")),
        [ids[1], ids[0], ids[2]],
        "the default first"
    );
    assert!(store::set_archived(&mut tx, ids[1], Some(SystemClock.now())).await.expect("an answer"));
    assert_eq!(
        order(store::addresses(&mut tx).await.expect("rows")),
        [ids[0], ids[2], ids[1]],
        "archived last"
    );
    assert!(
        store::address(&mut tx, ids[1]).await.expect("an answer").expect("it is there").archived_at.is_some()
    );
    assert!(store::set_archived(&mut tx, ids[1], None).await.expect("an answer"));
    assert!(
        !store::set_archived(&mut tx, ids[2], Some(SystemClock.now())).await.expect("an answer"),
        "bills go somewhere"
    );
    tx.commit().await.expect("it is kept");

    let mut tx = world.tx(world.theirs).await;
    assert!(store::addresses(&mut tx).await.expect("an answer").is_empty());
    assert!(store::address(&mut tx, ids[0]).await.expect("an answer").is_none());
    assert!(!store::set_archived(&mut tx, ids[0], Some(SystemClock.now())).await.expect("an answer"));
    drop(tx);

    let mut tx = world.tx(ours).await;
    assert_eq!(store::locale(&mut tx, world.contact).await.expect("an answer"), None);
    store::set_locale(&mut tx, world.contact, "ar").await.expect("it is kept");
    assert_eq!(store::locale(&mut tx, world.contact).await.expect("an answer").as_deref(), Some("ar"));
}

#[tokio::test]
async fn a_statement_holds_its_period_and_what_is_unpaid_from_before() {
    let mut world = World::new().await;
    // Issued 30 days before the due day: in the period of the last 20 days, or before it.
    for invoice in [
        ("invoice", "paid", 20, 1, 1, "EUR", "x"),
        ("invoice", "paid", 0, 2, 2, "EUR", "x"),
        ("invoice", "open", -10, 3, 0, "EUR", "x"),
        ("invoice", "void", 20, 4, 0, "EUR", "x"),
        ("credit_note", "open", 25, 5, 0, "USD", "x"),
        ("invoice", "open", 40, 6, 0, "EUR", "x"),
    ] {
        world.invoice(invoice).await;
    }
    let mut tx = world.tx(world.ours).await;
    let from = world.today - TimeDelta::days(20);
    let rows = store::statement(&mut tx, from, world.today, 100).await.expect("rows");
    let told: Vec<_> = rows.iter().map(|row| (row.number.as_str(), row.currency.as_str())).collect();
    assert_eq!(
        told,
        [("N3", "EUR"), ("N1", "EUR"), ("N5", "USD")],
        "by currency and day; neither future nor cancelled"
    );
    assert_eq!(store::statement(&mut tx, from, world.today, 1).await.expect("rows").len(), 1);
    let mut tx = world.tx(world.theirs).await;
    assert!(store::statement(&mut tx, from, world.today, 100).await.expect("an answer").is_empty());
}
