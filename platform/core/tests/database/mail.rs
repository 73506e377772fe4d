//! The outbox against a real SMTP server: delivered once, retried while refused, given up for good, nothing lost.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use migrations::testing::TestDatabase;
use platform_core::clock::SystemClock;
use platform_core::id::TenantId;
use platform_core::jobs::Worker;
use platform_core::mail::{Courier, NewMail, Outbox, StoredMail, erase_old_bodies};
use platform_core::random::{SeededRandom, SystemRandom};
use platform_core::secrets::Sealer;
use platform_core::{Db, Scope};
use serde_json::Value;

use crate::ground;

const PATIENCE: Duration = Duration::from_secs(20);

/// Debian's aiosmtpd, ended with the test.
struct Sink {
    process: Child,
    lines: Receiver<String>,
    port: u16,
}

impl Sink {
    fn start(port: u16) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/database/smtp_sink.py");
        let mut process = Command::new("/usr/bin/python3")
            .args([script, &port.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("Debian's python3 and python3-aiosmtpd are installed");
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        let (send, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let port = lines.recv_timeout(PATIENCE).expect("the sink tells its port").parse().expect("a port");
        Self { process, lines, port }
    }

    fn next(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("the sink tells of a mail");
        serde_json::from_str(&line).expect("a line of JSON")
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct World {
    database: TestDatabase,
    db: Db,
    tenant: TenantId,
    outbox: Outbox,
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let db = ground::open(&database).await;
        let tenant = ground::tenant(&db, "techflow").await;
        let random = Arc::new(SystemRandom);
        let key = Sealer::new_key_line(1, &SeededRandom::new(1));
        let sealer = Sealer::from_key_file(&key, random.clone()).expect("a key file");
        let outbox = Outbox::new(sealer, Arc::new(SystemClock), random);
        Self { database, db, tenant, outbox }
    }

    async fn write(&self, to: &str, keep_seconds: u64) {
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await.expect("a transaction");
        let mail = NewMail {
            to_address: to.into(),
            to_name: "Zoë Ångström, \"Buyer\"\r\nBcc: everyone@example.com".into(),
            from_name: "TechFlow Industries".into(),
            reply_to: Some("care@techflow.example".into()),
            subject: "Your sign-in link\r\nX-Injected: yes".into(),
            text: "link-1234".into(),
            html: "<p>link-1234</p>".into(),
            keep_body: Duration::from_secs(keep_seconds),
        };
        self.outbox.enqueue(&mut tx, &mail).await.expect("it is written");
        tx.commit().await.expect("it is kept");
    }

    fn worker(&self, port: u16) -> Worker {
        let url = format!("smtp://127.0.0.1:{port}");
        let courier = Courier::new(self.db.clone(), self.outbox.clone(), &url, "portal@mail.example")
            .expect("a courier");
        courier.register(Worker::new(self.db.clone()))
    }

    async fn only(&self) -> StoredMail {
        let mut tx = self.db.operator("test", "look").await.expect("a transaction");
        self.outbox.recent(&mut tx, None, 10).await.expect("the outbox answers").remove(0)
    }

    async fn time_passes(&self) {
        let mut owner = self.database.owner().await;
        sqlx::query("update jobs set due_at = now()").execute(&mut owner).await.expect("time passes");
    }
}

#[tokio::test]
async fn a_mail_is_delivered_once_and_its_headers_hold() {
    let world = World::new().await;
    let sink = Sink::start(0);
    world.write("maya@customer.example", 60).await;
    let worker = world.worker(sink.port);
    assert_eq!(worker.run_batch().await.expect("the claim answers"), 1);
    assert_eq!(worker.run_batch().await.expect("the claim answers"), 0);
    let mail = sink.next();
    assert_eq!(mail["parts"]["text/plain"].as_str().map(str::trim), Some("link-1234"));
    assert_eq!(mail["to"], serde_json::json!(["maya@customer.example"]), "a name cannot add a recipient");
    assert!(mail["headers"]["From"].as_str().is_some_and(|from| from.contains("TechFlow Industries")));
    assert!(world.only().await.sent_at.is_some());
}

#[tokio::test]
async fn a_server_that_is_down_or_refuses_for_now_is_tried_again() {
    let world = World::new().await;
    world.write("maya@customer.example", 60).await;
    let first = Sink::start(0);
    let port = first.port;
    drop(first);
    let worker = world.worker(port);
    worker.run_batch().await.expect("the claim answers");
    let waiting = world.only().await;
    assert!(waiting.sent_at.is_none() && waiting.failed_at.is_none() && waiting.last_error.is_some());
    let sink = Sink::start(port);
    world.time_passes().await;
    worker.run_batch().await.expect("the claim answers");
    sink.next();
    assert!(world.only().await.sent_at.is_some(), "nothing was lost");
    world.write("refuse4@customer.example", 60).await;
    worker.run_batch().await.expect("the claim answers");
    let refused = world.only().await;
    assert!(refused.failed_at.is_none() && refused.last_error.is_some_and(|reason| reason.contains("451")));
}

#[tokio::test]
async fn a_refusal_for_good_is_kept_for_a_person() {
    let world = World::new().await;
    let sink = Sink::start(0);
    world.write("refuse5@customer.example", 60).await;
    let worker = world.worker(sink.port);
    worker.run_batch().await.expect("the claim answers");
    world.time_passes().await;
    assert_eq!(worker.run_batch().await.expect("the claim answers"), 0, "it is not tried again");
    let refused = world.only().await;
    assert!(refused.failed_at.is_some() && refused.last_error.is_some_and(|reason| reason.contains("550")));
}

#[tokio::test]
async fn a_dump_holds_no_link_and_old_bodies_are_erased() {
    let world = World::new().await;
    world.write("maya@customer.example", 0).await;
    let mut owner = world.database.owner().await;
    let row: String = sqlx::query_scalar("select m::text || j::text from mail_outbox m, jobs j")
        .fetch_one(&mut owner)
        .await
        .expect("the rows are there");
    let hex: String = "link-1234".bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(!row.contains("link-1234") && !row.contains(&hex));
    assert_eq!(erase_old_bodies(&world.db).await.expect("the erasure answers"), 1);
    assert!(world.only().await.body.is_none());
}
