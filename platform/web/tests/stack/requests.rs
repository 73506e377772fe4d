//! What comes in: forms from elsewhere, machines, large bodies, floods, preferences.

use http::{Method, Request, StatusCode, header};
use platform_core::random::{self, SystemRandom};
use platform_web::Rate;

use crate::edge::{Edge, ORIGIN, assert_secured};

#[tokio::test]
async fn forms_are_taken_from_our_own_pages_only() {
    let edge = Edge::open().await;
    let (cookie, csrf) = edge.visitor().await;
    let good = format!("said=hello+there&csrf={csrf}");
    let own = |request: http::request::Builder| {
        request.header("origin", ORIGIN).header("sec-fetch-site", "same-origin")
    };
    let answer = edge.send(own(edge.form("/echo", &cookie)), &good).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "hello there"));

    let refused = [
        ("no token", own(edge.form("/echo", &cookie)), "said=x".to_owned()),
        ("a wrong token", own(edge.form("/echo", &cookie)), "said=x&csrf=AAAA".to_owned()),
        ("no cookie", own(edge.form("/echo", "a=b")), good.clone()),
        (
            "another browser's cookie",
            own(edge.form("/echo", &format!("__Host-browser={}", random::token(&SystemRandom)))),
            good.clone(),
        ),
        (
            "another site",
            edge.form("/echo", &cookie)
                .header("origin", "https://evil.example")
                .header("sec-fetch-site", "cross-site"),
            good.clone(),
        ),
        (
            "a sibling host",
            edge.form("/echo", &cookie)
                .header("origin", "https://lumen.portico.localhost:8443")
                .header("sec-fetch-site", "same-site"),
            good.clone(),
        ),
        (
            "another port",
            edge.form("/echo", &cookie).header("origin", "https://techflow.portico.localhost"),
            good.clone(),
        ),
        (
            "a lie about the site",
            edge.form("/echo", &cookie)
                .header("origin", "https://evil.example")
                .header("sec-fetch-site", "same-origin"),
            good.clone(),
        ),
        ("nothing said", edge.form("/echo", &cookie), good.clone()),
    ];
    for (what, request, body) in refused {
        let answer = edge.send(request, &body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}");
        assert_secured(what, &answer);
    }
    let in_header = own(Request::post("/echo")
        .header(header::COOKIE, &cookie)
        .header("x-csrf", &csrf)
        .extension(edge.host("192.0.2.1")));
    assert_eq!(edge.send(in_header, "").await.status, StatusCode::OK, "scripts send it as a header");
}

#[tokio::test]
async fn machines_prove_themselves_otherwise() {
    let edge = Edge::open().await;
    let request = |path: &str| Request::post(path.to_owned()).extension(edge.host("192.0.2.1"));
    assert_eq!(edge.send(request("/hook"), "{}").await.body, "{}");
    assert_eq!(edge.send(request("/hook/unsigned"), "{}").await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn bodies_have_an_end() {
    let edge = Edge::open().await;
    let (cookie, csrf) = edge.visitor().await;
    let own = || edge.form("/echo", &cookie).header("origin", ORIGIN).header("sec-fetch-site", "same-origin");
    let body = format!("csrf={csrf}&said={}", "x".repeat(70 * 1024));
    assert_eq!(edge.send(own(), &body).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let declared = own().header(header::CONTENT_LENGTH, "5000000");
    let answer = edge.send(declared, "x").await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_secured("too large", &answer);
}

#[tokio::test]
async fn one_peer_is_limited_whatever_it_claims() {
    let edge = Edge::with(Rate { per_second: 1, burst: 10 }).await;
    let mut refused = 0;
    for n in 0..30 {
        let request = Request::get("/")
            .header("x-forwarded-for", format!("203.0.113.{n}"))
            .header("forwarded", format!("for=203.0.113.{n}"))
            .extension(edge.host(&format!("2001:db8:0:7::{n:x}")));
        let answer = edge.send(request, "").await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
            assert_secured("limited", &answer);
            refused += 1;
        }
    }
    assert!((15..=20).contains(&refused), "{refused} of 30 were refused");
    let other = edge.send(Request::get("/").extension(edge.host("2001:db8:0:8::1")), "").await;
    assert_eq!(other.status, StatusCode::OK);
}

#[tokio::test]
async fn preferences_stay_on_this_host() {
    let edge = Edge::open().await;
    let (cookie, csrf) = edge.visitor().await;
    let own = || {
        edge.form("/preferences", &cookie).header("origin", ORIGIN).header("sec-fetch-site", "same-origin")
    };
    let answer = edge.send(own(), &format!("csrf={csrf}&scheme=dark&back=/orders%3Fq%3Da")).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/orders?q=a"));
    assert!(answer.header("set-cookie").starts_with("scheme=dark; Path=/; Secure; SameSite=Lax"));
    let answer = edge.send(own(), &format!("csrf={csrf}&locale=ar&back=//evil.example")).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"));
    let locale = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_eq!(locale, "__Host-locale=ar");
    let page = Request::get("/nowhere")
        .header(header::COOKIE, format!("{locale}; scheme=dark"))
        .header("accept", "text/html")
        .extension(edge.host("192.0.2.1"));
    let page = edge.send(page, "").await;
    assert!(page.body.contains("dir=\"rtl\"") && page.body.contains("data-scheme=\"dark\""), "{}", page.body);
    let answer = edge.send(own(), &format!("csrf={csrf}&locale=xx")).await;
    assert_eq!(answer.header("set-cookie"), "");
}

#[tokio::test]
async fn the_list_knows_every_route() {
    let edge = Edge::open().await;
    let known = |method: Method, path: &str| {
        edge.stack.routes.iter().any(|route| route.method == method && route.path == path)
    };
    assert!(
        known(Method::GET, "/assets/{*path}")
            && known(Method::POST, "/preferences")
            && known(Method::GET, "/stream")
    );
    assert_eq!(edge.stack.routes.iter().filter(|route| route.stream).count(), 1);
}
