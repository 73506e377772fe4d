//! What leaves: headers, error pages, cookies, assets.

use http::{Request, StatusCode};

use crate::edge::{Answer, Edge, assert_secured};

#[tokio::test]
async fn every_answer_is_secured() {
    let edge = Edge::open().await;
    let paths = [
        ("/", 200),
        ("/nowhere", 404),
        ("/secret", 500),
        ("/panic", 500),
        ("/bare", 400),
        ("/json", 409),
        ("/assets/nothing.css", 404),
        ("/echo", 405),
        ("/private", 303),
        ("/%ff", 404),
    ];
    for (path, status) in paths {
        let answer = edge.get(path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.body);
        assert_secured(path, &answer);
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-request-id").len(), 9, "{path}");
    }
}

#[tokio::test]
async fn each_page_has_its_own_nonce() {
    let edge = Edge::open().await;
    let (one, two) = (edge.get("/nowhere").await, edge.get("/nowhere").await);
    let nonce = |answer: &Answer| {
        let policy = answer.header("content-security-policy").to_owned();
        policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned()
    };
    assert_ne!(nonce(&one), nonce(&two));
    assert!(one.body.contains(&format!("nonce=\"{}\"", nonce(&one))));
    assert_eq!(
        one.body.matches("<script").count(),
        one.body.matches(&nonce(&one)).count() - one.body.matches("rel=\"stylesheet\"").count()
    );
}

#[tokio::test]
async fn errors_are_pages_that_tell_no_cause() {
    let edge = Edge::open().await;
    for (path, cause) in [("/secret", "hunter2"), ("/panic", "hidden reason")] {
        let answer = edge.get(path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!answer.body.contains(cause));
        assert!(
            answer.body.contains("TechFlow") && answer.body.contains(answer.header("x-request-id")),
            "{}",
            answer.body
        );
    }
    let json = edge.get("/json").await;
    assert_eq!(json.body, r#"{"kept":true}"#, "what a handler says deliberately is left alone");
    assert_eq!(edge.get("/echo").await.header("allow"), "POST");
}

#[tokio::test]
async fn scripts_get_no_pages() {
    let edge = Edge::open().await;
    for (path, status) in [("/private", 401), ("/nowhere", 404)] {
        let request = Request::get(path).header("sec-fetch-mode", "cors").extension(edge.host("192.0.2.1"));
        let answer = edge.send(request, "").await;
        assert_eq!(answer.status.as_u16(), status);
        assert!(
            answer.header("content-type").starts_with("text/plain") && answer.body.len() < 80,
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn cookies_leave_with_errors_too() {
    let edge = Edge::open().await;
    let lines: Vec<String> = edge
        .get("/cookies")
        .await
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|v| v.to_str().unwrap().to_owned())
        .collect();
    assert!(lines.iter().any(|line| line.starts_with("__Host-session=abc;")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("__Host-flash=success.saved;")), "{lines:?}");
    let failing = edge.get("/cookies/failing").await;
    assert!(
        failing
            .headers
            .get_all("set-cookie")
            .iter()
            .any(|line| line.to_str().unwrap().starts_with("__Host-session=;"))
    );
}

#[tokio::test]
async fn assets_are_kept_for_good() {
    let edge = Edge::open().await;
    let page = edge.get("/nowhere").await;
    let hrefs: Vec<&str> =
        page.body.split("href=\"/assets/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(hrefs.len() >= 2, "{}", page.body);
    for href in hrefs {
        let path = format!("/assets/{}", href.split('#').next().unwrap());
        let asset = edge.get(&path).await;
        assert_eq!(asset.status, StatusCode::OK, "{path}");
        assert_secured(&path, &asset);
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
        let again = Request::get(&path)
            .header("if-none-match", asset.header("etag"))
            .extension(edge.host("192.0.2.1"));
        assert_eq!(edge.send(again, "").await.status, StatusCode::NOT_MODIFIED);
        let packed =
            Request::get(&path).header("accept-encoding", "gzip, br").extension(edge.host("192.0.2.1"));
        let packed = edge.send(packed, "").await;
        assert_eq!(packed.header("vary"), "accept-encoding");
        if path.ends_with(".css") {
            assert_eq!(packed.header("content-encoding"), "gzip");
            assert_ne!(packed.header("etag"), asset.header("etag"));
        }
    }
}
