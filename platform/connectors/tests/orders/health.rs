//! The report on a connector: what it says when all is well, when something is wrong, and what reading cost.

use platform_connectors::health::{Breaker, Condition, TroubleKind};
use platform_core::Scope;
use sqlx::Connection;

use crate::erp::{Erp, OwnServer};
use crate::world::{World, eventually};

#[tokio::test]
async fn a_healthy_connector_says_what_it_found() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    assert_eq!(world.health().await.condition, Condition::Loading, "nothing was read yet");
    let running = world.start();
    world.loaded().await;
    world.books_loaded().await;
    eventually("a first account", || async { world.health().await.last_hour.statements > 0 }).await;
    let health = world.health().await;
    assert_eq!((health.condition, health.breaker), (Condition::Well, Breaker::Closed));
    assert!(health.trouble.is_none() && health.stop.is_none());
    assert!(health.lag_seconds.is_some_and(|lag| lag < 10), "{health:?}");
    assert!(health.change_age_seconds.is_some_and(|age| age < 60));

    let found = health.sweeps.found.expect("a sweep has ended");
    let theirs: u64 =
        erp.value("select count(*)::text from of_ordhdr where del_flag <> 'Y'").await.parse().unwrap();
    let ours: u64 = world.value("select count(*)::text from orders").await.parse().unwrap();
    assert_eq!((found.read, found.unknown), (theirs, theirs - ours));
    assert!(found.began_at.is_some() && found.gone == 0 && found.changed <= ours);

    let unmapped = &health.unmapped[0];
    assert_eq!((unmapped.code.as_str(), unmapped.count), ("Q", 3));
    let example = unmapped.example.clone().expect("an order");
    let number = example.strip_prefix("SO-").expect("the order's number");
    assert_eq!(
        erp.value(&format!("select ord_stat::text from of_ordhdr where ord_no = {number}")).await,
        "Q"
    );
    assert!(unmapped.first_seen_at <= unmapped.last_seen_at && unmapped.first_seen_at.is_some());
    assert!(health.unknown_accounts[0].1 >= health.unknown_accounts[1].1, "the most first");
    assert!(health.books.iter().any(|part| part.part == "invoice"));
    assert_eq!(health.allowed_per_second, 0, "the tests' mapping knows no limit");
    running.stop().await;

    world.sql("update connectors set data_as_of = now() - interval '6 minutes'").await;
    let health = world.health().await;
    assert_eq!(health.condition, Condition::Behind, "nobody says that it fails");
    assert!(health.lag_seconds.is_some_and(|lag| (360..370).contains(&lag)));
    world.sql("update connectors set enabled = false").await;
    assert_eq!(world.health().await.condition, Condition::Retired);
}

#[tokio::test]
async fn what_was_used_is_what_the_servers_own_log_says() {
    let erp = Erp::orderflow().await;
    erp.listen_in().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    world
        .sql(
            "insert into connector_usage select tenant_id, id, date_trunc('hour', now()) - days * interval '1 day', 'order',
                 1, 1, 1, 1, 1, 0, 0, 0 from connectors, unnest(array[89, 91]) days",
        )
        .await;
    let running = world.start();
    world.loaded().await;
    world.books_loaded().await;
    running.stop().await;
    let (heard, used) = (erp.statements_heard().await, world.health().await.last_day);
    assert!(heard > 20, "{heard}");
    assert_eq!(usize::try_from(used.statements), Ok(heard), "{used:?}");
    assert!((1..=2).contains(&used.connections) && used.failures == 0, "{used:?}");
    let orders: i64 =
        erp.value("select count(*)::text from of_ordhdr where del_flag <> 'Y'").await.parse().unwrap();
    assert!(used.rows > orders && used.seconds > 0.0 && used.longest_seconds <= used.seconds, "{used:?}");
    let kinds = "select string_agg(distinct entity, ' ' order by entity) from connector_usage";
    let kinds = world.value(kinds).await;
    for kind in ["catalogue", "event", "invoice_line", "line", "order", "product", "session", "shipment_line"]
    {
        assert!(kinds.split(' ').any(|known| known == kind), "{kind} in {kinds}");
    }
    let old = "select count(*)::text from connector_usage where hour < now() - interval '80 days'";
    assert_eq!(world.value(old).await, "1", "after ninety days an hour is forgotten, and not before");
}

#[tokio::test]
async fn trouble_is_said_with_what_to_do() {
    let (mut server, erp) = OwnServer::start("ailing");
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    let kind = async || world.health().await.trouble.map(|trouble| trouble.kind);

    let mut other = erp.admin().await;
    let mut lock = other.begin().await.unwrap();
    sqlx::raw_sql("lock table of_ordhdr in access exclusive mode").execute(&mut *lock).await.unwrap();
    eventually("a lock", || async { kind().await == Some(TroubleKind::Locked) }).await;
    let health = world.health().await;
    let trouble = health.trouble.expect("trouble");
    assert_eq!(health.condition, Condition::Failing);
    assert!(trouble.since.is_some() && trouble.said.contains("lock timeout") && trouble.act.contains("lock"));
    eventually("the breaker", || async { matches!(world.health().await.breaker, Breaker::Open { .. }) })
        .await;
    lock.rollback().await.unwrap();
    eventually("no trouble", || async { world.health().await.condition == Condition::Well }).await;
    assert_eq!(world.health().await.breaker, Breaker::Closed);
    eventually("the locks on the account", || async { world.health().await.last_hour.lock_waits > 0 }).await;

    erp.sql("revoke select on of_shphdr from portal_reader").await;
    eventually("a right", || async { kind().await == Some(TroubleKind::Rights) }).await;
    eventually("a refusal", || async { world.health().await.condition == Condition::Refused }).await;
    erp.sql("grant select on of_shphdr to portal_reader").await;
    eventually("no trouble", || async { world.health().await.condition == Condition::Well }).await;

    drop(other);
    server.end();
    eventually("silence", || async { kind().await == Some(TroubleKind::Unreachable) }).await;
    running.stop().await;
}

#[tokio::test]
async fn a_report_is_behind_the_wall() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    let connector = world.connect_orderflow(&erp.url()).await;
    world.halt(connector, "Ada", "maintenance").await;
    let stranger = platform_core::id::TenantId(uuid::Uuid::from_u128(7));
    let mut tx = world.db.tenant(Scope::tenant(stranger)).await.unwrap();
    assert!(platform_connectors::health::read(&mut tx, connector).await.unwrap().is_none());
    assert!(platform_connectors::stops::any(&mut tx).await.unwrap().is_none());
    let clocks = (
        &platform_core::clock::SystemClock as &dyn platform_core::clock::Clock,
        &platform_core::random::SystemRandom as &dyn platform_core::random::Random,
    );
    let by = platform_connectors::Author::operator("stranger");
    assert!(!platform_connectors::stops::resume(&mut tx, clocks, connector, by).await.unwrap());
    assert!(!platform_connectors::stops::stop(&mut tx, clocks, connector, by, "harm").await.unwrap());
}
