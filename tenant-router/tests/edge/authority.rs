//! The authority rule on raw connections: what a request may say about its host, over which certificate, and what comes
//! back otherwise. Every answer must name no tenant.

use crate::world::World;
use bytes::Bytes;
use http::Request;
use http_body_util::Empty;

const FLOW: &str = "techflow.portico.localhost";
const LUMEN: &str = "lumen.portico.localhost";

fn get(uri: &str) -> Request<Empty<Bytes>> {
    Request::get(uri).body(Empty::new()).unwrap()
}

#[track_caller]
fn status(answer: &str, status: u16) {
    let seen = answer.split(' ').nth(1).unwrap_or_default();
    assert_eq!(seen, status.to_string(), "{answer}");
    if status != 200 {
        let named = ["techflow", "lumen"].iter().any(|slug| answer.to_lowercase().contains(slug));
        assert!(!named, "a refusal names a tenant: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http1_requests_over_tls() {
    let world = World::new(|_| ()).await;
    world.served_tenant("techflow").await;
    world.served_tenant("lumen").await;
    let head = |lines: &str| format!("{lines}\r\nConnection: close\r\n\r\n");

    let good = [
        format!("GET / HTTP/1.1\r\nHost: {FLOW}"),
        "GET / HTTP/1.1\r\nHost: TechFlow.Portico.LOCALHOST".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: {FLOW}."),
        format!("GET / HTTP/1.1\r\nHost: {FLOW}:8443"),
        format!("GET https://{FLOW}/x HTTP/1.1\r\nHost: {FLOW}"),
        format!("GET / HTTP/1.1\r\nHost: {FLOW}\r\nX-Forwarded-Host: {LUMEN}\r\nForwarded: host={LUMEN}"),
        format!("OPTIONS * HTTP/1.1\r\nHost: {FLOW}"),
    ];
    for text in good {
        let answer = world.raw(FLOW, &head(&text)).await;
        status(&answer, 200);
        assert!(answer.contains(&format!("tenant=techflow host={FLOW}")), "{text}: {answer}");
    }

    let bad = [
        "GET / HTTP/1.1\r\nX: y".to_owned(),
        "GET / HTTP/1.1\r\nHost:".to_owned(),
        "GET / HTTP/1.0".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: {FLOW}\r\nHost: {FLOW}"),
        format!("GET / HTTP/1.1\r\nHost: {FLOW}\r\nHost: {LUMEN}"),
        format!("GET / HTTP/1.1\r\nHost: {FLOW}\r\nhost: {LUMEN}"),
        format!("GET https://{LUMEN}/ HTTP/1.1\r\nHost: {FLOW}"),
        format!("GET https://{FLOW}/ HTTP/1.1\r\nHost: {LUMEN}"),
        format!("GET https://u:p@{FLOW}/ HTTP/1.1\r\nHost: {FLOW}"),
        format!("GET / HTTP/1.1\r\nHost: u@{FLOW}"),
        format!("GET / HTTP/1.1\r\nHost: {FLOW}:99999"),
        format!("GET / HTTP/1.1\r\nHost: {FLOW}:"),
        format!("GET / HTTP/1.1\r\nHost: {FLOW}:44a"),
        format!("GET / HTTP/1.1\r\nHost: {FLOW}/x"),
        format!("GET / HTTP/1.1\r\nHost: a_{FLOW}"),
        "GET / HTTP/1.1\r\nHost: 127.0.0.1".to_owned(),
        "GET / HTTP/1.1\r\nHost: [::1]:443".to_owned(),
        format!("CONNECT {FLOW}:443 HTTP/1.1\r\nHost: {FLOW}"),
        format!("POST / HTTP/1.1\r\nHost: {FLOW}\r\nContent-Length: 1\r\nContent-Length: 2"),
        format!("POST / HTTP/1.1\r\nHost: {FLOW}\r\nTransfer-Encoding: chunked, identity"),
        format!("GET / HTTP/1.1\r\nHost : {FLOW}"),
        format!("GET / HTTP/1.1\r\n Host: {FLOW}"),
    ];
    for text in bad {
        let answer = world.raw(FLOW, &head(&text)).await;
        status(&answer, 400);
    }

    for other in [LUMEN, "nobody.example", "portico.localhost", "x.techflow.portico.localhost"] {
        let answer = world.raw(FLOW, &head(&format!("GET / HTTP/1.1\r\nHost: {other}"))).await;
        status(&answer, 421);
        assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_requests() {
    let world = World::new(|_| ()).await;
    world.served_tenant("techflow").await;
    world.served_tenant("lumen").await;
    let answer = world.h2(FLOW, get(&format!("https://{FLOW}/"))).await;
    assert_eq!(answer.status(), 200);
    assert!(String::from_utf8_lossy(answer.body()).contains("tenant=techflow"));

    let mut agreeing = get(&format!("https://{FLOW}/"));
    agreeing.headers_mut().insert("host", FLOW.parse().unwrap());
    assert_eq!(world.h2(FLOW, agreeing).await.status(), 200);

    let mut differing = get(&format!("https://{FLOW}/"));
    differing.headers_mut().insert("host", LUMEN.parse().unwrap());
    assert_eq!(world.h2(FLOW, differing).await.status(), 400);

    let mut twice = get(&format!("https://{FLOW}/"));
    twice.headers_mut().append("host", FLOW.parse().unwrap());
    twice.headers_mut().append("host", FLOW.parse().unwrap());
    assert_eq!(world.h2(FLOW, twice).await.status(), 400);

    let answer = world.h2(FLOW, get(&format!("https://{LUMEN}/"))).await;
    assert_eq!(answer.status(), 421);
    assert!(!String::from_utf8_lossy(answer.body()).contains("lumen"));
    assert!(answer.headers().get("connection").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tenant_is_decided_for_each_request() {
    let world = World::new(|_| ()).await;
    world.served_tenant("techflow").await;
    // Two requests on one connection; the second one is for somebody else.
    let text = format!("GET / HTTP/1.1\r\nHost: {FLOW}\r\n\r\nGET / HTTP/1.1\r\nHost: {LUMEN}\r\n\r\n");
    let answers = world.raw(FLOW, &text).await;
    let (first, second) = answers.rsplit_once("HTTP/1.1 ").unwrap();
    assert!(first.contains("tenant=techflow"));
    assert!(second.starts_with("421") && !second.contains("tenant="), "{second}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plain_port() {
    let world = World::new(|_| ()).await;
    world.served_tenant("techflow").await;
    let ask = |target: &str, host: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    };

    let answer = world.raw_plain(&ask("/orders?q=a%20b", &FLOW.to_uppercase())).await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    let location = format!("location: https://{FLOW}:{}/orders?q=a%20b", world.https.port());
    assert!(answer.to_lowercase().contains(&location), "{answer}");

    let token = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";
    for (target, host) in [
        ("/", "nobody.example"),
        ("//evil.example/", "nobody.example"),
        (format!("/.well-known/acme-challenge/{token}").as_str(), FLOW),
        (format!("/.well-known/acme-challenge/{token}").as_str(), "nobody.example"),
        ("/.well-known/acme-challenge/short", FLOW),
        ("/.well-known/acme-challenge/../../etc/passwd", FLOW),
    ] {
        let answer = world.raw_plain(&ask(target, host)).await;
        status(&answer, 404);
        assert!(!answer.contains(token), "the token comes back: {answer}");
    }
    status(&world.raw_plain("GET / HTTP/1.0\r\n\r\n").await, 400);
    status(&world.raw_plain(&ask("/", "127.0.0.1")).await, 400);
    // A path that looks like a host stays a path of the table's name.
    let answer = world.raw_plain(&ask("//evil.example/", FLOW)).await;
    assert!(
        answer
            .to_lowercase()
            .contains(&format!("location: https://{FLOW}:{}//evil.example/", world.https.port()))
    );
}
