//! Typed codes: where one began, a few times, for a while.

use http::StatusCode;

use crate::browser::token_of;
use crate::portal::{BRIGHTWATER, MAYA, Portal};

#[tokio::test]
async fn six_digits_do_where_one_began() {
    let portal = Portal::open().await;
    let mut maya = portal.browser(BRIGHTWATER);
    maya.get("/sign-in?next=/orders%3Fshow%3Dopen").await;
    maya.post(
        "/sign-in",
        &[("email", "Maya.Okafor@Brightwater.example"), ("next", "/orders?show=open"), ("remember", "yes")],
    )
    .await;
    let (link, code) = portal.letter().await;
    assert!(maya.get("/sign-in/code").await.body.contains(MAYA));
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..3 {
        let answer = maya.post("/sign-in/code", &[("code", wrong)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(maya.post("/sign-in/code", &[("code", "12")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    // Another browser has nothing to type it into.
    let mut other = portal.browser(BRIGHTWATER);
    other.get("/sign-in").await;
    assert_eq!(other.post("/sign-in/code", &[("code", &code)]).await.location(), "/sign-in");
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    let typed = maya.post("/sign-in/code", &[("code", &spaced)]).await;
    assert_eq!((typed.status, typed.location()), (StatusCode::SEE_OTHER, "/orders?show=open"));
    assert!(typed.headers.get_all("set-cookie").iter().any(|line| {
        let line = line.to_str().unwrap();
        line.starts_with("__Host-session=")
            && line.contains("Max-Age=2592000")
            && line.contains("; Path=/; Secure; HttpOnly; SameSite=Lax")
    }));
    // The link of the same mail went with it.
    assert_eq!(other.get(&format!("/sign-in/{}", token_of(&link))).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn five_wrong_codes_are_enough() {
    let portal = Portal::open().await;
    let mut maya = portal.browser(BRIGHTWATER);
    maya.ask(MAYA).await;
    let (link, code) = portal.letter().await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let tries = (0..20).map(|_| {
        let mut browser = maya.clone();
        tokio::spawn(async move { browser.post("/sign-in/code", &[("code", wrong)]).await.status })
    });
    futures_util::future::join_all(tries).await;
    assert_eq!(portal.count("select code_tries::bigint from portal_auth_tokens").await, 5);
    let right = maya.post("/sign-in/code", &[("code", &code)]).await;
    assert_eq!(right.status, StatusCode::UNPROCESSABLE_ENTITY, "the right code comes too late");
    assert_eq!(maya.press(&link).await.status, StatusCode::SEE_OTHER, "the link is another proof");
}

#[tokio::test]
async fn old_codes_do_not_count() {
    let portal = Portal::open().await;
    let mut maya = portal.browser(BRIGHTWATER);
    maya.ask(MAYA).await;
    let (_, code) = portal.letter().await;
    portal.arrange("update portal_auth_tokens set code_expires_at = now() - interval '1 second'").await;
    let late = maya.post("/sign-in/code", &[("code", &code)]).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(portal.count("select count(*) from sessions").await, 0);
}
