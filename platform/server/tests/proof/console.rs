//! What the tenant's own people do at the console, and what becomes of it.

use http::StatusCode;

use crate::ground::Ground;
use crate::person::{Browser, tenant};
use crate::planted::{self, Company, Vendor};

const WORD: &str = "kestrelx7";
const THEIRS: &str = "quokkax7";

struct Office {
    ground: Ground,
    company: Company,
    /// Somebody who looks after customers.
    csm: Browser,
}

impl Office {
    async fn open() -> Self {
        let ground = Ground::new().await;
        let vendor: Vendor = planted::vendor(&ground, WORD, "orders,invoices,account").await;
        let company = planted::company(&ground, &vendor, THEIRS).await;
        let router = ground.app().await.router;
        let mut csm = Browser::at(&router, &tenant(vendor.id, WORD));
        csm.agent = "Firefox".to_owned();
        csm.sign_in_as_staff(&ground.stack.db, &ground.stack.outbox, &format!("csm@{WORD}.example")).await;
        Self { ground, company, csm }
    }

    async fn of_request(&self, what: &str) -> String {
        let sql = format!("select ({what})::text from requests r where r.id = '{}'", self.company.request);
        self.ground.value(&sql).await.unwrap_or_default()
    }

    async fn is_submitted(&self) {
        let sql = "update requests set state = 'submitted', erp_number = null, reason = null, attempts = 3";
        self.ground.sql(sql).await;
    }
}

const LAST_EVENT: &str = "select e.actor_kind || ' ' || s.name || ' ' || e.state from request_events e
    join staff s on s.tenant_id = e.tenant_id and s.id = e.actor_id where e.request_id = r.id order by e.at desc limit 1";

#[tokio::test]
async fn a_no_needs_a_reason_and_bears_a_name() {
    let mut office = Office::open().await;
    office.is_submitted().await;
    let path = format!("/console/requests/{}", office.company.request);
    let long = "x".repeat(301);
    for reason in ["", "  ", &long] {
        let again = office.csm.post(&format!("{path}/rejection"), &[("reason", reason)]).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(again.body.contains(reason.trim()) && again.body.contains("aria-invalid"), "{}", again.body);
    }
    assert_eq!(office.of_request("r.state").await, "submitted", "nothing was done");
    let done = office.csm.post(&format!("{path}/rejection"), &[("reason", "Sold out")]).await;
    assert_eq!(done.location(), path);
    assert_eq!(office.of_request("r.state || ': ' || r.reason").await, "rejected: Sold out");
    assert_eq!(office.of_request(LAST_EVENT).await, format!("staff {WORD} csm rejected"));
    let line = "select a.actor_kind || ' ' || a.action from audit_log a where a.object_id = r.id::text order by a.at desc limit 1";
    assert_eq!(office.of_request(line).await, "staff rejected");
    let told =
        "select count(*) from jobs j where j.kind = 'tell_request' and j.payload::text like '%rejected%'";
    assert_eq!(office.of_request(told).await, "1", "the customer is told");
    let page = office.csm.get(&path).await.body;
    assert!(page.contains(&format!("{WORD} csm")) && page.contains("Sold out"), "{page}");
    // Too late for anything else.
    let late = office.csm.post(&format!("{path}/approval"), &[("number", "SO-1")]).await;
    assert_eq!(late.location(), path);
    assert_eq!(office.of_request("r.state").await, "rejected");
}

#[tokio::test]
async fn a_yes_carries_the_number() {
    let mut office = Office::open().await;
    office.is_submitted().await;
    let path = format!("/console/requests/{}", office.company.request);
    let done = office.csm.post(&format!("{path}/approval"), &[("number", " SO-4711 ")]).await;
    assert_eq!(done.location(), path, "{}", done.body);
    assert_eq!(office.of_request("r.state || ' ' || r.erp_number").await, "accepted SO-4711");
    assert_eq!(office.of_request(LAST_EVENT).await, format!("staff {WORD} csm accepted"));
    assert!(office.csm.get("/console/requests?show=decided").await.body.contains("SO-4711"));
    assert!(!office.csm.get("/console/requests").await.body.contains("SO-4711"));
}

#[tokio::test]
async fn a_hand_over_is_asked_for_again() {
    let mut office = Office::open().await;
    office.is_submitted().await;
    let path = format!("/console/requests/{}/hand-over", office.company.request);
    let waiting = "select count(*) || ' ' || bool_and(j.due_at <= now()) from jobs j
                    where j.kind = 'hand_over_request' and j.dedupe_key = r.id::text and j.done_at is null";
    assert!(office.csm.post(&path, &[]).await.status == StatusCode::SEE_OTHER);
    assert_eq!(office.of_request(waiting).await, "1 true", "one that gave up begins anew");
    office
        .ground
        .sql("update jobs set due_at = now() + interval '1 hour' where kind = 'hand_over_request'")
        .await;
    office.csm.post(&path, &[]).await;
    assert_eq!(office.of_request(waiting).await, "1 true", "one that waits is due at once, and stays one");
    let lines =
        "select count(*) from audit_log a where a.action = 'asked_to_hand_over' and a.actor_kind = 'staff'";
    assert_eq!(office.of_request(lines).await, "2");
}

#[tokio::test]
async fn the_queue_and_the_customers_are_found() {
    let mut office = Office::open().await;
    office.ground.sql("update requests set state = 'submitted', last_error = 'no answer'").await;
    for (address, there) in [
        ("/console/requests", true),
        ("/console/requests?show=stuck", true),
        ("/console/requests?show=stuck&kind=reorder", true),
        ("/console/requests?kind=contact_change", false),
        ("/console/requests?show=unanswered", false),
        ("/console/requests?show=nonsense&kind=nonsense&after=nonsense", true),
        ("/console/customers", true),
        ("/console/customers?q=QUOKKA", true),
        ("/console/customers?q=quokkax7-1", true),
        ("/console/customers?q=%25", false),
        ("/console/customers?q=nobody", false),
    ] {
        let page = office.csm.get(address).await;
        assert_eq!(page.status, StatusCode::OK, "{address}");
        let row = page.body.contains(&format!("{THEIRS} Inc"));
        assert_eq!(row, there, "{address}: {}", page.body);
    }
    assert!(office.csm.get("/console").await.body.contains("/console/requests?show=stuck"));
    let orders = format!("/console/customers/{}/orders", office.company.id);
    let list = office.csm.get(&orders).await.body;
    assert!(list.contains(&format!("{orders}/{}", office.company.order)), "{list}");
    let order = office.csm.get(&format!("{orders}/{}", office.company.order)).await;
    assert!(order.status == StatusCode::OK && order.body.contains(&format!("SO-{THEIRS}")));
}
