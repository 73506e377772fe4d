//! Watching, being told of delays once, sharing, kept lists and the file of a list: on a real database, under the wall.

use std::sync::Arc;

use chrono::NaiveDate;
use migrations::testing::TestDatabase;
use platform_connectors::sync::{DateMoved, DatesMoved};
use platform_core::audit;
use platform_core::clock::{Clock as _, SystemClock};
use platform_core::db::DbConfig;
use platform_core::id::{self, ContactId, CustomerId, OrderId, TenantId};
use platform_core::mail::Outbox;
use platform_core::random::SystemRandom;
use platform_core::secrets::Sealer;
use platform_core::{Db, Scope, TenantTx};
use platform_portal::orders::notices::Notices;
use platform_portal::orders::order::{From, Show};
use platform_portal::orders::store::views::{self, MOST, ViewRow};
use platform_portal::orders::store::{Query, export, sharing, tracking, watches};
use platform_web::{Brands, Letters};
use sqlx::{AssertSqlSafe, PgConnection};
use themes::{Registry, Themes};

struct World {
    db: Db,
    owner: PgConnection,
    outbox: Outbox,
    tenant: TenantId,
    ours: CustomerId,
    order: OrderId,
    admin: ContactId,
    user: ContactId,
}

impl World {
    /// A company with an administrator, a user and somebody who left; one order, expected on the third of June.
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let config =
            DbConfig { app: database.app_options(), operator: None, pooler: false, max_connections: 6 };
        let (clock, random) = (SystemClock, SystemRandom);
        let key = Sealer::new_key_line(1, &SystemRandom);
        let sealer = Sealer::from_key_file(&key, Arc::new(SystemRandom)).expect("a key");
        let mut world = Self {
            db: Db::connect(config).await.expect("the database answers"),
            owner: database.owner().await,
            outbox: Outbox::new(sealer, Arc::new(SystemClock), Arc::new(SystemRandom)),
            tenant: TenantId::new(&clock, &random),
            ours: CustomerId::new(&clock, &random),
            order: OrderId::new(&clock, &random),
            admin: ContactId::new(&clock, &random),
            user: ContactId::new(&clock, &random),
        };
        let World { tenant, ours, order, admin, user, .. } = &world;
        let arrange = format!(
            "insert into tenants (id, slug, name, modules) values ('{tenant}', 'techflow', 'TechFlow', '{{orders}}');
             insert into customers (tenant_id, id, name) values ('{tenant}', '{ours}', 'Ours');
             insert into contacts (tenant_id, id, customer_id, email, name, role, active) values
                 ('{tenant}', '{admin}', '{ours}', 'admin@ours.example', 'Ada', 'admin', true),
                 ('{tenant}', '{user}', '{ours}', 'user@ours.example', 'Ugo', 'user', true),
                 ('{tenant}', '{order}', '{ours}', 'left@ours.example', 'Lea', 'admin', false);
             insert into sessions (tenant_id, id, customer_id, contact_id, token_hash, host, user_agent, remember, expires_at)
             values ('{tenant}', '{user}', '{ours}', '{user}', sha256('x'), 'success.ours.example', '', false, now() + interval '1 day');
             insert into connectors (tenant_id, id, kind, name, mapping, connection_url) values ('{tenant}', '{order}', 'orders', 'erp', '', '');
             insert into orders (tenant_id, id, customer_id, connector_id, external_id, number, status, summary, promised_on, expected_on,
                 sort_at, source_open, row_hash, first_seen_at, changed_at)
             values ('{tenant}', '{order}', '{ours}', '{order}', '1', 'SO-1', 'in_production', '=pumps', '2026-06-03', '2026-06-03',
                 now(), true, '', now(), now())"
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

    async fn tx(&self) -> TenantTx {
        self.db.tenant(Scope::customer(self.tenant, self.ours)).await.expect("a transaction")
    }

    fn notices(&self) -> Notices {
        let registry = Registry::new()
            .with(platform_web::pages::register)
            .with(platform_portal::shell::register)
            .with(platform_portal::orders::register);
        Notices {
            db: self.db.clone(),
            letters: Letters::new(
                Brands::new(self.db.clone()),
                Arc::new(Themes::build(registry).expect("they compile")),
                Arc::new(SystemClock),
                ("portal.example", 8443),
            ),
            outbox: self.outbox.clone(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }

    /// The date moves, as the sync writes it and hands it on.
    async fn moves(&mut self, notices: &Notices, was: &str, now: &str) {
        self.sql(&format!("update orders set expected_on = '{now}'")).await;
        self.told(notices, was, now).await;
    }

    async fn told(&self, notices: &Notices, was: &str, now: &str) {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let moved = DateMoved {
            order: self.order,
            was: day(was),
            now: day(now),
            reason: Some("Casting rejected".into()),
        };
        notices.tell(self.tenant, &DatesMoved { moves: vec![moved] }).await.expect("told");
    }

    async fn mails(&mut self) -> String {
        self.text("select string_agg(to_address || ': ' || subject, ' | ' order by created_at, to_address) from mail_outbox").await
    }
}

#[tokio::test]
async fn a_delay_is_told_once_to_those_who_want_to_hear() {
    let mut world = World::new().await;
    let notices = world.notices();
    world.moves(&notices, "2026-06-03", "2026-06-10").await;
    let first = "admin@ours.example: SO-1 is now expected Wed 10 Jun";
    assert_eq!(world.mails().await, first);
    assert_eq!(
        world.text("select unsubscribe from mail_outbox").await.split("/mail/").next(),
        Some("https://techflow.portal.example:8443")
    );
    // Once more, by a job that runs twice and by the log that tells what we saw.
    world.told(&notices, "2026-06-03", "2026-06-10").await;
    assert_eq!(world.mails().await, first);

    let mut tx = world.tx().await;
    let hearing = watches::hearing(&mut tx, world.order.0, world.user).await.expect("an answer");
    assert!(!hearing.watched && hearing.delays);
    for _ in 0..2 {
        watches::watch(&mut tx, world.order.0, world.user, SystemClock.now()).await.expect("watched");
    }
    watches::choose(&mut tx, world.user, true, "a token of mine", SystemClock.now()).await.expect("chosen");
    assert!(watches::hearing(&mut tx, world.order.0, world.user).await.expect("an answer").watched);
    tx.commit().await.expect("stored");

    // The administrator stops it by the link.
    let token = world
        .text(&format!("select token from order_mail_choices where contact_id = '{}'", world.admin))
        .await;
    let mut tx = world.db.tenant(Scope::tenant(world.tenant)).await.expect("a transaction");
    assert_eq!(watches::link(&mut tx, &token).await.expect("an answer"), Some(true));
    assert_eq!(watches::link(&mut tx, "nobody's").await.expect("an answer"), None);
    assert!(watches::stop(&mut tx, &token, SystemClock.now()).await.expect("stopped"));
    assert!(!watches::stop(&mut tx, "nobody's", SystemClock.now()).await.expect("an answer"));
    assert_eq!(watches::link(&mut tx, &token).await.expect("an answer"), Some(false));
    tx.commit().await.expect("stored");

    world.sql("delete from mail_outbox").await;
    world.moves(&notices, "2026-06-10", "2026-06-12").await;
    assert_eq!(world.mails().await, "user@ours.example: SO-1 is now expected Fri 12 Jun");
    let stop = world.text("select unsubscribe from mail_outbox").await;
    assert_eq!(
        stop, "https://success.ours.example:8443/mail/delays/a token of mine",
        "where they last came in"
    );

    // Earlier, unmoved, outdated, over, or switched off: silence.
    world.sql("delete from mail_outbox").await;
    world.moves(&notices, "2026-06-12", "2026-06-11").await;
    world.told(&notices, "2026-06-12", "2026-06-20").await;
    world.sql("update orders set status = 'delivered'").await;
    world.moves(&notices, "2026-06-12", "2026-06-25").await;
    world.sql("update orders set status = 'confirmed'; update tenants set modules = '{}'").await;
    world.moves(&notices, "2026-06-12", "2026-06-26").await;
    assert_eq!(world.mails().await, "");
    assert_eq!(world.text("select string_agg(was || ' ' || expected_on || ' ' || told, ', ' order by told_at) from order_notices").await,
        "2026-06-03 2026-06-10 1, 2026-06-10 2026-06-12 1");

    let mut tx = world.tx().await;
    watches::unwatch(&mut tx, world.order.0, world.user).await.expect("no more");
    assert!(!watches::hearing(&mut tx, world.order.0, world.user).await.expect("an answer").watched);
}

#[tokio::test]
async fn lists_are_kept_under_a_name_and_only_so_many() {
    let world = World::new().await;
    let view = |name: &str, query: &str| ViewRow {
        id: id::uuid(&SystemClock, &SystemRandom),
        name: name.to_owned(),
        filter: "late".to_owned(),
        query: query.to_owned(),
    };
    let mut tx = world.tx().await;
    for at in 0..MOST {
        assert!(
            views::keep(&mut tx, world.user, &view(&format!("list {at}"), ""), SystemClock.now())
                .await
                .expect("kept")
        );
    }
    assert!(
        !views::keep(&mut tx, world.user, &view("one more", ""), SystemClock.now()).await.expect("an answer")
    );
    assert!(
        views::keep(&mut tx, world.user, &view("list 3", "pump"), SystemClock.now())
            .await
            .expect("in its place")
    );
    let kept = views::views(&mut tx, world.user).await.expect("a list");
    assert_eq!((kept.len(), kept[3].query.as_str(), kept[3].filter.as_str()), (MOST, "pump", "late"));
    assert!(views::views(&mut tx, world.admin).await.expect("a list").is_empty());
    assert!(!views::forget(&mut tx, world.admin, kept[3].id).await.expect("an answer"), "a colleague's");
    assert!(views::forget(&mut tx, world.user, kept[3].id).await.expect("forgotten"));
    assert!(
        views::keep(&mut tx, world.user, &view("one more", ""), SystemClock.now()).await.expect("room again")
    );
}

#[tokio::test]
async fn colleagues_are_those_of_the_company_who_may_come_in() {
    let mut world = World::new().await;
    let (tenant, user) = (world.tenant, world.user);
    let mut tx = world.tx().await;
    let names: Vec<String> =
        sharing::colleagues(&mut tx, world.user).await.expect("a list").into_iter().map(|c| c.name).collect();
    assert_eq!(names, ["Ada"]);
    assert_eq!(sharing::summary(&mut tx, world.order.0).await.expect("a text"), "=pumps");
    assert_eq!(audit::lately(&mut tx, world.user, sharing::ACTION).await.expect("a count"), 0);
    drop(tx);
    world
        .sql(&format!(
            "insert into audit_log (tenant_id, id, actor_kind, actor_id, action, object_kind, object_id)
             values ('{tenant}', '{user}', 'contact', '{user}', 'shared', 'order', 'x')"
        ))
        .await;
    let mut tx = world.tx().await;
    assert_eq!(audit::lately(&mut tx, world.user, sharing::ACTION).await.expect("a count"), 1);
    assert_eq!(audit::lately(&mut tx, world.admin, sharing::ACTION).await.expect("a count"), 0);
    assert!(tracking::stops(&mut tx, world.order.0).await.expect("a list").is_empty());
}

#[tokio::test]
async fn the_file_has_every_order_of_the_list_once() {
    let mut world = World::new().await;
    let many = format!(
        "insert into orders (tenant_id, id, customer_id, connector_id, external_id, number, status, sort_at, source_open, row_hash,
             first_seen_at, changed_at)
         select tenant_id, gen_random_uuid(), customer_id, connector_id, 'x' || n, 'SO-' || n,
                case when n % 2 = 0 then 'delivered' else 'confirmed' end, now() - (n / 7) * interval '1 minute', false, '', now(), now()
           from orders, generate_series(1, 1203) n where external_id = '1';
         insert into order_search_keys (tenant_id, customer_id, key, order_id)
         select tenant_id, customer_id, 'SO12', id from orders where number like 'SO-12%' and '{}' <> ''",
        world.tenant
    );
    world.sql(&many).await;
    let today = "2026-06-01".parse().expect("a day");
    for (show, search, wanted) in [(Show::All, "", 1204), (Show::Delivered, "", 601), (Show::All, "SO12", 15)]
    {
        let (mut all, mut from) = (Vec::new(), From::Newest);
        loop {
            let piece = export::piece(&mut world.tx().await, &Query { show, search, from, today })
                .await
                .expect("a piece");
            let Some(last) = piece.last().map(|row| row.cursor()) else { break };
            from = From::OlderThan(last);
            all.extend(piece.into_iter().map(|row| row.id));
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!((count, all.len()), (wanted, wanted), "{show:?} {search}");
    }
}
