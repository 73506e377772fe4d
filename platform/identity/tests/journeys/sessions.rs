//! Sessions against a real database: whose they are, how they end, what each role reaches.

use std::time::Duration;

use crate::browser::Browser;
use crate::portal::{BRIGHTWATER, LUMEN, MAYA, Portal, TECHFLOW};
use http::StatusCode;
use platform_identity::Limits;
use tokio_util::sync::CancellationToken;

async fn is_in(browser: &mut Browser) -> bool {
    browser.get("/orders").await.status == StatusCode::OK
}

#[tokio::test]
async fn strangers_are_led_to_sign_in_and_back() {
    let portal = Portal::open().await;
    let mut stranger = portal.browser(TECHFLOW);
    let led = stranger.get("/orders?show=late&page=2").await;
    assert_eq!(
        (led.status, led.location()),
        (StatusCode::SEE_OTHER, "/sign-in?next=/orders%3Fshow%3Dlate%26page%3D2")
    );
    let form = stranger.get(led.location()).await;
    assert!(form.body.contains("value=\"/orders?show=late&amp;page=2\""), "{}", form.body);
    stranger.get("/sign-in").await;
    let posted = stranger.post("/orders", &[]).await;
    assert_eq!((posted.status, posted.location()), (StatusCode::SEE_OTHER, "/sign-in"));
}

#[tokio::test]
async fn a_session_ends_at_once() {
    let portal = Portal::open().await;
    let mut maya = portal.maya().await;
    assert!(is_in(&mut maya).await);
    let changes = [
        ("update contacts set active = false", "update contacts set active = true"),
        ("update customers set status = 'suspended'", "update customers set status = 'active'"),
        (
            "update sessions set expires_at = now() - interval '1 second'",
            "update sessions set expires_at = now() + interval '1 hour'",
        ),
        (
            "update sessions set host = 'elsewhere.example'",
            "update sessions set host = 'success.brightwater.example'",
        ),
        ("update sessions set revoked_at = now()", "update sessions set revoked_at = null"),
    ];
    for (end, resume) in changes {
        portal.arrange(end).await;
        assert!(!is_in(&mut maya).await, "{end}");
        portal.arrange(resume).await;
        assert!(is_in(&mut maya).await, "{resume}");
    }
}

#[tokio::test]
async fn a_kept_lookup_is_a_second_old_at_most() {
    let portal = Portal::with(Limits::default(), Duration::from_secs(60)).await;
    let mut maya = portal.maya().await;
    assert!(is_in(&mut maya).await);
    portal.arrange("update contacts set active = false").await;
    tokio::time::sleep(Duration::from_millis(1001)).await;
    assert!(!is_in(&mut maya).await);
}

/// While ends are heard of a lookup lasts longer, and every end takes effect as soon as its hint has come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_are_heard_of() {
    let portal = Portal::with(Limits::default(), Duration::ZERO).await;
    let (sessions, stop) = (portal.sessions.clone(), CancellationToken::new());
    let end = stop.clone();
    let running = tokio::spawn(async move { sessions.run(end).await });
    let mut maya = portal.maya().await;
    let (unheard, back) =
        ("alter table sessions disable trigger user", "alter table sessions enable trigger user");
    let (revoked, granted) =
        ("update sessions set revoked_at = now()", "update sessions set revoked_at = null");
    // Heard, once what nobody is told of goes unnoticed for longer than a second.
    let mut kept = false;
    for _ in 0..20 {
        assert!(is_in(&mut maya).await);
        portal.arrange(unheard).await;
        portal.arrange(revoked).await;
        tokio::time::sleep(Duration::from_millis(1100)).await;
        kept = is_in(&mut maya).await;
        portal.arrange(granted).await;
        portal.arrange(back).await;
        if kept {
            break;
        }
    }
    assert!(kept, "a lookup is never kept");
    let changes = [
        ("update contacts set active = false", "update contacts set active = true"),
        ("update customers set status = 'suspended'", "update customers set status = 'active'"),
        ("update tenants set status = 'suspended'", "update tenants set status = 'active'"),
        (revoked, granted),
        (
            "update sessions set expires_at = now() - interval '1 second'",
            "update sessions set expires_at = now() + interval '1 hour'",
        ),
        ("delete from sessions", "select 1"),
    ];
    for (end, resume) in changes {
        assert!(is_in(&mut maya).await, "before {end}");
        portal.arrange(end).await;
        let mut waits = 0;
        while is_in(&mut maya).await {
            waits += 1;
            assert!(waits < 50, "not heard of: {end}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        portal.arrange(resume).await;
    }
    stop.cancel();
    running.await.expect("it ends in peace");
}

/// A session is not kept past its own end, which no hint tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_session_ends_at_its_time() {
    let portal = Portal::with(Limits::default(), Duration::ZERO).await;
    let (sessions, stop) = (portal.sessions.clone(), CancellationToken::new());
    let end = stop.clone();
    let running = tokio::spawn(async move { sessions.run(end).await });
    let mut maya = portal.maya().await;
    portal.arrange("update sessions set expires_at = now() + interval '3 seconds'").await;
    assert!(is_in(&mut maya).await);
    tokio::time::sleep(Duration::from_millis(3100)).await;
    assert!(!is_in(&mut maya).await);
    stop.cancel();
    running.await.expect("it ends in peace");
}

#[tokio::test]
async fn a_session_is_of_one_tenant_and_one_host() {
    let portal = Portal::open().await;
    let maya = portal.maya().await;
    for (tenant, host) in [(portal.lumen, LUMEN), (portal.techflow, TECHFLOW)] {
        let mut thief = maya.clone().at(tenant, host);
        assert!(!is_in(&mut thief).await, "{host}");
        assert_eq!(thief.get("/devices").await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn signing_in_again_ends_what_was() {
    let portal = Portal::open().await;
    let mut maya = portal.maya().await;
    let old = maya.clone();
    assert!(!old.cookies.contains_key("__Host-browser"), "the secret from before has gone");
    maya.cookies.remove("__Host-browser");
    // The form is hidden while one is in, so the mail is asked for with the page of devices.
    maya.get("/devices").await;
    maya.post("/sign-in", &[("email", MAYA)]).await;
    let (link, _) = portal.letter().await;
    assert_eq!(maya.press(&link).await.status, StatusCode::SEE_OTHER);
    assert_ne!(maya.cookies["__Host-session"], old.cookies["__Host-session"]);
    assert!(is_in(&mut maya).await);
    assert!(!is_in(&mut old.clone()).await);
}

#[tokio::test]
async fn signing_out_ends_it_for_good() {
    let portal = Portal::open().await;
    let mut maya = portal.maya().await;
    let stolen = maya.clone();
    maya.get("/devices").await;
    let out = maya.post("/sign-out", &[]).await;
    assert_eq!((out.status, out.location()), (StatusCode::SEE_OTHER, "/signed-out"));
    assert!(!maya.cookies.contains_key("__Host-session"));
    assert_eq!(maya.get("/signed-out").await.status, StatusCode::OK);
    assert!(!is_in(&mut stolen.clone()).await);
    assert_eq!(portal.count("select count(*) from audit_log where action = 'signed_out'").await, 1);
}

#[tokio::test]
async fn devices_are_listed_and_ended() {
    let portal = Portal::open().await;
    let mut desk = portal.maya().await;
    let mut phone = portal.maya().await;
    phone.agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1";
    let mut third = portal.maya().await;
    let page = desk.get("/devices").await;
    assert_eq!(page.body.matches("<li class=\"device\">").count(), 3, "{}", page.body);
    assert!(page.body.contains("Firefox"));
    let path = page.body.split("action=\"/devices/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let ended = desk.post(&format!("/devices/{path}"), &[]).await;
    assert_eq!((ended.status, ended.location()), (StatusCode::SEE_OTHER, "/devices"));
    let alive = [is_in(&mut phone).await, is_in(&mut third).await];
    assert_eq!(alive.iter().filter(|alive| **alive).count(), 1);
    assert_eq!(
        desk.post(&format!("/devices/{path}"), &[]).await.status,
        StatusCode::NOT_FOUND,
        "it has ended already"
    );
    let page = desk.get("/devices").await;
    assert!(page.body.contains("data-flash"), "the page says that it is done");
    assert_eq!(desk.post("/devices/others/revocation", &[]).await.status, StatusCode::SEE_OTHER);
    assert!(!is_in(&mut phone).await && !is_in(&mut third).await && is_in(&mut desk).await);
    assert_eq!(portal.count("select count(*) from audit_log where action like '%revoked'").await, 2);
}

#[tokio::test]
async fn nobody_ends_a_colleagues_session() {
    let portal = Portal::open().await;
    let mut maya = portal.maya().await;
    let mut ada = portal.browser(BRIGHTWATER);
    ada.ask("ada@brightwater.example").await;
    let (link, _) = portal.letter().await;
    ada.press(&link).await;
    let own = portal.database.owner().await;
    drop(own);
    ada.get("/devices").await;
    let mut owner = portal.database.owner().await;
    let id: uuid::Uuid = sqlx::query_scalar(
        "select s.id from sessions s join contacts c on c.id = s.contact_id where c.email = $1",
    )
    .bind(MAYA)
    .fetch_one(&mut owner)
    .await
    .unwrap();
    assert_eq!(ada.post(&format!("/devices/{id}/revocation"), &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(ada.post("/devices/nonsense/revocation", &[]).await.status, StatusCode::NOT_FOUND);
    assert!(is_in(&mut maya).await);
}

#[tokio::test]
async fn roles_reach_what_is_theirs() {
    let portal = Portal::open().await;
    let mut maya = portal.maya().await;
    assert_eq!(
        maya.get("/orders").await.body,
        "Maya Okafor of Brightwater Utilities",
        "and no other customer's"
    );
    assert_eq!(
        maya.get("/invoices").await.status,
        StatusCode::NOT_FOUND,
        "a user sees no invoices, nor that there are any"
    );
    portal.arrange("update contacts set role = 'admin' where name = 'Maya Okafor'").await;
    assert_eq!(
        maya.get("/invoices").await.status,
        StatusCode::OK,
        "a change of role counts from the next request on"
    );
}

#[tokio::test]
async fn open_streams_learn_of_the_end() {
    let portal = Portal::open().await;
    let mut maya = portal.maya().await;
    assert_eq!(maya.get("/orders/events").await.body, "true, then false");
    assert!(!is_in(&mut maya).await);
}

#[tokio::test]
async fn a_forgotten_extractor_shows_no_page() {
    let portal = Portal::open().await;
    let mut maya = portal.maya().await;
    for browser in [&mut maya, &mut portal.browser(TECHFLOW)] {
        let answer = browser.get("/forgotten").await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!answer.body.contains("nobody asked"));
    }
}

#[tokio::test]
async fn signs_of_life_are_written_once_a_minute() {
    let portal = Portal::open().await;
    let mut maya = portal.maya().await;
    portal.arrange("update sessions set last_seen_at = now() - interval '90 seconds'").await;
    assert!(is_in(&mut maya).await);
    for _ in 0..50 {
        if portal.count("select count(*) from contacts where last_seen_at is not null").await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(
        portal
            .count("select count(*) from sessions where last_seen_at > now() - interval '10 seconds'")
            .await,
        1
    );
    assert_eq!(portal.count("select count(*) from contacts where last_seen_at is not null").await, 1);
}

#[tokio::test]
async fn a_suspended_tenant_has_no_sessions() {
    let portal = Portal::open().await;
    let mut maya = portal.maya().await;
    portal.arrange("update tenants set status = 'suspended' where slug = 'techflow'").await;
    assert!(!is_in(&mut maya).await);
}

#[tokio::test]
async fn the_customer_wall_holds_for_sessions_and_links() {
    let portal = Portal::open().await;
    portal.maya().await;
    let mut nils = portal.browser(TECHFLOW);
    nils.ask("nils@halvorsen.example").await;
    let (link, _) = portal.letter().await;
    nils.press(&link).await;
    let mut tx =
        portal.db.tenant(platform_core::Scope::customer(portal.techflow, portal.brightwater)).await.unwrap();
    let sessions: i64 =
        sqlx::query_scalar("select count(*) from sessions").fetch_one(tx.conn()).await.unwrap();
    let links: i64 =
        sqlx::query_scalar("select count(*) from portal_auth_tokens").fetch_one(tx.conn()).await.unwrap();
    assert_eq!((sessions, links), (1, 0));
}
