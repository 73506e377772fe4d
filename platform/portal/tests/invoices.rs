//! Every statement of the invoices slice, on a real database, as the application role, under the customer wall.

use std::collections::BTreeSet;

use chrono::{NaiveDate, TimeDelta};
use migrations::testing::TestDatabase;
use platform_core::clock::SystemClock;
use platform_core::db::DbConfig;
use platform_core::id::{ConnectorId, CustomerId, OrderId, TenantId};
use platform_core::random::SystemRandom;
use platform_core::{Db, Scope, TenantTx};
use platform_portal::invoices::invoice::{From, Kind, Show, Status, days_overdue};
use platform_portal::invoices::store::{self, InvoiceRow, PAGE, Query};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

struct World {
    db: Db,
    owner: PgConnection,
    tenant: TenantId,
    connector: ConnectorId,
    ours: CustomerId,
    theirs: CustomerId,
    today: NaiveDate,
}

/// An invoice to be; days are counted from today.
#[derive(Clone, Copy)]
struct New<'a> {
    key: &'a str,
    kind: &'a str,
    status: &'a str,
    issued: i64,
    due: Option<i64>,
    order: &'a str,
    corrects: &'a str,
    purchase_order: &'a str,
}

const PLAIN: New<'static> = New {
    key: "",
    kind: "invoice",
    status: "open",
    issued: -5,
    due: Some(25),
    order: "",
    corrects: "",
    purchase_order: "",
};

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
            today: "2026-11-21".parse().expect("a day"),
        };
        let World { tenant, connector, ours, theirs, .. } = &world;
        let arrange = format!(
            "insert into tenants (id, slug, name) values ('{tenant}', 'techflow', 'TechFlow');
             insert into customers (tenant_id, id, name) values ('{tenant}', '{ours}', 'Ours'), ('{tenant}', '{theirs}', 'Theirs');
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

    async fn add(&mut self, customer: CustomerId, new: New<'_>) -> Uuid {
        let id = OrderId::new(&SystemClock, &SystemRandom).0;
        let key = if new.key.is_empty() { id.to_string() } else { new.key.to_owned() };
        let day = |days: i64| self.today + TimeDelta::days(days);
        let text = |text: &str| if text.is_empty() { "null".to_owned() } else { format!("'{text}'") };
        let sql = format!(
            "insert into invoices (tenant_id, id, customer_id, connector_id, external_id, kind, number, order_key, corrects_key, status,
                                   issued_on, due_on, total, paid, currency, purchase_order, row_hash, first_seen_at, changed_at)
             values ('{}', '{id}', '{customer}', '{}', '{key}', '{}', 'INV-{key}', {}, {}, '{}', '{}', {}, 100, 25, 'EUR', {}, '', now(), now())",
            self.tenant,
            self.connector,
            new.kind,
            text(new.order),
            text(new.corrects),
            new.status,
            day(new.issued),
            new.due.map_or("null".to_owned(), |days| format!("'{}'", day(days))),
            text(new.purchase_order),
        );
        self.sql(&sql).await;
        id
    }

    async fn list(&self, show: Show, search: &str, from: From) -> Vec<InvoiceRow> {
        let query = Query { show, search, from, today: self.today, limit: PAGE + 1 };
        store::list(&mut self.tx(self.ours).await, &query).await.expect("a list")
    }

    /// All pages of a filter, from the newest on.
    async fn all(&self, show: Show) -> Vec<InvoiceRow> {
        let (mut all, mut from) = (Vec::new(), From::Newest);
        loop {
            let mut page = self.list(show, "", from).await;
            let more = page.len() > PAGE;
            page.truncate(PAGE);
            let Some(last) = page.last().map(InvoiceRow::cursor) else { return all };
            all.append(&mut page);
            if !more {
                return all;
            }
            from = From::OlderThan(last);
        }
    }
}

fn ids(rows: &[InvoiceRow]) -> Vec<Uuid> {
    rows.iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn filters_and_counts_mean_what_the_rules_mean() {
    let mut world = World::new().await;
    let (mut count, mut known) = (0, BTreeSet::new());
    for kind in ["invoice", "credit_note"] {
        for status in ["open", "partly_paid", "paid", "void"] {
            for due in [None, Some(-40), Some(-1), Some(0), Some(1)] {
                for _ in 0..2 {
                    // Pairs of the same day: places must not lose one of them.
                    let new = New { kind, status, due, issued: -(count / 2), ..PLAIN };
                    known.insert(world.add(world.ours, new).await);
                    count += 1;
                }
            }
        }
    }
    world.add(world.theirs, New { due: Some(-9), ..PLAIN }).await;
    let gone = world.add(world.ours, New { due: Some(-9), ..PLAIN }).await;
    world.sql(&format!("update invoices set deleted_at = now() where id = '{gone}'")).await;

    let all = world.all(Show::All).await;
    assert_eq!(
        ids(&all).into_iter().collect::<BTreeSet<_>>(),
        known,
        "everything of ours that is still there"
    );
    assert_eq!(all.len(), known.len(), "and each once");
    let today = world.today;
    let unpaid = |row: &InvoiceRow| {
        row.kind() == Kind::Invoice && matches!(row.status(), Status::Open | Status::PartlyPaid)
    };
    let overdue = |row: &InvoiceRow| days_overdue(row.kind(), row.status(), row.due_on, today).is_some();
    let mut counts = Vec::new();
    for show in Show::ALL {
        let rule = |row: &&InvoiceRow| match show {
            Show::All => true,
            Show::Open => unpaid(row),
            Show::Overdue => overdue(row),
            Show::Paid => row.kind() == Kind::Invoice && row.status() == Status::Paid,
            Show::CreditNotes => row.kind() == Kind::CreditNote,
        };
        let by_rule: Vec<Uuid> = all.iter().filter(rule).map(|row| row.id).collect();
        assert_eq!(ids(&world.all(show).await), by_rule, "{show:?}: the statement and the rule differ");
        counts.push(i64::try_from(by_rule.len()).expect("a small number"));
    }
    let mut tx = world.tx(world.ours).await;
    let overview = store::overview(&mut tx, today).await.expect("an overview");
    assert_eq!((overview.any, overview.open, overview.overdue), (true, counts[1], counts[2]));
    assert_eq!(overview.oldest_due_on, Some(today - TimeDelta::days(40)));
    let sums = store::overdue_sums(&mut tx, today).await.expect("sums");
    assert_eq!(sums, [("EUR".to_owned(), rust_decimal::Decimal::from(75 * counts[2]))]);
}

#[tokio::test]
async fn pages_go_both_ways_and_meet() {
    let mut world = World::new().await;
    let many = i64::try_from(2 * PAGE + 5).expect("small");
    for number in 0..many {
        world.add(world.ours, New { issued: -number / 3, ..PLAIN }).await;
    }
    let all = ids(&world.all(Show::All).await);
    assert_eq!(all.len(), 2 * PAGE + 5);
    let last =
        world.list(Show::All, "", From::OlderThan(world.all(Show::All).await[2 * PAGE - 1].cursor())).await;
    assert_eq!(ids(&last), all[2 * PAGE..]);
    let mut up = world.list(Show::All, "", From::NewerThan(last[0].cursor())).await;
    assert_eq!(up.len(), PAGE + 1, "there are more that way");
    up.remove(0);
    assert_eq!(ids(&up), all[PAGE..2 * PAGE]);
}

#[tokio::test]
async fn invoices_are_found_by_what_people_have_in_hand() {
    let mut world = World::new().await;
    let (tenant, connector, ours) = (world.tenant, world.connector, world.ours);
    let order = OrderId::new(&SystemClock, &SystemRandom);
    world
        .sql(&format!(
            "insert into orders (tenant_id, id, customer_id, connector_id, external_id, number, status, sort_at, source_open, row_hash, first_seen_at, changed_at)
             values ('{tenant}', '{order}', '{ours}', '{connector}', 'o-1', 'SO-47585', 'shipped', now(), true, '', now(), now());
             insert into order_search_keys (tenant_id, customer_id, key, order_id) values ('{tenant}', '{ours}', 'SO47585', '{order}'), ('{tenant}', '{ours}', '47585', '{order}')"
        ))
        .await;
    let one = world.add(world.ours, New { key: "20-41", order: "o-1", issued: -1, ..PLAIN }).await;
    let other =
        world.add(world.ours, New { key: "20-77", purchase_order: "PO 2291/B", issued: -2, ..PLAIN }).await;
    world.add(world.theirs, New { key: "20-99", ..PLAIN }).await;
    for (search, found) in [
        ("2041", vec![one]),
        ("INV20", vec![one, other]),
        ("2291B", vec![other]),
        ("SO47585", vec![one]),
        ("475", vec![one]),
        ("2099", vec![]),
        ("ZZ", vec![]),
    ] {
        assert_eq!(ids(&world.list(Show::All, search, From::Newest).await), found, "{search:?}");
    }
    let row = &world.list(Show::All, "2041", From::Newest).await[0];
    assert_eq!((row.order_id, row.order_number.as_deref()), (Some(order.0), Some("SO-47585")));
}

#[tokio::test]
async fn an_invoice_is_told_whole_to_its_customer_and_not_at_all_to_another() {
    let mut world = World::new().await;
    let id = world.add(world.ours, New { key: "1", ..PLAIN }).await;
    let credit = world.add(world.ours, New { key: "2", kind: "credit_note", corrects: "1", ..PLAIN }).await;
    let (tenant, ours, connector) = (world.tenant, world.ours, world.connector);
    world
        .sql(&format!(
            "insert into invoice_lines (tenant_id, invoice_id, customer_id, external_id, position, description) values
                 ('{tenant}', '{id}', '{ours}', 'b', 2, 'second'), ('{tenant}', '{id}', '{ours}', 'a', 1, 'first');
             insert into invoice_documents (tenant_id, invoice_id, customer_id, version, media_type, bytes, sha256, fetched_at) values
                 ('{tenant}', '{id}', '{ours}', 1, 'application/pdf', 'old', sha256('old'), now()),
                 ('{tenant}', '{id}', '{ours}', 2, 'application/pdf', 'new', sha256('new'), now()),
                 ('{tenant}', '{credit}', '{ours}', 1, 'application/pdf', 'bent', sha256('straight'), now());
             insert into addresses (tenant_id, id, customer_id, connector_id, external_id, kind, country, is_default, row_hash, changed_at) values
                 ('{tenant}', '{id}', '{ours}', '{connector}', 's', 'ship_to', 'NO', true, '', now()),
                 ('{tenant}', '{credit}', '{ours}', '{connector}', 'b', 'bill_to', 'US', false, '', now())"
        ))
        .await;
    let mut tx = world.tx(world.ours).await;
    let invoice = store::invoice(&mut tx, id).await.expect("an answer").expect("it is ours");
    let lines = store::lines(&mut tx, id).await.expect("lines");
    assert_eq!(lines.iter().map(|line| line.description.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(ids(&store::linked(&mut tx, &invoice).await.expect("links")), [credit], "what corrects it");
    let note = store::invoice(&mut tx, credit).await.expect("an answer").expect("it is ours");
    assert_eq!(ids(&store::linked(&mut tx, &note).await.expect("links")), [id], "and back");
    let facts = store::document_facts(&mut tx, id).await.expect("an answer").expect("facts");
    assert_eq!((facts.version, facts.size), (2, 3), "the newest");
    let document = store::document(&mut tx, id).await.expect("an answer").expect("a document");
    assert_eq!((document.bytes.as_slice(), document.intact), (b"new".as_slice(), true));
    let bent = store::document(&mut tx, credit).await.expect("an answer").expect("a document");
    assert!(!bent.intact, "bytes that are not those of the checksum are told");
    assert_eq!(store::country(&mut tx).await.expect("an answer").as_deref(), Some("US"), "where bills go");
    let known = store::known(&mut tx, &[id, Uuid::nil()]).await.expect("an answer");
    assert_eq!(known, [id]);
    drop(tx);

    let mut tx = world.tx(world.theirs).await;
    assert!(store::invoice(&mut tx, id).await.expect("an answer").is_none(), "another customer's is none");
    assert!(store::lines(&mut tx, id).await.expect("an answer").is_empty());
    assert!(store::linked(&mut tx, &invoice).await.expect("an answer").is_empty());
    assert!(store::document_facts(&mut tx, id).await.expect("an answer").is_none());
    assert!(store::document(&mut tx, id).await.expect("an answer").is_none());
    assert!(store::known(&mut tx, &[id]).await.expect("an answer").is_empty());
    assert!(store::country(&mut tx).await.expect("an answer").is_none());
    assert!(store::overdue_sums(&mut tx, world.today).await.expect("an answer").is_empty());
}
