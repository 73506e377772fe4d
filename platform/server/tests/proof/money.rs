//! Papers of the books through the whole program: the stored document byte for byte, a copy that says so, nothing in place of
//! one that is to come, archives, files for spreadsheets, and changes that are pending.

use http::{StatusCode, header};
use http_body_util::BodyExt as _;

use crate::ground::Ground;
use crate::person::{Browser, tenant};
use crate::planted::{self, Company};

const MODULES: &str = "orders,invoices,account";

struct World {
    ground: Ground,
    company: Company,
    browser: Browser,
}

impl World {
    /// A company's admin, signed in.
    async fn new(word: &'static str) -> Self {
        let ground = Ground::new().await;
        let vendor = planted::vendor(&ground, "heronx9", MODULES).await;
        let company = planted::company(&ground, &vendor, word).await;
        let router = ground.app().await.router;
        let mut browser = Browser::at(&router, &tenant(vendor.id, vendor.word));
        let (db, outbox) = (&ground.stack.db, &ground.stack.outbox);
        browser.sign_in(db, outbox, &company.email("admin")).await;
        Self { ground, company, browser }
    }

    async fn bytes(&mut self, path: &str) -> (StatusCode, http::HeaderMap, Vec<u8>) {
        let (parts, body) = self.browser.send("GET", path, None, &[]).await.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes().to_vec();
        (parts.status, parts.headers, bytes)
    }

    /// How often something was written down as given.
    async fn given(&self, kind: &str, action: &str) -> String {
        let sql = format!(
            "select count(*)::text from audit_log where object_kind = '{kind}' and action = '{action}'"
        );
        self.ground.value(&sql).await.expect("a number")
    }

    /// Another invoice of the company; gives its id.
    async fn invoice(&self, number: &str, kept: bool) -> String {
        let id = platform_core::id::uuid(&*self.ground.stack.clock, &*self.ground.stack.random).to_string();
        self.ground
            .sql(&format!(
                "insert into invoices (tenant_id, id, customer_id, connector_id, external_id, number, status, issued_on, due_on, total, currency,
                     document_kept, row_hash, first_seen_at, changed_at)
                 select tenant_id, '{id}', customer_id, connector_id, '{id}', '{number}', 'open', current_date, current_date + 30, 12, 'USD',
                     {kept}, '', now(), now() from invoices where id = '{}'",
                self.company.books.invoice
            ))
            .await;
        id
    }
}

#[tokio::test]
async fn a_stored_document_is_given_byte_for_byte_and_written_down() {
    let mut world = World::new("otterx9").await;
    let path = format!("/invoices/{}/document", world.company.books.invoice);
    let (status, headers, bytes) = world.bytes(&path).await;
    assert_eq!((status, bytes.as_slice()), (StatusCode::OK, b"%PDF otterx9".as_slice()));
    let text = |name| {
        headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok()).unwrap_or_default()
    };
    let digest = world.ground.value("select encode(sha256('%PDF otterx9'), 'hex')").await.expect("a digest");
    assert_eq!(text(header::ETAG), format!("\"{digest}\""));
    assert!(text(header::CONTENT_DISPOSITION).starts_with("attachment; filename=\"INV-otterx9.pdf\""));
    assert_eq!(
        (text(header::X_CONTENT_TYPE_OPTIONS), text(header::CACHE_CONTROL)),
        ("nosniff", "private, no-store")
    );
    assert!(text(header::CONTENT_SECURITY_POLICY).starts_with("sandbox"));
    assert_eq!(world.given("invoice", "downloaded").await, "1");

    world.ground.sql("update invoice_documents set bytes = 'bent'").await;
    assert_eq!(world.bytes(&path).await.0, StatusCode::INTERNAL_SERVER_ERROR, "never what was not stored");
    assert_eq!(world.given("invoice", "downloaded").await, "1");
}

#[tokio::test]
async fn a_copy_is_printed_only_where_no_document_is_kept() {
    let mut world = World::new("otterx9").await;
    let (kept, copied) = (world.invoice("INV-7", true).await, world.invoice("=INV/8", false).await);
    let (status, headers, page) = world.bytes(&format!("/invoices/{kept}/document")).await;
    let page = String::from_utf8_lossy(&page).into_owned();
    assert!(status == StatusCode::NOT_FOUND && page.contains("Not available yet"), "{status} {page}");
    assert!(!headers.contains_key(header::CONTENT_DISPOSITION));
    assert_eq!(world.given("invoice", "downloaded").await, "0", "nothing was given");
    let (status, headers, bytes) = world.bytes(&format!("/invoices/{copied}/document")).await;
    assert!(status == StatusCode::OK && bytes.starts_with(b"%PDF-1.7"));
    let disposition = headers[header::CONTENT_DISPOSITION].to_str().expect("a name");
    assert!(disposition.contains("filename=\"INV-8-Copy.pdf\""), "{disposition}");
    assert_eq!(world.given("invoice", "downloaded").await, "1");
}

#[tokio::test]
async fn an_archive_holds_what_was_chosen_and_says_what_is_missing() {
    let mut world = World::new("otterx9").await;
    let (kept, copied) = (world.invoice("INV-7", true).await, world.invoice("INV-8", false).await);
    let stored = world.company.books.invoice.to_string();
    let csrf = world.browser.csrf().await;
    let form = [("chosen", stored.as_str()), ("chosen", &kept), ("chosen", &copied), ("csrf", &csrf)];
    let answer = world.browser.send("POST", "/invoices/archive", Some(&form), &[]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let bytes = answer.into_body().collect().await.expect("a whole archive").to_bytes();
    let path = crate::ground::folder().join("invoices.zip");
    std::fs::write(&path, &bytes).expect("it is written");
    // Python's own reader checks every sum.
    let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
                  print(*[f'{i.filename}:{z.read(i)[:12]!r}' for i in z.infolist()], sep='\\n')";
    let read =
        std::process::Command::new("python3").args(["-c", script]).arg(&path).output().expect("python3");
    let said = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "INV-otterx9.pdf:b'%PDF otterx9'");
    assert!(lines[1].starts_with("INV-8-Copy.pdf:b'%PDF-1.7"), "{said}");
    assert!(lines.len() == 3 && lines[2].starts_with("Not-included.txt"), "{said}");
    assert_eq!(world.given("invoice", "downloaded").await, "2", "each that was given");

    let unknown = uuid::Uuid::nil().to_string();
    let answer = world.browser.post("/invoices/archive", &[("chosen", &stored), ("chosen", &unknown)]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "one that is not theirs spoils the choice");
    let answer = world.browser.post("/invoices/archive", &[("show", "open")]).await;
    assert!(answer.status == StatusCode::UNPROCESSABLE_ENTITY && answer.body.contains("Choose at least one"));
}

#[tokio::test]
async fn files_for_spreadsheets_hold_no_formulas() {
    let mut world = World::new("otterx9").await;
    world.invoice("=HYPERLINK(1)", false).await;
    let (_, headers, bytes) = world.bytes("/invoices/list.csv?show=open").await;
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert_eq!(headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    assert!(text.starts_with("\u{feff}Number,Kind,Status,"), "{text}");
    assert!(text.contains("\r\n\"'=HYPERLINK(1)\",Invoice,Open,") && text.contains("INV-otterx9"), "{text}");
    assert_eq!(text.lines().count(), 3);
    let (_, _, none) = world.bytes("/invoices/list.csv?show=paid").await;
    assert_eq!(String::from_utf8(none).expect("UTF-8").lines().count(), 1, "the filter holds");
    let (status, _, bytes) = world.bytes("/account/statement.csv").await;
    assert!(status == StatusCode::OK && String::from_utf8_lossy(&bytes).contains("INV-otterx9,Invoice"));
    let (status, _, bytes) = world.bytes("/account/statement.pdf?from=2020-01-01").await;
    assert!(status == StatusCode::OK && bytes.starts_with(b"%PDF-1.7"));
    let (status, _, _) = world.bytes("/account/statement.pdf?from=2030-01-01").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(world.given("statement", "downloaded").await, "2");
}

#[tokio::test]
async fn a_change_of_address_is_pending_once_however_often_it_is_sent() {
    let mut world = World::new("otterx9").await;
    let path = format!("/account/addresses/{}", world.company.books.address);
    let key = world.browser.get(&path).await.hidden("key").expect("the form has a key");
    let form = [
        ("key", key.as_str()),
        ("street", "14 Harbour Road"),
        ("postal_code", "5003"),
        ("city", "Bergen"),
        ("country", "no"),
    ];
    for _ in 0..2 {
        let answer = world.browser.post(&format!("{path}/change"), &form).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/account#requests"));
    }
    let asked = "select count(*)::text from requests where payload->'after'->>'street' = '14 Harbour Road'
                    and payload->'before'->>'street' = 'otterx9 street' and payload->'address'->>'key' = 'otterx9-a'";
    assert_eq!(world.ground.value(asked).await.as_deref(), Some("1"));
    let page = world.browser.get("/account").await.body;
    assert!(page.contains("14 Harbour Road") && page.contains("Pending"), "it is shown as pending");
    let unchanged = "select street from addresses where external_id = 'otterx9-a'";
    assert_eq!(
        world.ground.value(unchanged).await.as_deref(),
        Some("otterx9 street"),
        "and nothing has changed"
    );

    let wrong = world
        .browser
        .post(
            &format!("{path}/change"),
            &[("street", "14 Harbour Road"), ("country", "US"), ("postal_code", "1")],
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.body.contains("value=\"14 Harbour Road\"") && wrong.body.contains("id=\"postal_code-wrong\""),
        "{}",
        wrong.body
    );
    let other = world
        .browser
        .post(&format!("{path}/change"), &[("street", "kept"), ("country", "US"), ("step", "country")])
        .await;
    assert!(
        other.status == StatusCode::OK
            && other.body.contains("value=\"kept\"")
            && other.body.contains("State")
    );

    world.browser.post(&format!("{path}/archival"), &[]).await;
    let archived = "select (archived_at is not null)::text from addresses where external_id = 'otterx9-a'";
    assert_eq!(world.ground.value(archived).await.as_deref(), Some("true"));
    world.browser.post(&format!("{path}/restoration"), &[]).await;
    assert_eq!(world.ground.value(archived).await.as_deref(), Some("false"));
}
