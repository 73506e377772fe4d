//! An ERP in trouble: locked, dead, back again; a mapping that does not fit. What we have stays, with its age.

use std::time::{Duration, Instant};

use platform_connectors::sync::Refreshed;
use platform_core::clock::{Clock as _, SystemClock};
use sqlx::Connection;

use crate::erp::{Erp, OwnServer, orderflow_mapping};
use crate::world::{World, eventually};

#[tokio::test]
async fn a_locked_erp_costs_freshness_and_nothing_else() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    let key = erp
        .value("select min(ord_no)::text from of_ordhdr where cust_no = 'BRW-1042' and ord_stat = 'P'")
        .await;
    let order = world.order(&key).await;
    let before = world.value("select count(*)::text from orders where deleted_at is null").await;
    let mut other = erp.admin().await;
    let mut lock = other.begin().await.unwrap();
    sqlx::raw_sql("lock table of_ordhdr in access exclusive mode").execute(&mut *lock).await.unwrap();
    eventually("the state says so", || async { world.connector().await.state == "failing" }).await;
    let connector = world.connector().await;
    assert!(
        connector.last_error.as_deref().is_some_and(|e| e.contains("lock timeout")),
        "{:?}",
        connector.last_error
    );
    assert!(connector.failed_since.is_some());
    let asked = Instant::now();
    assert_eq!(running.refresher.refresh(world.tenant, order).await, Refreshed::Later);
    assert!(asked.elapsed() < Duration::from_millis(400), "a page waited {:?}", asked.elapsed());
    assert_eq!(world.value("select count(*)::text from orders where deleted_at is null").await, before);
    lock.rollback().await.unwrap();
    eventually("it lives again", || async { world.connector().await.state == "live" }).await;
    let connector = world.connector().await;
    assert!(connector.last_error.is_none() && connector.failed_since.is_none());
    running.stop().await;
}

#[tokio::test]
async fn an_erp_that_dies_and_returns() {
    let (mut server, erp) = OwnServer::start("mortal");
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    let key = erp
        .value("select min(ord_no)::text from of_ordhdr where cust_no = 'BRW-1042' and ord_stat = 'P'")
        .await;
    let order = world.order(&key).await;

    server.end();
    eventually("the state says so", || async { world.connector().await.state == "failing" }).await;
    let as_of = world.connector().await.data_as_of;
    // the breaker opens: pages do not even try
    eventually("the breaker", || async {
        let asked = Instant::now();
        running.refresher.refresh(world.tenant, order).await == Refreshed::Later
            && asked.elapsed() < Duration::from_millis(50)
    })
    .await;
    assert_eq!(world.word(&key, "status").await, "in_production", "our copy is still there");
    assert_eq!(world.connector().await.data_as_of, as_of, "and honest about its age");

    server.start_again();
    let back = eventually("it lives again", || async { world.connector().await.state == "live" }).await;
    assert!(back < Duration::from_secs(40), "{back:?}");
    erp.simulate(&["--once", "ship", "--order", &key, "--all"]);
    eventually("news arrive again", || async { world.word(&key, "status").await == "shipped" }).await;
    running.stop().await;
    server.end();
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_is_refused_with_the_key() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect(&erp.url(), &orderflow_mapping().replace("\"prom_dt\"", "\"promdt\"")).await;
    let running = world.start();
    eventually("a refusal", || async { world.connector().await.state == "refused" }).await;
    let said = world.connector().await.last_error.unwrap_or_default();
    assert!(
        said.contains("order.promised_on: public.of_ordhdr has no column `promdt` (did you mean `prom_dt`?)"),
        "{said}"
    );
    assert!(said.contains("line.promised_on"), "every fault at once: {said}");
    assert_eq!(world.value("select count(*)::text from orders").await, "0");
    // mended: the sync starts by itself
    world.connect_orderflow(&erp.url()).await;
    world.loaded().await;
    assert_eq!(world.connector().await.state, "live");
    running.stop().await;
}

#[tokio::test]
async fn a_connector_that_is_changed_goes_on_being_read() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    world.connect(&erp.url(), &orderflow_mapping().replace("sweep_hours = 24", "sweep_hours = 25")).await;
    // the next run begins at once, the one before it ends within its lease's renewal
    tokio::time::sleep(Duration::from_secs(8)).await;
    let asked = SystemClock.now();
    eventually("it is read", || async { world.connector().await.last_hot_at > Some(asked) }).await;
    assert_eq!(world.connector().await.state, "live");
    running.stop().await;
}

#[tokio::test]
async fn a_source_that_changes_under_the_sync_is_named_by_the_key() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    for (harm, mend, wanted) in [
        (
            "revoke select on of_shphdr from portal_reader",
            "grant select on of_shphdr to portal_reader",
            "shipment.number: the role may not read public.of_shphdr.shp_no",
        ),
        (
            "alter table of_ordhdr rename prom_dt to promise_dt",
            "alter table of_ordhdr rename promise_dt to prom_dt",
            "order.promised_on: public.of_ordhdr has no column `prom_dt`",
        ),
    ] {
        erp.sql(harm).await;
        eventually(wanted, || async {
            let connector = world.connector().await;
            connector.state == "refused" && connector.last_error.unwrap_or_default().contains(wanted)
        })
        .await;
        assert_ne!(world.value("select count(*)::text from orders where deleted_at is null").await, "0");
        erp.sql(mend).await;
        eventually("it lives again", || async { world.connector().await.state == "live" }).await;
    }
    running.stop().await;
}
