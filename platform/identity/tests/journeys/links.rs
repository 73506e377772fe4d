//! Mailed links: single use, other browsers, other hosts, other tenants.

use http::StatusCode;

use crate::browser::token_of;
use crate::portal::{BRIGHTWATER, LUMEN, MAYA, Portal, TECHFLOW};

#[tokio::test]
async fn scanners_may_look_as_often_as_they_like() {
    let portal = Portal::open().await;
    let mut maya = portal.browser(BRIGHTWATER);
    let asked = maya.ask(MAYA).await;
    assert_eq!((asked.status, asked.location()), (StatusCode::SEE_OTHER, "/sign-in/code"));
    let (link, _) = portal.letter().await;
    assert!(link.starts_with("https://success.brightwater.example:8443/sign-in/"), "{link}");
    let path = format!("/sign-in/{}", token_of(&link));
    for _ in 0..25 {
        let mut scanner = portal.browser(BRIGHTWATER);
        scanner.get(&path).await;
        scanner.head(&path).await;
    }
    let landed = maya.get(&path).await;
    assert_eq!(landed.status, StatusCode::OK);
    assert!(landed.body.contains("m…@brightwater.example"), "{}", landed.body);
    assert_eq!(landed.header("referrer-policy"), "no-referrer");
    assert_eq!(landed.header("cache-control"), "no-store");
    let pressed = maya.post("/sign-in/link", &[("token", &token_of(&link))]).await;
    assert_eq!((pressed.status, pressed.location()), (StatusCode::SEE_OTHER, "/"));
    assert_eq!(maya.get("/orders").await.body, "Maya Okafor of Brightwater Utilities");
    assert_eq!(portal.count("select count(*) from sessions").await, 1);
    assert_eq!(portal.count("select count(*) from audit_log where action = 'signed_in'").await, 1);
}

#[tokio::test]
async fn a_hundred_presses_give_one_session() {
    let portal = Portal::open().await;
    let mut maya = portal.browser(BRIGHTWATER);
    maya.ask(MAYA).await;
    let (link, _) = portal.letter().await;
    let token = token_of(&link);
    maya.get(&format!("/sign-in/{token}")).await;
    let presses = (0..100).map(|_| {
        let (mut browser, token) = (maya.clone(), token.clone());
        tokio::spawn(async move { browser.post("/sign-in/link", &[("token", &token)]).await.status })
    });
    let statuses: Vec<_> =
        futures_util::future::join_all(presses).await.into_iter().map(|s| s.unwrap()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1);
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::GONE).count(), 99);
    assert_eq!(portal.count("select count(*) from sessions").await, 1);
}

#[tokio::test]
async fn used_and_expired_links_offer_a_new_one() {
    let portal = Portal::open().await;
    let mut maya = portal.browser(BRIGHTWATER);
    maya.get("/sign-in?next=/orders").await;
    maya.post("/sign-in", &[("email", MAYA), ("next", "/orders")]).await;
    let (link, _) = portal.letter().await;
    portal.arrange("update portal_auth_tokens set created_at = created_at - interval '2 hours', expires_at = expires_at - interval '2 hours'").await;
    let expired = maya.get(&format!("/sign-in/{}", token_of(&link))).await;
    assert_eq!(expired.status, StatusCode::GONE);
    assert!(expired.body.contains(MAYA) && expired.body.contains("value=\"/orders\""), "{}", expired.body);
    let pressed = maya.post("/sign-in/link", &[("token", &token_of(&link))]).await;
    assert_eq!(pressed.status, StatusCode::GONE);
    assert_eq!(portal.count("select count(*) from audit_log where action = 'link_refused'").await, 1);

    // One click sends the next one, and it still leads to the orders.
    maya.post("/sign-in", &[("email", MAYA), ("next", "/orders")]).await;
    let (fresh, _) = portal.letter().await;
    assert_ne!(fresh, link);
    let pressed = maya.press(&fresh).await;
    assert_eq!((pressed.status, pressed.location()), (StatusCode::SEE_OTHER, "/orders"));

    let mut other = portal.browser(BRIGHTWATER);
    let used = other.get(&format!("/sign-in/{}", token_of(&fresh))).await;
    assert_eq!(used.status, StatusCode::GONE);
    assert_ne!(used.body, expired.body);
    // Whoever is in already and follows the link again is let through.
    let again = maya.get(&format!("/sign-in/{}", token_of(&fresh))).await;
    assert_eq!((again.status, again.location()), (StatusCode::SEE_OTHER, "/orders"));
}

#[tokio::test]
async fn another_browser_is_sent_back_to_the_first() {
    let portal = Portal::open().await;
    let mut maya = portal.browser(BRIGHTWATER);
    maya.ask(MAYA).await;
    let (link, _) = portal.letter().await;
    let mut other = portal.browser(BRIGHTWATER);
    let landed = other.get(&format!("/sign-in/{}", token_of(&link))).await;
    assert_eq!(landed.status, StatusCode::CONFLICT);
    assert!(!landed.body.contains("name=\"token\""), "no button here");
    // Nor does a button of one's own making help, with a token of this browser.
    other.get("/sign-in").await;
    let pressed = other.post("/sign-in/link", &[("token", &token_of(&link))]).await;
    assert_eq!(pressed.status, StatusCode::CONFLICT);
    assert_eq!(portal.count("select count(*) from sessions").await, 0);
    // It is not used up: the browser that asked may still use it.
    assert_eq!(maya.press(&link).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_tenant_may_let_links_be_opened_anywhere() {
    let portal = Portal::open().await;
    portal.arrange("insert into identity_settings (tenant_id, open_elsewhere) select id, true from tenants where slug = 'techflow'").await;
    portal.browser(BRIGHTWATER).ask(MAYA).await;
    let (link, _) = portal.letter().await;
    let mut other = portal.browser(BRIGHTWATER);
    let landed = other.get(&format!("/sign-in/{}", token_of(&link))).await;
    assert_eq!(landed.status, StatusCode::OK);
    assert!(landed.body.contains("m…@brightwater.example") && !other.cookies.contains_key("__Host-session"));
    assert_eq!(
        other.post("/sign-in/link", &[("token", &token_of(&link))]).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(other.get("/orders").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_link_belongs_to_its_host_and_tenant() {
    let portal = Portal::open().await;
    let mut maya = portal.browser(BRIGHTWATER);
    maya.get("/sign-in").await;
    maya.post("/sign-in", &[("email", MAYA), ("next", "/orders?show=late")]).await;
    let (link, _) = portal.letter().await;
    let path = format!("/sign-in/{}", token_of(&link));
    let mut elsewhere = maya.clone().at(portal.techflow, TECHFLOW);
    let landed = elsewhere.get(&path).await;
    assert_eq!(landed.status, StatusCode::NOT_FOUND);
    let way = "https://success.brightwater.example:8443/sign-in?next=/orders%3Fshow%3Dlate";
    assert!(landed.body.contains(way) && !landed.body.contains(MAYA), "{}", landed.body);
    let pressed = elsewhere.post("/sign-in/link", &[("token", &token_of(&link))]).await;
    assert_eq!(pressed.status, StatusCode::NOT_FOUND);

    let mut foreign = maya.clone().at(portal.lumen, LUMEN);
    let landed = foreign.get(&path).await;
    assert_eq!(landed.status, StatusCode::NOT_FOUND);
    assert!(!landed.body.contains("brightwater"), "another tenant's link is no link at all");
    assert_eq!(
        foreign.post("/sign-in/link", &[("token", &token_of(&link))]).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(portal.count("select count(*) from sessions").await, 0);
    let noise = maya.get("/sign-in/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await;
    assert_eq!(noise.status, StatusCode::NOT_FOUND);
}
