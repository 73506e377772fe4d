//! The tenant's own people: signing in at the console, the second factor, what each role reaches, and how it all ends.

use std::time::Duration;

use aws_lc_rs::hmac;
use http::StatusCode;
use platform_core::Scope;
use platform_core::clock::SystemClock;
use platform_core::random::SystemRandom;
use platform_identity::{Limits, roster};
use tokio_util::sync::CancellationToken;

use crate::browser::{Answer, Browser, token_of};
use crate::portal::{ARI, ASTRID, BOTH, BRIGHTWATER, CASEY, LUMEN, MAYA, Portal, TECHFLOW};

const ENROLMENT: &str = "/console/second-factor/enrolment";

/// Somebody who has followed their mailed link.
async fn arrived(portal: &Portal, email: &str) -> (Browser, Answer) {
    let mut browser = portal.browser(TECHFLOW);
    let asked = browser.ask_at("/console/sign-in", email).await;
    assert_eq!((asked.status, asked.location()), (StatusCode::SEE_OTHER, "/console/sign-in/code"));
    let (link, _) = portal.letter().await;
    assert!(link.starts_with("https://techflow.portico.localhost:8443/console/sign-in/"), "{link}");
    let pressed = browser.press(&link).await;
    assert_eq!(pressed.status, StatusCode::SEE_OTHER, "{}", pressed.body);
    (browser, pressed)
}

/// Sets an authenticator up. Gives its secret and its recovery codes.
async fn enrolled(browser: &mut Browser) -> (Vec<u8>, Vec<String>) {
    browser.get(ENROLMENT).await;
    browser.post(ENROLMENT, &[]).await;
    let secret = browser.read(ENROLMENT, "<code dir=\"ltr\">", "</code>").await;
    let secret = base32(&secret);
    let code = code(&secret, 0);
    let done = browser.post(&format!("{ENROLMENT}/confirmation"), &[("code", &code)]).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let codes: Vec<String> = done
        .body
        .split("<li><code>")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('<')?.0.to_owned()))
        .collect();
    assert_eq!(codes.len(), 10, "{}", done.body);
    (secret, codes)
}

/// What an authenticator does, written once more.
fn code(secret: &[u8], later: i64) -> String {
    let step = platform_core::clock::Clock::now(&SystemClock).timestamp() / 30 + later;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret), &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let word = tag.as_ref()[at..at + 4].iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

fn base32(text: &str) -> Vec<u8> {
    let letters = text.bytes().filter(|letter| *letter != b' ');
    let values = letters.map(|letter| if letter >= b'A' { letter - b'A' } else { letter - b'2' + 26 });
    let bits: Vec<u8> = values.flat_map(|value| (0..5).rev().map(move |bit| value >> bit & 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit)).collect()
}

async fn is_in(browser: &mut Browser) -> bool {
    browser.get("/console").await.status == StatusCode::OK
}

#[tokio::test]
async fn an_admin_comes_in_with_an_authenticator_and_not_without() {
    let portal = Portal::open().await;
    let (mut astrid, pressed) = arrived(&portal, ASTRID).await;
    assert_eq!(pressed.location(), "/console/second-factor/enrolment?next=/console");
    for path in ["/console", "/console/customers", "/console/security"] {
        let led = astrid.get(path).await;
        assert!(led.location().starts_with("/console/sign-in"), "{path}: {} {}", led.status, led.body);
        let on = astrid.get(led.location()).await;
        assert!(on.location().starts_with(ENROLMENT), "{path}: {}", on.location());
    }
    astrid.get(ENROLMENT).await;
    let half = astrid.cookies["__Host-staff"].clone();
    let wrong = astrid.post(&format!("{ENROLMENT}/confirmation"), &[("code", "000000")]).await;
    assert_eq!(wrong.location(), "/console/second-factor/enrolment?next=/console", "nothing was begun");
    astrid.post(ENROLMENT, &[]).await;
    let wrong = astrid.post(&format!("{ENROLMENT}/confirmation"), &[("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let (secret, codes) = enrolled(&mut astrid).await;
    assert!(is_in(&mut astrid).await);
    assert_ne!(astrid.cookies["__Host-staff"], half, "the secret of the half session goes on");
    let mut stolen = portal.browser(TECHFLOW);
    stolen.cookies.insert("__Host-staff".to_owned(), half);
    assert!(!is_in(&mut stolen).await);
    let leaks = "select count(*) from staff_factors f, staff_recovery_codes c
                  where position('\\x3132'::bytea in f.secret) = 1 or octet_length(f.secret) < 60 or c.used_at is not null";
    assert_eq!(portal.count(leaks).await, 0);
    assert_eq!(portal.count("select count(*) from staff_recovery_codes").await, 10);
    assert_eq!(secret.len(), 20);
    assert!(codes.iter().all(|code| code.len() == 11));
    for action in ["signed_in", "second_factor_set_up"] {
        let lines = match action {
            "signed_in" => {
                "select count(*) from audit_log where action = 'signed_in' and actor_kind = 'staff'"
            }
            _ => {
                "select count(*) from audit_log where action = 'second_factor_set_up' and actor_kind = 'staff'"
            }
        };
        assert_eq!(portal.count(lines).await, 1, "{action}");
    }
}

#[tokio::test]
async fn each_code_opens_once() {
    let portal = Portal::open().await;
    let (mut astrid, _) = arrived(&portal, ASTRID).await;
    let (secret, codes) = enrolled(&mut astrid).await;
    let (mut again, pressed) = arrived(&portal, ASTRID).await;
    assert_eq!(pressed.location(), "/console/second-factor?next=/console");
    assert!(!is_in(&mut again).await);
    let enrol = again.get(ENROLMENT).await;
    assert!(
        enrol.location().starts_with("/console/second-factor?next="),
        "a factor cannot be replaced unshown"
    );
    again.get("/console/second-factor").await;
    let replayed = again.post("/console/second-factor", &[("code", &code(&secret, 0))]).await;
    assert_eq!(replayed.status, StatusCode::UNPROCESSABLE_ENTITY, "the code that confirmed it was used");
    let passed =
        again.post("/console/second-factor", &[("code", &code(&secret, 1)), ("next", "/console/team")]).await;
    assert_eq!(
        (passed.status, passed.location()),
        (StatusCode::SEE_OTHER, "/console/team"),
        "{}",
        passed.body
    );
    assert_eq!(again.get("/console/team").await.body, "team of Astrid Lund");

    let (mut third, _) = arrived(&portal, ASTRID).await;
    third.get("/console/second-factor").await;
    let typed = codes[3].to_lowercase().replace('-', " ");
    let passed = third.post("/console/second-factor", &[("recovery", &typed)]).await;
    assert_eq!(passed.location(), "/console", "{}", passed.body);
    let (mut fourth, _) = arrived(&portal, ASTRID).await;
    fourth.get("/console/second-factor").await;
    let used = fourth.post("/console/second-factor", &[("recovery", &codes[3])]).await;
    assert_eq!(used.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(used.body.contains(&codes[3]), "what was typed is kept");
    assert_eq!(portal.count("select count(*) from staff_recovery_codes where used_at is null").await, 9);
}

#[tokio::test]
async fn guessing_ends_after_five_tries() {
    let portal = Portal::open().await;
    let (mut astrid, _) = arrived(&portal, ASTRID).await;
    let (secret, codes) = enrolled(&mut astrid).await;
    let (guesser, _) = arrived(&portal, ASTRID).await;
    let right = code(&secret, 1);
    let wrong: Vec<String> = (0..20).map(|n| format!("{n:06}")).filter(|code| *code != right).collect();
    let guesses = wrong.iter().map(|guess| {
        let (mut browser, guess) = (guesser.clone(), guess.clone());
        tokio::spawn(async move {
            browser.get("/console/second-factor").await;
            browser.post("/console/second-factor", &[("code", &guess)]).await.status
        })
    });
    let answers: Vec<_> =
        futures_util::future::join_all(guesses).await.into_iter().map(|s| s.unwrap()).collect();
    let count = |wanted: StatusCode| answers.iter().filter(|status| **status == wanted).count();
    assert_eq!(count(StatusCode::UNPROCESSABLE_ENTITY), 5, "at once or in turn");
    assert_eq!(count(StatusCode::TOO_MANY_REQUESTS), answers.len() - 5);
    let mut guesser = guesser;
    guesser.get("/console/second-factor").await;
    for form in [("code", right.as_str()), ("recovery", codes[0].as_str())] {
        assert_eq!(
            guesser.post("/console/second-factor", &[form]).await.status,
            StatusCode::TOO_MANY_REQUESTS
        );
    }
    portal.arrange("update staff_factors set wrong_since = wrong_since - interval '15 minutes'").await;
    assert_eq!(
        guesser.post("/console/second-factor", &[("recovery", &codes[0])]).await.location(),
        "/console"
    );
}

#[tokio::test]
async fn roles_reach_what_the_table_says() {
    let portal = Portal::open().await;
    let (mut casey, pressed) = arrived(&portal, CASEY).await;
    assert_eq!(pressed.location(), "/console", "a second factor is offered to others, not demanded");
    let (mut ari, _) = arrived(&portal, ARI).await;
    for (path, csm, agent) in [
        ("/console", 200, 200),
        ("/console/customers", 200, 200),
        ("/console/requests", 200, 404),
        ("/console/team", 404, 404),
        ("/console/security", 200, 200),
        ("/console/forgotten", 500, 500),
        ("/console/nothing", 404, 404),
    ] {
        assert_eq!(casey.get(path).await.status.as_u16(), csm, "csm {path}");
        assert_eq!(ari.get(path).await.status.as_u16(), agent, "agent {path}");
    }
    let seen = ari.get("/console/customers").await.body;
    assert_eq!(seen, "Brightwater Utilities, Halvorsen Marine; Brightwater Utilities");
    let (secret, _) = enrolled(&mut casey).await;
    let (_, pressed) = arrived(&portal, CASEY).await;
    assert_eq!(pressed.location(), "/console/second-factor?next=/console", "one that is there is asked for");
    assert_eq!(secret.len(), 20);
}

#[tokio::test]
async fn contact_and_staff_do_not_mix() {
    let portal = Portal::open().await;
    let (mut ada, _) = arrived(&portal, BOTH).await;
    assert!(is_in(&mut ada).await);
    let led = ada.get("/orders").await;
    assert_eq!(
        led.location(),
        "/sign-in?next=/orders",
        "a session of the console opens no page of a customer"
    );
    // The same person as a contact, in the same browser.
    ada.ask(BOTH).await;
    let (link, _) = portal.letter().await;
    assert_eq!(ada.press(&link).await.location(), "/");
    assert_eq!(ada.get("/orders").await.body, "Ada Admin of Brightwater Utilities");
    assert!(is_in(&mut ada).await, "both at once");
    // Either cookie in the other's place, or alone.
    let (contact, staff) = (ada.cookies["__Host-session"].clone(), ada.cookies["__Host-staff"].clone());
    for (session, other) in [(Some(&staff), Some(&contact)), (None, Some(&contact)), (Some(&staff), None)] {
        let mut browser = portal.browser(TECHFLOW);
        let mut put = |name: &str, value: Option<&String>| {
            value.map(|value| browser.cookies.insert(name.to_owned(), value.clone()))
        };
        put("__Host-session", session);
        put("__Host-staff", other);
        assert_eq!(browser.get("/orders").await.status, StatusCode::SEE_OTHER);
        assert!(!is_in(&mut browser).await);
    }
    // Signing out of one leaves the other.
    ada.get("/console/security").await;
    assert_eq!(ada.post("/console/sign-out", &[]).await.location(), "/console/signed-out");
    assert!(!is_in(&mut ada).await);
    assert_eq!(ada.get("/orders").await.status, StatusCode::OK);
    assert_eq!(portal.count("select count(*) from staff_sessions where revoked_at is null").await, 0);
}

#[tokio::test]
async fn a_link_is_for_one_audience() {
    let portal = Portal::open().await;
    let mut ada = portal.browser(TECHFLOW);
    ada.ask(BOTH).await;
    let (link, digits) = portal.letter().await;
    let token = token_of(&link);
    assert_eq!(ada.get(&format!("/console/sign-in/{token}")).await.status, StatusCode::NOT_FOUND);
    let pressed = ada.post("/console/sign-in/link", &[("token", &token)]).await;
    assert_eq!(pressed.status, StatusCode::NOT_FOUND);
    assert_eq!(ada.post("/console/sign-in/code", &[("code", &digits)]).await.location(), "/console/sign-in");
    ada.ask_at("/console/sign-in", BOTH).await;
    let (staff, _) = portal.letter().await;
    assert_eq!(ada.get(&format!("/sign-in/{}", token_of(&staff))).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        ada.post("/sign-in/link", &[("token", &token_of(&staff))]).await.status,
        StatusCode::NOT_FOUND
    );
    // Using one up leaves the other audience's alone.
    assert_eq!(ada.press(&staff).await.location(), "/console");
    assert_eq!(portal.count("select count(*) from portal_auth_tokens where killed_at is not null").await, 0);
    // What customers may be allowed, opening a link in any browser, staff are not.
    portal
        .arrange("insert into identity_settings (tenant_id, open_elsewhere) select id, true from tenants")
        .await;
    let mut casey = portal.browser(TECHFLOW);
    casey.ask_at("/console/sign-in", CASEY).await;
    let (link, _) = portal.letter().await;
    let mut elsewhere = portal.browser(TECHFLOW);
    elsewhere.get("/console/sign-in").await;
    assert_eq!(elsewhere.press(&link).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_console_is_on_no_host_of_a_customer() {
    let portal = Portal::open().await;
    let (casey, _) = arrived(&portal, CASEY).await;
    let mut carried = casey.clone().at(portal.techflow, BRIGHTWATER);
    let paths = [
        "/console",
        "/console/customers",
        "/console/sign-in",
        "/console/sign-in/code",
        "/console/second-factor",
        "/console/security",
        "/console/signed-out",
    ];
    for path in paths {
        assert_eq!(carried.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(portal.browser(BRIGHTWATER).get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let mut elsewhere = casey.clone().at(portal.lumen, LUMEN);
    assert!(!is_in(&mut elsewhere).await, "another tenant");
    carried.get("/sign-in").await;
    assert_eq!(carried.post("/console/sign-in", &[("email", CASEY)]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_session_of_the_console_ends_at_once() {
    let portal = Portal::open().await;
    let (mut casey, _) = arrived(&portal, CASEY).await;
    let changes = [
        ("update staff set active = false", "update staff set active = true"),
        (
            "update staff_sessions set expires_at = now() - interval '1 second'",
            "update staff_sessions set expires_at = now() + interval '1 hour'",
        ),
        (
            "update staff_sessions set host = 'elsewhere.example'",
            "update staff_sessions set host = 'techflow.portico.localhost'",
        ),
        ("update staff_sessions set revoked_at = now()", "update staff_sessions set revoked_at = null"),
        ("update staff set role = 'cs_admin'", "update staff set role = 'csm'"),
    ];
    for (end, resume) in changes {
        portal.arrange(end).await;
        assert!(!is_in(&mut casey).await, "{end}");
        portal.arrange(resume).await;
        assert!(is_in(&mut casey).await, "{resume}");
    }
    portal.arrange("update staff set role = 'agent'").await;
    assert_eq!(casey.get("/console/requests").await.status, StatusCode::NOT_FOUND, "a lower role");
}

#[tokio::test]
async fn an_end_elsewhere_is_heard_of() {
    let portal = Portal::with(Limits::default(), Duration::from_secs(60)).await;
    let stop = CancellationToken::new();
    let (sessions, stopped) = (portal.sessions.clone(), stop.clone());
    let heard = tokio::spawn(async move { sessions.run(stopped).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (mut casey, _) = arrived(&portal, CASEY).await;
    assert!(is_in(&mut casey).await);
    portal.arrange("update staff set active = false where email = 'casey.park@techflow.example'").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!is_in(&mut casey).await, "the hint was heard");
    stop.cancel();
    heard.await.expect("it ends");
}

#[tokio::test]
async fn what_matters_asks_once_more() {
    let portal = Portal::open().await;
    let (mut casey, _) = arrived(&portal, CASEY).await;
    casey.get("/console/security").await;
    let led = casey.post("/console/security/second-factor/removal", &[]).await;
    assert!(led.location().starts_with(ENROLMENT), "without a factor it is set up first: {}", led.location());
    let (secret, codes) = enrolled(&mut casey).await;
    casey.get("/console/security").await;
    let renewed = casey.post("/console/security/recovery-codes", &[]).await;
    assert_eq!(renewed.status, StatusCode::OK);
    assert!(codes.iter().all(|code| !renewed.body.contains(code)), "all are new");
    portal.arrange("update staff_sessions set proved_at = now() - interval '11 minutes'").await;
    casey.get("/console/security").await;
    for path in ["/console/security/recovery-codes", "/console/security/second-factor/removal"] {
        let led = casey.post(path, &[]).await;
        assert_eq!(led.location(), "/console/second-factor?next=/console/security", "{path}");
    }
    let passed = casey
        .post("/console/second-factor", &[("code", &code(&secret, 1)), ("next", "/console/security")])
        .await;
    assert_eq!(passed.location(), "/console/security", "{}", passed.body);
    casey.get("/console/security").await;
    assert_eq!(
        casey.post("/console/security/second-factor/removal", &[]).await.location(),
        "/console/security"
    );
    assert_eq!(portal.count("select count(*) from staff_factors").await, 0);
    let (mut astrid, _) = arrived(&portal, ASTRID).await;
    enrolled(&mut astrid).await;
    astrid.get("/console/security").await;
    let refused = astrid.post("/console/security/second-factor/removal", &[]).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "an admin's is never turned off");
}

#[tokio::test]
async fn devices_are_ones_own() {
    let portal = Portal::open().await;
    let (mut casey, _) = arrived(&portal, CASEY).await;
    let (mut second, _) = arrived(&portal, CASEY).await;
    let (mut ari, _) = arrived(&portal, ARI).await;
    let other = second.read("/console/security", "/console/security/devices/", "/").await;
    ari.get("/console/security").await;
    let path = format!("/console/security/devices/{other}/revocation");
    assert_eq!(ari.post(&path, &[]).await.status, StatusCode::NOT_FOUND);
    assert!(is_in(&mut casey).await && is_in(&mut second).await);
    assert_eq!(second.post(&path, &[]).await.location(), "/console/security");
    assert!(!is_in(&mut casey).await && is_in(&mut second).await);
    let (mut third, _) = arrived(&portal, CASEY).await;
    third.get("/console/security").await;
    third.post("/console/security/devices/others/revocation", &[]).await;
    assert!(!is_in(&mut second).await && is_in(&mut third).await && is_in(&mut ari).await);
}

#[tokio::test]
async fn nobody_learns_who_works_here() {
    let portal = Portal::open().await;
    portal.arrange("update staff set active = false where email = 'ari.novak@techflow.example'").await;
    let mut pages = Vec::new();
    for email in [CASEY, "nobody@techflow.example", ARI, MAYA] {
        let mut browser = portal.browser(TECHFLOW);
        let asked = browser.ask_at("/console/sign-in", email).await;
        let page = browser.get("/console/sign-in/code").await;
        let csrf = browser.csrf.lock().unwrap().clone();
        let nonce = page.header("content-security-policy").split("'nonce-").nth(1).unwrap();
        let nonce = nonce.split('\'').next().unwrap();
        let body = page.body.replace(email, "EMAIL").replace(&csrf, "CSRF").replace(nonce, "NONCE");
        pages.push((asked.status, asked.location().to_owned(), asked.body, page.status, body));
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
    assert_eq!(portal.mails().await.len(), 1, "only the known address gets a mail");
}

#[tokio::test]
async fn the_roster_takes_away_at_once() {
    let portal = Portal::open().await;
    let (mut astrid, _) = arrived(&portal, ASTRID).await;
    enrolled(&mut astrid).await;
    let (mut casey, _) = arrived(&portal, CASEY).await;
    let mut tx = portal.db.tenant(Scope::tenant(portal.techflow)).await.expect("a transaction");
    let list = roster::list(&mut tx).await.expect("a list");
    let astrids = list.iter().find(|colleague| colleague.email == ASTRID).expect("she is there");
    assert!(list.len() == 4 && astrids.second_factor && astrids.active);
    let (clock, random) = (&SystemClock, &SystemRandom);
    assert!(roster::reset_second_factor(&mut tx, clock, random, ASTRID).await.expect("it is done"));
    assert!(roster::deactivate(&mut tx, clock, random, CASEY).await.expect("it is done"));
    assert!(!roster::deactivate(&mut tx, clock, random, "nobody@x.example").await.expect("nobody is there"));
    tx.commit().await.expect("the commit passes");
    assert!(!is_in(&mut astrid).await && !is_in(&mut casey).await);
    let (_, pressed) = arrived(&portal, ASTRID).await;
    assert!(pressed.location().starts_with(ENROLMENT));
    assert_eq!(
        portal.browser(TECHFLOW).ask_at("/console/sign-in", CASEY).await.status,
        StatusCode::SEE_OTHER
    );
    crate::portal::colleague(&portal.db, portal.techflow, CASEY, "Casey Park", "csm").await;
    assert!(!is_in(&mut casey).await, "an old session does not come back with its person");
    assert!(is_in(&mut arrived(&portal, CASEY).await.0).await);
}
