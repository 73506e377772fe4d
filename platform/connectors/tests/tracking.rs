//! What a tracking provider tells, on a real database: proved, once, of known parcels alone, heard and asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use migrations::testing::TestDatabase;
use platform_connectors::carriers::{self, Account, NewAccount, Poller, Received, Refused};
use platform_core::clock::{Clock as _, SystemClock};
use platform_core::db::DbConfig;
use platform_core::id::{self, CustomerId, OrderId, TenantId};
use platform_core::random::SystemRandom;
use platform_core::secrets::Sealer;
use platform_core::{Db, Scope};
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const SECRET: &str = "a webhook secret";
const NUMBER: &str = "1Z 999 AA1 01 2345 6784";

struct World {
    db: Db,
    sealer: Sealer,
    owner: PgConnection,
    tenant: TenantId,
    customer: CustomerId,
    order: OrderId,
}

impl World {
    /// A tenant with one order under way, in two parcels of which one has a number.
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let config =
            DbConfig { app: database.app_options(), operator: None, pooler: false, max_connections: 6 };
        let key = Sealer::new_key_line(1, &SystemRandom);
        let (clock, random) = (SystemClock, SystemRandom);
        let mut world = Self {
            db: Db::connect(config).await.expect("the database answers"),
            sealer: Sealer::from_key_file(&key, Arc::new(SystemRandom)).expect("a key"),
            owner: database.owner().await,
            tenant: TenantId::new(&clock, &random),
            customer: CustomerId::new(&clock, &random),
            order: OrderId::new(&clock, &random),
        };
        let World { tenant, customer, order, .. } = &world;
        let arrange = format!(
            "insert into tenants (id, slug, name) values ('{tenant}', 'techflow', 'TechFlow');
             insert into customers (tenant_id, id, name) values ('{tenant}', '{customer}', 'Brightwater');
             insert into connectors (tenant_id, id, kind, name, mapping, connection_url) values ('{tenant}', '{order}', 'orders', 'erp', '', '');
             insert into orders (tenant_id, id, customer_id, connector_id, external_id, number, status, sort_at, source_open, row_hash,
                 first_seen_at, changed_at)
             values ('{tenant}', '{order}', '{customer}', '{order}', '1', 'SO-1', 'shipped', now(), true, '', now(), now() - interval '1 day');
             insert into shipments (tenant_id, order_id, external_id, customer_id, number, status, carrier, tracking_number, shipped_at)
             values ('{tenant}', '{order}', 's1', '{customer}', 'SH-1', 'in_transit', 'UPS', '{NUMBER}', now()),
                    ('{tenant}', '{order}', 's2', '{customer}', 'SH-2', 'packed', null, null, null)"
        );
        world.sql(&arrange).await;
        world
    }

    async fn sql(&mut self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.owner).await.expect("done");
    }

    async fn text(&mut self, sql: &str) -> String {
        let sql = AssertSqlSafe(sql.to_owned());
        let text: Option<String> =
            sqlx::query_scalar(sql).fetch_one(&mut self.owner).await.expect("an answer");
        text.unwrap_or_default()
    }

    async fn account(&self, api: Option<&str>) -> Account {
        let new = NewAccount {
            id: id::uuid(&SystemClock, &SystemRandom),
            kind: "aftership",
            name: "aftership",
            webhook_secret: SECRET,
            api_key: api.map(|_| "the key"),
            api_url: api.unwrap_or("https://api.example"),
        };
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await.expect("a transaction");
        carriers::put(&mut tx, &self.sealer, &new).await.expect("an account");
        tx.commit().await.expect("stored");
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await.expect("a transaction");
        carriers::find(&mut tx, "aftership").await.expect("an answer").expect("the account")
    }

    async fn receive(&self, account: &Account, body: &str, secret: &str) -> Result<Received, Refused> {
        let tag = STANDARD
            .encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes()));
        let header = |name: &str| (name == "aftership-hmac-sha256").then(|| tag.clone());
        let tools =
            (&self.db, &self.sealer, &SystemClock as &dyn platform_core::clock::Clock, &SystemRandom as _);
        carriers::receive(tools, account, &header, body.as_bytes()).await.expect("the database answers")
    }
}

fn tracking(number: &str, tag: &str, expected: &str) -> String {
    format!(
        r#"{{"tracking_number": "{number}", "signed_by": "J. Barker", "courier_estimated_delivery_date": {{"estimated_delivery_date": "{expected}"}},
            "checkpoints": [{{"checkpoint_time": "2026-05-26T08:15:00Z", "tag": "InTransit", "message": "Scan", "location": "Leeds"}},
                            {{"checkpoint_time": "2026-05-27T08:15:00Z", "tag": "{tag}", "message": "News", "location": "Leeds"}}]}}"#
    )
}

fn message(event: &str, parcel: &str) -> String {
    format!(
        r#"{{"event": "tracking_update", "event_id": "{event}", "ts": {}, "msg": {parcel}}}"#,
        SystemClock.now().timestamp()
    )
}

#[tokio::test]
async fn a_message_is_taken_once_and_of_known_parcels_alone() {
    let mut world = World::new().await;
    let account = world.account(None).await;
    let mut hints = world.db.listen(&["orders"]).await.expect("a listener");
    let first = message("e-1", &tracking("1z999aa10123456784", "OutForDelivery", "2026-05-29"));
    assert_eq!(world.receive(&account, &first, SECRET).await, Ok(Received::Stored(3)));
    let hint = hints.recv().await.expect("a hint");
    assert_eq!(hint.payload(), format!("{}:{}:{}", world.tenant, world.customer, world.order));
    assert_eq!(world.receive(&account, &first, SECRET).await, Ok(Received::Again));
    // Another message that tells the same, and one thing more.
    let second = message("e-2", &tracking("1Z999AA10123456784", "Delivered", "2026-05-29"));
    assert_eq!(world.receive(&account, &second, SECRET).await, Ok(Received::Stored(1)));
    let third = message("e-3", &tracking("1Z999AA10123456784", "Delivered", "2026-05-30"));
    assert_eq!(world.receive(&account, &third, SECRET).await, Ok(Received::Stored(1)), "another day");
    let kinds = "select string_agg(kind || coalesce(' ' || expected_on, '') || coalesce(' ' || signed_by, ''), ', ' order by at, id) from shipment_events";
    assert_eq!(
        world.text(kinds).await,
        "in_transit, out_for_delivery, delivered J. Barker, estimate 2026-05-29, estimate 2026-05-30"
    );
    assert_eq!(
        world.text("select status from orders").await,
        "shipped",
        "the carrier does not move the order"
    );
    assert_eq!(world.text("select (changed_at > now() - interval '1 hour')::text from orders").await, "true");
    let stranger = message("e-4", &tracking("1Z5R89390357567127", "Delivered", "2026-05-29"));
    assert_eq!(world.receive(&account, &stranger, SECRET).await, Ok(Received::Unknown));
    assert_eq!(world.receive(&account, &first, "another secret").await, Err(Refused::Signature));
    let old = first.replace(&SystemClock.now().timestamp().to_string()[..6], "170000");
    assert_eq!(world.receive(&account, &old, SECRET).await, Err(Refused::Stale));
    let mut tx = world.db.tenant(Scope::tenant(world.tenant)).await.expect("a transaction");
    let shown = carriers::show(&mut tx).await.expect("a list").remove(0);
    assert_eq!((shown.unknown_count, shown.refused_count, shown.asked), (1, 2, false));
    assert!(shown.last_event_at.is_some());
    drop(tx);
    assert_eq!(
        world.text("select count(*)::text from shipment_events").await,
        "5",
        "nothing of strangers is kept"
    );
    assert_eq!(world.text("select count(*)::text from tracking_inbox where event_key like 'e-%'").await, "4");
    assert_ne!(world.text("select encode(webhook_secret, 'escape') from tracking_providers").await, SECRET);
}

#[tokio::test]
async fn an_order_that_moves_to_another_account_takes_its_checkpoints_along() {
    let mut world = World::new().await;
    let account = world.account(None).await;
    let body = message("e-1", &tracking(NUMBER, "Delivered", "2026-05-29"));
    assert_eq!(world.receive(&account, &body, SECRET).await, Ok(Received::Stored(3)));
    let other = CustomerId::new(&SystemClock, &SystemRandom);
    let (tenant, old) = (world.tenant, world.customer);
    world
        .sql(&format!(
            "insert into customers (tenant_id, id, name) values ('{tenant}', '{other}', 'Halvorsen');
             insert into contacts (tenant_id, id, customer_id, email, name) values ('{tenant}', '{old}', '{old}', 'a@b.example', 'A');
             insert into order_watches (tenant_id, order_id, contact_id, customer_id, since) select tenant_id, id, '{old}', '{old}', now() from orders;
             update orders set customer_id = '{other}'"
        ))
        .await;
    assert_eq!(
        world.text("select string_agg(distinct customer_id::text, '') from shipment_events").await,
        other.to_string()
    );
    // Append only, for the role that serves.
    let mut tx = world.db.tenant(Scope::tenant(tenant)).await.expect("a transaction");
    let changed = sqlx::query("update shipment_events set message = 'x'").execute(tx.conn()).await;
    assert!(changed.is_err_and(|error| error.to_string().contains("permission denied")));
}

/// A provider that answers each question with the next of these, and then with the last.
async fn provider(answers: Vec<String>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 8192];
            let length = stream.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            assert!(request.starts_with("GET /trackings?tracking_numbers=1Z999AA10123456784&"), "{request}");
            assert!(request.contains("as-api-key: the key"), "{request}");
            let at = count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
            let _ = stream.write_all(answers[at].as_bytes()).await;
        }
    });
    (address, asked)
}

fn answer(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn silent_parcels_are_asked_for_with_patience() {
    let mut world = World::new().await;
    let parcels = format!(
        r#"{{"meta": {{"code": 200}}, "data": {{"trackings": [{}]}}}}"#,
        tracking(NUMBER, "Delivered", "2026-05-29")
    );
    let answers = vec![
        answer("429 Too Many Requests\r\nretry-after: 90", ""),
        answer("500 Internal Server Error", ""),
        answer("200 OK", &parcels),
    ];
    let (address, asked) = provider(answers).await;
    world.account(Some(&address)).await;
    let poller = Poller::new(
        world.db.clone(),
        world.sealer.clone(),
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
        true,
    );
    let pause = "select round(extract(epoch from next_poll_at - now()) / 10)::text || ' ' || failures || ' ' || coalesce(last_error, '-') from tracking_providers";
    assert_eq!(poller.round().await.expect("a round"), 1);
    assert_eq!(world.text(pause).await, "9 1 asked too often; again in 90 s");
    assert_eq!(poller.round().await.expect("a round"), 0, "it is left alone");
    let due = "update tracking_providers set next_poll_at = now()";
    world.sql(due).await;
    poller.round().await.expect("a round");
    assert_eq!(world.text(pause).await, "12 2 answered 500 Internal Server Error");
    world.sql(due).await;
    poller.round().await.expect("a round");
    assert_eq!(world.text(pause).await, "60 0 -");
    assert_eq!(world.text("select count(*)::text from shipment_events").await, "3");
    world.sql(due).await;
    poller.round().await.expect("a round");
    assert_eq!(asked.load(Ordering::SeqCst), 3, "it has come: nothing is left to ask for");
}
