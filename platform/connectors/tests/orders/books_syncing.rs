//! The books in our own tables: what comes, how soon, for whom, and that nothing is written that did not change.

use std::path::PathBuf;

use crate::erp::Erp;
use crate::world::{World, eventually};

/// The old file server, with what the database names by its path.
async fn file_server(erp: &Erp, name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("portico-test-{}", std::process::id())).join(name);
    let sql =
        "select string_agg(replace(doc_path, E'\\\\', '/') || ' ' || encode(of_print(inv_no), 'hex'), ',')
                 from of_invdoc where doc is null and doc_path ~ '^[0-9]{4}.INV'";
    for line in erp.value(sql).await.split(',') {
        let (path, content) = line.split_once(' ').expect("a path and its content");
        let bytes: Vec<u8> = (0..content.len() / 2)
            .map(|at| u8::from_str_radix(&content[at * 2..at * 2 + 2], 16).expect("hex"))
            .collect();
        let file = folder.join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, bytes).expect("written");
    }
    folder
}

const NO_DOCUMENT_DUE: &str =
    "select count(*)::text from invoices where deleted_at is null and document_due_at <= now()";

#[tokio::test]
async fn the_books_of_known_customers_come_and_nobody_elses() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    let connector = world.connect_orderflow(&erp.url()).await;
    world.keep_documents_in(connector, &file_server(&erp, "docs-all").await).await;
    let running = world.start();
    world.books_loaded().await;
    for (customer, account) in [(world.brightwater, "BRW-1042"), (world.halvorsen, "HAL-2210")] {
        let ours = format!(
            "select count(*) || ' ' || sum(total * case kind when 'credit_note' then -1 else 1 end) || ' ' || count(*) filter (where document_kept)
               from invoices where customer_id = '{customer}' and deleted_at is null"
        );
        let theirs = format!(
            "select count(*) || ' ' || sum(inv_amt)::numeric(24, 4) || ' ' || count(d.inv_no) from of_invhdr
               left join of_invdoc d using (inv_no) where cust_no = '{account}' and del_flag <> 'Y'"
        );
        assert_eq!(world.value(&ours).await, erp.value(&theirs).await, "{account}");
        let lines = format!("select count(*)::text from invoice_lines where customer_id = '{customer}'");
        let theirs = format!(
            "select count(*)::text from of_invlin join of_invhdr using (inv_no) where cust_no = '{account}'"
        );
        assert_eq!(world.value(&lines).await, erp.value(&theirs).await, "{account}");
    }
    assert_eq!(world.value("select count(distinct customer_id)::text from invoices").await, "2");
    assert_eq!(world.value("select count(distinct customer_id)::text from addresses").await, "2");
    assert_eq!(world.value("select count(*)::text from account_standing").await, "2");
    let products = world.value("select count(*)::text from products where deleted_at is null").await;
    assert_eq!(products, erp.value("select (count(*) - 1)::text from of_item").await);
    let books = world.connector().await.books;
    assert!(
        ["invoice", "credit", "address"].iter().all(|part| books[part]["unknown"].as_u64() > Some(20)),
        "{books}"
    );

    eventually("every document", || async { world.value(NO_DOCUMENT_DUE).await == "0" }).await;
    let kept = "select count(*) || ' ' || count(*) filter (where d.sha256 = sha256(d.bytes) and d.media_type = 'application/pdf' and version = 1)
                  from invoice_documents d";
    let theirs = erp
        .value("select count(*)::text from of_invdoc join of_invhdr using (inv_no) where cust_no in ('BRW-1042', 'HAL-2210')")
        .await;
    assert_eq!(world.value(kept).await, format!("{theirs} {theirs}"));
    // an order finds its invoices, a credit note what it corrects
    let linked = "select count(*)::text from invoices i join orders o on o.connector_id = i.connector_id and o.external_id = i.order_key
                   and o.customer_id = i.customer_id";
    assert_eq!(world.value(linked).await, world.value("select count(*)::text from invoices").await);
    let corrects = format!(
        "select count(*)::text from invoices c join invoices i on i.external_id = c.corrects_key and i.customer_id = c.customer_id
          where c.kind = 'credit_note' and c.customer_id = '{}'", world.brightwater);
    assert_eq!(world.value(&corrects).await, "1");
    let signed = "select count(*)::text from shipments where signed_by is not null";
    let theirs =
        "select count(*)::text from of_shphdr join of_ordhdr using (ord_no) where dlv_sig is not null
                   and cust_no in ('BRW-1042', 'HAL-2210') and del_flag <> 'Y'";
    assert_eq!(world.value(signed).await, erp.value(theirs).await, "proof of delivery");
    running.stop().await;
}

#[tokio::test]
async fn changes_show_within_their_pace() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.books_loaded().await;
    let invoice = |key: &str, what: &str| {
        format!(
            "select coalesce((select {what} from invoices where external_id = '{key}' and deleted_at is null), '')"
        )
    };
    let shows = async |sql: String, wanted: &str| {
        eventually(&format!("{wanted:?} of {sql}"), || async { world.value(&sql).await == wanted }).await;
    };
    let unpaid = erp
        .value("select min(inv_no)::text from of_invhdr where cust_no = 'BRW-1042' and inv_stat = 'O' and inv_type = 'I' and paid_amt = 0")
        .await;
    erp.simulate(&["--once", "pay", "--invoice", &unpaid, "--partial"]);
    shows(invoice(&unpaid, "status"), "partly_paid").await;
    erp.simulate(&["--once", "pay", "--invoice", &unpaid, "--all"]);
    shows(invoice(&unpaid, "status"), "paid").await;

    // a stamp that nobody moved: the hot set sees what left it
    let silent = erp
        .value("select min(inv_no)::text from of_invhdr where cust_no = 'BRW-1042' and inv_stat = 'O' and inv_type = 'I'")
        .await;
    erp.sql(&format!("update of_invhdr set inv_stat = 'V' where inv_no = {silent}")).await;
    shows(invoice(&silent, "status"), "void").await;

    let order = erp
        .value("select min(ord_no)::text from of_ordhdr where cust_no = 'BRW-1042' and ord_stat = 'P'")
        .await;
    erp.simulate(&["--once", "ship", "--order", &order, "--all"]);
    let fresh = erp.value(&format!("select max(inv_no)::text from of_invhdr where ord_no = {order}")).await;
    shows(invoice(&fresh, "order_key || document_kept"), &format!("{order}false")).await;
    erp.simulate(&["--once", "file", "--invoice", &fresh]);
    shows(invoice(&fresh, "document_kept::text"), "true").await;
    let documents = format!(
        "select count(*)::text from invoice_documents d join invoices i on i.id = d.invoice_id where i.external_id = '{fresh}'"
    );
    shows(documents.clone(), "1").await;
    erp.simulate(&["--once", "credit", "--invoice", &fresh]);
    let note = erp.value(&format!("select max(inv_no)::text from of_invhdr where ref_inv = {fresh}")).await;
    shows(invoice(&note, "kind || corrects_key"), &format!("credit_note{fresh}")).await;

    erp.simulate(&["--once", "limit", "--account", "BRW-1042", "--amount", "250000"]);
    let credit = format!(
        "select credit_limit::text from account_standing where customer_id = '{}'",
        world.brightwater
    );
    shows(credit, "250000.0000").await;
    erp.simulate(&["--once", "price", "--item", "VLV-BF-010", "--amount", "199.5"]);
    shows("select price::text from products where sku = 'VLV-BF-010'".into(), "199.5000").await;
    erp.simulate(&["--once", "discontinue", "--item", "VLV-BF-010"]);
    shows("select state from products where sku = 'VLV-BF-010'".into(), "discontinued").await;
    erp.sql("update of_custaddr set city = 'Hermantown' where cust_no = 'BRW-1042' and addr_no = 3").await;
    let city = format!(
        "select city from addresses where customer_id = '{}' and external_id = '3'",
        world.brightwater
    );
    shows(city, "Hermantown").await;
    running.stop().await;
}

#[tokio::test]
async fn reading_the_books_again_writes_nothing() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    let connector = world.connect_orderflow(&erp.url()).await;
    world.keep_documents_in(connector, &file_server(&erp, "docs-again").await).await;
    let running = world.start();
    world.books_loaded().await;
    eventually("every document", || async { world.value(NO_DOCUMENT_DUE).await == "0" }).await;
    let marks = "select md5(string_agg(mark, ',' order by mark)) from (
        select id::text || xmin::text from invoices union all select invoice_id::text || xmin::text from invoice_documents
        union all select id::text || xmin::text from addresses union all select sku || xmin::text from products
        union all select customer_id::text || xmin::text from account_standing) t(mark)";
    let before = world.value(marks).await;
    let hot = world.connector().await.books["invoice"]["hot_at"].clone();
    let walked = world.connector().await.books["product"]["swept_at"].clone();
    world.sweep(connector).await;
    eventually("another round", || async {
        let books = world.connector().await.books;
        books["invoice"]["hot_at"] != hot
            && books["product"]["swept_at"] != walked
            && books["invoice"]["sweep"].is_null()
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(world.value(marks).await, before, "a row that did not change was written");
    running.stop().await;
}

#[tokio::test]
async fn what_vanishes_from_the_ledger_vanishes_here() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    let connector = world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.books_loaded().await;
    let pick = |state: &str| {
        format!("select max(inv_no)::text from of_invhdr where cust_no = 'BRW-1042' and inv_stat = '{state}'")
    };
    let (open, paid) = (erp.value(&pick("O")).await, erp.value(&pick("P")).await);
    let gone = |key: &str| {
        format!("select (deleted_at is not null)::text from invoices where external_id = '{key}'")
    };
    erp.sql(&format!("delete from of_invhdr where inv_no in ({open}, {paid})")).await;
    eventually("an unpaid one's end", || async { world.value(&gone(&open)).await == "true" }).await;
    assert_eq!(world.value(&gone(&paid)).await, "false", "the hot set knows no paid ones");
    world.sweep(connector).await;
    eventually("the sweep", || async { world.value(&gone(&paid)).await == "true" }).await;
    let hidden = erp.value(&pick("O")).await;
    erp.sql(&format!("update of_invhdr set del_flag = 'Y' where inv_no = {hidden}")).await;
    eventually("a soft delete", || async { world.value(&gone(&hidden)).await == "true" }).await;
    erp.sql(&format!("update of_invhdr set del_flag = 'N' where inv_no = {hidden}")).await;
    eventually("its return", || async { world.value(&gone(&hidden)).await == "false" }).await;

    erp.sql("update of_custaddr set del_flag = 'Y' where cust_no = 'BRW-1042' and addr_no = 4; delete from of_item where item_no = 'VLV-CK-040'; \
             update of_cust set del_flag = 'Y' where cust_no = 'HAL-2210'").await;
    let address = format!(
        "select (deleted_at is not null)::text from addresses where customer_id = '{}' and external_id = '4'",
        world.brightwater
    );
    eventually("an address's end", || async { world.value(&address).await == "true" }).await;
    let product = "select (deleted_at is not null)::text from products where sku = 'VLV-CK-040'";
    eventually("a product's end", || async { world.value(product).await == "true" }).await;
    eventually("a credit's end", || async {
        world.value("select count(*)::text from account_standing").await == "1"
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_document_that_changes_is_another_version_beside_the_first() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.books_loaded().await;
    let key = erp
        .value("select min(inv_no)::text from of_invdoc join of_invhdr using (inv_no) where octet_length(doc) > 0 and cust_no = 'BRW-1042' and inv_stat = 'O'")
        .await;
    let versions = format!(
        "select coalesce(string_agg(version || encode(substr(bytes, 1, 8), 'escape'), ' ' order by version), '')
           from invoice_documents d join invoices i on i.id = d.invoice_id where i.external_id = '{key}'"
    );
    eventually("the first", || async { world.value(&versions).await == "1%PDF-1.4" }).await;
    erp.sql(&format!(
        "update of_invdoc set doc = E'%PDF-1.7 another'::bytea, doc_dt = localtimestamp where inv_no = {key}"
    ))
    .await;
    eventually("the second", || async { world.value(&versions).await == "1%PDF-1.4 2%PDF-1.7" }).await;
    // money comes: the row changes, the paper does not
    erp.simulate(&["--once", "pay", "--invoice", &key, "--all"]);
    let looked = format!(
        "select (status = 'paid' and document_due_at is null)::text from invoices where external_id = '{key}'"
    );
    eventually("it is looked at again", || async { world.value(&looked).await == "true" }).await;
    assert_eq!(world.value(&versions).await, "1%PDF-1.4 2%PDF-1.7");
    // and the ERP loses it: what was shown stays
    erp.sql(&format!("delete from of_invdoc where inv_no = {key}; update of_invhdr set last_upd = localtimestamp, cust_po = 'X' where inv_no = {key}")).await;
    let after = format!("select purchase_order || document_kept from invoices where external_id = '{key}'");
    eventually("the change", || async { world.value(&after).await == "Xtrue" }).await;
    running.stop().await;
}

#[tokio::test]
async fn an_invoice_that_moves_to_another_account_takes_nothing_along() {
    let erp = Erp::orderflow().await;
    let world = World::new().await;
    world.connect_orderflow(&erp.url()).await;
    let running = world.start();
    world.books_loaded().await;
    let key = erp
        .value("select min(inv_no)::text from of_invdoc join of_invhdr using (inv_no) where octet_length(doc) > 0 and cust_no = 'BRW-1042' and inv_stat = 'O'")
        .await;
    let live = format!(
        "select string_agg(c.external_key || ' ' || (select count(*) from invoice_documents d where d.invoice_id = i.id and d.customer_id = i.customer_id), ',')
           from invoices i join customers c on c.id = i.customer_id where i.external_id = '{key}' and i.deleted_at is null"
    );
    let first = format!(
        "select id::text from invoices where external_id = '{key}' and customer_id = '{}'",
        world.brightwater
    );
    eventually("its document", || async { world.value(&live).await == "BRW-1042 1" }).await;
    let id = world.value(&first).await;
    // a paper for the new account is printed a moment after the move, as it is in life
    erp.sql(&format!(
        "update of_invhdr set cust_no = 'HAL-2210', last_upd = localtimestamp where inv_no = {key};
                      update of_invdoc set doc = of_print({key}) where inv_no = {key}"
    ))
    .await;
    eventually("its new customer", || async { world.value(&live).await == "HAL-2210 1" }).await;
    let stray = "select (select count(*) from invoice_lines l join invoices i on i.id = l.invoice_id where l.customer_id <> i.customer_id)
                      + (select count(*) from invoice_documents d join invoices i on i.id = d.invoice_id where d.customer_id <> i.customer_id) || ''";
    assert_eq!(world.value(stray).await, "0");
    let halvorsens = format!(
        "select count(*)::text from invoice_documents d join invoices i on i.id = d.invoice_id
          where i.external_id = '{key}' and d.customer_id = '{}' and encode(d.bytes, 'escape') like '%Brightwater%'", world.halvorsen);
    assert_eq!(world.value(&halvorsens).await, "0", "a paper of Brightwater's under Halvorsen's name");
    erp.sql(&format!(
        "update of_invhdr set cust_no = 'BRW-1042', last_upd = localtimestamp where inv_no = {key}"
    ))
    .await;
    eventually("its return", || async { world.value(&live).await.starts_with("BRW-1042") }).await;
    assert_eq!(world.value(&first).await, id, "the row that it was");
    erp.sql(&format!("update of_invhdr set cust_no = 'NOBODY' where inv_no = {key}")).await;
    eventually("nobody's", || async { world.value(&live).await.is_empty() }).await;
    running.stop().await;
}
