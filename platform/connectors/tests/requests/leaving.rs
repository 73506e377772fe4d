//! The inbox table and the file drop: each request there once, and the answer brought back.

use platform_connectors::doors::{self, Settings};
use platform_connectors::requests::{Kind, State};
use platform_connectors::{Author, stops};
use platform_core::clock::{Clock, SystemClock};
use platform_core::id::ConnectorId;
use platform_core::random::{Random, SystemRandom};
use serde_json::{Value, json};

use crate::ground::{Erp, Ground};

const COUNT: &str = "select count(*)::text from portico_inbox";

fn inbox() -> Settings {
    Settings::Inbox { table: "portico_inbox".into() }
}

#[tokio::test]
async fn a_request_waits_until_a_door_is_open_and_says_so() {
    let (ground, erp) = (Ground::new().await, Erp::new().await);
    let doors = ground.doors();
    let id = ground.submitted("form-0001").await;
    ground.work(&doors).await;
    let request = ground.request(id).await;
    assert_eq!(
        (request.state, request.attempts),
        (State::Submitted, 0),
        "nobody has it: it may be withdrawn"
    );
    assert!(request.last_error.expect("a word for staff").contains("no door is open"));
    let trouble = || async {
        let mut tx = ground.db.system(platform_core::db::System::Sync).await.expect("a transaction");
        platform_connectors::doors::in_trouble(&mut tx).await.expect("answers")
    };
    assert!(trouble().await[0].why.contains("no door is open; waiting: 1"), "staff are told");
    doors.set(ground.tenant, Kind::Reorder, &inbox(), Some(&erp.url("portico_inbox"))).await.expect("set up");
    assert!(trouble().await.is_empty());
    doors.reconcile(ground.tenant, Kind::Reorder).await.expect("answers");
    ground.work(&doors).await;
    let request = ground.request(id).await;
    assert_eq!((request.state, request.last_error), (State::HandedOver, None));
    let line = "select concat_ws(' ', i.kind, i.customer, i.purchase_order, l.sku, l.quantity, i.state)
        from portico_inbox i join portico_inbox_lines l on l.id = i.id";
    assert_eq!(erp.value(line).await, "reorder BRW-1042 PO-7 PMP-50 2 new");
}

#[tokio::test]
async fn handed_over_twice_is_one_row_and_the_answer_comes_back() {
    let (ground, erp) = (Ground::new().await, Erp::new().await);
    let doors = ground.doors();
    doors.set(ground.tenant, Kind::Reorder, &inbox(), Some(&erp.url("portico_inbox"))).await.expect("set up");
    let (yes, no) = (ground.submitted("form-0002").await, ground.submitted("form-0003").await);
    ground.work(&doors).await;
    // As if we had been killed after the row was written and before we noted it.
    ground.run("update requests set state = 'submitted', handed_over_at = null").await;
    doors.reconcile(ground.tenant, Kind::Reorder).await.expect("answers");
    ground.work(&doors).await;
    assert_eq!(erp.value(COUNT).await, "2");
    assert_eq!(ground.request(yes).await.attempts, 2, "it was handed over twice");
    erp.run(&format!(
        "update portico_inbox set state = 'accepted', erp_number = ' SO-48001 ' where id = '{yes}';
         update portico_inbox set state = 'rejected', reason = 'Sold out' where id = '{no}'"
    ))
    .await;
    assert_eq!(doors.reconcile(ground.tenant, Kind::Reorder).await.expect("answers"), 2);
    assert_eq!(doors.reconcile(ground.tenant, Kind::Reorder).await.expect("answers"), 0);
    let (yes, no) = (ground.request(yes).await, ground.request(no).await);
    assert_eq!((yes.state, yes.erp_number.as_deref()), (State::Accepted, Some("SO-48001")));
    assert_eq!((no.state, no.reason.as_deref()), (State::Rejected, Some("Sold out")));
}

#[tokio::test]
async fn an_order_system_that_is_away_is_told_and_loses_nothing() {
    let (ground, erp) = (Ground::new().await, Erp::new().await);
    let doors = ground.doors();
    doors.set(ground.tenant, Kind::Reorder, &inbox(), Some(&erp.url("portico_inbox"))).await.expect("set up");
    erp.run("alter table portico_inbox rename to away").await;
    let id = ground.submitted("form-0004").await;
    ground.work(&doors).await;
    let request = ground.request(id).await;
    assert_eq!((request.state, request.attempts), (State::Submitted, 1));
    assert!(request.last_error.expect("a word for staff").contains("portico_inbox"));
    let mut tx = ground.staff().await;
    let door = doors::list(&mut tx).await.expect("answers").remove(0);
    assert!(door.failed_since.is_some() && door.last_error.is_some());
    drop(tx);
    erp.run("alter table away rename to portico_inbox").await;
    doors.reconcile(ground.tenant, Kind::Reorder).await.expect("answers");
    let due = "select (due_at <= now())::text from jobs where kind = 'hand_over_request' and done_at is null";
    assert_eq!(ground.value(due).await, "true", "back: nobody waits for the end of a pause");
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    ground.work(&doors).await;
    assert_eq!(ground.request(id).await.state, State::HandedOver);
    let mut tx = ground.staff().await;
    assert!(doors::list(&mut tx).await.expect("answers")[0].failed_since.is_none());
}

#[tokio::test]
async fn a_stopped_order_system_gets_no_row_and_every_row_later() {
    let (ground, erp) = (Ground::new().await, Erp::new().await);
    let doors = ground.doors();
    doors.set(ground.tenant, Kind::Reorder, &inbox(), Some(&erp.url("portico_inbox"))).await.expect("set up");
    let connector = ConnectorId::new(&SystemClock, &SystemRandom);
    let tenant = ground.tenant;
    let add = format!(
        "insert into connectors (tenant_id, id, kind, name, mapping, connection_url) values ('{tenant}', '{connector}', 'orders', 'erp', '', '')"
    );
    ground.run(&add).await;
    let clocks = (&SystemClock as &dyn Clock, &SystemRandom as &dyn Random);
    let halt = async || {
        let mut tx = ground.staff().await;
        let by = Author::operator("Ada");
        assert!(stops::stop(&mut tx, clocks, connector, by, "maintenance").await.expect("stopped"));
        tx.commit().await.expect("kept");
    };
    let resume = async || {
        let mut tx = ground.staff().await;
        assert!(stops::resume(&mut tx, clocks, connector, Author::operator("Ada")).await.expect("resumed"));
        tx.commit().await.expect("kept");
    };
    halt().await;
    let first = ground.submitted("form-0010").await;
    ground.work(&doors).await;
    doors.reconcile(tenant, Kind::Reorder).await.expect("answers");
    ground.work(&doors).await;
    assert!(doors.test(tenant, Kind::Reorder).await.expect_err("stopped").contains("Ada has stopped"));
    let ours = "select count(*)::text from pg_stat_activity where application_name = 'portico doors' and datname = current_database()";
    assert_eq!(erp.value(ours).await, "0", "not even a connection was opened");
    let request = ground.request(first).await;
    assert_eq!(request.state, State::Submitted);
    assert!(request.last_error.expect("a word for staff").contains("maintenance"));
    resume().await;
    doors.reconcile(tenant, Kind::Reorder).await.expect("answers");
    ground.work(&doors).await;
    assert_eq!(
        (ground.request(first).await.state, erp.value(COUNT).await.as_str()),
        (State::HandedOver, "1")
    );

    // In the middle of an insert, which waits for somebody's lock.
    let second = ground.submitted("form-0011").await;
    let mut other = erp.0.owner().await;
    let mut lock = sqlx::Connection::begin(&mut other).await.expect("a transaction");
    sqlx::raw_sql("lock table portico_inbox in access exclusive mode")
        .execute(&mut *lock)
        .await
        .expect("locked");
    let began = std::time::Instant::now();
    tokio::join!(ground.work(&doors), async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        halt().await;
    });
    assert!(began.elapsed() < std::time::Duration::from_millis(1800), "{:?}", began.elapsed());
    assert_eq!(ground.request(second).await.state, State::Submitted);
    lock.rollback().await.expect("free");
    resume().await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    doors.reconcile(tenant, Kind::Reorder).await.expect("answers");
    ground.work(&doors).await;
    assert_eq!(
        (ground.request(second).await.state, erp.value(COUNT).await.as_str()),
        (State::HandedOver, "2")
    );
}

#[tokio::test]
async fn the_inbox_role_can_do_nothing_else() {
    let (ground, erp) = (Ground::new().await, Erp::new().await);
    let doors = ground.doors();
    let set = async |role: &str| {
        doors.set(ground.tenant, Kind::Reorder, &inbox(), Some(&erp.url(role))).await.expect("set up");
        // So that the change of the door is seen as one.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        doors.test(ground.tenant, Kind::Reorder).await
    };
    set("portico_inbox").await.expect("it opens");
    assert!(set("postgres").await.expect_err("too strong").contains("may change rows"));
    let sealed = ground.value("select encode(secret, 'escape') from doors").await;
    assert!(!sealed.contains("postgres://"), "the address is sealed");
    for forbidden in [
        "update portico_inbox set state = 'accepted'",
        "delete from portico_inbox",
        "insert into portico_inbox (state) values ('new')",
    ] {
        let set = format!("set role portico_inbox; {forbidden}");
        let mut owner = erp.0.owner().await;
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&mut owner).await;
        assert!(done.expect_err(forbidden).to_string().contains("permission denied"), "{forbidden}");
    }
}

#[tokio::test]
async fn a_file_is_whole_and_its_answer_is_read() {
    let ground = Ground::new().await;
    let doors = ground.doors();
    let folder = std::env::temp_dir().join(format!("portico-drop-{}", ground.tenant));
    std::fs::create_dir(&folder).expect("a folder");
    let settings = Settings::File { folder: folder.to_str().expect("a plain path").into() };
    doors.set(ground.tenant, Kind::Reorder, &settings, None).await.expect("set up");
    doors.test(ground.tenant, Kind::Reorder).await.expect("it can be written");
    let id = ground.submitted("form-0005").await;
    ground.work(&doors).await;
    assert_eq!(ground.request(id).await.state, State::HandedOver);
    let names: Vec<String> = std::fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("plain"))
        .collect();
    assert_eq!(names, [format!("{id}.json")], "nothing half-written, nothing left of the test");
    let text = std::fs::read_to_string(folder.join(&names[0])).expect("readable");
    let message: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&message["id"], &message["customer"]), (&json!(id), &json!("BRW-1042")));
    let answer = folder.join(format!("{id}.ack.json"));
    std::fs::write(&answer, "{\"state\": \"acc").expect("written");
    assert_eq!(
        doors.reconcile(ground.tenant, Kind::Reorder).await.expect("answers"),
        0,
        "still being written"
    );
    std::fs::write(&answer, json!({ "state": "accepted", "erp_number": "SO-9" }).to_string())
        .expect("written");
    assert_eq!(doors.reconcile(ground.tenant, Kind::Reorder).await.expect("answers"), 1);
    assert_eq!(ground.request(id).await.erp_number.as_deref(), Some("SO-9"));
    std::fs::remove_dir_all(&folder).expect("removed");
    ground.submitted("form-0006").await;
    ground.work(&doors).await;
    assert!(doors.test(ground.tenant, Kind::Reorder).await.is_err(), "the folder is gone");
}

#[tokio::test]
async fn another_tenants_doors_stay_shut() {
    let ground = Ground::new().await;
    let doors = ground.doors();
    let settings = Settings::File { folder: "/nonexistent".into() };
    doors.set(ground.tenant, Kind::Reorder, &settings, None).await.expect("set up");
    let other = platform_core::id::TenantId(uuid::Uuid::from_u128(7));
    assert!(doors.test(other, Kind::Reorder).await.expect_err("none").contains("no door"));
    let mut tx = ground.staff().await;
    assert!(doors::set_enabled(&mut tx, Kind::Reorder, false).await.expect("answers"));
    assert!(!doors::set_enabled(&mut tx, Kind::AddressChange, false).await.expect("answers"));
    tx.commit().await.expect("kept");
    let id = ground.submitted("form-0007").await;
    ground.work(&doors).await;
    assert!(ground.request(id).await.last_error.expect("a word").contains("no door is open"), "switched off");
}
