//! The kill switch: after it the ERP hears nothing of us, and nothing is lost.

use std::time::{Duration, Instant};

use platform_connectors::health::Condition;
use platform_connectors::sync::{Refreshed, watch};
use platform_core::Scope;

use crate::erp::{Erp, orderflow_mapping};
use crate::world::{World, eventually};

/// A round under way ends within this.
const AT_MOST: Duration = Duration::from_secs(2);

#[tokio::test]
async fn after_a_stop_the_erp_hears_nothing() {
    let erp = Erp::orderflow().await;
    erp.listen_in().await;
    let world = World::new().await;
    let connector = world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    let key = erp
        .value("select min(ord_no)::text from of_ordhdr where cust_no = 'BRW-1042' and ord_stat = 'P'")
        .await;
    let order = world.order(&key).await;
    assert_eq!(running.refresher.refresh(world.tenant, order).await, Refreshed::Now);
    let mut tx = world.db.tenant(Scope::tenant(world.tenant)).await.unwrap();
    assert!(watch(&mut tx, order, 60).await.unwrap(), "somebody looks at it all the while");
    tx.commit().await.unwrap();

    world.halt(connector, "Ada Reyes", "  month end closing ").await;
    tokio::time::sleep(AT_MOST).await;
    let heard = erp.statements_heard().await;
    let as_of = world.connector().await.data_as_of;
    let until = Instant::now() + Duration::from_secs(4);
    while Instant::now() < until {
        assert_eq!(running.refresher.refresh(world.tenant, order).await, Refreshed::Later);
        world.sweep(connector).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(erp.statements_heard().await, heard, "by the server's own log");
    let open = "select count(*)::text from pg_stat_activity where application_name = 'portico' and datname = current_database()";
    assert_eq!(erp.value(open).await, "0", "no connection is left");

    let health = world.health().await;
    let stop = health.stop.expect("a stop");
    assert_eq!(health.condition, Condition::Stopped);
    assert_eq!((stop.stopped_by.as_str(), stop.reason.as_str()), ("Ada Reyes", "month end closing"));
    assert_eq!(world.connector().await.data_as_of, as_of, "pages go on with their age");
    assert!(as_of.is_some_and(|as_of| as_of <= stop.stopped_at + chrono::TimeDelta::seconds(1)));
    world.halt(connector, "Bo", "me too").await;
    assert_eq!(world.health().await.stop, Some(stop), "the first word stands");
    world.connect_orderflow(&erp.url()).await;
    assert_eq!(world.health().await.condition, Condition::Stopped, "storing an address resumes nothing");

    erp.simulate(&["--once", "ship", "--order", &key, "--all"]);
    assert!(world.resume(connector, "Bo").await && !world.resume(connector, "Bo").await);
    eventually("what happened meanwhile", || async { world.word(&key, "status").await == "shipped" }).await;
    assert_eq!(world.health().await.condition, Condition::Well);
    let told = "select string_agg(action || ' ' || (detail->>'by'), ', ' order by at) from audit_log where object_kind = 'connector'";
    assert_eq!(world.value(told).await, "stopped Ada Reyes, resumed Bo");
    running.stop().await;
}

#[tokio::test]
async fn a_round_under_way_ends_at_once_and_its_rest_comes_later() {
    let erp = Erp::orderflow().await;
    erp.listen_in().await;
    let world = World::new().await;
    // so small pages that the first load would take long
    let mapping = orderflow_mapping().replace("[pace]", "[pace]\npage = 10");
    let connector = world.connect(&erp.url(), &mapping).await;
    let running = world.start();
    eventually("a load under way", || async {
        world.value("select (count(*) > 20)::text from orders").await == "true"
    })
    .await;
    assert!(world.connector().await.last_sweep_at.is_none(), "it is still loading");
    world.halt(connector, "Ada", "too much load").await;
    tokio::time::sleep(AT_MOST).await;
    let (heard, rows) =
        (erp.statements_heard().await, world.value("select count(*)::text from orders").await);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(erp.statements_heard().await, heard);
    assert_eq!(world.value("select count(*)::text from orders").await, rows);
    assert_eq!(world.health().await.condition, Condition::Stopped);
    assert!(world.resume(connector, "Ada").await);
    world.loaded().await;
    let theirs =
        "select count(*)::text from of_ordhdr where cust_no in ('BRW-1042', 'HAL-2210') and del_flag <> 'Y'";
    assert_eq!(
        world.value("select count(*)::text from orders").await,
        erp.value(theirs).await,
        "nothing is lost"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_slow_statement_under_way_is_the_last() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    let connector = world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    erp.sql(
        "alter table of_ordhdr rename to of_ordhdr_real;
         create view of_ordhdr as select r.* from of_ordhdr_real r, (select pg_sleep(1.2)) slowly;
         grant select on of_ordhdr to portal_reader",
    )
    .await;
    let busy = "select count(*)::text from pg_stat_activity where application_name = 'portico' and datname = current_database()
                  and state = 'active'";
    eventually("a slow statement", || async { erp.value(busy).await != "0" }).await;
    world.halt(connector, "Ada", "it is slow").await;
    let stopped = Instant::now();
    eventually("silence", || async { erp.value(busy).await == "0" }).await;
    assert!(stopped.elapsed() < AT_MOST, "{:?}", stopped.elapsed());
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        assert_eq!(erp.value(busy).await, "0");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    running.stop().await;
}
