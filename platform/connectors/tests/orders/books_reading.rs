//! Reading the books: every wart of the ledger, pages that meet, documents, and what the dry run says.

use platform_connectors::books::{Content, InvoiceKind, InvoiceStatus, Page, SourceInvoice};
use platform_connectors::mapping::Mapping;
use platform_connectors::orderflow::SqlSource;
use platform_connectors::orderflow::dry_run::dry_run;
use platform_connectors::orders::{Cursor, Selection};
use rust_decimal::Decimal;

use crate::erp::{Erp, orderflow_mapping};

async fn open(erp: &Erp, page: u32) -> SqlSource {
    let mut mapping = Mapping::parse(&orderflow_mapping()).expect("the mapping is sound");
    mapping.pace.page = page;
    SqlSource::open(erp.link(), mapping).await.expect("the mapping fits")
}

async fn all(source: &SqlSource, selection: &Selection) -> Page<SourceInvoice> {
    let mut whole = Page::default();
    let mut after: Option<Cursor> = None;
    loop {
        let page = source.invoices(selection, after.as_ref()).await.expect("a page");
        whole.rows.extend(page.rows);
        whole.keys.extend(page.keys);
        whole.warnings.extend(page.warnings);
        after = page.next;
        if after.is_none() {
            return whole;
        }
    }
}

#[tokio::test]
async fn every_invoice_is_read_whatever_is_in_it() {
    let erp = Erp::orderflow().await;
    let source = open(&erp, 500).await;
    let read = all(&source, &Selection::All).await;
    let there = erp.value("select count(*)::text from of_invhdr where del_flag <> 'Y'").await;
    assert_eq!(read.keys.len().to_string(), there);
    // one without a sum and one without a day are no invoices that anybody could show
    assert_eq!((read.rows.len() + 2).to_string(), there, "{:?}", read.warnings);
    for field in ["invoice.total", "invoice.statuses", "invoice_line.quantity", "invoice_line.unit_price"] {
        assert!(read.warnings.iter().any(|w| w.field == field), "{field} warns: {:?}", read.warnings);
    }
    let credit = read.rows.iter().find(|i| i.kind == InvoiceKind::CreditNote).expect("a credit note");
    assert!(credit.total > Decimal::ZERO && credit.corrects.is_some(), "its kind says which way");
    assert!(credit.lines.iter().all(|line| line.amount.is_none_or(|amount| amount >= Decimal::ZERO)));
    for status in [InvoiceStatus::Open, InvoiceStatus::PartlyPaid, InvoiceStatus::Paid, InvoiceStatus::Void] {
        assert!(read.rows.iter().any(|i| i.account == "BRW-1042" && i.status == status), "{status}");
    }
    let partly = read.rows.iter().filter(|i| i.status == InvoiceStatus::PartlyPaid);
    assert!(partly.clone().all(|i| i.open && i.paid > Decimal::ZERO && i.paid < i.total));
    assert!(read.rows.iter().any(|i| i.purchase_order.as_deref() == Some("§ 12/Ü")), "bytes of Windows");
    assert!(
        read.rows.iter().any(|i| i.lines.iter().any(|l| l.description.as_deref() == Some("Dichtung Ø 44")))
    );
    assert!(read.rows.iter().any(|i| i.lines.is_empty()), "an invoice may have no line");
    assert!(read.rows.iter().all(|i| i.account == i.account.trim() && i.currency == "USD"));
    let endless = erp.value("select inv_no::text from of_invhdr where due_dt = 'infinity'").await;
    assert!(read.rows.iter().any(|i| i.key == endless && i.due_on.is_none()));
}

#[tokio::test]
async fn pages_of_the_books_meet_without_gap_or_overlap() {
    let erp = Erp::orderflow().await;
    let source = open(&erp, 37).await;
    let changed = Selection::ChangedSince("2000-01-01..2099-01-01".into());
    for (selection, condition) in
        [(Selection::All, ""), (Selection::Open, "and inv_stat = 'O'"), (changed, "")]
    {
        let mut keys = all(&source, &selection).await.keys;
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count, "{selection:?}");
        let sql = format!("select count(*)::text from of_invhdr where del_flag <> 'Y' {condition}");
        assert_eq!(count.to_string(), erp.value(&sql).await, "{selection:?}");
    }
    let source = open(&erp, 10).await;
    let (mut skus, mut places, mut accounts) = (Vec::new(), Vec::new(), Vec::new());
    let mut after = None;
    loop {
        let page = source.products(after.as_ref()).await.expect("a page");
        skus.extend(page.keys);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let page = source.addresses(after.as_ref()).await.expect("a page");
        places.extend(page.keys);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let page = source.credits(after.as_ref()).await.expect("a page");
        accounts.extend(page.keys);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    for (mut keys, sql) in [
        // one key is no text
        (skus, "select (count(*) - 1)::text from of_item"),
        (places, "select count(*)::text from of_custaddr where del_flag <> 'Y'"),
        (accounts, "select count(*)::text from of_cust where del_flag <> 'Y'"),
    ] {
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!((count, count.to_string()), (keys.len(), erp.value(sql).await), "{sql}");
    }
}

#[tokio::test]
async fn accounts_addresses_and_products_tell_what_a_page_needs() {
    let erp = Erp::orderflow().await;
    let source = open(&erp, 500).await;
    let credits = source.credits(None).await.unwrap().rows;
    let brightwater = credits.iter().find(|c| c.account == "BRW-1042").expect("Brightwater");
    let share = brightwater.used.unwrap() / brightwater.limit.unwrap() * Decimal::from(100);
    // The rest of it is kept for what is ordered and not invoiced yet.
    assert!((5..=40).contains(&u32::try_from(share.round()).unwrap()), "{share}");
    assert_eq!(brightwater.terms.as_deref(), Some("Net 45 days"));
    assert!(credits.iter().any(|c| c.account == "CED-1177" && c.on_hold && c.used > c.limit));

    let page = source.addresses(None).await.unwrap();
    let of = |account: &str| page.rows.iter().filter(|a| a.account == account).cloned().collect::<Vec<_>>();
    let places = of("BRW-1042");
    assert_eq!(places.len(), 4, "a closed yard is none");
    assert!(
        places
            .iter()
            .any(|a| a.country.as_deref() == Some("CA") && a.postal_code.as_deref() == Some("P7E 5N7"))
    );
    assert_eq!(places.iter().filter(|a| a.is_default).count(), 2, "one to ship to, one to bill to");
    assert!(page.warnings.iter().any(|w| w.field == "address.countries" && w.what.contains("BRD")));
    assert!(
        of("KON-3307")
            .iter()
            .any(|a| a.country.is_none() && a.street.as_deref().is_some_and(|s| s.contains("straße")))
    );

    let page = source.products(None).await.unwrap();
    let find = |sku: &str| page.rows.iter().find(|p| p.sku == sku).expect(sku);
    let (replaced, ended) = (find("PMP-DP-020"), find("PRS-TX-030"));
    assert!(replaced.discontinued && replaced.replaced_by.as_deref() == Some("PMP-DP-030"));
    assert!(ended.discontinued && ended.replaced_by.is_none());
    assert!(find("NAN-1").price.is_none() && find("NEG-1").available == Some(Decimal::ZERO));
    for field in ["product.key", "product.price", "product.available"] {
        assert!(page.warnings.iter().any(|w| w.field == field), "{field}");
    }
}

#[tokio::test]
async fn documents_come_one_by_one_with_the_account_they_belong_to() {
    let erp = Erp::orderflow().await;
    let source = open(&erp, 500).await;
    let pick = async |what: &str| {
        erp.value(&format!(
            "select min(inv_no)::text from of_invdoc join of_invhdr using (inv_no) where {what}"
        ))
        .await
    };
    let kept = pick("octet_length(doc) > 0 and cust_no = 'BRW-1042'").await;
    let found = source.document(&kept).await.unwrap().expect("a document");
    assert_eq!(found.account, "BRW-1042");
    let Content::Bytes(bytes) = found.content else { panic!("bytes") };
    assert!(bytes.starts_with(b"%PDF-1.4\n") && bytes.ends_with(b"%%EOF\n"));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains(&format!("Invoice {kept}")), "{text}");
    let filed = pick("doc_path like '_____INV%' and doc is null").await;
    let found = source.document(&filed).await.unwrap().expect("a document");
    assert!(matches!(found.content, Content::Path(path) if path.ends_with(&format!("INV{filed:0>6}.pdf"))));
    let empty = pick("octet_length(doc) = 0").await;
    assert_eq!(source.document(&empty).await.unwrap().map(|d| d.content), Some(Content::Nothing));
    assert_eq!(source.document("1").await.unwrap(), None);
    erp.sql(&format!("update of_invdoc set doc = (repeat('x', 21000000))::bytea where inv_no = {kept}"))
        .await;
    assert_eq!(source.document(&kept).await.unwrap().map(|d| d.content), Some(Content::TooLarge(21_000_000)));
    erp.sql(&format!("delete from of_invhdr where inv_no = {kept}")).await;
    assert_eq!(source.document(&kept).await.unwrap(), None, "without an invoice it belongs to nobody");
}

#[tokio::test]
async fn the_dry_run_shows_the_books_and_names_their_faults() {
    let erp = Erp::orderflow().await;
    let report = dry_run(erp.link(), &orderflow_mapping()).await.unwrap();
    assert!(report.is_ready(), "{:?}", report.faults);
    let books = &report.books;
    assert!(books.invoices.iter().any(|i| !i.lines.is_empty()) && !books.credits.is_empty());
    assert!(!books.addresses.is_empty() && !books.products.is_empty());
    assert!(books.document.as_deref().is_some_and(|d| d.contains("application/pdf") || d.contains("file")));
    assert!(report.warnings.iter().any(|w| w.field == "product.key"));
    let slow =
        |key: &str| ["invoice", "credit", "address", "product"].iter().any(|part| key.starts_with(part));
    assert!(!report.advice.iter().any(|a| slow(&a.key)), "{:?}", report.advice);

    let faulty = orderflow_mapping()
        .replace("due_on = \"due_dt\"", "due_on = \"due_date\"")
        .replace("bytes = \"doc\"", "bytes = \"doc_name\"")
        .replace("price = \"list_price\"", "price = \"std_cost\"");
    let report = dry_run(erp.link(), &faulty).await.unwrap();
    let said: Vec<&str> = report.faults.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(said, ["invoice.due_on", "product.price", "invoice_document.bytes"], "{:?}", report.faults);
}
