//! The books in trouble: a locked ledger, a node that ends in the middle, a lease that went elsewhere, papers that are not
//! where they should be.

use sqlx::Connection;

use crate::erp::{Erp, orderflow_mapping};
use crate::world::{World, eventually};

#[tokio::test]
async fn a_locked_ledger_does_not_hold_up_the_orders() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.loaded().await;
    world.books_loaded().await;
    let before = world.value("select count(*)::text from invoices where deleted_at is null").await;
    let mut other = erp.admin().await;
    let mut lock = other.begin().await.unwrap();
    sqlx::raw_sql("lock table of_invhdr in access exclusive mode").execute(&mut *lock).await.unwrap();
    eventually("the books say so", || async {
        world.connector().await.books["invoice"]["error"]
            .as_str()
            .is_some_and(|error| error.contains("lock timeout"))
    })
    .await;
    let key = erp
        .value("select min(ord_no)::text from of_ordhdr where cust_no = 'BRW-1042' and ord_stat = 'A'")
        .await;
    erp.simulate(&["--once", "produce", "--order", &key]);
    eventually("the orders go on", || async { world.word(&key, "status").await == "in_production" }).await;
    assert_eq!(world.connector().await.state, "live");
    assert_eq!(world.value("select count(*)::text from invoices where deleted_at is null").await, before);
    lock.rollback().await.unwrap();
    eventually("the books go on", || async { world.connector().await.books["invoice"]["error"].is_null() })
        .await;
    running.stop().await;
}

#[tokio::test]
async fn a_load_that_breaks_off_goes_on_and_ends_complete() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    // ten rows a page and a budget: the load takes longer than the first node lives
    let slow = orderflow_mapping()
        .replace("hot_seconds = 5", "hot_seconds = 1\nstatements_per_second = 200\npage = 10")
        .replace("watermark_seconds = 15", "watermark_seconds = 1");
    world.connect(&erp.url(), &slow).await;
    let running = world.start();
    eventually("a part", || async { world.connector().await.books["invoice"]["sweep"]["after"].is_string() })
        .await;
    running.stop().await;
    let at = world.connector().await.books["invoice"]["sweep"]["after"].as_str().map(str::to_owned);
    assert!(at.is_some(), "where it was");
    let running = world.start();
    world.books_loaded().await;
    let ours = "select md5(string_agg(external_id || status || total || paid, ',' order by external_id)) from invoices where deleted_at is null";
    let theirs = "select md5(string_agg(inv_no || case when inv_stat = 'V' then 'void' when inv_stat = 'P' then 'paid' when paid_amt > 0 then 'partly_paid' else 'open' end
          || abs(inv_amt)::numeric(24, 4) || abs(paid_amt)::numeric(24, 4), ',' order by inv_no::text)) from of_invhdr where cust_no in ('BRW-1042', 'HAL-2210') and del_flag <> 'Y'";
    assert_eq!(world.value(ours).await, erp.value(theirs).await);
    running.stop().await;
}

#[tokio::test]
async fn who_lost_the_lease_writes_no_books() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.books_loaded().await;
    let take = "with x as (update connectors set fence = fence + 1, lease_until = now() + interval '1 hour' returning 1) select count(*)::text from x";
    world.value(take).await;
    erp.simulate(&["--once", "price", "--item", "VLV-BF-010", "--amount", "7"]);
    erp.simulate(&["--once", "limit", "--account", "BRW-1042", "--amount", "7"]);
    let key = erp.value("select min(inv_no)::text from of_invhdr where cust_no = 'BRW-1042' and inv_stat = 'O' and inv_type = 'I'").await;
    erp.simulate(&["--once", "void", "--invoice", &key]);
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let written = format!(
        "select (select count(*) from products where price = 7) + (select count(*) from account_standing where credit_limit = 7)
              + (select count(*) from invoices where external_id = '{key}' and status = 'void') || ''"
    );
    assert_eq!(world.value(&written).await, "0", "a stale holder wrote");
    running.stop().await;
}

#[tokio::test]
async fn papers_that_cannot_be_had_are_noted_and_tried_again_later() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    let folder = std::env::temp_dir().join(format!("portico-test-{}", std::process::id())).join("docs-odd");
    std::fs::create_dir_all(folder.join("1999")).unwrap();
    std::fs::write(folder.parent().unwrap().join("secret.pdf"), b"%PDF-secret").unwrap();
    let keys = erp
        .value("select string_agg(inv_no::text, ',' order by inv_no desc) from (select inv_no from of_invdoc join of_invhdr using (inv_no)
                 where cust_no = 'BRW-1042' and octet_length(doc) > 0 order by inv_no desc limit 3) x")
        .await;
    let keys: Vec<&str> = keys.split(',').collect();
    for (key, path) in keys.iter().zip(["..\\secret.pdf", "1999\\GONE.pdf", "1999/late.pdf"]) {
        erp.sql(&format!("update of_invdoc set doc = null, doc_path = '{path}' where inv_no = {key}")).await;
    }
    let connector = world.connect_orderflow(&erp.url()).await;
    world.keep_documents_in(connector, &folder).await;
    let running = world.start();
    world.books_loaded().await;
    let said = async || world.connector().await.warnings.to_string();
    eventually("all three are noted", || async {
        let said = said().await;
        keys.iter().all(|key| said.contains(&format!("invoice {key}\"")))
    })
    .await;
    let said = said().await;
    assert!(said.contains("leads out of the folder") && said.contains("there is no such file"), "{said}");
    let stored = format!(
        "select count(*)::text from invoice_documents d join invoices i on i.id = d.invoice_id where i.external_id in ('{}')",
        keys.join("','")
    );
    assert_eq!(world.value(&stored).await, "0");
    let kept = format!(
        "select string_agg(document_kept::text, ',') from invoices where external_id in ('{}')",
        keys.join("','")
    );
    assert_eq!(world.value(&kept).await, "true,true,true", "it is not rendered instead");
    // it arrives, and is looked for again
    std::fs::write(folder.join("1999/late.pdf"), b"%PDF-late").unwrap();
    let mut owner = world.database.owner().await;
    sqlx::raw_sql("update invoices set document_due_at = now() where document_due_at is not null")
        .execute(&mut owner)
        .await
        .unwrap();
    eventually("the late one", || async { world.value(&stored).await == "1" }).await;
    running.stop().await;
}
