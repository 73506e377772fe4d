//! Nodes of one installation: what one does the others know, what a killed one had acknowledged is there, and what the
//! vendor's system does to them is no fault of theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use platform_connectors::registry::{self, NewConnector};
use platform_core::Scope;
use platform_core::id::ConnectorId;
use platform_core::jobs;
use sqlx::Connection as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::erp::{ACCOUNT, Erp, mapping};
use crate::ground::Ground;
use crate::node::{Cluster, Mails};
use crate::person::{Browser, tenant};
use crate::planted::{self, Vendor};

const SLUG: &str = "kestrelx7";

async fn eventually<F: Future<Output = bool>>(what: &str, seconds: u64, so: impl Fn() -> F) -> Duration {
    let began = Instant::now();
    while !so().await {
        assert!(began.elapsed() < Duration::from_secs(seconds), "not within {seconds} s: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    began.elapsed()
}

async fn connect(ground: &Ground, vendor: &Vendor, name: &str, mapping: &str, url: &str) {
    let stack = &ground.stack;
    let new = NewConnector { id: ConnectorId::new(&*stack.clock, &*stack.random), name, mapping, url };
    let mut tx = stack.db.tenant(Scope::tenant(vendor.id)).await.expect("a transaction");
    registry::put(&mut tx, &stack.sealer, &new).await.expect("a connector");
    tx.commit().await.expect("stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_does_the_other_knows() {
    let ground = Ground::new().await;
    let vendor = planted::vendor(&ground, SLUG, "orders").await;
    let company = planted::company(&ground, &vendor, "quokkax7").await;
    let cluster = Cluster::new(&ground, &[SLUG], 1).await;
    let (a, b) = tokio::join!(
        cluster.start(&ground, SLUG, &["--http", "--https"]),
        cluster.start(&ground, SLUG, &["--http", "--https"])
    );
    let mut on_a = Browser::at(&a.router(), &tenant(vendor.id, SLUG));
    on_a.sign_in(&ground.stack.db, &ground.stack.outbox, &company.email("admin")).await;
    let mut on_b = on_a.clone();
    on_b.router = b.router();
    assert_eq!(on_b.get("/orders").await.status, StatusCode::OK, "a session is every node's");
    assert_eq!(on_a.post("/sign-out", &[]).await.status, StatusCode::SEE_OTHER);
    let ended = Instant::now();
    while on_b.get("/orders").await.status == StatusCode::OK {
        assert!(
            ended.elapsed() < Duration::from_millis(1500),
            "an ended session still opens pages elsewhere"
        );
    }

    // A challenge that one node's order has set is answered by the other.
    ground
        .sql(&format!(
            "insert into acme_orders (id, host, step, due, created_at) values ('{0}', 'x.example', 'challenged', now() + interval '1 hour', now());
             insert into acme_challenges (host, token, answer, order_id, expires)
             values ('x.example', 'abcdefghijklmnopqrstuvwxyz', 'the answer', '{0}', now() + interval '1 hour')",
            company.order
        ))
        .await;
    for node in [&a, &b] {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", node.http)).await.expect("it listens");
        let ask = "GET /.well-known/acme-challenge/abcdefghijklmnopqrstuvwxyz HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\n\r\n";
        stream.write_all(ask.as_bytes()).await.expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("the answer"), "{answer}");
    }
}

/// One runner a connector, however many nodes; another takes over when it is killed; a lock on the vendor's side costs
/// pages nothing; a mapping that does not fit is refused by name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendors_system_is_read_by_one_node_and_waited_for_by_nobody() {
    let (ground, erp) = (Ground::new().await, Erp::new().await);
    let vendor = planted::vendor(&ground, SLUG, "orders").await;
    let company = planted::company(&ground, &vendor, "quokkax7").await;
    ground
        .sql(&format!(
            "delete from orders; delete from connectors; update customers set external_key = '{ACCOUNT}'"
        ))
        .await;
    connect(&ground, &vendor, "good", &mapping(), &erp.url()).await;
    let wrong = mapping().replace("requested_on = \"req_dt\"", "requested_on = \"req_date\"");
    connect(&ground, &vendor, "wrong", &wrong, &erp.url()).await;

    let cluster = Cluster::new(&ground, &[SLUG], 1).await;
    let a = cluster.start(&ground, SLUG, &[]).await;
    let live = || async {
        ground
            .value("select 'x' from connectors where name = 'good' and last_sweep_at is not null")
            .await
            .is_some()
    };
    eventually("orders arrive", 40, live).await;
    // The second finds it taken.
    let _b = cluster.start(&ground, SLUG, &[]).await;
    let refused = "select last_error from connectors where name = 'wrong' and state = 'refused'";
    eventually("the wrong mapping is refused", 20, || async { ground.value(refused).await.is_some() }).await;
    let reason = ground.value(refused).await.unwrap_or_default();
    assert!(reason.contains("req_date"), "the refusal does not say what: {reason}");

    let holder =
        || ground.value("select lease_holder::text || ' ' || fence from connectors where name = 'good'");
    let first = holder().await;
    let mut erps = erp.admin().await;
    for _ in 0..20 {
        let readers: i64 = sqlx::query_scalar("select count(*) from pg_stat_activity where usename = 'portal_reader' and datname = current_database()")
            .fetch_one(&mut erps)
            .await
            .expect("the order system answers");
        // Two a connector, and one more while the wrong one is looked at again.
        assert!(readers <= 4, "{readers} connections to the vendor's system");
        assert_eq!(holder().await, first, "the runner changes while nothing is wrong");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    // Locked: pages are as quick as ever and say how old they are.
    let mut browser = Browser::at(&a.router(), &tenant(vendor.id, SLUG));
    browser.sign_in(&ground.stack.db, &ground.stack.outbox, &company.email("admin")).await;
    let id = ground.value("select id::text from orders where is_open limit 1").await.expect("an open order");
    let mut lock = erps.begin().await.expect("a transaction");
    sqlx::query("lock table of_ordhdr in access exclusive mode").execute(&mut *lock).await.expect("locked");
    for path in ["/orders".to_owned(), format!("/orders/{id}"), "/".to_owned()] {
        let began = Instant::now();
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{path} while the vendor's system is locked");
        assert!(began.elapsed() < Duration::from_secs(2), "{path} took {:?}", began.elapsed());
        assert!(
            page.body.to_lowercase().contains("as of") || page.body.contains("datetime="),
            "{path} does not say how old it is"
        );
    }
    lock.rollback().await.expect("unlocked");

    // kill -9 of the one that reads: the other goes on when the lease has ended.
    let key =
        ground.value(&format!("select external_id from orders where id = '{id}'")).await.expect("its key");
    a.kill();
    erp.sql(&format!("update of_ordhdr set cust_po = 'AFTER-9' where ord_no::text = '{key}'")).await;
    let read = format!("select 'x' from orders where id = '{id}' and purchase_order = 'AFTER-9'");
    eventually("the other node reads on", 45, || async { ground.value(&read).await.is_some() }).await;
    assert_ne!(holder().await, first, "somebody else holds the lease now");
}

/// How many nodes die in the test below.
const KILLS: usize = 4;

/// Nodes are killed while they sign people in and send mails. What was acknowledged is there; what is there is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_loses_nothing_it_acknowledged() {
    let ground = Ground::new().await;
    let vendor = planted::vendor(&ground, SLUG, "").await;
    let company = planted::company(&ground, &vendor, "quokkax7").await;
    ground.sql("delete from mail_outbox; delete from jobs").await;
    let mails = Mails::start();
    let cluster = Cluster::new(&ground, &[SLUG], mails.port).await;
    let mut acknowledged: BTreeMap<String, u32> = BTreeMap::new();
    for round in 1..=KILLS {
        let count = Arc::new(AtomicU32::new(0));
        let node = cluster.start(&ground, SLUG, &[]).await;
        ground.sql("delete from portal_auth_tokens").await;
        let asks = ["admin", "champion", "user", "guest"].map(|name| {
            let count = Arc::clone(&count);
            let (mut browser, email) =
                (Browser::at(&node.router(), &tenant(vendor.id, SLUG)), company.email(name));
            tokio::spawn(async move {
                let mut done = 0;
                for _ in 0..3 {
                    let asked = browser.post("/sign-in", &[("email", &email)]).await;
                    if asked.location() == "/sign-in/code" {
                        done += 1;
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
                (email, done)
            })
        });
        // In the midst of it: each time a little later.
        eventually("some are acknowledged", 20, || async {
            count.load(Ordering::Relaxed) as usize >= 2 * round
        })
        .await;
        node.kill();
        for ask in asks {
            let (email, done) = ask.await.expect("nobody panics");
            *acknowledged.entry(email).or_default() += done;
        }
    }
    let written =
        ground.value("select string_agg(to_address, ' ') from mail_outbox").await.unwrap_or_default();
    for (email, asked) in &acknowledged {
        let there = written.split(' ').filter(|address| address == email).count();
        assert!(there >= *asked as usize, "{email}: {asked} acknowledged, {there} there");
    }
    assert!(acknowledged.values().sum::<u32>() >= 20, "nothing was put to the test: {acknowledged:?}");

    // A job that a killed node had claimed waits for its lease to end; here nobody waits.
    ground.sql("update jobs set lease_until = null, due_at = now() where done_at is null").await;
    let _node = cluster.start(&ground, SLUG, &["--https", "--worker"]).await;
    let unsent = "select 'x' from mail_outbox where sent_at is null limit 1";
    eventually("every mail is sent", 60, || async { ground.value(unsent).await.is_none() }).await;
    let kept = mails.kept();
    let unique: BTreeSet<&str> = kept.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(unique.len(), written.split_whitespace().count(), "each mail arrived");
    // Nothing tells a mail that arrived from one that was cut off, so what a killed node held leaves again, under the
    // message id it had: a batch for each kill, and none more often than nodes were killed.
    let mut copies: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, id) in &kept {
        *copies.entry(id).or_default() += 1;
    }
    assert!(copies.values().all(|copies| *copies <= 1 + KILLS), "a mail leaves again and again: {copies:?}");
    assert!(
        kept.len() <= unique.len() + KILLS * jobs::BATCH.unsigned_abs() as usize,
        "more than the killed held: {} for {}",
        kept.len(),
        unique.len()
    );
}
