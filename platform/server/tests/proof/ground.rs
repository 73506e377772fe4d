//! The ground under a test: a throw-away database, the program's own configuration over it, and the routes it serves.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use migrations::testing::TestDatabase;
use platform_connectors::sync::Refresher;
use platform_server::compose::{self, App};
use platform_server::config::Config;
use platform_server::stack::Stack;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

pub(crate) const BASE: &str = "portico.test";

/// A database with the program opened over it.
pub(crate) struct Ground {
    pub(crate) database: TestDatabase,
    pub(crate) stack: Stack,
}

impl Ground {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let stack = open(&settings(&database, &folder(), "")).await;
        Self { database, stack }
    }

    /// What `portico serve` puts behind a tenant's host. Reads the tenants anew.
    pub(crate) async fn app(&self) -> App {
        compose::app(
            &self.stack,
            compose::themes().expect("they compile"),
            Refresher::elsewhere(self.stack.db.clone()),
        )
    }

    /// Statements that no role of ours may run.
    pub(crate) async fn sql(&self, sql: &str) {
        run(&mut self.database.owner().await, sql).await;
    }

    /// One text value, whoever's; none for null.
    pub(crate) async fn value(&self, sql: &str) -> Option<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        let mut owner = self.database.owner().await;
        let row = sqlx::query_scalar(sql).fetch_optional(&mut owner).await.expect("the database answers");
        row.flatten()
    }
}

/// Opens the foundations as the binary does, from the text of a configuration file.
pub(crate) async fn open(settings: &str) -> Stack {
    let config = Config::read(settings, std::iter::empty()).expect("the configuration is complete");
    Stack::open(config).await.expect("the foundations open")
}

/// A configuration file over a database. `more` is appended: sections of its own.
pub(crate) fn settings(database: &TestDatabase, folder: &std::path::Path, more: &str) -> String {
    let url = |options: PgConnectOptions| options.to_url_lossy().to_string();
    format!(
        "[platform]\nbase_domain = \"{BASE}\"\ndata_dir = \"{folder}\"\n\
         [smtp]\nfrom = \"portal@mail.example\"\nurl = \"smtp://127.0.0.1:1\"\n\
         [database]\nurl = \"{}\"\noperator_url = \"{}\"\n{more}\n",
        url(database.app_options()),
        url(database.operator_options()),
        folder = folder.display(),
    )
}

/// A folder of its own, removed by a later run.
pub(crate) fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("portico-test-{}/proof-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    folder
}

pub(crate) async fn run(connection: &mut PgConnection, sql: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{error}\n{sql}"));
}
