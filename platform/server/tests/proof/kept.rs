//! Pages that are given again: to their own session alone, for as long as they hold, and never with an old nonce.
//!
//! What is changed here without a hint shows whether a page was given again or made anew.

use std::time::Duration;

use http::{StatusCode, header};
use tokio_util::sync::CancellationToken;

use crate::ground::Ground;
use crate::person::{Answer, Browser, tenant};
use crate::planted::{self, Company, Vendor};

struct World {
    ground: Ground,
    vendor: Vendor,
    ours: Company,
    theirs: Company,
}

impl World {
    async fn new() -> Self {
        let ground = Ground::new().await;
        let vendor = planted::vendor(&ground, "kestrelx7", "orders,invoices").await;
        let ours = planted::company(&ground, &vendor, "quokkax7").await;
        let theirs = planted::company(&ground, &vendor, "dugongx7").await;
        Self { ground, vendor, ours, theirs }
    }

    /// Changes the number of a company's order and tells nobody.
    async fn number(&self, company: &Company, number: &str) {
        self.ground
            .sql(&format!("update orders set number = '{number}' where id = '{}'", company.order))
            .await;
    }

    /// Changes the number of our invoice, and no trigger tells of it.
    async fn silently(&self, number: &str) {
        let change =
            format!("update invoices set number = '{number}' where external_id = '{}-i'", self.ours.word);
        let silent = format!(
            "alter table invoices disable trigger user; {change}; alter table invoices enable trigger user"
        );
        self.ground.sql(&silent).await;
    }

    async fn tell(&self, company: &Company) {
        let hint = format!(
            "select pg_notify('orders', tenant_id || ':' || customer_id || ':' || id) from orders where id = '{}'",
            company.order
        );
        self.ground.sql(&hint).await;
    }

    async fn signed_in(&self, router: &axum::Router, company: &Company, name: &str) -> Browser {
        let mut browser = Browser::at(router, &tenant(self.vendor.id, self.vendor.word));
        browser.sign_in(&self.ground.stack.db, &self.ground.stack.outbox, &company.email(name)).await;
        browser
    }

    /// Waits until a page shows that hints are heard: it is given again although its order has another number.
    async fn until_kept(&self, browser: &mut Browser) {
        for turn in 0..200 {
            let number = format!("KEPT-{turn}");
            browser.get("/orders").await;
            self.number(&self.ours, &number).await;
            if !browser.get("/orders").await.body.contains(&number) {
                self.tell(&self.ours).await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no page is ever given again");
    }
}

/// Asks until the page shows a text: hints take a moment.
async fn shows(browser: &mut Browser, path: &str, text: &str) -> bool {
    for _ in 0..60 {
        if browser.get(path).await.body.contains(text) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

fn nonce(answer: &Answer) -> String {
    let policy = answer.headers.get(header::CONTENT_SECURITY_POLICY).expect("a policy");
    let rest = policy.to_str().expect("text").split_once("'nonce-").expect("a nonce").1;
    rest.split_once('\'').expect("its end").0.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_given_again_to_its_own_session_while_it_holds() {
    let world = World::new().await;
    let app = world.ground.app().await;
    let (live, stop) = (app.live.clone(), CancellationToken::new());
    let end = stop.clone();
    let running = tokio::spawn(async move { live.run(end).await });
    let mut us = world.signed_in(&app.router, &world.ours, "admin").await;
    let mut colleague = world.signed_in(&app.router, &world.ours, "champion").await;
    let mut them = world.signed_in(&app.router, &world.theirs, "admin").await;
    world.until_kept(&mut us).await;

    // One session's page is no other's, not even of the same company, and a filter is another page.
    world.number(&world.ours, "NR-ONE").await;
    assert!(shows(&mut us, "/orders", "NR-ONE").await);
    let first = us.get("/orders").await;
    world.number(&world.ours, "NR-TWO").await;
    assert!(us.get("/orders").await.body.contains("NR-ONE"), "given again");
    assert!(colleague.get("/orders").await.body.contains("NR-TWO"), "another session's page is its own");
    assert!(us.get("/orders?show=all").await.body.contains("NR-TWO"), "another address is another page");
    let other = them.get("/orders").await;
    assert!(!other.body.contains("NR-") && other.body.contains("dugongx7"), "{}", other.body);

    // The nonce is this response's own, everywhere.
    let again = us.get("/orders").await;
    let (old, new) = (nonce(&first), nonce(&again));
    assert_ne!(old, new);
    assert!(!again.body.contains(&old), "a nonce is used twice");
    let count = |answer: &Answer, nonce: &str| answer.body.matches(nonce).count();
    assert!(count(&again, &new) >= 3 && count(&again, &new) == count(&first, &old), "every place has it");
    assert_eq!(again.body.replace(&new, &old), first.body, "nothing else differs");

    // Language and colours are choices of this device.
    us.cookies.insert("scheme".into(), "dark".into());
    assert!(us.get("/orders").await.body.contains("data-scheme=\"dark\""));
    us.cookies.remove("scheme");

    // Another customer's change is none of ours; our own is seen when it is told.
    world.tell(&world.theirs).await;
    assert!(us.get("/orders").await.body.contains("NR-ONE"), "their change is not ours");
    world.tell(&world.ours).await;
    assert!(shows(&mut us, "/orders", "NR-TWO").await, "a change that was told is seen");

    // A bulk load tells of the whole tenant.
    world.number(&world.ours, "NR-THREE").await;
    assert!(!us.get("/orders").await.body.contains("NR-THREE"));
    world.ground.sql(&format!("select pg_notify('orders', '{}:*')", world.vendor.id)).await;
    assert!(shows(&mut us, "/orders", "NR-THREE").await);

    // Whoever may no longer come gets nothing, however lately the page was made.
    assert_eq!(us.get("/orders").await.status, StatusCode::OK);
    us.clone().post("/sign-out", &[]).await;
    assert_eq!(us.get("/orders").await.status, StatusCode::SEE_OTHER, "a page outlives its session");
    stop.cancel();
    running.await.expect("it ends in peace");
}

/// A lost connection loses hints: nothing is given again until a new one listens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_given_again_while_nobody_listens() {
    let world = World::new().await;
    let app = world.ground.app().await;
    let mut us = world.signed_in(&app.router, &world.ours, "admin").await;
    for number in ["NR-ONE", "NR-TWO"] {
        world.number(&world.ours, number).await;
        assert!(us.get("/orders").await.body.contains(number), "before anybody listens");
    }
    let (live, stop) = (app.live.clone(), CancellationToken::new());
    let end = stop.clone();
    let running = tokio::spawn(async move { live.run(end).await });
    world.until_kept(&mut us).await;
    world.number(&world.ours, "NR-THREE").await;
    assert!(shows(&mut us, "/orders", "NR-THREE").await);
    world.number(&world.ours, "NR-FOUR").await;
    world
        .ground
        .sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen %'")
        .await;
    assert!(shows(&mut us, "/orders", "NR-FOUR").await, "what was kept is gone with the connection");
    world.until_kept(&mut us).await;
    stop.cancel();
    running.await.expect("it ends in peace");
    for number in ["NR-FIVE", "NR-SIX"] {
        world.number(&world.ours, number).await;
        assert!(us.get("/orders").await.body.contains(number), "after it has stopped");
    }
}

/// A page of the books is kept too, and forgotten with each change of an invoice, a document, credit, an address or a price,
/// whoever makes it; what belongs to a neighbour changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_books_is_heard() {
    let world = World::new().await;
    let app = world.ground.app().await;
    let (live, stop) = (app.live.clone(), CancellationToken::new());
    let end = stop.clone();
    let running = tokio::spawn(async move { live.run(end).await });
    let mut us = world.signed_in(&app.router, &world.ours, "admin").await;
    world.until_kept(&mut us).await;
    let changes = [
        "update account_standing set used = used + 1 where terms = 'WORD terms'",
        "update addresses set city = city || 'x' where external_id = 'WORD-a'",
        "update products set price = price + 1 where sku = 'SLUG-sku'",
        "insert into invoice_documents (tenant_id, invoice_id, version, customer_id, media_type, bytes, sha256, fetched_at)
         select tenant_id, id, 2, customer_id, 'application/pdf', 'two', sha256('two'), now() from invoices where external_id = 'WORD-i'",
        "update invoices set bill_to = 'elsewhere' where external_id = 'WORD-i'",
    ];
    for (at, change) in changes.iter().enumerate() {
        let number = format!("SILENT-{at}");
        // Hints of what came before may still be on their way.
        tokio::time::sleep(Duration::from_millis(300)).await;
        us.get("/invoices").await;
        world.silently(&number).await;
        assert!(!us.get("/invoices").await.body.contains(&number), "given again before: {change}");
        if !change.contains("SLUG") {
            world.ground.sql(&change.replace("WORD", "dugongx7")).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert!(!us.get("/invoices").await.body.contains(&number), "a neighbour's: {change}");
        }
        world.ground.sql(&change.replace("WORD", "quokkax7").replace("SLUG", "kestrelx7")).await;
        assert!(shows(&mut us, "/invoices", &number).await, "heard: {change}");
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    us.get("/invoices").await;
    world.silently("SILENT-LAST").await;
    world.ground.sql("update account_standing set as_of = now()").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!us.get("/invoices").await.body.contains("SILENT-LAST"), "only the moment of reading changed");
    stop.cancel();
    running.await.expect("it ends");
}
