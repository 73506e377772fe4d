//! Throw-away databases for tests, connected as the application role.
//!
//! A test that connected as a superuser would pass with every policy dropped, so nothing here hands out such a
//! connection except [`TestDatabase::owner_options`], for arranging and for looking at the catalogue.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};

use crate::embedded::{Durability, Server};

/// One test's own database, a copy of the migrated template. Removed with the server at the end of the run.
#[derive(Debug, Clone)]
pub struct TestDatabase {
    name: String,
    socket_dir: PathBuf,
}

impl TestDatabase {
    /// Makes an empty, migrated database. The first call of a process starts a private server (about a second).
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not answer: no test could mean anything then.
    pub async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let socket_dir = server_socket();
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let options = crate::embedded::socket_options(&socket_dir, "postgres", "postgres");
        let mut connection = PgConnection::connect_with(&options).await.expect("the test server answers");
        let create = format!("create database {name} template template_portico strategy file_copy");
        connection.execute(sqlx::AssertSqlSafe(create)).await.expect("the template can be copied");
        Self { name, socket_dir }
    }

    /// The application role: what the server uses.
    #[must_use]
    pub fn app_options(&self) -> PgConnectOptions {
        crate::embedded::socket_options(&self.socket_dir, crate::APP_ROLE, &self.name)
    }

    /// The operator role.
    #[must_use]
    pub fn operator_options(&self) -> PgConnectOptions {
        crate::embedded::socket_options(&self.socket_dir, crate::OPERATOR_ROLE, &self.name)
    }

    /// A superuser: sees every row whatever the policies say.
    #[must_use]
    pub fn owner_options(&self) -> PgConnectOptions {
        crate::embedded::socket_options(&self.socket_dir, "postgres", &self.name)
    }

    /// A superuser's connection, to arrange what no role of ours may write.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn owner(&self) -> PgConnection {
        PgConnection::connect_with(&self.owner_options()).await.expect("the test server answers")
    }
}

/// The server of this test process. Its thread never ends, because Linux would end the server with it.
fn server_socket() -> PathBuf {
    static SOCKET: OnceLock<PathBuf> = OnceLock::new();
    SOCKET
        .get_or_init(|| {
            let (send, receive) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                let server = runtime.block_on(start());
                send.send(server.socket_dir().to_owned()).expect("the test waits");
                loop {
                    std::thread::park();
                }
            });
            receive.recv().expect("the private PostgreSQL starts")
        })
        .clone()
}

async fn start() -> Server {
    let dir = std::env::temp_dir().join(format!("portico-test-{}", std::process::id()));
    remove_abandoned();
    let server = Server::start(&dir, Durability::Fast).await.expect("the private PostgreSQL starts");
    crate::embedded::prepare_database(&server, "template_portico").await.expect("the migrations run");
    server
}

/// Directories of test processes that are gone.
fn remove_abandoned() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|n| n.strip_prefix("portico-test-")) else { continue };
        if !PathBuf::from(format!("/proc/{pid}")).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
