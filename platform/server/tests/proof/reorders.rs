//! Reorders through the whole program: a form becomes one request, whoever must say yes does, the order system's inbox has
//! each once however often Portico and the order system are killed, and the answer comes back to the page and by mail.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http::StatusCode;
use migrations::testing::TestDatabase;
use platform_core::Scope;
use platform_portal::reorder::store::{self, Rules, set_rules};
use platform_portal::shell::store as people;
use sqlx::{Connection as _, PgConnection};

use crate::commands::Shell;
use crate::ground::{Ground, folder, run, settings};
use crate::node::Cluster;
use crate::person::{Answer, Browser, tenant};
use crate::planted::{self, Company, Vendor};

const SLUG: &str = "kestrelx7";

/// A vendor's catalogue, an order of five lines, two people.
struct World {
    ground: Ground,
    vendor: Vendor,
    company: Company,
}

impl World {
    async fn new() -> Self {
        let ground = Ground::new().await;
        let vendor = planted::vendor(&ground, SLUG, "orders").await;
        let company = planted::company(&ground, &vendor, "quokkax7").await;
        let order = company.order;
        ground
            .sql(&format!(
                "delete from requests; delete from doors; delete from addresses; delete from order_lines; delete from jobs;
                 insert into order_lines (tenant_id, order_id, external_id, customer_id, position, sku, description, unit, quantity, unit_price)
                 select o.tenant_id, o.id, 'l' || n, o.customer_id, n, sku, sku || ' part', 'EA', 2, price
                   from orders o, (values (1, 'SAME', 10.0), (2, 'DEAR', 10.0), (3, 'OLD', 10.0), (4, 'GONE', 10.0), (5, 'ODD', 10.0)) as l (n, sku, price)
                  where o.id = '{order}';
                 insert into products (tenant_id, connector_id, sku, description, price, currency, state, replaced_by, available, row_hash, changed_at)
                 select o.tenant_id, o.connector_id, sku, sku || ' part', price, 'USD', state, replaced_by, 5, '\\x00', now()
                   from orders o, (values ('SAME', 10.0, 'active', null), ('DEAR', 12.5, 'active', null), ('OLD', null, 'discontinued', 'NEW'),
                        ('NEW', 11.0, 'active', null), ('GONE', null, 'discontinued', null)) as p (sku, price, state, replaced_by)
                  where o.id = '{order}'"
            ))
            .await;
        Self { ground, vendor, company }
    }

    async fn browser(&self, router: &axum::Router, role: &str) -> Browser {
        let mut browser = Browser::at(router, &tenant(self.vendor.id, SLUG));
        let stack = &self.ground.stack;
        browser.sign_in(&stack.db, &stack.outbox, &self.company.email(role)).await;
        browser
    }

    async fn rules(&self, rules: Rules) {
        let mut tx = self.ground.stack.db.tenant(Scope::tenant(self.vendor.id)).await.expect("a transaction");
        set_rules(&mut tx, &rules).await.expect("rules");
        tx.commit().await.expect("kept");
    }

    fn review(&self) -> String {
        format!("/orders/{}/reorder", self.company.order)
    }
}

/// A review's form as the page gives it, to be changed and sent.
struct Form(Vec<(String, String)>);

impl Form {
    async fn open(browser: &mut Browser, path: &str) -> Self {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        Self::of(&page)
    }

    fn of(page: &Answer) -> Self {
        let mut fields = Vec::new();
        for part in page.body.split("<input ").skip(1) {
            let tag = part.split('>').next().unwrap_or_default();
            let word = |name: &str| {
                let rest = tag.split_once(&format!("{name}=\""))?.1;
                Some(rest.split_once('"')?.0.to_owned())
            };
            let (Some(name), value) = (word("name"), word("value").unwrap_or_default()) else { continue };
            let choice = matches!(word("type").as_deref(), Some("checkbox" | "radio"));
            if !matches!(name.as_str(), "scheme" | "locale" | "back" | "q")
                && (!choice || tag.contains(" checked"))
            {
                fields.push((name, value));
            }
        }
        Self(fields)
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    fn value(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// With the token that the page carried.
    async fn send(&self, browser: &mut Browser) -> Answer {
        let fields: Vec<(&str, &str)> = self.0.iter().map(|(name, value)| (&**name, &**value)).collect();
        browser.ask("POST", "/reorders", Some(&fields), &[]).await
    }
}

async fn count(world: &World) -> Option<String> {
    world.ground.value("select count(*)::text from requests").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_review_becomes_one_request() {
    let world = World::new().await;
    let router = world.ground.app().await.router;
    let mut maya = world.browser(&router, "champion").await;
    let page = maya.get(&world.review()).await;
    for word in [
        "SAME part",
        "$12.50",
        "$2.50 more than last time",
        "In the place of",
        "GONE part",
        "no longer makes it",
        "Price on confirmation",
    ] {
        assert!(page.body.contains(word), "{word} is not on the page:\n{}", page.body);
    }
    let form = Form::of(&page);
    assert_eq!((form.value("ship_to"), form.value("quantity-0")), ("as-before", "2"));
    assert!(form.value("take-2") == "yes" && form.value("take-3").is_empty(), "{:?}", form.0);

    let wrong = form.clone_with("quantity-0", "a dozen").send(&mut maya).await;
    assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.body.contains("value=\"a dozen\""));
    assert!(wrong.body.contains("aria-invalid"), "beside the field");
    assert_eq!(count(&world).await.as_deref(), Some("0"));

    // The price moves between looking and sending.
    world.ground.sql("update products set price = 13 where sku = 'DEAR'").await;
    let changed = form.send(&mut maya).await;
    assert!(
        changed.status == StatusCode::UNPROCESSABLE_ENTITY
            && changed.body.contains("Something changed since you looked")
    );
    assert!(changed.body.contains("$13.00"));
    assert_eq!(count(&world).await.as_deref(), Some("0"), "nothing is accepted silently");

    let form = Form::of(&changed);
    let (mut one, mut two) = (maya.clone(), maya.clone());
    let (first, second) = tokio::join!(form.send(&mut one), form.send(&mut two));
    assert_eq!(
        (first.status, second.status),
        (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER),
        "{}",
        first.body
    );
    assert_eq!(first.location(), second.location(), "two tabs at once");
    world.ground.sql("update products set price = 14 where sku = 'DEAR'").await;
    let back = form.send(&mut maya).await;
    assert_eq!(back.location(), first.location(), "the back button, whatever has changed since");
    assert_eq!(count(&world).await.as_deref(), Some("1"));
    let other = form.clone_with("quantity-0", "3").send(&mut maya).await;
    assert!(other.body.contains("sent before, with other content"), "{}", other.body);
    assert_eq!(count(&world).await.as_deref(), Some("1"));

    let lines = "select string_agg(l->>'sku' || '=' || (l->>'quantity') || '@' || coalesce(l->>'unit_price', '?'), ' ')
        from requests, jsonb_array_elements(payload->'lines') l";
    assert_eq!(world.ground.value(lines).await.as_deref(), Some("SAME=2@10 DEAR=2@13 NEW=2@11 ODD=2@?"));
    let page = maya.get(first.location()).await;
    assert!(page.body.contains("Sent") && page.body.contains("$68.00"), "{}", page.body);
    assert!(maya.get("/reorders").await.body.contains("SAME part"));

    // The same parts within a day are asked about, and taken when confirmed.
    let again = Form::open(&mut maya, &world.review()).await.with("quantity-0", "7");
    let asked = again.send(&mut maya).await;
    assert!(asked.body.contains("ordered in the last 24 hours"), "{}", asked.body);
    assert_eq!(count(&world).await.as_deref(), Some("1"));
    let confirmed = Form::of(&asked).with("again", "yes").send(&mut maya).await;
    assert_eq!(confirmed.status, StatusCode::SEE_OTHER);
    let withdrawn = maya.post(&format!("{}/withdrawal", confirmed.location()), &[]).await;
    assert_eq!(withdrawn.status, StatusCode::SEE_OTHER);
    let states = "select string_agg(state, ' ' order by created_at) from requests";
    assert_eq!(world.ground.value(states).await.as_deref(), Some("submitted withdrawn"));

    // Chosen lines alone.
    let some = Form::open(&mut maya, &format!("{}?line=l1&line=l4", world.review())).await;
    assert_eq!(some.0.iter().filter(|(name, _)| name == "line").count(), 2);
    let none = some.without("take-0").send(&mut maya).await;
    assert!(none.body.contains("Choose at least one line"), "{}", none.body);
}

impl Form {
    fn clone_with(&self, name: &str, value: &str) -> Self {
        Self(self.0.clone()).with(name, value)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_says_yes_or_no_over_the_amount() {
    let world = World::new().await;
    world.rules(Rules { purchase_order_required: true, approval_over: Some(25.into()) }).await;
    let router = world.ground.app().await.router;
    let (mut maya, mut noor) =
        (world.browser(&router, "champion").await, world.browser(&router, "admin").await);
    let form = Form::open(&mut maya, &format!("{}?line=l1&line=l2", world.review())).await;
    let missing = form.send(&mut maya).await;
    assert!(missing.body.contains("Type your PO number"), "{}", missing.body);
    let sent = form.with("purchase_order", "PO-1").send(&mut maya).await;
    let path = sent.location().to_owned();
    assert!(maya.get(&path).await.body.contains("Waits for a yes from your company"));
    assert_eq!(maya.post(&format!("{path}/approval"), &[]).await.status, StatusCode::NOT_FOUND);
    let silent = noor.post(&format!("{path}/refusal"), &[("reason", " ")]).await;
    assert!(silent.status == StatusCode::UNPROCESSABLE_ENTITY && silent.body.contains("Say why"));
    assert_eq!(noor.post(&format!("{path}/approval"), &[]).await.status, StatusCode::SEE_OTHER);
    let jobs = "select string_agg(kind, ' ' order by kind, created_at) from jobs where kind in ('hand_over_request', 'tell_request')";
    assert_eq!(
        world.ground.value(jobs).await.as_deref(),
        Some("hand_over_request tell_request tell_request")
    );
    noor.post(&format!("{path}/refusal"), &[("reason", "too late")]).await;
    assert_eq!(world.ground.value("select state from requests").await.as_deref(), Some("submitted"));
    // Whoever can say yes needs nobody's.
    let own = Form::open(&mut noor, &format!("{}?line=l3&line=l2", world.review()))
        .await
        .with("purchase_order", "PO-2");
    assert_eq!(own.send(&mut noor).await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        world.ground.value("select count(*)::text from requests where state = 'submitted'").await.as_deref(),
        Some("2")
    );
}

/// Replacements in a circle end, archived places are not offered, an accepted request finds its order, admins are the
/// customer's own.
#[tokio::test]
async fn the_store_answers_what_pages_ask() {
    let world = World::new().await;
    let (order, tenant) = (world.company.order, world.vendor.id);
    world
        .ground
        .sql(&format!(
            "insert into products (tenant_id, connector_id, sku, state, replaced_by, row_hash, changed_at)
             select tenant_id, connector_id, sku, 'discontinued', next, '\\x00', now()
               from orders, (values ('LOOP', 'POOL'), ('POOL', 'LOOP')) as p (sku, next) where id = '{order}';
             insert into addresses (tenant_id, id, customer_id, connector_id, external_id, kind, label, street, city, country, is_default,
                                    archived_at, row_hash, changed_at)
             select o.tenant_id, gen_random_uuid(), o.customer_id, o.connector_id, n::text, 'ship_to', 'Works ' || n, 'Road 1', 'Town', 'NO',
                    n = 2, case when n = 3 then now() end, '\\x00', now()
               from orders o, generate_series(1, 3) n where o.id = '{order}'"
        ))
        .await;
    let db = &world.ground.stack.db;
    let customer =
        world.ground.value("select id::text from customers").await.expect("one").parse().expect("an id");
    let mut tx = db.tenant(Scope::customer(tenant, customer)).await.expect("a transaction");
    let old = store::order(&mut tx, order.0).await.expect("answers").expect("seen");
    let catalogue = store::catalogue(&mut tx, old.connector_id, &["LOOP".to_owned(), "OLD".to_owned()]).await;
    let mut parts: Vec<String> = catalogue.expect("it ends").into_keys().collect();
    parts.sort();
    assert_eq!(parts, ["LOOP", "NEW", "OLD", "POOL"]);
    let places = store::ship_to(&mut tx).await.expect("answers");
    let words: Vec<String> = places.iter().map(store::Address::words).collect();
    assert_eq!(words, ["Works 2, Road 1, Town, NO", "Works 1, Road 1, Town, NO"], "the usual one first");
    assert_eq!(store::order_numbered(&mut tx, &old.number).await.expect("answers"), Some(order.0));
    assert_eq!(store::order_numbered(&mut tx, "nothing").await.expect("answers"), None);
    drop(tx);
    let mut tx = db.tenant(Scope::tenant(tenant)).await.expect("a transaction");
    let admins = people::admins(&mut tx, customer).await.expect("answers");
    assert!(admins.len() == 1 && admins[0].email == world.company.email("admin"), "{admins:?}");
    assert!(people::contact(&mut tx, admins[0].id).await.expect("answers").is_some());
    let none = platform_core::id::CustomerId(order.0);
    assert!(people::admins(&mut tx, none).await.expect("answers").is_empty());
}

/// The order system's PostgreSQL, in a process that can be killed.
struct ErpServer {
    process: Child,
    folder: PathBuf,
    port: u16,
    user: Option<(u32, u32)>,
}

impl ErpServer {
    async fn start() -> Self {
        let folder = folder().join("orderflow");
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        std::fs::create_dir_all(&folder).expect("a folder");
        let user = postgres_user();
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).expect("its owner");
        }
        let (data, bin) = (folder.join("data"), programs());
        let mut command = Command::new(bin.join("initdb"));
        command
            .args(["-U", "postgres", "-E", "SQL_ASCII", "--no-locale", "--no-sync", "-A", "trust", "-D"])
            .arg(&data);
        let made = as_user(&mut command, user).output().expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = Self { process: spawn(&bin, &data, port, user), folder, port, user };
        let mut admin = server.admin("postgres").await;
        run(&mut admin, "create database orderflow").await;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/orderflow/inbox.sql");
        let text = std::fs::read_to_string(file).expect("the file is there");
        run(&mut server.admin("orderflow").await, &text).await;
        server
    }

    async fn admin(&mut self, database: &str) -> PgConnection {
        let url = format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port);
        let began = Instant::now();
        loop {
            match PgConnection::connect(&url).await {
                Ok(connection) => return connection,
                Err(error) => assert!(began.elapsed() < Duration::from_secs(60), "no answer: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn url(&self) -> String {
        format!("postgres://portico_inbox@127.0.0.1:{}/orderflow?sslmode=disable", self.port)
    }

    /// kill -9 of the postmaster and of every process below it, and a start on the same data.
    fn restart(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it has ended");
        // Its children notice within moments; a new one refuses while they hold the shared memory.
        for _ in 0..100 {
            self.process = spawn(&programs(), &self.folder.join("data"), self.port, self.user);
            std::thread::sleep(Duration::from_millis(300));
            if self.process.try_wait().expect("a child").is_none() {
                return;
            }
        }
        panic!("the order system does not start again");
    }
}

impl Drop for ErpServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(bin: &Path, data: &Path, port: u16, user: Option<(u32, u32)>) -> Child {
    let mut command = Command::new(bin.join("postgres"));
    command.arg("-D").arg(data).args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
    command
        .args(["-c", &format!("port={port}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    as_user(&mut command, user).spawn().expect("postgres starts")
}

fn as_user(command: &mut Command, user: Option<(u32, u32)>) -> &mut Command {
    command.current_dir("/");
    match user {
        Some((uid, gid)) => command.uid(uid).gid(gid),
        None => command,
    }
}

/// PostgreSQL refuses root.
fn postgres_user() -> Option<(u32, u32)> {
    let own = Command::new("id").arg("-u").output().expect("id runs").stdout;
    if own.trim_ascii() != b"0" {
        return None;
    }
    let number = |flag: &str| {
        let out = Command::new("id").args([flag, "postgres"]).output().expect("id runs").stdout;
        String::from_utf8_lossy(&out).trim().parse().expect("a number")
    };
    Some((number("-u"), number("-g")))
}

fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed").flatten();
    let found = versions.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("postgres").exists());
    found.max().expect("its programs")
}

/// How many reorders, and how often everything is killed meanwhile. `infra/load/reorders` raises them.
fn size() -> (usize, usize) {
    let number = |name: &str, usual| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    (number("REORDERS", 40), number("REORDER_KILLS", 3))
}

/// Portico and the order system are killed while reorders are sent and handed over. Each one that was acknowledged is in the
/// inbox exactly once; none is there that nobody sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_each_reorder_arrives_once() {
    let world = World::new().await;
    let (reorders, kills) = size();
    let mut erp = ErpServer::start().await;
    set_door(&world.ground.database, &world, &erp.url()).await;
    let cluster = Cluster::new(&world.ground, &[SLUG], 1).await;
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    let mut unsure = 0;
    let began = Instant::now();
    for round in 0..=kills {
        let node = cluster.start(&world.ground, SLUG, &[]).await;
        world.ground.sql("delete from portal_auth_tokens").await;
        let mut browser = world.browser(&node.router(), "champion").await;
        browser.router = node.router();
        let mut node = Some(node);
        // Held jobs wait for the lease of a killed worker; here nobody waits.
        world.ground.sql("update jobs set lease_until = null, due_at = now() where done_at is null and lease_until is not null").await;
        let share = reorders.div_ceil(kills + 1);
        let mut sent = 0;
        while sent < share {
            let open = browser.get(&world.review()).await;
            if open.status != StatusCode::OK {
                break;
            }
            let quantity = (round * share + sent + 1).to_string();
            let form = Form::of(&open).with("quantity-0", &quantity).with("again", "yes");
            if round < kills && sent * 3 >= share * 2 && node.is_some() {
                // In the midst of a form and of hand-overs, another half each time.
                let form = Form(form.0.clone());
                let mut other = browser.clone();
                let last = tokio::spawn(async move { form.send(&mut other).await.location().to_owned() });
                tokio::time::sleep(Duration::from_millis(3 * (round as u64 % 5))).await;
                erp.restart();
                if let Some(node) = node.take() {
                    node.kill();
                }
                let location = last.await.unwrap_or_default();
                if location.is_empty() {
                    unsure += 1;
                } else {
                    acknowledged.insert(location);
                }
                break;
            }
            let done = form.send(&mut browser).await;
            match done.location() {
                "" => unsure += 1,
                location => {
                    acknowledged.insert(location.to_owned());
                }
            }
            sent += 1;
        }
        if let Some(node) = node {
            let left = "select count(*)::text from requests where state <> 'handed_over'";
            let waited = Instant::now();
            while world.ground.value(left).await.as_deref() != Some("0") {
                assert!(
                    waited.elapsed() < Duration::from_secs(120),
                    "not all are handed over:\n{}",
                    node.log()
                );
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    let mut admin = erp.admin("orderflow").await;
    let rows: Vec<String> =
        sqlx::query_scalar("select id::text from portico_inbox").fetch_all(&mut admin).await.expect("rows");
    let unique: BTreeSet<String> = rows.iter().map(|id| format!("/reorders/{id}")).collect();
    let counted = Counted {
        acknowledged: acknowledged.len(),
        lost: acknowledged.difference(&unique).count(),
        doubled: rows.len() - unique.len(),
        // A form that got no answer may have been taken.
        invented: unique.difference(&acknowledged).count().saturating_sub(unsure),
    };
    let again = world.ground.value("select count(*)::text from requests where attempts > 1").await;
    let line = format!(
        "reorders acknowledged {} lost {} doubled {} invented {} kills {kills} again {} seconds {}",
        counted.acknowledged,
        counted.lost,
        counted.doubled,
        counted.invented,
        again.unwrap_or_default(),
        began.elapsed().as_secs()
    );
    tell(&line);
    assert!((counted.lost, counted.doubled, counted.invented) == (0, 0, 0), "{line}");
    assert!(counted.acknowledged * 2 >= reorders, "too few were put to the test: {line}");
}

struct Counted {
    acknowledged: usize,
    lost: usize,
    doubled: usize,
    invented: usize,
}

/// Read by `infra/load/reorders`. On a line of its own: the test's name stands before it.
#[expect(clippy::print_stdout, reason = "the figure is what the load test reads")]
fn tell(line: &str) {
    println!("\n{line}");
}

/// By the command line, as an operator does.
async fn set_door(database: &TestDatabase, world: &World, url: &str) {
    let folder = folder();
    std::fs::copy(&world.ground.stack.config.secrets.key_file, folder.join("keys")).expect("the keys");
    let shell = Shell::with(&folder, &settings(database, &folder, ""));
    let said = shell.done(&["door", "set", "--tenant", SLUG, "--form", "inbox", "--url", url]);
    assert!(said.contains("is inbox"), "{said}");
    assert!(shell.done(&["door", "test", "--tenant", SLUG]).contains("the inbox answers"));
    assert!(shell.done(&["door", "list", "--tenant", SLUG, "--json"]).contains("\"state\":\"open\""));
    assert!(!shell.done(&["door", "show", "--tenant", SLUG]).contains("postgres://"), "the secret is shown");
}
