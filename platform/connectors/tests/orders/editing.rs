//! Changing a mapping: versions, the check, the dry run on a connector that is there, activation and the way back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use platform_connectors::Author;
use platform_connectors::editing::{self, Activated, Saved, Trial, TrialError};
use platform_core::Scope;
use platform_core::clock::{Clock, SystemClock};
use platform_core::id::ConnectorId;
use platform_core::random::{Random, SystemRandom};

use crate::erp::{Erp, orderflow_mapping};
use crate::world::{World, eventually, hurried};

fn clocks() -> (&'static dyn Clock, &'static dyn Random) {
    (&SystemClock, &SystemRandom)
}

/// The mapping with a word for the code that nobody had mapped.
fn mended() -> String {
    hurried(&orderflow_mapping()).replacen("X = \"cancelled\"", "X = \"cancelled\"\nQ = \"on_hold\"", 1)
}

impl World {
    async fn save(&self, connector: ConnectorId, text: &str, note: &str) -> Saved {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await.expect("a transaction");
        let saved =
            editing::save(&mut tx, connector, text, note, Author::operator("Ada")).await.expect("saved");
        tx.commit().await.expect("stored");
        saved.expect("a connector")
    }

    async fn activate(&self, connector: ConnectorId, version: i32, expected: Option<i32>) -> Activated {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await.expect("a transaction");
        let by = Author::operator("Bo");
        let done = editing::activate(&mut tx, clocks(), connector, (version, expected), by)
            .await
            .expect("an answer");
        tx.commit().await.expect("stored");
        done
    }

    async fn try_out(&self, connector: ConnectorId, text: &str) -> Result<Trial, TrialError> {
        editing::trial(&self.db, &self.sealer, Arc::new(SystemClock), (self.tenant, connector), text).await
    }
}

#[tokio::test]
async fn a_version_is_taken_up_by_the_running_sync_and_given_up_again() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    let connector = world.connect_orderflow(&erp.url()).await;
    // those of our customers
    erp.sql("update of_ordhdr set cust_no = 'BRW-1042' where ord_stat = 'Q'").await;
    let running = world.start();
    world.loaded().await;
    let words = "select string_agg(distinct status, ',') from orders where status_code = 'Q'";
    assert_eq!(world.value(words).await, "in_progress");

    assert_eq!(world.save(connector, &mended(), " Q is a hold ").await, Saved { version: 2, is_new: true });
    assert_eq!(world.save(connector, &mended(), "again").await, Saved { version: 2, is_new: false });
    let broken = mended().replace("Q = \"on_hold\"", "Q = \"parked\"");
    assert_eq!(world.save(connector, &broken, "").await.version, 3);

    let Activated::Faulty(faults) = world.activate(connector, 3, Some(1)).await else {
        panic!("it has faults")
    };
    let line = broken.lines().position(|line| line.starts_with("Q =")).unwrap() + 1;
    assert_eq!((faults[0].key.as_str(), faults[0].line), ("order.statuses.Q", u32::try_from(line).ok()));
    assert_eq!(world.activate(connector, 9, Some(1)).await, Activated::Unknown);
    assert_eq!(world.activate(connector, 2, Some(7)).await, Activated::Moved { active: Some(1) });
    assert_eq!(world.value(words).await, "in_progress", "nothing was changed");

    let asked = Instant::now();
    assert_eq!(world.activate(connector, 2, Some(1)).await, Activated::Done);
    eventually("the new word", || async { world.value(words).await == "on_hold" }).await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    eventually("no code without a word", || async { world.health().await.unmapped.is_empty() }).await;
    assert_eq!(world.activate(connector, 2, Some(2)).await, Activated::Already);
    assert_eq!(world.activate(connector, 1, Some(2)).await, Activated::Done, "the way back");
    eventually("the old word", || async { world.value(words).await == "in_progress" }).await;
    running.stop().await;

    let mut tx = world.db.tenant(Scope::tenant(world.tenant)).await.unwrap();
    let all = editing::history(&mut tx, connector).await.unwrap();
    let told: Vec<_> =
        all.iter().map(|v| (v.version, v.active, v.activated_at.is_some(), v.note.as_str())).collect();
    assert_eq!(told, [(3, false, false, ""), (2, false, true, "Q is a hold"), (1, true, true, "")]);
    assert_eq!((all[1].author.as_str(), all[1].activated_by.as_deref()), ("Ada", Some("Bo")));
    assert_eq!(editing::active(&mut tx, connector).await.unwrap().map(|v| v.version), Some(1));
    assert_eq!(editing::get(&mut tx, connector, 3).await.unwrap().map(|v| v.text), Some(broken));
    let log = "select string_agg(concat_ws(' ', action, detail->>'version', detail->>'instead_of', detail->>'by'), ', ' order by at)
                 from audit_log where object_kind = 'mapping'";
    assert_eq!(world.value(log).await, "activated 2 1 Bo, activated 1 2 Bo");
}

#[tokio::test]
async fn of_two_who_activate_at_once_one_is_told() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    let connector = world.connect_orderflow(&erp.url()).await;
    world.save(connector, &mended(), "one").await;
    world.save(connector, &(mended() + "\n# two\n"), "two").await;
    let (one, two) =
        tokio::join!(world.activate(connector, 2, Some(1)), world.activate(connector, 3, Some(1)));
    let done = [&one, &two].iter().filter(|done| ***done == Activated::Done).count();
    let moved =
        [&one, &two].iter().filter(|done| matches!(done, Activated::Moved { active: Some(2 | 3) })).count();
    assert_eq!((done, moved), (1, 1), "{one:?} {two:?}");
    let same = "select (c.mapping = m.text)::text from connectors c join connector_mappings m on m.version = c.mapping_version";
    assert_eq!(world.value(same).await, "true");
}

#[tokio::test]
async fn a_dry_run_shows_before_and_after_and_writes_nothing() {
    let erp = Erp::orderflow().await;
    erp.listen_in().await;
    let world = World::new().await;
    let connector = world.connect_orderflow(&erp.url()).await;
    // so that one of them is among the sampled ones
    erp.sql("update of_ordhdr set ord_stat = 'Q' where ord_no in (select ord_no from of_ordhdr where del_flag <> 'Y' order by ord_no desc limit 2)").await;
    let marks = "select concat(c.xmin, c.revision, c.state, (select count(*) from orders), (select count(*) from connector_mappings)) from connectors c";
    let before = world.value(marks).await;
    let text = mended().replace("reason = \"chg_reason\"", "reason = \"upper(chg_reason)\"");
    let trial = world.try_out(connector, &text).await.expect("a dry run");
    assert!(trial.ready && trial.faults.is_empty(), "{:?}", trial.faults);
    assert!(trial.report.unmapped.is_empty() && !trial.report.estimated_rows.is_empty());
    let held = trial.compared.iter().find(|order| order.code == "Q").expect("a sampled order");
    let change = held.changes.as_ref().unwrap().iter().find(|change| change.field == "status").unwrap();
    assert_eq!((change.before.as_str(), change.after.as_str()), ("in_progress", "on_hold"));
    assert!(trial.compared.iter().any(|order| order.changes.as_ref().is_some_and(Vec::is_empty)));
    assert_eq!(world.value(marks).await, before, "nothing of ours was written");

    assert_eq!(usize::try_from(trial.statements), Ok(erp.statements_heard().await), "each was counted");
    let used = world.health().await.last_hour;
    assert_eq!((used.statements.unsigned_abs(), used.connections), (trial.statements, 1));
    assert!(trial.seconds > 0.0 && trial.seconds < 5.0);

    let broken = mended()
        .replace("\"prom_dt\"", "\"promdt\"")
        .replace("open = \"ord_stat not", "open = \"ord_sta not");
    let trial = world.try_out(connector, &broken).await.expect("a dry run");
    assert!(!trial.ready && trial.compared.is_empty());
    for (key, begins) in
        [("order.promised_on", "promised_on = \"promdt\""), ("order.open", "open = \"ord_sta not")]
    {
        let fault = trial.faults.iter().find(|fault| fault.key == key).expect(key);
        let line = broken.lines().nth(fault.line.expect("a line") as usize - 1).unwrap();
        assert!(line.starts_with(begins), "{fault} is not at {line}");
    }
    assert!(trial.advice.iter().any(|advice| advice.key == "encoding" && advice.line.is_some()));
}

#[tokio::test]
async fn a_dry_run_heeds_the_kill_switch() {
    let erp = Erp::orderflow().await;
    erp.listen_in().await;
    let world = World::new().await;
    // so slow that somebody can stop it in the middle
    let slow = orderflow_mapping().replace("[pace]", "[pace]\nstatements_per_second = 3");
    let slow = slow.replace("hot_seconds = 5", "hot_seconds = 60");
    let connector = world.connect(&erp.url(), &slow).await;
    let (began, text) = (Instant::now(), mended());
    let (tried, ()) = tokio::join!(world.try_out(connector, &text), async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        world.halt(connector, "Ada", "not now").await;
    });
    assert!(matches!(tried, Err(TrialError::Stopped(stop)) if stop.reason == "not now"));
    assert!(began.elapsed() < Duration::from_millis(3500), "{:?}", began.elapsed());
    let heard = erp.statements_heard().await;
    assert!((2..10).contains(&heard), "it had begun, and slowly: {heard}");
    assert!(matches!(world.try_out(connector, &mended()).await, Err(TrialError::Stopped(_))));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(erp.statements_heard().await, heard);
}
