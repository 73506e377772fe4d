//! How often mails may be asked for, counted where restarts do not forget.

use std::time::Duration;

use http::StatusCode;
use platform_identity::Limits;

use crate::portal::{BRIGHTWATER, LUMEN, MAYA, Portal, TECHFLOW};

#[tokio::test]
async fn limits_are_kept_in_the_database() {
    let portal = Portal::with(Limits::default(), Duration::ZERO).await;
    let mut browser = portal.browser(BRIGHTWATER);
    for email in [MAYA, MAYA, MAYA] {
        assert_eq!(browser.ask(email).await.status, StatusCode::SEE_OTHER);
    }
    let refused = browser.ask(MAYA).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 800);
    // Unknown addresses reach the same limit.
    for _ in 0..3 {
        assert_eq!(browser.ask("nobody@brightwater.example").await.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(browser.ask("nobody@brightwater.example").await.status, StatusCode::TOO_MANY_REQUESTS);
    // A restart forgets nothing, and neither another browser nor another network helps.
    let restarted = portal.restarted(Limits::default()).await;
    let mut later = portal.browser(TECHFLOW).behind(restarted.clone()).from("198.51.100.9");
    assert_eq!(later.ask(MAYA).await.status, StatusCode::TOO_MANY_REQUESTS);
    // After a quarter of an hour it goes on, up to ten a day.
    for _ in 0..7 {
        portal.arrange("update portal_auth_tokens set created_at = created_at - interval '16 minutes', expires_at = expires_at - interval '16 minutes'").await;
        assert_eq!(later.ask(MAYA).await.status, StatusCode::SEE_OTHER);
    }
    portal.arrange("update portal_auth_tokens set created_at = created_at - interval '16 minutes', expires_at = expires_at - interval '16 minutes'").await;
    assert_eq!(later.ask(MAYA).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn one_network_may_ask_for_twenty() {
    let portal = Portal::with(Limits::default(), Duration::ZERO).await;
    let asks = (0..30).map(|n| {
        // One subscriber's /64, another address each time.
        let mut browser = portal.browser(BRIGHTWATER).from(&format!("2001:db8:1:2::{n:x}"));
        tokio::spawn(async move { browser.ask(&format!("person{n}@brightwater.example")).await.status })
    });
    let statuses: Vec<_> =
        futures_util::future::join_all(asks).await.into_iter().map(|s| s.unwrap()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 20);
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::TOO_MANY_REQUESTS).count(), 10);
    assert_eq!(
        portal.browser(BRIGHTWATER).from("2001:db8:1:3::1").ask(MAYA).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn a_tenant_has_a_cap() {
    let portal = Portal::open().await;
    portal.arrange("insert into identity_settings (tenant_id, mail_cap) select id, 2 from tenants where slug = 'techflow'").await;
    for n in 0..2 {
        assert_eq!(
            portal.browser(BRIGHTWATER).ask(&format!("p{n}@b.example")).await.status,
            StatusCode::SEE_OTHER
        );
    }
    assert_eq!(portal.browser(BRIGHTWATER).ask(MAYA).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        portal.browser(LUMEN).ask(MAYA).await.status,
        StatusCode::SEE_OTHER,
        "another tenant is not concerned"
    );
}
