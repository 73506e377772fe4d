//! A private PostgreSQL that plays the vendor's order system: OrderFlow as generated for the demo.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use migrations::embedded::{Durability, Server, socket_options};
use sqlx::{Connection as _, PgConnection};

use crate::ground::run;

/// A customer of OrderFlow's that has orders.
pub(crate) const ACCOUNT: &str = "BRW-1042";

/// One copy of OrderFlow.
pub(crate) struct Erp {
    socket: PathBuf,
    name: String,
}

impl Erp {
    pub(crate) async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let socket = server();
        let name = format!("erp_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut admin = connect(&socket, "postgres").await;
        run(&mut admin, &format!("create database {name} template erp_template strategy file_copy")).await;
        run(&mut admin, &format!("grant connect on database {name} to portal_reader")).await;
        Self { socket, name }
    }

    /// What Portico is told.
    pub(crate) fn url(&self) -> String {
        let socket = self.socket.to_str().expect("a plain path").replace('/', "%2F");
        format!("postgres://portal_reader@{socket}/{}?sslmode=disable", self.name)
    }

    /// A connection of the system's own administrator.
    pub(crate) async fn admin(&self) -> PgConnection {
        connect(&self.socket, &self.name).await
    }

    pub(crate) async fn sql(&self, sql: &str) {
        run(&mut self.admin().await, sql).await;
    }
}

/// The mapping of the demo, read more often.
pub(crate) fn mapping() -> String {
    let text = std::fs::read_to_string(file("mapping.toml")).expect("the mapping is there");
    let hurried = text
        .replace("hot_seconds = 5", "hot_seconds = 1\nstatements_per_second = 0")
        .replace("watermark_seconds = 15", "watermark_seconds = 1");
    assert_ne!(hurried, text, "the mapping's pace is where it was");
    hurried
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/orderflow").join(name)
}

async fn connect(socket: &Path, name: &str) -> PgConnection {
    PgConnection::connect_with(&socket_options(socket, "postgres", name))
        .await
        .expect("the order system answers")
}

/// The server of this test process; its thread never ends, because Linux would end the server with it.
fn server() -> PathBuf {
    static SOCKET: OnceLock<PathBuf> = OnceLock::new();
    let start = || {
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let server = runtime.block_on(loaded());
            send.send(server.socket_dir().to_owned()).expect("the test waits");
            loop {
                std::thread::park();
            }
        });
        receive.recv().expect("the order system starts")
    };
    SOCKET.get_or_init(start).clone()
}

async fn loaded() -> Server {
    let dir = std::env::temp_dir().join(format!("portico-test-{}", std::process::id())).join("erp");
    let server = Server::start(&dir, Durability::Fast).await.expect("the order system starts");
    let mut admin = connect(server.socket_dir(), "postgres").await;
    run(&mut admin, "create database erp_template template template0 encoding 'SQL_ASCII' locale 'C'").await;
    for name in ["schema.sql", "generate.sql"] {
        let done = Command::new("psql")
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "erp_template", "-h"])
            .arg(server.socket_dir())
            .arg("-f")
            .arg(file(name))
            .output()
            .expect("psql runs");
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    }
    // the limit counts the whole server, and here are many tests at once
    run(&mut admin, "alter role portal_reader connection limit 100").await;
    server
}
