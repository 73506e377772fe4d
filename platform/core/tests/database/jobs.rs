//! Jobs against a real database: the transaction decides, leases end, fences hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use migrations::testing::TestDatabase;
use platform_core::clock::SystemClock;
use platform_core::id::TenantId;
use platform_core::jobs::{self, Failure, Job, Worker};
use platform_core::random::SystemRandom;
use platform_core::{Db, Scope};
use serde::{Deserialize, Serialize};

use crate::ground;

#[derive(Serialize, Deserialize)]
struct Greet {
    name: String,
}

impl Job for Greet {
    const KIND: &'static str = "greet";
    const MAX_ATTEMPTS: i32 = 2;
}

async fn arrange() -> (TestDatabase, Db, TenantId) {
    let database = TestDatabase::new().await;
    let db = ground::open(&database).await;
    let tenant = ground::tenant(&db, "techflow").await;
    (database, db, tenant)
}

async fn greet(db: &Db, tenant: TenantId, commit: bool, key: Option<&str>) {
    let mut tx = db.tenant(Scope::tenant(tenant)).await.expect("a transaction");
    let job = Greet { name: "Maya".into() };
    jobs::enqueue(&mut tx, &SystemClock, &SystemRandom, &job, key).await.expect("it is enqueued");
    if commit {
        tx.commit().await.expect("it is kept");
    }
}

fn counting(db: &Db, outcome: Result<(), Failure>) -> (Worker, Arc<AtomicU32>) {
    let runs = Arc::new(AtomicU32::new(0));
    let seen = runs.clone();
    let worker = Worker::new(db.clone()).on(move |_tenant, job: Greet, _attempts| {
        let (seen, outcome) = (seen.clone(), outcome.clone());
        async move {
            assert_eq!(job.name, "Maya");
            seen.fetch_add(1, Ordering::SeqCst);
            outcome
        }
    });
    (worker, runs)
}

#[tokio::test]
async fn a_job_runs_once_if_its_cause_was_kept_and_never_otherwise() {
    let (_database, db, tenant) = arrange().await;
    greet(&db, tenant, false, None).await;
    greet(&db, tenant, true, None).await;
    let (worker, runs) = counting(&db, Ok(()));
    while worker.run_batch().await.expect("the claim answers") > 0 {}
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_same_key_twice_is_one_job() {
    let (_database, db, tenant) = arrange().await;
    greet(&db, tenant, true, Some("maya")).await;
    greet(&db, tenant, true, Some("maya")).await;
    let (worker, runs) = counting(&db, Ok(()));
    while worker.run_batch().await.expect("the claim answers") > 0 {}
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    // Once done, the key is free again.
    greet(&db, tenant, true, Some("maya")).await;
    assert_eq!(worker.run_batch().await.expect("the claim answers"), 1);
}

#[tokio::test]
async fn a_failing_job_waits_and_then_stays_for_a_person() {
    let (database, db, tenant) = arrange().await;
    greet(&db, tenant, true, None).await;
    let (worker, runs) = counting(&db, Err(Failure::Retry("no answer".into())));
    assert_eq!(worker.run_batch().await.expect("the claim answers"), 1);
    assert_eq!(worker.run_batch().await.expect("the claim answers"), 0, "it pauses first");
    let mut owner = database.owner().await;
    sqlx::query("update jobs set due_at = now()").execute(&mut owner).await.expect("time passes");
    assert_eq!(worker.run_batch().await.expect("the claim answers"), 1);
    let (failed, reason): (bool, String) =
        sqlx::query_as("select failed_at is not null, last_error from jobs")
            .fetch_one(&mut owner)
            .await
            .expect("the row is kept");
    assert!(failed && reason == "no answer");
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_worker_that_slept_past_its_lease_cannot_mark() {
    let (database, db, tenant) = arrange().await;
    greet(&db, tenant, true, None).await;
    let slow = Worker::new(db.clone()).on(|_tenant, _job: Greet, _attempts| async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        Err(Failure::Fail("the stale result".into()))
    });
    let sleeping = tokio::spawn(async move { slow.run_batch().await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    let mut owner = database.owner().await;
    sqlx::query("update jobs set lease_until = now() - interval '1 second'")
        .execute(&mut owner)
        .await
        .expect("time passes");
    let (quick, runs) = counting(&db, Ok(()));
    assert_eq!(quick.run_batch().await.expect("the claim answers"), 1);
    sleeping.await.expect("it ends").expect("the claim answered");
    let (done, failed): (bool, bool) =
        sqlx::query_as("select done_at is not null, failed_at is not null from jobs")
            .fetch_one(&mut owner)
            .await
            .expect("the row is kept");
    assert!(done && !failed, "the later claim's result stands");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_panicking_handler_fails_its_job_and_not_the_worker() {
    let (_database, db, tenant) = arrange().await;
    greet(&db, tenant, true, None).await;
    let worker = Worker::new(db.clone()).on(|_tenant, _job: Greet, _attempts| async {
        if SystemClock.now_is_after_start() {
            panic!("a fault in a handler");
        }
        Ok(())
    });
    assert_eq!(worker.run_batch().await.expect("the worker lives"), 1);
}

/// Keeps the compiler from seeing that the handler always panics.
trait AfterStart {
    fn now_is_after_start(&self) -> bool;
}

impl AfterStart for SystemClock {
    fn now_is_after_start(&self) -> bool {
        use platform_core::clock::Clock as _;
        self.now().timestamp() > 0
    }
}
