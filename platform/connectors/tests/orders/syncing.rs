//! The sync: what it finds, how soon, for whom, and that it writes only what changed.

use std::time::Duration;

use platform_connectors::sync::{Refreshed, watch};
use platform_core::Scope;

use crate::erp::Erp;
use crate::world::{World, eventually};

#[tokio::test]
async fn a_first_load_brings_every_order_of_known_customers_and_no_other() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    for (customer, account) in [(world.brightwater, "BRW-1042"), (world.halvorsen, "HAL-2210")] {
        let ours =
            world.value(&format!("select count(*)::text from orders where customer_id = '{customer}'")).await;
        let sql =
            format!("select count(*)::text from of_ordhdr where cust_no = '{account}' and del_flag <> 'Y'");
        assert_eq!(ours, erp.value(&sql).await, "{account}");
    }
    assert_eq!(
        world.value("select count(distinct customer_id)::text from orders").await,
        "2",
        "nobody else's order"
    );
    let connector = world.connector().await;
    assert_eq!(connector.state, "live");
    assert!(
        connector.unknown_accounts["MERGED"] == 1
            && connector.unknown_accounts["NPC-3051"].as_u64() > Some(5)
    );
    assert_eq!(connector.unmapped["Q"], 3);
    assert!(connector.warnings.as_array().is_some_and(|w| !w.is_empty()));
    assert!(connector.data_as_of.is_some() && connector.last_error.is_none());
    let lines = "select count(*)::text from order_lines";
    let theirs = "select count(*)::text from of_ordlin l join of_ordhdr h using (ord_no) \
                  where h.cust_no in ('BRW-1042', 'HAL-2210') and h.del_flag <> 'Y' and l.del_flag <> 'Y'";
    assert_eq!(world.value(lines).await, erp.value(theirs).await);
    let changed = "select count(*)::text from orders where changed_at > now() - interval '1 minute'";
    assert!(world.value(changed).await.parse::<u32>().is_ok_and(|n| n < 20), "a first load is no news");
    running.stop().await;
}

#[tokio::test]
async fn reading_again_writes_nothing() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    let marks = "select string_agg(id::text || xmin::text, ',' order by id) from orders";
    let before = world.value(marks).await;
    let seen = world.connector().await.last_hot_at;
    eventually("two more hot passes", || async {
        world.connector().await.last_hot_at > seen.map(|at| at + chrono::TimeDelta::seconds(2))
    })
    .await;
    assert_eq!(world.value(marks).await, before, "an order that did not change was written");
    running.stop().await;
}

#[tokio::test]
async fn a_moved_date_is_kept_with_its_reason() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    let key = erp
        .value("select ord_no::text from of_ordhdr where cust_no = 'BRW-1042' and ord_stat = 'A' limit 1")
        .await;
    let before = world.word(&key, "expected_on").await;
    erp.simulate(&["--once", "delay", "--order", &key, "--days", "6", "--reason", "Casting rejected"]);
    eventually("the new date", || async { world.word(&key, "expected_on").await != before }).await;
    let after = world.word(&key, "expected_on").await;
    let story = format!(
        "select string_agg(e.kind || ' ' || e.old || ' ' || e.new || ' ' || e.reason || ' ' || (source_at is not null), '; ')
           from order_events e join orders o on o.id = e.order_id
          where o.external_id = '{key}' and e.new = '{after}'"
    );
    assert_eq!(
        world.value(&story).await,
        format!("expected {before} {after} Casting rejected true"),
        "told once"
    );

    // the same change where the log keeps silent
    erp.sql(&format!("update of_ordhdr set prom_dt = prom_dt + interval '2 days' where ord_no = {key}"))
        .await;
    let silent = format!(
        "select count(*)::text from order_events e join orders o on o.id = e.order_id
          where o.external_id = '{key}' and e.kind = 'promised' and e.external_id is null"
    );
    eventually("a change we saw ourselves", || async { world.value(&silent).await == "1" }).await;
    running.stop().await;
}

#[tokio::test]
async fn orders_arrive_ship_and_finish() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    erp.simulate(&["--once", "take", "--account", "BRW-1042"]);
    let key = erp.value("select max(ord_no)::text from of_ordhdr where ord_no < 90000000").await;
    let has = async |status: &str| world.word_or_none(&key).await.as_deref() == Some(status);
    for (action, status) in [
        ("", "received"),
        ("confirm", "confirmed"),
        ("hold", "on_hold"),
        ("release", "confirmed"),
        ("produce", "in_production"),
        ("ship", "shipped"),
        ("deliver", "delivered"),
    ] {
        if !action.is_empty() {
            erp.simulate(&["--once", action, "--order", &key, "--all"]);
        }
        eventually(status, || has(status)).await;
    }
    let story = format!(
        "select string_agg(e.kind || coalesce(' ' || e.new, ''), ', ' order by coalesce(e.source_at, e.seen_at), e.id)
           from order_events e join orders o on o.id = e.order_id where o.external_id = '{key}'"
    );
    let told = world.value(&story).await;
    for part in ["received", "status confirmed", "hold on_hold", "released", "status shipped", "delivered"] {
        assert!(told.contains(part), "{part} is missing in: {told}");
    }
    assert_eq!(world.value(&format!(
        "select count(*)::text from shipments s join orders o on o.id = s.order_id where o.external_id = '{key}' and s.status = 'delivered'"
    )).await, "1");
    running.stop().await;
}

#[tokio::test]
async fn a_stamp_that_commits_late_is_found_by_the_overlap() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    // a closed order: the hot set does not read it
    let key = erp
        .value("select ord_no::text from of_ordhdr where cust_no = 'BRW-1042' and ord_stat = 'C' limit 1")
        .await;
    let change =
        format!("update of_ordhdr set cust_po = 'LATE-1', last_upd = localtimestamp where ord_no = {key}");
    let mut late = erp.admin().await;
    let run = async |connection: &mut sqlx::PgConnection, sql: &str| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(connection).await.expect("the ERP works");
    };
    run(&mut late, &format!("set timezone = 'America/Chicago'; begin; {change}")).await;
    // meanwhile another order moves the watermark past that stamp
    tokio::time::sleep(Duration::from_millis(1500)).await;
    erp.simulate(&["--once", "take", "--account", "BRW-1042"]);
    let marked = world.connector().await.last_watermark_at;
    eventually("a watermark pass", || async {
        world.connector().await.last_watermark_at > marked.map(|at| at + chrono::TimeDelta::seconds(2))
    })
    .await;
    assert_ne!(world.word(&key, "coalesce(purchase_order, '')").await, "LATE-1");
    run(&mut late, "commit").await;
    eventually("the late commit", || async {
        world.word(&key, "coalesce(purchase_order, '')").await == "LATE-1"
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn what_vanishes_from_the_erp_vanishes_here() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    let id = world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    let pick = |state: &str| {
        format!("select min(ord_no)::text from of_ordhdr where cust_no = 'BRW-1042' and ord_stat {state}")
    };
    let open = erp.value(&pick("= 'P'")).await;
    let closed = erp.value(&pick("= 'C'")).await;
    erp.simulate(&["--once", "purge", "--order", &open]);
    erp.simulate(&["--once", "purge", "--order", &closed]);
    eventually("an open order's end", || async {
        !world.word(&open, "coalesce(deleted_at::text, '')").await.is_empty()
    })
    .await;
    assert!(
        world.word(&closed, "coalesce(deleted_at::text, '')").await.is_empty(),
        "the hot set knows no closed orders"
    );
    let mut tx = world.db.tenant(Scope::tenant(world.tenant)).await.unwrap();
    assert!(platform_connectors::registry::request_sweep(&mut tx, id).await.unwrap());
    tx.commit().await.unwrap();
    eventually("the sweep", || async {
        !world.word(&closed, "coalesce(deleted_at::text, '')").await.is_empty()
    })
    .await;
    let keys = format!(
        "select count(*)::text from order_search_keys k join orders o on o.id = k.order_id where o.external_id = '{closed}'"
    );
    assert_eq!(world.value(&keys).await, "0", "what is gone is not found");
    // and what only seemed gone comes back
    let hidden = erp.value(&pick("= 'A'")).await;
    erp.simulate(&["--once", "delete", "--order", &hidden]);
    eventually("a soft delete", || async {
        !world.word(&hidden, "coalesce(deleted_at::text, '')").await.is_empty()
    })
    .await;
    erp.sql(&format!("update of_ordhdr set del_flag = 'N' where ord_no = {hidden}")).await;
    eventually("its return", || async {
        world.word(&hidden, "coalesce(deleted_at::text, '')").await.is_empty()
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn an_order_that_somebody_looks_at_is_fresh_at_once() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    // a slow hot set: only the interest can be this quick
    let slow = crate::erp::orderflow_mapping()
        .replace("hot_seconds = 5", "hot_seconds = 3600")
        .replace("watermark_seconds = 15", "watermark_seconds = 3600");
    world.connect(&erp.url(), &slow).await;
    let running = world.start();
    world.loaded().await;
    let key = erp
        .value("select min(ord_no)::text from of_ordhdr where cust_no = 'BRW-1042' and ord_stat = 'A'")
        .await;
    let order = world.order(&key).await;
    let mut tx = world.db.tenant(Scope::customer(world.tenant, world.halvorsen)).await.unwrap();
    assert!(!watch(&mut tx, order, 30).await.unwrap(), "another customer cannot look at it");
    tx.commit().await.unwrap();
    let mut tx = world.db.tenant(Scope::customer(world.tenant, world.brightwater)).await.unwrap();
    assert!(watch(&mut tx, order, 30).await.unwrap());
    tx.commit().await.unwrap();
    let mut hints = world.db.listen(&["orders"]).await.unwrap();
    erp.simulate(&["--once", "produce", "--order", &key]);
    // invoices that are still being loaded send hints too
    let wanted = format!("{}:{}:{order}", world.tenant, world.brightwater);
    let heard = async { while hints.recv().await.unwrap().payload() != wanted {} };
    tokio::time::timeout(Duration::from_secs(5), heard)
        .await
        .expect("a hint soon (the smoke run measures 2 s)");
    assert_eq!(world.word(&key, "status").await, "in_production");

    let other = erp
        .value("select min(ord_no)::text from of_ordhdr where cust_no = 'BRW-1042' and ord_stat = 'P'")
        .await;
    let other_id = world.order(&other).await;
    erp.sql(&format!("update of_ordhdr set cust_po = 'FRESH' where ord_no = {other}")).await;
    assert_eq!(running.refresher.refresh(world.tenant, other_id).await, Refreshed::Now);
    assert_eq!(world.word(&other, "purchase_order").await, "FRESH", "opening an order reads it");
    running.stop().await;
}

#[tokio::test]
async fn an_order_that_moves_to_another_account_leaves_its_customer() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    let key = erp
        .value("select min(ord_no)::text from of_ordhdr where cust_no = 'BRW-1042' and ord_stat = 'P'")
        .await;
    let order = world.order(&key).await;
    let mut hints = world.db.listen(&["orders"]).await.unwrap();
    erp.sql(&format!("update of_ordhdr set cust_no = 'HAL-2210' where ord_no = {key}")).await;
    let halvorsen = world.halvorsen.to_string();
    // Both are told, or the one whom it left would go on seeing a page with it.
    let hint = |customer| format!("{}:{customer}:{order}", world.tenant);
    let mut untold = vec![hint(world.brightwater), hint(world.halvorsen)];
    let heard = async {
        while !untold.is_empty() {
            let heard = hints.recv().await.unwrap();
            untold.retain(|hint| hint != heard.payload());
        }
    };
    tokio::time::timeout(Duration::from_secs(30), heard).await.expect("both customers are told");
    eventually("its new customer", || async { world.word(&key, "customer_id").await == halvorsen }).await;
    let stray = format!(
        "select count(*)::text from order_lines l join orders o on o.id = l.order_id
          where o.external_id = '{key}' and l.customer_id <> o.customer_id"
    );
    assert_eq!(world.value(&stray).await, "0");
    erp.sql(&format!("update of_ordhdr set cust_no = 'NOBODY' where ord_no = {key}")).await;
    eventually("nobody's", || async { !world.word(&key, "coalesce(deleted_at::text, '')").await.is_empty() })
        .await;
    running.stop().await;
}

#[tokio::test]
async fn two_nodes_share_the_connectors_and_take_over() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let (first, second) = (world.start(), world.start());
    world.loaded().await;
    assert_eq!(world.value("select fence::text from connectors").await, "1", "one of them runs it");
    first.stop().await;
    second.stop().await;
    let third = world.start();
    let as_of = world.connector().await.data_as_of;
    eventually("a take-over", || async { world.connector().await.data_as_of > as_of }).await;
    // a holder that was thought dead is refused by its fence
    world
        .value("with x as (update connectors set fence = fence + 1 returning 1) select count(*)::text from x")
        .await;
    erp.simulate(&["--once", "take", "--account", "BRW-1042"]);
    let key = erp.value("select max(ord_no)::text from of_ordhdr where ord_no < 90000000").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.word_or_none(&key).await, None, "a stale holder wrote");
    third.stop().await;
}

#[tokio::test]
async fn the_same_connector_again_disturbs_nothing() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    let first = world.connect_orderflow(&erp.url()).await;
    let revision = "select revision::text from connectors";
    assert_eq!(world.connect_orderflow(&erp.url()).await, first);
    assert_eq!(world.value(revision).await, "1");
    world.connect_orderflow(&format!("{}&connect_timeout=3", erp.url())).await;
    assert_eq!(world.value(revision).await, "2", "another address is news");
    let mut tx = world.db.tenant(Scope::tenant(world.tenant)).await.unwrap();
    let url = platform_connectors::registry::url(&mut tx, &world.sealer, first).await.unwrap();
    assert!(url.is_some_and(|url| url.ends_with("connect_timeout=3")));
    assert!(platform_connectors::registry::set_enabled(&mut tx, first, false).await.unwrap());
    tx.commit().await.unwrap();
    assert!(
        !world
            .value("select encode(connection_url, 'escape') from connectors")
            .await
            .contains("portal_reader"),
        "it is sealed"
    );
    let running = world.start();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.connector().await.state, "new", "what is switched off is not run");
    running.stop().await;
}
