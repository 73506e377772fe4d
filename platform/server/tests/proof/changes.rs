//! Changes that people ask for, through the whole program: whom mails tell and in which words.

use http::StatusCode;
use platform_connectors::requests::{self, State, Step};
use platform_core::Scope;
use platform_core::audit::Actor;
use platform_core::jobs::Worker;
use platform_server::compose;

use crate::ground::Ground;
use crate::person::{Browser, tenant};
use crate::planted::{self, Company, Vendor};

/// A company with an admin, a champion and a user at a vendor that shows accounts; nothing planted is on its way.
pub(crate) struct World {
    pub(crate) ground: Ground,
    pub(crate) vendor: Vendor,
    pub(crate) company: Company,
    pub(crate) router: axum::Router,
}

impl World {
    pub(crate) async fn new() -> Self {
        let ground = Ground::new().await;
        let vendor = planted::vendor(&ground, "heronx9", "orders,invoices,account").await;
        let company = planted::company(&ground, &vendor, "otterx9").await;
        ground
            .sql("delete from jobs; delete from mail_outbox; delete from requests; delete from doors")
            .await;
        let router = ground.app().await.router;
        Self { ground, vendor, company, router }
    }

    pub(crate) async fn browser(&self, who: &str) -> Browser {
        let mut browser = Browser::at(&self.router, &tenant(self.vendor.id, self.vendor.word));
        let stack = &self.ground.stack;
        browser.sign_in(&stack.db, &stack.outbox, &self.company.email(who)).await;
        self.ground.sql("delete from mail_outbox").await;
        browser
    }

    /// Sends a change of the planted address's street.
    pub(crate) async fn move_house(&self, browser: &mut Browser, street: &str) -> requests::Request {
        let path = format!("/account/addresses/{}", self.company.books.address);
        let key = browser.get(&path).await.hidden("key").expect("the form has a key");
        let form = [
            ("key", key.as_str()),
            ("street", street),
            ("postal_code", "5003"),
            ("city", "Bergen"),
            ("country", "NO"),
        ];
        let answer = browser.post(&format!("{path}/change"), &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        self.newest().await
    }

    pub(crate) async fn newest(&self) -> requests::Request {
        let mut tx = self.ground.stack.db.tenant(Scope::tenant(self.vendor.id)).await.expect("a transaction");
        requests::of_customer(&mut tx, None, 1).await.expect("answers").into_iter().next().expect("a request")
    }

    pub(crate) async fn advance(&self, request: &requests::Request, to: State, reason: Option<&str>) {
        let stack = &self.ground.stack;
        let mut tx = stack.db.tenant(Scope::tenant(self.vendor.id)).await.expect("a transaction");
        let step = Step { reason: reason.map(str::to_owned), ..Step::to(to, Actor::System) };
        requests::advance(&mut tx, &*stack.clock, &*stack.random, request.id, &step).await.expect("it moves");
        tx.commit().await.expect("kept");
    }

    /// Lets the worker tell, and gives `(address, subject, text)` of what it wrote.
    pub(crate) async fn mails(&self) -> Vec<(String, String, String)> {
        let stack = &self.ground.stack;
        let letters = compose::letters(stack, compose::themes().expect("they compile"));
        let worker = compose::tell(stack, &letters).register(Worker::new(stack.db.clone()));
        while worker.run_batch().await.expect("jobs can be claimed") > 0 {}
        let failed = self
            .ground
            .value("select string_agg(last_error, ' ') from jobs where kind = 'tell_request'")
            .await;
        assert_eq!(failed, None, "a job failed");
        let mut operator = stack.db.operator("test", "reads mails").await.expect("an operator");
        let mut mails = Vec::new();
        for who in ["admin", "champion", "user", "guest"] {
            let email = self.company.email(who);
            for mail in stack.outbox.recent(&mut operator, Some(&email), 9).await.expect("mails") {
                mails.push((who.to_owned(), mail.subject, mail.body.expect("kept").text));
            }
        }
        self.ground.sql("delete from mail_outbox").await;
        mails
    }
}

#[tokio::test]
async fn a_change_of_address_is_told_to_whoever_asked_and_to_the_admins() {
    let world = World::new().await;
    world.ground.sql("update contacts set locale = 'ar' where role = 'admin'").await;
    let mut champion = world.browser("champion").await;
    let request = world.move_house(&mut champion, "14 Harbour Road").await;
    let mails = world.mails().await;
    let who: Vec<&str> = mails.iter().map(|(who, ..)| who.as_str()).collect();
    assert_eq!(who, ["admin", "champion"], "{mails:?}");
    let (_, subject, text) = &mails[0];
    assert!(
        subject.contains("عنوان") && text.contains("otterx9 champion"),
        "the reader's language, and who: {mails:?}"
    );
    assert!(
        mails[1].2.contains("otterx9 street → 14 Harbour Road") && !mails[1].2.contains("Asked for by"),
        "{mails:?}"
    );
    assert!(mails[1].2.contains("/account#requests"));
    world.advance(&request, State::HandedOver, None).await;
    assert!(world.mails().await.is_empty(), "that it left is no news");
    world.advance(&request, State::Rejected, Some("No lorries there")).await;
    let mails = world.mails().await;
    assert!(
        mails.len() == 2 && mails.iter().all(|(.., text)| text.contains("No lorries there")),
        "{mails:?}"
    );
    assert_eq!(mails[1].1, "The change of address was not made");
}

#[tokio::test]
async fn a_change_of_ones_own_data_is_told_to_oneself_alone() {
    let world = World::new().await;
    let mut user = world.browser("user").await;
    let key = user.get("/account/contact").await.hidden("key").expect("a key");
    let email = world.company.email("user");
    let form = [("key", key.as_str()), ("name", "Otter Newname"), ("email", &email), ("locale", "")];
    let answer = user.post("/account/contact/change", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let mails = world.mails().await;
    assert!(mails.len() == 1 && mails[0].0 == "user" && mails[0].2.contains("Otter Newname"), "{mails:?}");
    world.advance(&world.newest().await, State::Accepted, None).await;
    let mails = world.mails().await;
    assert!(mails.len() == 1 && mails[0].1.contains("made your change"), "{mails:?}");
    world
        .ground
        .sql("update contacts set active = false; update requests set told = '{}', state = 'submitted'")
        .await;
    world.advance(&world.newest().await, State::Accepted, None).await;
    assert!(world.mails().await.is_empty(), "nobody who left is written to");
}

/// Lists go on by keyset, and each request is on one page; the home page tells whom it concerns.
#[tokio::test]
async fn lists_of_requests_go_on_and_the_home_page_tells_of_them() {
    let world = World::new().await;
    world
        .ground
        .sql(
            "insert into requests (tenant_id, id, customer_id, contact_id, kind, state, payload, summary, idempotency_key, request_hash,
                                   reason, created_at, changed_at)
             select tenant_id, gen_random_uuid(), customer_id, id, kind, 'rejected', '{\"after\": {\"city\": \"C\"}}', 'no ' || n, 'key-key-' || n,
                    '', 'no reason', date_trunc('day', now()) - n / 2 * interval '1 day', now() - interval '30 days'
               from contacts, generate_series(1, 45) n, (values ('reorder'), ('address_change')) k (kind) where role = 'champion'",
        )
        .await;
    let mut champion = world.browser("champion").await;
    for (first, mark) in
        [("/reorders", "class=\"order-row "), ("/account/requests", "class=\"request-item\"")]
    {
        let (mut path, mut counts, mut back) = (first.to_owned(), Vec::new(), Vec::new());
        loop {
            let page = champion.get(&path).await.body;
            counts.push(page.matches(mark).count());
            match link(&page, "next") {
                Some(next) => path = next,
                None => break,
            }
        }
        loop {
            let page = champion.get(&path).await.body;
            back.push(page.matches(mark).count());
            match link(&page, "prev") {
                Some(before) => path = before,
                None => break,
            }
        }
        assert_eq!(counts, [20, 20, 5], "{first}");
        assert_eq!(back.iter().sum::<usize>(), 45, "{first}: {back:?}");
    }
    assert!(champion.get("/account").await.body.contains("/account/requests"));
    let mut user = world.browser("user").await;
    assert!(
        user.get("/account/requests").await.body.contains("Nothing was asked for yet"),
        "others' are not theirs"
    );
    assert!(!champion.get("/").await.body.contains("asked-head"), "old news");

    world
        .ground
        .sql(
            "update requests set changed_at = now() where summary in ('no 1');
             update requests set state = 'awaiting_approval' where summary = 'no 2' and kind = 'reorder';
             update requests set state = 'handed_over' where summary = 'no 3'",
        )
        .await;
    let home = champion.get("/").await.body;
    for text in [
        "no reason",
        "waits for a yes of your company",
        "1 order is with",
        "1 change is with",
        "A change of address was not made",
    ] {
        assert!(home.contains(text), "{text}: {home}");
    }
    let mut admin = world.browser("admin").await;
    assert!(admin.get("/").await.body.contains("asks for your yes"));
    let home = user.get("/").await.body;
    assert!(!home.contains("asked-head"), "{home}");
}

fn link(page: &str, rel: &str) -> Option<String> {
    let rest = page.split_once(&format!("rel=\"{rel}\" href=\""))?.1;
    Some(rest.split_once('"')?.0.to_owned())
}
