//! A private PostgreSQL that plays the customer's ERP: OrderFlow as generated, or a schema of a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use migrations::embedded::{Durability, Server, socket_options};
use platform_connectors::orderflow::Link;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

/// One database of the shared ERP server.
pub(crate) struct Erp {
    pub(crate) socket: PathBuf,
    pub(crate) name: String,
}

impl Erp {
    /// OrderFlow with its demo orders.
    pub(crate) async fn orderflow() -> Self {
        let socket = shared_server();
        let name = fresh_name();
        let mut admin = connect(&socket, "postgres").await;
        let copy = format!("create database {name} template erp_template strategy file_copy");
        run(&mut admin, &copy).await;
        run(&mut admin, &format!("grant connect on database {name} to portal_reader")).await;
        Self { socket, name }
    }

    /// An empty UTF-8 database with these tables.
    pub(crate) async fn with_schema(sql: &str) -> Self {
        let socket = shared_server();
        let name = fresh_name();
        run(&mut connect(&socket, "postgres").await, &format!("create database {name}")).await;
        let erp = Self { socket, name };
        erp.sql(sql).await;
        erp
    }

    /// Statements as the ERP's own administrator.
    pub(crate) async fn sql(&self, sql: &str) {
        run(&mut self.admin().await, sql).await;
    }

    pub(crate) async fn admin(&self) -> PgConnection {
        connect(&self.socket, &self.name).await
    }

    /// One text value as the ERP's administrator.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let row = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.admin().await).await;
        row.unwrap_or_else(|error| panic!("{sql}: {error}")).get(0)
    }

    /// What Portico connects with.
    pub(crate) fn reader(&self) -> PgConnectOptions {
        socket_options(&self.socket, "portal_reader", &self.name)
    }

    pub(crate) fn url(&self) -> String {
        let socket = self.socket.to_str().expect("a plain path").replace('/', "%2F");
        format!("postgres://portal_reader@{socket}/{}?sslmode=disable", self.name)
    }

    pub(crate) fn link(&self) -> Arc<Link> {
        Arc::new(Link::with_options(self.reader()))
    }

    /// From now on the server writes down every statement that this database is sent.
    pub(crate) async fn listen_in(&self) {
        let mut admin = connect(&self.socket, "postgres").await;
        run(&mut admin, &format!("alter database {} set log_statement = 'all'", self.name)).await;
        run(&mut admin, "alter system set log_line_prefix = '%m db=%d app=%a '").await;
        run(&mut admin, "select pg_reload_conf()").await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }

    /// How many statements of Portico's the server has written down: its own log, not our word.
    pub(crate) async fn statements_heard(&self) -> usize {
        let folder = self.value("show data_directory").await;
        let log = Path::new(&folder).parent().expect("a folder").join("postgres.log");
        let log = std::fs::read_to_string(log).expect("the server's log");
        let ours = format!(" db={} app=portico", self.name);
        let is_one = |line: &&str| {
            line.contains(&ours) && (line.contains(" LOG:  statement:") || line.contains(" LOG:  execute "))
        };
        log.lines().filter(is_one).count()
    }

    /// One exact change by the simulator, as a person at the old program would make it.
    pub(crate) fn simulate(&self, arguments: &[&str]) {
        let dsn = format!("host={} dbname={} user=postgres", self.socket.display(), self.name);
        let output = Command::new("/usr/bin/python3")
            .arg(orderflow_file("simulate"))
            .args(["--dsn", &dsn, "--seed", "1"])
            .args(arguments)
            .output()
            .expect("python3 runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A file of the ERP in `infra/orderflow`.
pub(crate) fn orderflow_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/orderflow").join(name)
}

pub(crate) fn orderflow_mapping() -> String {
    std::fs::read_to_string(orderflow_file("mapping.toml")).expect("the mapping is there")
}

/// Loads OrderFlow into an empty database.
pub(crate) async fn load_orderflow(socket: &Path, name: &str) {
    let mut admin = connect(socket, "postgres").await;
    let create = format!("create database {name} template template0 encoding 'SQL_ASCII' locale 'C'");
    run(&mut admin, &create).await;
    for file in ["schema.sql", "generate.sql"] {
        let output = Command::new("psql")
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"])
            .arg(socket)
            .args(["-d", name, "-f"])
            .arg(orderflow_file(file))
            .output()
            .expect("psql runs");
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
    // the limit counts the whole server, and here are many tests at once
    run(&mut admin, "alter role portal_reader connection limit 100").await;
}

pub(crate) async fn connect(socket: &Path, name: &str) -> PgConnection {
    PgConnection::connect_with(&socket_options(socket, "postgres", name)).await.expect("the ERP answers")
}

async fn run(connection: &mut PgConnection, sql: &str) {
    let result = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    result.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("erp_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The server of this test process; its thread never ends, because Linux would end the server with it.
fn shared_server() -> PathBuf {
    static SOCKET: OnceLock<PathBuf> = OnceLock::new();
    SOCKET
        .get_or_init(|| {
            let (send, receive) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                let server = runtime.block_on(async {
                    let dir =
                        std::env::temp_dir().join(format!("portico-test-{}", std::process::id())).join("erp");
                    let server = Server::start(&dir, Durability::Fast).await.expect("the ERP starts");
                    load_orderflow(server.socket_dir(), "erp_template").await;
                    server
                });
                send.send(server.socket_dir().to_owned()).expect("the test waits");
                loop {
                    std::thread::park();
                }
            });
            receive.recv().expect("the ERP starts")
        })
        .clone()
}

/// A server of one test's own, in a thread that lives as long as the server should.
pub(crate) struct OwnServer {
    dir: PathBuf,
    running: Option<(std::sync::mpsc::Sender<()>, std::thread::JoinHandle<()>)>,
}

impl OwnServer {
    /// Starts it and loads OrderFlow.
    pub(crate) fn start(name: &str) -> (Self, Erp) {
        let dir = std::env::temp_dir().join(format!("portico-test-{}", std::process::id())).join(name);
        let mut server = Self { dir, running: None };
        let socket = server.run(true);
        (server, Erp { socket, name: "orderflow".into() })
    }

    /// Starts it again over the same data, at the same address.
    pub(crate) fn start_again(&mut self) {
        self.run(false);
    }

    fn run(&mut self, load: bool) -> PathBuf {
        let (send, receive) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let dir = self.dir.clone();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let server = runtime.block_on(async {
                let server = Server::start(&dir, Durability::Fast).await.expect("the ERP starts");
                if load {
                    load_orderflow(server.socket_dir(), "orderflow").await;
                }
                server
            });
            send.send(server.socket_dir().to_owned()).expect("the test waits");
            let _ = stopped.recv();
            drop(server);
        });
        self.running = Some((stop, thread));
        receive.recv().expect("the ERP starts")
    }

    /// Ends it, connections and all.
    pub(crate) fn end(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            thread.join().expect("the server ends");
        }
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.end();
    }
}
