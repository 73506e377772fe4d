//! The database goes away under load and comes back: killed by its own server's crash, then stopped dead and started anew.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use migrations::embedded::{Durability, Server, prepare_database, socket_options};
use platform_connectors::sync::Refresher;
use platform_server::compose;
use platform_server::stack::Stack;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use crate::ground::{BASE, folder, open, run};
use crate::person::{Browser, tenant};
use crate::planted::{self, Company};

/// A database server of the test's own, to be killed.
struct Database {
    dir: PathBuf,
    server: Option<Server>,
}

impl Database {
    async fn start(dir: &Path) -> Self {
        let server = Server::start(dir, Durability::Safe).await.expect("it starts");
        prepare_database(&server, "portico").await.expect("it is migrated");
        Self { dir: dir.to_owned(), server: Some(server) }
    }

    fn socket(&self) -> PathBuf {
        self.server.as_ref().expect("it was started").socket_dir().to_owned()
    }

    async fn owner(&self) -> PgConnection {
        let options = socket_options(&self.socket(), "postgres", "portico");
        PgConnection::connect_with(&options).await.expect("it answers")
    }

    /// kill -9 of one backend: the server throws everybody out and recovers.
    async fn crash(&self) {
        let pid: i32 =
            sqlx::query_scalar("select pid from pg_stat_activity where usename = 'portico_app' limit 1")
                .fetch_one(&mut self.owner().await)
                .await
                .expect("the program is connected");
        signal("-KILL", &pid.to_string());
    }

    /// Ends at once without a last checkpoint, as with a power cut, and starts again.
    async fn power_cut(&mut self) {
        let lock = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).expect("it runs");
        signal("-QUIT", lock.lines().next().expect("a number"));
        drop(self.server.take());
        self.server = Some(Server::start(&self.dir, Durability::Safe).await.expect("it recovers"));
    }

    async fn wait(&self) {
        let options = socket_options(&self.socket(), "postgres", "portico");
        for _ in 0..400 {
            if PgConnection::connect_with(&options).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the database did not come back");
    }
}

fn signal(name: &str, pid: &str) {
    let done = Command::new("kill").args([name, pid]).status().expect("kill runs");
    assert!(done.success(), "kill {name} {pid}");
}

/// One answer: when it was asked for, when it came, what it was.
struct Seen {
    asked: Instant,
    took: Duration,
    status: StatusCode,
}

/// Reads pages until told to stop. Panics at a word of another customer.
async fn read(
    mut browser: Browser,
    own: &'static str,
    other: &'static str,
    stop: Arc<AtomicBool>,
) -> Vec<Seen> {
    let mut seen = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let page = browser.get("/orders").await;
        assert!(!page.all().contains(other), "{own} was shown {other}");
        assert!(
            page.status != StatusCode::OK || page.body.contains(own),
            "a page without its owner's orders"
        );
        seen.push(Seen { asked, took: asked.elapsed(), status: page.status });
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    seen
}

/// Writes until told to stop; gives what was acknowledged.
async fn write(mut browser: Browser, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let address = format!("writer{number}@ledger.example");
        if browser.post("/sign-in", &[("email", &address)]).await.location() == "/sign-in/code" {
            acknowledged.push(address);
        }
    }
    acknowledged
}

async fn program(database: &Database) -> Stack {
    let url = |role| socket_options(&database.socket(), role, "portico").to_url_lossy().to_string();
    let text = format!(
        "[platform]\nbase_domain = \"{BASE}\"\ndata_dir = \"{}\"\n[smtp]\nfrom = \"portal@mail.example\"\n\
         [database]\nurl = \"{}\"\noperator_url = \"{}\"\n",
        folder().display(),
        url("portico_app"),
        url("portico_operator")
    );
    open(&text).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_recover_within_five_seconds_and_nothing_acknowledged_is_lost() {
    let mut database = Database::start(&folder().join("pg")).await;
    let stack = program(&database).await;
    let mut owner = database.owner().await;
    let (vendor, sql) = planted::vendor_sql("kestrelx7", "orders");
    run(&mut owner, &sql).await;
    let mut companies: Vec<Company> = Vec::new();
    for word in ["quokkax7", "dugongx7"] {
        let (company, sql) = planted::company_sql(&vendor, word);
        run(&mut owner, &sql).await;
        companies.push(company);
    }
    owner.close().await.expect("closed");
    let app = compose::app(
        &stack,
        compose::themes().expect("they compile"),
        Refresher::elsewhere(stack.db.clone()),
    );
    let site = tenant(vendor.id, vendor.word);
    let stop = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for (own, other) in [(0, 1), (1, 0), (0, 1), (1, 0)] {
        let mut browser = Browser::at(&app.router, &site);
        browser
            .sign_in(&stack.db, &stack.outbox, &companies[own].email(["admin", "user"][readers.len() / 2]))
            .await;
        readers.push(tokio::spawn(read(
            browser,
            companies[own].word,
            companies[other].word,
            Arc::clone(&stop),
        )));
    }
    let writer = tokio::spawn(write(Browser::at(&app.router, &site), Arc::clone(&stop)));

    let mut outages = Vec::new();
    for cut in [false, true] {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let began = Instant::now();
        if cut {
            database.power_cut().await;
        } else {
            database.crash().await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        database.wait().await;
        outages.push((began, Instant::now()));
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let lengths: Vec<Duration> = outages.iter().map(|(began, back)| *back - *began).collect();
    println!("away for {lengths:?}");
    let mut unwell = 0;
    for reader in readers {
        let seen = reader.await.expect("nobody sees what is another's");
        for answer in &seen {
            let excused = outages.iter().any(|(began, back)| {
                answer.asked + answer.took >= *began && answer.asked <= *back + Duration::from_secs(5)
            });
            let fits = answer.status == StatusCode::OK
                || (excused && answer.status == StatusCode::SERVICE_UNAVAILABLE);
            assert!(fits, "{} after {:?}, excused: {excused}", answer.status, answer.took);
            unwell += u32::from(answer.status != StatusCode::OK);
            assert!(answer.took < Duration::from_secs(12), "an answer took {:?}", answer.took);
        }
        let last = seen.last().expect("it asked");
        assert!(last.status == StatusCode::OK && last.took < Duration::from_secs(1), "{}", last.status);
    }
    println!("{unwell} answers said: in a moment");
    let acknowledged = writer.await.expect("nobody panics");
    assert!(acknowledged.len() > 20, "{} writes", acknowledged.len());
    let list = acknowledged.join("','");
    let there = format!("select count(distinct address) from portal_auth_tokens where address in ('{list}')");
    let there: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(there))
        .fetch_one(&mut database.owner().await)
        .await
        .expect("an answer");
    assert_eq!(usize::try_from(there).expect("a count"), acknowledged.len(), "an acknowledged write is gone");
}
