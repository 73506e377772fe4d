//! Reading: every wart of the old database, what the dry run says, and that nothing is left behind in the ERP.

use platform_connectors::mapping::Mapping;
use platform_connectors::orderflow::dry_run::{Report, dry_run};
use platform_connectors::orderflow::{Link, SqlSource};
use platform_connectors::orders::{
    Cursor, EventKind, OrderSource, OrderStatus, Page, Selection, ShipmentStatus, SourceError, SourceOrder,
};
use std::sync::Arc;

use crate::erp::{Erp, OwnServer, orderflow_mapping};

async fn open(erp: &Erp) -> SqlSource {
    let mapping = Mapping::parse(&orderflow_mapping()).expect("the mapping is sound");
    SqlSource::open(erp.link(), mapping).await.expect("the mapping fits")
}

async fn all(source: &SqlSource, selection: &Selection) -> Page {
    let mut whole = Page::default();
    let mut after: Option<Cursor> = None;
    loop {
        let page = source.read(selection, after.as_ref()).await.expect("a page");
        whole.orders.extend(page.orders);
        whole.keys.extend(page.keys);
        whole.warnings.extend(page.warnings);
        for (code, count) in page.unmapped {
            *whole.unmapped.entry(code).or_default() += count;
        }
        after = page.next;
        if after.is_none() {
            return whole;
        }
    }
}

async fn one(source: &SqlSource, key: &str) -> SourceOrder {
    let page = source.read(&Selection::Keys(vec![key.to_owned()]), None).await.expect("a page");
    page.orders.into_iter().next().unwrap_or_else(|| panic!("order {key}"))
}

#[tokio::test]
async fn every_order_is_read_whatever_is_in_it() {
    let erp = Erp::orderflow().await;
    let source = open(&erp).await;
    let read = all(&source, &Selection::All).await;
    let there = erp.value("select count(*)::text from of_ordhdr where del_flag <> 'Y'").await;
    assert_eq!(read.orders.len().to_string(), there, "a bad value costs a value, never an order");
    assert_eq!(read.unmapped.get("Q"), Some(&3));
    for field in ["order.total", "order.expected_on", "order.requested_on", "line.unit_price", "line.amount"]
    {
        assert!(read.warnings.iter().any(|w| w.field == field), "{field} warns: {:?}", read.warnings);
    }
    let find = |note: &str| read.orders.iter().find(|o| o.note.as_deref().is_some_and(|n| n.contains(note)));
    assert_eq!(
        find("beilegen").and_then(|o| o.note.clone()).as_deref(),
        Some("Prüfzeugnis 3.1 beilegen – “wie immer”")
    );
    let joerg =
        read.orders.iter().find(|o| o.contact.as_deref() == Some("Jörg Weiß")).expect("bytes of Windows");
    assert_eq!(joerg.purchase_order.as_deref(), Some("B-77°"), "padding is gone");
    assert!(joerg.lines[0].description.as_deref().is_some_and(|d| d.contains("Ø 80, gedrückt")));
    assert_eq!(joerg.lines[0].unit_price, None, "NaN is no price");
    assert!(read.orders.iter().any(|o| o.lines.is_empty()), "an order may have no line");
    assert!(read.orders.iter().all(|o| o.account == o.account.trim() && !o.number.is_empty()));
}

#[tokio::test]
async fn one_order_tells_its_whole_story() {
    let erp = Erp::orderflow().await;
    let source = open(&erp).await;
    let key = erp.value("select ord_no::text from of_ordhdr where chg_reason like 'Snow on%'").await;
    let order = one(&source, &key).await;
    assert_eq!(order.number, format!("SO-{key}"));
    assert_eq!(order.account, "BRW-1042");
    assert_eq!(order.status, OrderStatus::Shipped);
    assert_eq!((order.lines.len(), order.shipments.len()), (6, 3));
    assert!(order.shipments.iter().all(|s| s.status == ShipmentStatus::InTransit && !s.lines.is_empty()));
    assert!(
        order.shipments.iter().any(|s| s.tracking_url.as_deref().is_some_and(|u| u.starts_with("https://")))
    );
    assert!(
        order.ship_to.as_deref().is_some_and(|a| a.ends_with("\nDuluth MN 55802")),
        "{:?}",
        order.ship_to
    );
    let delay = order.events.iter().find(|e| e.kind == EventKind::Expected).expect("its delay");
    assert_eq!(delay.reason.as_deref(), Some("Snow on I-35, carrier delay"));
    assert_eq!(delay.old, order.promised_on.map(|d| d.to_string()));
    assert_eq!(delay.new, order.expected_on.map(|d| d.to_string()));
    let forty = erp.value("select ord_no::text from of_ordlin group by ord_no having count(*) = 40").await;
    assert_eq!(one(&source, &forty).await.lines.len(), 40);
}

#[tokio::test]
async fn pages_meet_without_gap_or_overlap() {
    let erp = Erp::orderflow().await;
    let mut mapping = Mapping::parse(&orderflow_mapping()).unwrap();
    mapping.pace.page = 37;
    let source = SqlSource::open(erp.link(), mapping).await.unwrap();
    for selection in
        [Selection::All, Selection::Open, Selection::ChangedSince("2020-01-01..2099-01-01".into())]
    {
        let mut keys = all(&source, &selection).await.keys;
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count, "{selection:?}");
        let open = "and ord_stat not in ('D', 'C', 'X')";
        let condition = if selection == Selection::Open { open } else { "" };
        let sql = format!("select count(*)::text from of_ordhdr where del_flag <> 'Y' {condition}");
        assert_eq!(count.to_string(), erp.value(&sql).await, "{selection:?}");
    }
}

#[tokio::test]
async fn nothing_is_left_behind_in_the_erp() {
    // of its own, because transaction ids are the server's
    let (_server, erp) = OwnServer::start("quiet");
    let source = open(&erp).await;
    all(&source, &Selection::All).await;
    let next = "select txid_snapshot_xmax(txid_current_snapshot())::text";
    let before = erp.value(next).await;
    all(&source, &Selection::All).await;
    all(&source, &Selection::Open).await;
    source.present(&["47585".to_owned()]).await.unwrap();
    dry_run(erp.link(), &orderflow_mapping()).await.unwrap();
    assert_eq!(erp.value(next).await, before, "reading takes no transaction id");
    let idle = "select count(*)::text from pg_stat_activity where application_name = 'portico' \
                and datname = current_database() and (backend_xid is not null or state like 'idle in%')";
    assert_eq!(erp.value(idle).await, "0", "no transaction stays open");
}

#[tokio::test]
async fn the_role_cannot_write_even_when_it_tries() {
    use sqlx::Connection;
    let erp = Erp::orderflow().await;
    let mut reader = sqlx::PgConnection::connect_with(&erp.reader()).await.unwrap();
    for sql in [
        "update of_ordhdr set ord_stat = 'X'",
        "set default_transaction_read_only = off; update of_ordhdr set ord_stat = 'X'",
        "set default_transaction_read_only = off; create table x (y int)",
        "set default_transaction_read_only = off; insert into of_ordevt (ord_no, evt_dt, evt_cd) values (1, now(), 'ST')",
        "update of_invhdr set inv_stat = 'P'",
        "select std_cost from of_item",
        "select sls_rep from of_cust",
        "select of_print(90001)",
        "select * from of_ordnote",
    ] {
        let refused = sqlx::raw_sql(sql).execute(&mut reader).await.expect_err(sql);
        let code = refused.as_database_error().and_then(|e| e.code()).unwrap_or_default().into_owned();
        assert!(["25006", "42501"].contains(&code.as_str()), "{sql}: {refused}");
    }
}

async fn report(erp: &Erp, change: impl Fn(String) -> String) -> Report {
    dry_run(erp.link(), &change(orderflow_mapping())).await.expect("a report")
}

#[tokio::test]
async fn the_dry_run_shows_what_would_be_stored() {
    let erp = Erp::orderflow().await;
    let report = report(&erp, |mapping| mapping).await;
    assert!(report.is_ready(), "{:?}", report.faults);
    assert!(report.sample.iter().any(|o| !o.lines.is_empty()));
    assert_eq!(report.unmapped.get("Q"), Some(&3));
    assert!(report.accounts.iter().any(|(key, name)| key == "BRW-1042" && name == "Brightwater Utilities"));
    assert_eq!(report.server.map(|s| s.encoding).as_deref(), Some("SQL_ASCII"));
    assert!(report.estimated_rows["public.of_ordhdr"] > 500);
    assert!(!report.advice.iter().any(|a| a.key == "(role)"), "{:?}", report.advice);
}

#[tokio::test]
async fn the_dry_run_names_every_fault_with_its_key() {
    let erp = Erp::orderflow().await;
    let faulty = report(&erp, |mapping| {
        mapping
            .replace("promised_on = \"prom_dt\"\nexpected_on", "promised_on = \"prom_dtt\"\nexpected_on")
            .replace("table = \"of_shphdr\"", "table = \"of_shiphdr\"")
            .replace("on = \"carrier.carr_cd = ship_via\"", "on = \"carrier.carrier_code = ship_via\"")
    })
    .await;
    let said: Vec<String> = faulty.faults.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said.contains(
        &"order.promised_on: public.of_ordhdr has no column `prom_dtt` (did you mean `prom_dt`?)".into()
    ));
    assert!(
        said.iter().any(|f| f.starts_with("shipment.table: there is no table or view public.of_shiphdr"))
    );
    assert!(
        said.iter()
            .any(|f| f.starts_with("order.joins.carrier: public.of_carrier has no column `carrier_code`"))
    );

    let types =
        report(&erp, |mapping| mapping.replace("total = \"ord_amt\"", "total = \"ord_note * 2\"")).await;
    assert_eq!(types.faults.len(), 1, "{:?}", types.faults);
    assert_eq!(types.faults[0].key, "order.total");

    let mapping =
        Mapping::parse(&orderflow_mapping().replace("\"chg_reason\"", "\"change_reason\"")).unwrap();
    let refused = SqlSource::open(erp.link(), mapping).await.expect_err("a sync does not start on a misfit");
    assert!(matches!(refused, SourceError::Misfit(faults) if faults[0].key == "order.reason"));
}

#[tokio::test]
async fn the_dry_run_sees_missing_indexes_and_rights_too_many() {
    let erp = Erp::orderflow().await;
    erp.sql("drop index of_shphdr_ix1; drop index of_ordhdr_ix2; grant update, delete on of_ordlin to portal_reader").await;
    let faulty = report(&erp, |mapping| mapping).await;
    let said: Vec<String> = faulty.advice.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|a| a.starts_with("shipment.order: public.of_shphdr has no index")), "{said:?}");
    assert!(
        said.iter().any(|a| a.starts_with("order.updated_at: public.of_ordhdr has no index")),
        "{said:?}"
    );
    assert!(
        said.iter().any(|a| a == "(role): portal_reader may update, delete public.of_ordlin: revoke it"),
        "{said:?}"
    );
    let admin = Arc::new(Link::with_options(migrations::embedded::socket_options(
        &erp.socket,
        "postgres",
        &erp.name,
    )));
    let strong = dry_run(admin, &orderflow_mapping()).await.unwrap();
    assert!(strong.advice.iter().any(|a| a.what.contains("is a superuser")));
}

#[tokio::test]
async fn a_locked_table_costs_a_fifth_of_a_second() {
    use sqlx::Connection;
    let erp = Erp::orderflow().await;
    let source = open(&erp).await;
    all(&source, &Selection::Open).await;
    let mut other = erp.admin().await;
    let mut lock = other.begin().await.unwrap();
    sqlx::raw_sql("lock table of_ordlin in access exclusive mode").execute(&mut *lock).await.unwrap();
    let started = std::time::Instant::now();
    let error = source.read(&Selection::Open, None).await.expect_err("a lock is in the way");
    assert!(matches!(error, SourceError::Slow(_)), "{error}");
    assert!(started.elapsed() < std::time::Duration::from_millis(600), "{:?}", started.elapsed());
    lock.rollback().await.unwrap();
    all(&source, &Selection::Open).await;
}
