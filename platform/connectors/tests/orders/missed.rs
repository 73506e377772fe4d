//! Nothing missed, nothing invented: the simulator at many times its pace, with commits that come late, clocks that are
//! wrong, deletes and an ERP that restarts; afterwards our copy and the ERP are compared row by row.
//!
//! `infra/load/missed` runs it for longer and prints its figures.

use platform_core::clock::{Clock as _, SystemClock};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Row};

use crate::erp::{Erp, OwnServer, orderflow_file, orderflow_mapping};
use crate::world::{World, eventually};

/// Twice the longest transaction (20 s) and the clocks' error (5 s).
const OVERLAP: &str = "overlap_seconds = 50";

/// What the ERP says, a fact a line, of accounts that customers have. Values that no calendar and no decimal holds are left
/// out on both sides: `reading` looks at them.
const THEIRS: &[&str] = &[
    "select 'order ' || ord_no || ' ' || case ord_stat when 'N' then 'received' when 'A' then 'confirmed' when 'P' then 'in_production'
        when 'H' then 'on_hold' when 'B' then 'backordered' when 'I' then 'partially_shipped' when 'S' then 'shipped' when 'D' then 'delivered'
        when 'C' then 'delivered' when 'X' then 'cancelled' else 'in_progress' end || ' ' ||
        case when curr_dt > '1950-01-01' and curr_dt < '2199-01-01' then curr_dt::date::text else '' end
      from of_ordhdr join of_cust c using (cust_no) where of_ordhdr.del_flag <> 'Y'",
    "select 'line ' || ord_no || ' ' || lin_no || ' ' || qty_ord::numeric(18, 4) || ' ' || qty_shp::numeric(18, 4)
      from of_ordlin join of_ordhdr h using (ord_no) join of_cust c using (cust_no) where h.del_flag <> 'Y' and of_ordlin.del_flag <> 'Y'",
    "select 'event ' || ord_no || ' ' || evt_no from of_ordevt join of_ordhdr h using (ord_no) join of_cust c using (cust_no)
      where h.del_flag <> 'Y'",
    "select 'invoice ' || inv_no || ' ' || case when inv_stat = 'V' then 'void' when inv_stat = 'P' then 'paid' when paid_amt <> 0 then 'partly_paid'
        else 'open' end || ' ' || abs(inv_amt)::numeric(24, 4) || ' ' || abs(paid_amt)::numeric(24, 4)
      from of_invhdr join of_cust c using (cust_no) where of_invhdr.del_flag <> 'Y' and inv_amt <> 'NaN' and inv_dt > '1950-01-01'",
    "select 'product ' || trim(item_no) || ' ' || list_price::numeric(24, 4) || ' ' || (disc_flag = 'Y' or del_flag = 'Y')
      from of_item where item_no ~ '^[A-Z0-9 -]+$' and list_price <> 'NaN'",
    "select 'credit ' || trim(cust_no) || ' ' || credit_lim::numeric(24, 4) || ' ' || ar_bal::numeric(24, 4) from of_cust where del_flag <> 'Y'",
];

/// The same of our copy.
const OURS: &[&str] = &[
    "select 'order ' || external_id || ' ' || status || ' ' || coalesce(expected_on::text, '') from orders where deleted_at is null",
    "select 'line ' || o.external_id || ' ' || l.external_id || ' ' || l.quantity || ' ' || l.shipped
      from order_lines l join orders o on o.id = l.order_id where o.deleted_at is null",
    "select 'event ' || o.external_id || ' ' || e.external_id from order_events e join orders o on o.id = e.order_id
      where o.deleted_at is null and e.external_id is not null",
    "select 'invoice ' || external_id || ' ' || status || ' ' || total || ' ' || paid from invoices where deleted_at is null",
    "select 'product ' || sku || ' ' || price || ' ' || (state = 'discontinued') from products where deleted_at is null and price is not null",
    "select 'credit ' || c.external_key || ' ' || s.credit_limit || ' ' || s.used from account_standing s join customers c on c.id = s.customer_id",
];

/// What differs between the two, once both are still.
struct Difference {
    lost: Vec<String>,
    invented: Vec<String>,
    compared: usize,
}

async fn facts(connection: &mut sqlx::PgConnection, statements: &[&str]) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    for sql in statements {
        let rows = sqlx::query(AssertSqlSafe((*sql).to_owned())).fetch_all(&mut *connection).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
        facts.extend(rows.iter().filter_map(|row| row.get::<Option<String>, _>(0)));
    }
    facts
}

async fn compare(erp: &Erp, world: &World) -> Difference {
    let theirs = facts(&mut erp.admin().await, THEIRS).await;
    let ours = facts(&mut world.database.owner().await, OURS).await;
    let without =
        |some: &BTreeSet<String>, others: &BTreeSet<String>| some.difference(others).cloned().collect();
    Difference { lost: without(&theirs, &ours), invented: without(&ours, &theirs), compared: theirs.len() }
}

fn simulator(erp: &Erp) -> Child {
    let dsn = format!("host={} dbname={} user=postgres", erp.socket.display(), erp.name);
    Command::new("/usr/bin/python3")
        .arg(orderflow_file("simulate"))
        .args(["--dsn", &dsn, "--rate", "900", "--late-share", "0.1", "--clock-off", "5", "--seed", "7"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("python3 runs")
}

/// Ends it as its owner would: what it has begun, it commits.
fn end(mut simulator: Child) {
    let ended = Command::new("kill").arg(simulator.id().to_string()).status().expect("kill runs");
    assert!(ended.success());
    simulator.wait().expect("it ends");
}

async fn every_account_is_a_customer(erp: &Erp, world: &World) {
    let accounts = erp.value("select string_agg(trim(cust_no), ',') from of_cust").await;
    let mut owner = world.database.owner().await;
    let add = format!(
        "insert into customers (tenant_id, id, name, external_key)
         select '{}', md5(a)::uuid, a, a from unnest(string_to_array('{accounts}', ',')) a
          where a not in (select external_key from customers where external_key is not null)",
        world.tenant
    );
    sqlx::raw_sql(AssertSqlSafe(add)).execute(&mut owner).await.expect("customers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_and_nothing_invented() {
    let seconds =
        std::env::var("PORTICO_MISSED_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(30);
    let (mut server, erp) = OwnServer::start("missed");
    let world = World::new().await;
    every_account_is_a_customer(&erp, &world).await;
    let mapping = orderflow_mapping().replace("overlap_seconds = 600", OVERLAP);
    let connector = world.connect(&erp.url(), &mapping).await;
    let running = world.start();
    world.loaded().await;
    world.books_loaded().await;

    let work = simulator(&erp);
    let began = Instant::now();
    let mut restarted = false;
    while began.elapsed() < Duration::from_secs(seconds) {
        tokio::time::sleep(Duration::from_secs(3)).await;
        for (action, state) in [("purge", "C"), ("delete", "N")] {
            let sql = format!(
                "select coalesce(max(ord_no), 0)::text from of_ordhdr where ord_stat = '{state}' and del_flag <> 'Y'"
            );
            let order = erp.value(&sql).await;
            if order != "0" {
                erp.simulate(&["--once", action, "--order", &order]);
            }
        }
        erp.sql("delete from of_invhdr where inv_no = (select min(inv_no) from of_invhdr)").await;
        if !restarted && began.elapsed() > Duration::from_secs(seconds / 2) {
            restarted = true;
            server.end();
            tokio::time::sleep(Duration::from_secs(2)).await;
            server.start_again();
        }
    }
    end(work);
    let asked = SystemClock.now();
    eventually("the ERP is read again", || async { world.connector().await.last_hot_at > Some(asked) }).await;
    world.sweep(connector).await;
    let asked = SystemClock.now();
    eventually("the sweeps", || async {
        let now = world.connector().await;
        let swept = |part: &str| {
            now.books[part]["swept_at"]
                .as_str()
                .and_then(|at| at.parse::<chrono::DateTime<chrono::Utc>>().ok())
                > Some(asked)
        };
        now.last_sweep_at > Some(asked) && ["invoice", "credit", "product"].into_iter().all(swept)
    })
    .await;
    let found = compare(&erp, &world).await;
    let mut out = std::io::stdout().lock();
    for (name, list) in [("lost", &found.lost), ("invented", &found.invented)] {
        let verdict = if list.is_empty() { "met" } else { "short" };
        writeln!(
            out,
            "figure missed.{name} {n} facts goal <= 0 {verdict} ({n} .. {n} over 1 rounds)",
            n = list.len()
        )
        .expect("told");
    }
    writeln!(out, "compared {} facts after {seconds} s", found.compared).expect("told");
    drop(out);
    assert!(found.compared > 3000, "{}", found.compared);
    assert_eq!(found.lost, Vec::<String>::new(), "lost");
    assert_eq!(found.invented, Vec::<String>::new(), "invented");
    running.stop().await;
}
