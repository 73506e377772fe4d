//! Every statement of the orders slice, on a real database, as the application role, under the customer wall.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use migrations::testing::TestDatabase;
use platform_core::clock::SystemClock;
use platform_core::db::DbConfig;
use platform_core::id::{ConnectorId, CustomerId, OrderId, TenantId};
use platform_core::random::SystemRandom;
use platform_core::{Db, Scope, TenantTx};
use platform_portal::orders::order::{self, Cursor, From, Show, Summary};
use platform_portal::orders::store::{self, PAGE, Query};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

const STATUSES: [&str; 10] = [
    "received",
    "confirmed",
    "in_production",
    "on_hold",
    "backordered",
    "partially_shipped",
    "shipped",
    "delivered",
    "cancelled",
    "in_progress",
];

struct World {
    db: Db,
    owner: PgConnection,
    tenant: TenantId,
    connector: ConnectorId,
    ours: CustomerId,
    theirs: CustomerId,
    today: NaiveDate,
}

/// An order to be; days are counted from today.
#[derive(Clone, Copy)]
struct New<'a> {
    number: &'a str,
    status: &'a str,
    promised: Option<i64>,
    expected: Option<i64>,
    minutes_old: i64,
}

const PLAIN: New<'static> =
    New { number: "SO-1", status: "confirmed", promised: None, expected: None, minutes_old: 0 };

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
             insert into connectors (tenant_id, id, kind, name, mapping, connection_url, data_as_of)
             values ('{tenant}', '{connector}', 'orders', 'OrderFlow', '', '', '2026-11-21 08:00Z'),
                    ('{tenant}', '{ours}', 'orders', 'Older', '', '', '2026-11-21 07:00Z')"
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
        let day = |day: Option<i64>| {
            day.map_or("null".to_owned(), |day| format!("'{}'", self.today + TimeDelta::days(day)))
        };
        let (tenant, connector) = (self.tenant, self.connector);
        let sql = format!(
            "insert into orders (tenant_id, id, customer_id, connector_id, external_id, number, status, promised_on, expected_on,
                                 summary, sort_at, source_open, row_hash, first_seen_at, changed_at)
             values ('{tenant}', '{id}', '{customer}', '{connector}', '{id}', '{}', '{}', {}, {}, 'pumps',
                     timestamptz '2026-11-21 08:00Z' - {} * interval '1 minute', true, '', now(), now())",
            new.number,
            new.status,
            day(new.promised),
            day(new.expected),
            new.minutes_old
        );
        self.sql(&sql).await;
        id
    }

    async fn key(&mut self, order: Uuid, keys: &[&str]) {
        for key in keys {
            let sql = format!(
                "insert into order_search_keys (tenant_id, customer_id, key, order_id)
                 select tenant_id, customer_id, '{key}', id from orders where id = '{order}'"
            );
            self.sql(&sql).await;
        }
    }

    /// One answer of the store, with the row that says "there is more".
    async fn list(&self, show: Show, search: &str, from: From) -> Vec<Summary> {
        let query = Query { show, search, from, today: self.today };
        store::list(&mut self.tx(self.ours).await, &query).await.expect("a list").0
    }

    async fn found(&self, search: &str) -> Vec<Uuid> {
        ids(&self.list(Show::All, search, From::Newest).await)
    }

    /// All pages of a filter, from the newest on.
    async fn all(&self, show: Show) -> Vec<Summary> {
        let (mut all, mut from) = (Vec::new(), From::Newest);
        loop {
            let mut page = self.list(show, "", from).await;
            let more = page.len() > PAGE;
            page.truncate(PAGE);
            let Some(last) = page.last().map(Summary::cursor) else { return all };
            all.append(&mut page);
            if !more {
                return all;
            }
            from = From::OlderThan(last);
        }
    }
}

fn ids(rows: &[Summary]) -> Vec<Uuid> {
    rows.iter().map(|row| row.id).collect()
}

/// Every status with every neighbourhood of promised and expected days.
async fn generated(world: &mut World) -> usize {
    let days = [None, Some(-9), Some(-1), Some(0), Some(1), Some(7), Some(8)];
    let mut count = 0;
    for status in STATUSES {
        for promised in days {
            for expected in days {
                world.add(world.ours, New { status, promised, expected, minutes_old: count, ..PLAIN }).await;
                count += 1;
            }
        }
    }
    usize::try_from(count).expect("a small number")
}

type Rule = Box<dyn Fn(&Summary) -> bool>;

#[tokio::test]
async fn filters_and_counts_mean_what_the_rules_mean() {
    let mut world = World::new().await;
    let count = generated(&mut world).await;
    world.add(world.theirs, New { status: "on_hold", promised: Some(-4), ..PLAIN }).await;
    let gone = world.add(world.ours, New { status: "on_hold", promised: Some(-4), ..PLAIN }).await;
    world.sql(&format!("update orders set deleted_at = now() where id = '{gone}'")).await;

    let all = world.all(Show::All).await;
    assert_eq!(all.len(), count, "everything of ours that is still there, once");
    let (today, soon) = (world.today, world.today + Days::new(7));
    let open = |row: &Summary| !matches!(row.status.as_str(), "delivered" | "cancelled");
    let arriving = move |row: &Summary| {
        row.expected_on.or(row.promised_on).is_some_and(|day| day >= today && day <= soon)
    };
    let rules: [(Show, Rule); 6] = [
        (Show::All, Box::new(|_| true)),
        (Show::Open, Box::new(open)),
        (Show::Late, Box::new(move |row| row.late(today))),
        (Show::Arriving, Box::new(move |row| open(row) && arriving(row))),
        (Show::Delivered, Box::new(|row| row.status == "delivered")),
        (Show::OnHold, Box::new(|row| row.status == "on_hold")),
    ];
    let mut counts = Vec::new();
    for (show, rule) in rules {
        let by_rule: Vec<Uuid> = all.iter().filter(|row| rule(row)).map(|row| row.id).collect();
        let by_sql = ids(&world.all(show).await);
        assert_eq!(by_sql, by_rule, "{show:?}: the statement and the rule differ");
        counts.push(i64::try_from(by_rule.len()).expect("a small number"));
    }
    let overview = store::overview(&mut world.tx(world.ours).await, today).await.expect("an overview");
    let counted = [overview.open, overview.late, overview.arriving, overview.on_hold];
    assert_eq!(counted, [counts[1], counts[2], counts[3], counts[5]]);
    assert!(counts.iter().all(|count| *count > 0), "each filter was put to the test: {counts:?}");
}

#[tokio::test]
async fn the_overview_is_one_customers_and_as_old_as_the_oldest_source() {
    let mut world = World::new().await;
    let before = store::overview(&mut world.tx(world.ours).await, world.today).await.expect("an overview");
    assert!(!before.any_order && before.open == 0);
    world.add(world.theirs, PLAIN).await;
    let seven: DateTime<Utc> = "2026-11-21T07:00:00Z".parse().expect("a moment");
    let overview = store::overview(&mut world.tx(world.ours).await, world.today).await.expect("an overview");
    assert!(!overview.any_order, "another customer's order is none of ours");
    assert_eq!(overview.as_of, Some(seven));
    world.sql("update connectors set enabled = false where name = 'Older'").await;
    let gone = world.add(world.ours, New { status: "cancelled", ..PLAIN }).await;
    let overview = store::overview(&mut world.tx(world.ours).await, world.today).await.expect("an overview");
    assert!(overview.any_order && overview.open == 0 && overview.as_of > Some(seven), "{overview:?}");
    world.sql(&format!("update orders set deleted_at = now() where id = '{gone}'")).await;
    let overview = store::overview(&mut world.tx(world.ours).await, world.today).await.expect("an overview");
    assert!(!overview.any_order);
}

#[tokio::test]
async fn soonest_come_first_and_dateless_last() {
    let mut world = World::new().await;
    for (number, expected) in [("third", Some(5)), ("first", Some(0)), ("second", Some(3)), ("none", None)] {
        world.add(world.ours, New { number, expected, ..PLAIN }).await;
    }
    let mut tx = world.tx(world.ours).await;
    let rows = store::soonest(&mut tx, Show::Open, world.today, 9).await.expect("rows");
    assert_eq!(
        rows.iter().map(|row| row.number.as_str()).collect::<Vec<_>>(),
        ["first", "second", "third", "none"]
    );
    let rows = store::soonest(&mut tx, Show::Arriving, world.today, 2).await.expect("rows");
    assert_eq!(rows.iter().map(|row| row.number.as_str()).collect::<Vec<_>>(), ["first", "second"]);
}

/// Pages are cut by place, not by count: what arrives meanwhile moves nothing, and equal moments lose nothing.
#[tokio::test]
async fn pages_lose_and_repeat_nothing_while_orders_arrive() {
    let mut world = World::new().await;
    let mut known = BTreeSet::new();
    for number in 0..(3 * i64::try_from(PAGE).expect("small") + 7) {
        // Five orders a moment.
        known.insert(world.add(world.ours, New { minutes_old: number / 5, ..PLAIN }).await);
    }
    let (mut seen, mut from, mut last) = (Vec::new(), From::Newest, None);
    loop {
        let mut page = world.list(Show::All, "", from).await;
        let more = page.len() > PAGE;
        page.truncate(PAGE);
        seen.extend(ids(&page));
        last = page.last().map(Summary::cursor).or(last);
        if !more {
            break;
        }
        from = From::OlderThan(last.expect("a full page has a last row"));
        world.add(world.ours, New { minutes_old: -1, number: "arrived meanwhile", ..PLAIN }).await;
    }
    assert_eq!(seen.len(), known.len());
    assert_eq!(seen.iter().copied().collect::<BTreeSet<_>>(), known, "down: everything once");

    let mut up = Vec::new();
    let mut place: Cursor = last.expect("there was a page");
    loop {
        let mut page = world.list(Show::All, "", From::NewerThan(place)).await;
        let more = page.len() > PAGE;
        if more {
            page.remove(0);
        }
        assert!(
            page.is_sorted_by(|one, next| (one.sort_at, one.id) > (next.sort_at, next.id)),
            "newest first"
        );
        let Some(first) = page.first() else { break };
        place = first.cursor();
        up.splice(0..0, page.iter().filter(|row| row.number == "SO-1").map(|row| row.id));
        if !more {
            break;
        }
        world.add(world.ours, New { minutes_old: -2, number: "arrived meanwhile", ..PLAIN }).await;
    }
    up.push(*seen.last().expect("there were orders"));
    assert_eq!(up, seen, "up: the same orders in the same order");
}

#[tokio::test]
async fn orders_are_found_by_what_people_have_in_hand() {
    let mut world = World::new().await;
    let one = world.add(world.ours, New { minutes_old: 1, ..PLAIN }).await;
    let other = world.add(world.ours, New { minutes_old: 2, status: "delivered", ..PLAIN }).await;
    let theirs = world.add(world.theirs, PLAIN).await;
    // Our number, the customer's, a SKU, a tracking number: as the sync writes them.
    world
        .key(one, &["SO47585", "47585", "PO2291B", "2291B", "PMPCX030", "CX030", "030", "1Z999AA10123456784"])
        .await;
    world.key(other, &["SO47590", "47590", "PMPCX030", "CX030", "030"]).await;
    world.key(theirs, &["SO47585", "47585", "PO2291B", "1Z999AA10123456784"]).await;
    for (typed, found) in [
        ("so-47585", vec![one]),
        ("47585", vec![one]),
        (" 4759", vec![other]),
        ("475", vec![one, other]),
        ("PO 2291/B", vec![one]),
        ("pmp-cx-030", vec![one, other]),
        ("1z999aa1 0123456784", vec![one]),
        ("999", vec![]),
        ("47585x", vec![]),
        ("%", vec![one, other]),
        ("' or true --", vec![]),
    ] {
        assert_eq!(world.found(&order::searched(typed)).await, found, "{typed:?}");
    }
    let both = world.list(Show::Delivered, "CX030", From::Newest).await;
    assert_eq!(ids(&both), [other], "a search stays inside its filter");
    let older = From::OlderThan(Cursor { at: both[0].sort_at + TimeDelta::seconds(1), id: one });
    assert_eq!(ids(&world.list(Show::All, "CX030", older).await), [other], "and goes on from a place");
}

#[tokio::test]
async fn an_order_is_told_whole_to_its_customer_and_not_at_all_to_another() {
    let mut world = World::new().await;
    let id = world.add(world.ours, PLAIN).await;
    let (tenant, ours) = (world.tenant, world.ours);
    let mut parts = String::new();
    for (table, columns, values) in [
        ("order_lines", "external_id, position, sku", "'b', 2, 'SKU-2'"),
        ("order_lines", "external_id, position, sku, quantity", "'a', 1, 'SKU-1', 2.5"),
        ("shipments", "external_id, number, status", "'s2', 'later', 'packed'"),
        (
            "shipments",
            "external_id, number, status, shipped_at",
            "'s1', 'sooner', 'in_transit', '2026-11-20 08:00Z'",
        ),
        ("shipment_lines", "shipment_id, external_id, line_id, quantity", "'s1', 'x', 'a', 1.5"),
        (
            "order_events",
            "id, kind, seen_at",
            "'01940000-0000-7000-8000-000000000001', 'received', '2026-11-19 08:00Z'",
        ),
        (
            "order_events",
            "id, kind, old, new, reason, seen_at, source_at",
            "'01940000-0000-7000-8000-000000000002', 'promised', '2026-11-20', '2026-11-25', 'castings', now(), '2026-11-20 08:00Z'",
        ),
    ] {
        parts += &format!(
            "insert into {table} (tenant_id, order_id, customer_id, {columns}) values ('{tenant}', '{id}', '{ours}', {values});"
        );
    }
    world.sql(&parts).await;

    let mut tx = world.tx(world.ours).await;
    let row = store::order(&mut tx, id).await.expect("an answer").expect("it is ours");
    assert_eq!((row.number.as_str(), row.status.as_str()), ("SO-1", "confirmed"));
    let lines = store::lines(&mut tx, id).await.expect("lines");
    assert_eq!(
        lines.iter().map(|line| line.external_id.as_str()).collect::<Vec<_>>(),
        ["a", "b"],
        "the source's order"
    );
    let shipments = store::shipments(&mut tx, id).await.expect("parcels");
    assert_eq!(
        shipments.iter().map(|parcel| parcel.number.as_str()).collect::<Vec<_>>(),
        ["sooner", "later"]
    );
    let contents = store::contents(&mut tx, id).await.expect("contents");
    assert_eq!((contents[0].shipment_id.as_str(), contents[0].line_id.as_deref()), ("s1", Some("a")));
    let events = store::events(&mut tx, id).await.expect("a history");
    assert_eq!(events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["promised", "received"]);
    assert_eq!(
        events[0].at,
        "2026-11-20T08:00:00Z".parse::<DateTime<Utc>>().expect("a moment"),
        "the source's own moment"
    );

    let since = "2026-11-19T12:00:00Z".parse().expect("a moment");
    let changes = store::changes(&mut tx, since, 10).await.expect("changes");
    assert_eq!(
        changes.iter().map(|change| change.kind.as_str()).collect::<Vec<_>>(),
        ["promised"],
        "not what is older"
    );
    let changed = store::changed_at(&mut tx, Some(id)).await.expect("a moment");
    assert!(changed.is_some() && changed == store::changed_at(&mut tx, None).await.expect("a moment"));
    drop(tx);

    let mut tx = world.tx(world.theirs).await;
    assert!(
        store::order(&mut tx, id).await.expect("an answer").is_none(),
        "another customer's order is no order"
    );
    assert!(store::lines(&mut tx, id).await.expect("an answer").is_empty());
    assert!(store::shipments(&mut tx, id).await.expect("an answer").is_empty());
    assert!(store::contents(&mut tx, id).await.expect("an answer").is_empty());
    assert!(store::events(&mut tx, id).await.expect("an answer").is_empty());
    assert!(store::changes(&mut tx, DateTime::UNIX_EPOCH, 10).await.expect("an answer").is_empty());
    assert!(store::changed_at(&mut tx, Some(id)).await.expect("an answer").is_none());
    assert!(store::changed_at(&mut tx, None).await.expect("an answer").is_none());
}
