//! Open pages hear of their own changes and of nobody else's, and fall silent when their reader may no longer listen.
//! And lists as people page through them.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt as _;
use tokio_util::sync::CancellationToken;

use crate::ground::Ground;
use crate::person::{Browser, tenant};
use crate::planted;

/// The next event of a stream; none when the stream has ended. Panics when neither happens in time.
async fn next(body: &mut Body, seconds: u64) -> Option<String> {
    let heard = tokio::time::timeout(Duration::from_secs(seconds), async {
        loop {
            let frame = body.frame().await?.expect("the stream is whole");
            let text = String::from_utf8_lossy(frame.data_ref().map(|data| &data[..]).unwrap_or_default())
                .into_owned();
            // keep-alives are remarks
            if !text.starts_with(':') {
                return Some(text);
            }
        }
    });
    heard.await.unwrap_or_else(|_| panic!("neither an event nor an end within {seconds} s"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_tells_its_own_changes_and_ends_with_its_session() {
    let ground = Ground::new().await;
    let vendor = planted::vendor(&ground, "kestrelx7", "orders").await;
    let ours = planted::company(&ground, &vendor, "quokkax7").await;
    let theirs = planted::company(&ground, &vendor, "dugongx7").await;
    let app = ground.app().await;
    let stop = CancellationToken::new();
    let (live, end) = (app.live.clone(), stop.clone());
    let running = tokio::spawn(async move { live.run(end).await });
    let site = tenant(vendor.id, vendor.word);
    let (mut us, mut them) = (Browser::at(&app.router, &site), Browser::at(&app.router, &site));
    us.sign_in(&ground.stack.db, &ground.stack.outbox, &ours.email("admin")).await;
    them.sign_in(&ground.stack.db, &ground.stack.outbox, &theirs.email("admin")).await;
    let one = format!("/orders/{}/events", ours.order);
    let mut list = us.send("GET", "/orders/events", None, &[]).await.into_body();
    let mut order = us.send("GET", &one, None, &[]).await.into_body();
    let mut other = them.send("GET", "/orders/events", None, &[]).await.into_body();
    // The first look only remembers what the page shows already. A body that nobody polls does not look.
    for body in [&mut list, &mut order, &mut other] {
        assert!(
            tokio::time::timeout(Duration::from_millis(400), body.frame()).await.is_err(),
            "nothing has changed yet"
        );
    }
    let change = format!(
        "update orders set changed_at = now() where id = '{0}'; 
         select pg_notify('orders', '{1}:' || customer_id || ':' || id) from orders where id = '{0}'",
        ours.order, vendor.id
    );
    ground.sql(&change).await;
    assert!(next(&mut list, 5).await.is_some_and(|event| event.starts_with("data:")));
    assert!(next(&mut order, 5).await.is_some_and(|event| event.starts_with("data:")));
    let silence = tokio::time::timeout(Duration::from_secs(1), other.frame()).await;
    assert!(silence.is_err(), "another customer's change is told: {silence:?}");

    us.clone().post("/sign-out", &[]).await;
    ground.sql(&change).await;
    assert_eq!(next(&mut list, 12).await, None, "a stream outlives its session");
    assert_eq!(next(&mut order, 12).await, None, "a stream outlives its session");
    stop.cancel();
    running.await.expect("it ends in peace");
    assert_eq!(next(&mut other, 5).await, None, "a server that stops does not wait for its readers");
}

/// By the page's own links, down and up again.
#[tokio::test]
async fn a_list_is_paged_by_its_own_links() {
    let ground = Ground::new().await;
    let vendor = planted::vendor(&ground, "kestrelx7", "orders").await;
    let company = planted::company(&ground, &vendor, "quokkax7").await;
    let more = format!(
        "insert into orders (tenant_id, id, customer_id, connector_id, external_id, number, status, sort_at, source_open, row_hash, first_seen_at, changed_at)
         select tenant_id, gen_random_uuid(), customer_id, connector_id, 'n' || n, 'NR-' || n, 'confirmed', now() - n / 4 * interval '1 hour',
                true, '', now(), now() from orders, generate_series(100, 152) n where id = '{}'",
        company.order
    );
    ground.sql(&more).await;
    let app = ground.app().await;
    let mut browser = Browser::at(&app.router, &tenant(vendor.id, vendor.word));
    browser.sign_in(&ground.stack.db, &ground.stack.outbox, &company.email("user")).await;
    let (mut path, mut pages) = ("/orders".to_owned(), Vec::new());
    loop {
        let page = browser.get(&path).await;
        pages.push(numbers(&page.body));
        let Some(older) = link(&page.body, "before=") else { break };
        path = older;
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 14], "{pages:?}");
    let mut all: Vec<&String> = pages.iter().flatten().collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 54, "everything once");
    for wanted in pages.iter().rev().skip(1) {
        let up = link(&browser.get(&path).await.body, "after=").expect("a way back");
        let page = browser.get(&up).await;
        assert_eq!(&numbers(&page.body), wanted, "the way back shows what was shown");
        path = up;
    }
}

/// The orders a list links to, each once, in order.
fn numbers(page: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for rest in page.split("href=\"/orders/").skip(1) {
        let id = rest.split(['"', '?']).next().unwrap_or_default().to_owned();
        if id.len() == 36 && !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

fn link(page: &str, parameter: &str) -> Option<String> {
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    links
        .map(|link| link.replace("&amp;", "&"))
        .find(|link| link.starts_with("/orders?") && link.contains(parameter))
}
