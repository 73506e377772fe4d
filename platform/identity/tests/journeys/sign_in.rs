//! Signing in by mail, against a real database: single use, other browsers, other hosts, codes, limits, secrets.

use std::time::{Duration, Instant};

use crate::portal::{BRIGHTWATER, LUMEN, MAYA, Portal, TECHFLOW, token_of};
use http::StatusCode;
use platform_identity::Limits;

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
    maya.ask(MAYA).await;
    let (link, _) = portal.letter().await;
    let path = format!("/sign-in/{}", token_of(&link));
    let mut elsewhere = maya.clone().at(portal.techflow, TECHFLOW);
    let landed = elsewhere.get(&path).await;
    assert_eq!(landed.status, StatusCode::NOT_FOUND);
    assert!(landed.body.contains(BRIGHTWATER) && !landed.body.contains(MAYA), "{}", landed.body);
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

#[tokio::test]
async fn nobody_learns_who_is_known() {
    let portal = Portal::open().await;
    portal.arrange("update contacts set active = false where email = 'ada@brightwater.example'").await;
    let mut pages = Vec::new();
    for email in [MAYA, "nobody1@brightwater.example", "ada@brightwater.example"] {
        let mut browser = portal.browser(BRIGHTWATER);
        let asked = browser.ask(email).await;
        let page = browser.get("/sign-in/code").await;
        let csrf = browser.csrf.lock().unwrap().clone();
        let nonce = page
            .header("content-security-policy")
            .split("'nonce-")
            .nth(1)
            .unwrap()
            .split('\'')
            .next()
            .unwrap()
            .to_owned();
        let body = page.body.replace(email, "EMAIL").replace(&csrf, "CSRF").replace(&nonce, "NONCE");
        pages.push((asked.status, asked.location().to_owned(), asked.body, page.status, body));
    }
    assert_eq!(pages[0], pages[1]);
    assert_eq!(pages[0], pages[2]);
    assert_eq!(portal.mails(portal.techflow).await.len(), 1, "only the known address gets a mail");
    assert_eq!(portal.count("select count(*) from portal_auth_tokens").await, 3);
    assert_eq!(portal.count("select count(*) from jobs").await, 1);
}

#[tokio::test]
async fn known_and_unknown_take_the_same_time() {
    let portal = Portal::open().await;
    let mut browser = portal.browser(BRIGHTWATER);
    browser.get("/sign-in").await;
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..120 {
        for (kind, email) in [MAYA, "nobody@brightwater.example"].into_iter().enumerate() {
            let began = Instant::now();
            browser.post("/sign-in", &[("email", email)]).await;
            if round >= 20 {
                times[kind].push(began.elapsed());
            }
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let (known, unknown) = (median(&mut times[0]), median(&mut times[1]));
    let ratio = known.as_secs_f64() / unknown.as_secs_f64();
    assert!((0.7..1.43).contains(&ratio), "known {known:?}, unknown {unknown:?}");
}

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

#[tokio::test]
async fn what_is_typed_wrong_is_kept() {
    let portal = Portal::open().await;
    let mut browser = portal.browser(BRIGHTWATER);
    browser.get("/sign-in").await;
    let answer = browser
        .post("/sign-in", &[("email", "maya.okafor@brightwater"), ("remember", "yes"), ("next", "/orders")])
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer.body.contains("value=\"maya.okafor@brightwater\"") && answer.body.contains("aria-invalid")
    );
    assert!(answer.body.contains("value=\"/orders\"") && answer.body.contains("checked"));
    // A way out of the host is forgotten, not kept.
    let answer = browser.post("/sign-in", &[("email", "x"), ("next", "//evil.example")]).await;
    assert!(!answer.body.contains("evil"), "{}", answer.body);
}

#[tokio::test]
async fn a_mail_looks_like_the_tenant_and_not_like_us() {
    let portal = Portal::open().await;
    portal.browser(BRIGHTWATER).ask(MAYA).await;
    let mail = portal.mail(portal.techflow).await;
    assert_eq!(
        (mail.from_name.as_str(), mail.to_address.as_str(), mail.to_name.as_str()),
        ("TechFlow Industries", MAYA, "Maya Okafor")
    );
    let body = mail.body.unwrap();
    for text in [&mail.subject, &body.text, &body.html] {
        assert!(!text.to_lowercase().contains("portico"), "{text}");
    }
    assert!(body.html.contains("TechFlow"));
}

#[tokio::test]
async fn a_dump_holds_no_live_secret() {
    let portal = Portal::open().await;
    let mut maya = portal.maya().await;
    maya.get("/devices").await;
    let mut other = portal.browser(TECHFLOW);
    other.ask(MAYA).await;
    let (link, code) = portal.letter().await;
    let secrets =
        [token_of(&link), maya.cookies["__Host-session"].clone(), other.cookies["__Host-browser"].clone()];
    let mut owner = portal.database.owner().await;
    let tables: Vec<String> = sqlx::query_scalar("select c.relname::text from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace")
        .fetch_all(&mut owner)
        .await
        .unwrap();
    assert!(tables.iter().any(|table| table == "portal_auth_tokens"));
    let mut rows_seen = 0;
    for table in tables {
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "select convert_from(convert_to(t::text, 'UTF8'), 'UTF8') from {table} t"
        )))
        .fetch_all(&mut owner)
        .await
        .unwrap();
        for row in rows {
            rows_seen += 1;
            for secret in &secrets {
                assert!(!row.contains(secret.as_str()), "{table} holds a live secret");
                let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
                assert!(!row.contains(&hex), "{table} holds a live secret in bytes");
            }
        }
    }
    assert!(rows_seen > 10);
    // Six digits occur in stamps and hashes by chance, so only texts are searched for the code.
    let texts: Vec<String> = sqlx::query_scalar("select subject from mail_outbox union all select payload::text from jobs union all select detail::text from audit_log where action <> 'signed_in'")
        .fetch_all(&mut owner)
        .await
        .unwrap();
    assert!(texts.iter().all(|text| !text.contains(&code)), "the code is written in clear: {texts:?}");
}
