//! The wall under haste: thousands of transactions of two tenants on one connection, many of them broken off halfway;
//! once straight, once through pgbouncer in transaction mode. And the rest of the program through pgbouncer.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use migrations::testing::TestDatabase;
use platform_connectors::registry::{self, NewConnector};
use platform_connectors::sync::Runner;
use platform_core::db::DbConfig;
use platform_core::id::{ConnectorId, CustomerId, TenantId};
use platform_core::random::{SeededRandom, below};
use platform_core::{Db, Scope, System};
use platform_portal::orders::{
    order::{From, Show},
    store,
};
use platform_server::stack::Stack;
use sqlx::postgres::PgConnectOptions;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::erp::{ACCOUNT, Erp, mapping};
use crate::ground::{Ground, folder, open, settings};
use crate::person::{Browser, tenant};
use crate::planted;

const OPERATIONS: u32 = 10_000;
const AT_ONCE: usize = 8;

/// pgbouncer in transaction mode with one connection a role; ends with its guard.
struct Pooler {
    process: Child,
    port: u16,
}

impl Pooler {
    async fn start(database: &TestDatabase) -> Self {
        let folder = folder();
        std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("it is ours");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a port")
            .port();
        let socket = database.app_options().get_socket().expect("the test server has a socket").clone();
        let text = format!(
            "[databases]\n* = host={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 1\nmax_client_conn = 200\n",
            socket.display(),
            folder.join("users").display()
        );
        std::fs::write(folder.join("pgbouncer.ini"), text).expect("a file");
        std::fs::write(folder.join("users"), "\"portico_app\" \"\"\n\"portico_operator\" \"\"\n")
            .expect("a file");
        let mut command = Command::new("setpriv");
        // it refuses to run as root
        if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
            command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups"]);
        }
        let log = std::fs::File::create(folder.join("log")).expect("a file");
        command.args(["--pdeathsig", "TERM", "--", "pgbouncer"]).arg(folder.join("pgbouncer.ini"));
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().expect("pgbouncer is installed");
        let pooler = Self { process, port };
        pooler.wait(&folder).await;
        pooler
    }

    async fn wait(&self, folder: &Path) {
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "pgbouncer does not answer: {}",
            std::fs::read_to_string(folder.join("log")).unwrap_or_default()
        );
    }

    fn through(&self, options: &PgConnectOptions) -> String {
        let (user, name) = (options.get_username(), options.get_database().expect("a database"));
        format!("postgres://{user}@127.0.0.1:{}/{name}?sslmode=disable", self.port)
    }

    /// The program over this pooler, as an operator would configure it.
    async fn open(&self, database: &TestDatabase) -> Stack {
        let text = settings(database, &folder(), "");
        let (head, _) = text.split_once("[database]").expect("a section");
        let (app, operator) =
            (self.through(&database.app_options()), self.through(&database.operator_options()));
        open(&format!("{head}[database]\nurl = \"{app}\"\noperator_url = \"{operator}\"\npooler = true\n"))
            .await
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A customer, and the words that a transaction of theirs may see.
#[derive(Debug, Clone, Copy)]
struct Party {
    tenant: TenantId,
    customer: CustomerId,
    vendor: &'static str,
    company: &'static str,
}

async fn parties(ground: &Ground) -> Vec<Party> {
    let mut parties = Vec::new();
    for (vendor, companies) in
        [("kestrelx7", ["quokkax7", "dugongx7"]), ("axolotlx7", ["narwhalx7", "ocelotx7"])]
    {
        let planted = planted::vendor(ground, vendor, "orders").await;
        for company in companies {
            planted::company(ground, &planted, company).await;
            let id =
                ground.value(&format!("select id::text from customers where name = '{company} Inc'")).await;
            let customer = id.and_then(|id| id.parse().ok()).expect("an id");
            parties.push(Party { tenant: planted.id, customer, vendor, company });
        }
    }
    parties
}

/// One transaction: reads what the wall lets it see, and sometimes writes.
async fn operate(db: &Db, party: Party, write: bool) -> Result<(), platform_core::Error> {
    let mut tx = db.tenant(Scope::customer(party.tenant, party.customer)).await?;
    let today = "2026-11-21".parse().expect("a day");
    let query = store::Query { show: Show::All, search: "", from: From::Newest, today };
    let orders = store::list(&mut tx, &query).await?;
    let numbers: Vec<&str> = orders.0.iter().map(|order| order.number.as_str()).collect();
    assert_eq!(numbers, [format!("SO-{}", party.company)], "a foreign row, or none, before {party:?}");
    let seen = platform_core::tenants::current(&mut tx).await?.expect("its own tenant");
    assert_eq!(seen.slug, party.vendor, "a foreign tenant before {party:?}");
    if write {
        let name = format!("{} Inc", party.company);
        let key = format!("{}-1", party.company);
        platform_core::tenants::upsert_customer(&mut tx, party.customer, &name, &key).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// What became of them all.
#[derive(Debug, Default)]
struct Tally {
    done: u32,
    cut: u32,
    panicked: u32,
    failed: u32,
}

/// Runs them interleaved. A third is cut at a random moment, some panic with a transaction in their hands.
async fn storm(db: &Db, parties: &[Party]) -> Tally {
    let random = SeededRandom::new(20_261_121);
    let mut tally = Tally::default();
    let mut running = JoinSet::new();
    for at in 0..OPERATIONS {
        let party = parties[at as usize % parties.len()];
        let (db, write, fate) = (db.clone(), below(&random, 5) == 0, below(&random, 30));
        let patience = Duration::from_micros(u64::from(below(&random, 3000)));
        running.spawn(async move {
            match fate {
                0 => {
                    let _tx = db.tenant(Scope::customer(party.tenant, party.customer)).await;
                    std::panic::resume_unwind(Box::new("with a transaction in its hands"));
                }
                1..=10 => tokio::time::timeout(patience, operate(&db, party, write)).await.ok(),
                _ => Some(operate(&db, party, write).await),
            }
        });
        while running.len() >= AT_ONCE {
            count(&mut tally, running.join_next().await.expect("one is running"));
        }
    }
    while let Some(ended) = running.join_next().await {
        count(&mut tally, ended);
    }
    tally
}

type Ended = Result<Option<Result<(), platform_core::Error>>, tokio::task::JoinError>;

fn count(tally: &mut Tally, ended: Ended) {
    match ended {
        Ok(Some(Ok(()))) => tally.done += 1,
        Ok(Some(Err(_))) => tally.failed += 1,
        Ok(None) => tally.cut += 1,
        Err(error) => {
            let panic = error.into_panic();
            assert!(panic.is::<&str>(), "{:?}", panic.downcast_ref::<String>());
            tally.panicked += 1;
        }
    }
}

async fn weather(ground: &Ground, db: &Db) {
    let parties = parties(ground).await;
    let tally = storm(db, &parties).await;
    assert_eq!(tally.failed, 0, "{tally:?}");
    assert!(tally.done > OPERATIONS / 2 && tally.cut > 100 && tally.panicked > 100, "{tally:?}");
    for party in parties {
        operate(db, party, true).await.expect("the connection is whole after all of it");
    }
    let idle = "select count(*)::text from pg_stat_activity
                 where usename = 'portico_app' and datname = current_database() and state like 'idle in transaction%'";
    assert_eq!(ground.value(idle).await.as_deref(), Some("0"), "a transaction was left open");
}

/// A caller who goes away while a transaction is being opened leaves none open on the connection: else the next one would
/// begin inside it, with its purpose and at its `now()`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_beginning_that_is_broken_off_leaves_nothing_behind() {
    let ground = Ground::new().await;
    let party = parties(&ground).await[0];
    let app = ground.database.app_options();
    let db = Db::connect(DbConfig { app, operator: None, pooler: false, max_connections: 1 })
        .await
        .expect("a pool");
    let random = SeededRandom::new(7);
    let mut cut = 0_u32;
    for _ in 0..1000 {
        // Looked at so often and then dropped: a moment of anything between nothing and a few round trips.
        let looks = async {
            for _ in 0..below(&random, 400) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = db.system(System::Boot) => {}
            () = looks => cut += 1,
        }
        let mut tx = db.tenant(Scope::customer(party.tenant, party.customer)).await.expect("a transaction");
        let purpose = sqlx::query_scalar("select nullif(current_setting('app.system', true), '')");
        let purpose: Option<String> = purpose.fetch_one(tx.conn()).await.expect("a setting");
        assert_eq!(
            purpose, None,
            "a customer's transaction with a purpose that opens all tenants, after {cut} cuts"
        );
    }
    assert!(cut > 200, "{cut} were cut off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_shows_nobody_anothers_rows() {
    let ground = Ground::new().await;
    let app = ground.database.app_options();
    let db = Db::connect(DbConfig { app, operator: None, pooler: false, max_connections: 1 })
        .await
        .expect("a pool");
    weather(&ground, &db).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_behind_pgbouncer_shows_nobody_anothers_rows() {
    let ground = Ground::new().await;
    let pooler = Pooler::start(&ground.database).await;
    let stack = pooler.open(&ground.database).await;
    weather(&ground, &stack.db).await;
}

/// Sign-in, pages and the sync of orders, with nothing but pgbouncer between the program and its database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_sign_in_and_orders_arrive_through_pgbouncer() {
    let mut ground = Ground::new().await;
    let vendor = planted::vendor(&ground, "kestrelx7", "orders").await;
    let company = planted::company(&ground, &vendor, "quokkax7").await;
    ground.sql(&format!("update customers set external_key = '{ACCOUNT}'")).await;
    let pooler = Pooler::start(&ground.database).await;
    ground.stack = pooler.open(&ground.database).await;

    let (erp, stack) = (Erp::new().await, &ground.stack);
    let id = ConnectorId::new(&*stack.clock, &*stack.random);
    let new = NewConnector { id, name: "OrderFlow", mapping: &mapping(), url: &erp.url() };
    let mut tx = stack.db.tenant(Scope::tenant(vendor.id)).await.expect("a transaction");
    registry::put(&mut tx, &stack.sealer, &new).await.expect("a connector");
    tx.commit().await.expect("stored");
    let runner = Runner::new(
        stack.db.clone(),
        stack.sealer.clone(),
        Arc::clone(&stack.clock),
        Arc::clone(&stack.random),
    );
    let stop = CancellationToken::new();
    let running = tokio::spawn(runner.run(stop.clone()));

    let app = ground.app().await;
    let mut browser = Browser::at(&app.router, &tenant(vendor.id, vendor.word));
    browser.sign_in(&stack.db, &stack.outbox, &company.email("admin")).await;
    let number = || ground.value("select number from orders where number like 'SO-4%' limit 1");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while number().await.is_none() {
        assert!(tokio::time::Instant::now() < deadline, "no order arrived");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let number = number().await.expect("an order");
    let page = browser.get(&format!("/orders?q={number}")).await;
    assert!(page.status.is_success() && page.body.contains(&number), "{} {}", page.status, page.body);
    stop.cancel();
    running.await.expect("the runner ends in peace");
}
