//! The authority rule, octet by octet: one table of raw requests of both protocols, each with the connection that it comes
//! over and what must come back. Whatever is not served names no tenant.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::ground::{Ground, Node};
use crate::raw_http2::{Field, exchange};

const OWN: &str = "success.brightwater.example";
const OTHER: &str = "help.halvorsen.example";
const FLOW: &str = "techflow.portico.localhost";
const LUMEN: &str = "lumen.portico.localhost";

/// What must come back.
#[derive(Debug, Clone, Copy)]
enum Back {
    /// 200 from the application, called for this tenant.
    Tenant(&'static str),
    Status(u16),
    /// 400, or the protocol's own way to refuse: a reset stream, a closed connection.
    Refused,
}
use Back::{Refused, Status, Tenant};

/// HTTP/1: name of the connection, request without its last empty line.
fn http1() -> Vec<(&'static str, String, Back)> {
    let get = |lines: &str| format!("GET / HTTP/1.1\r\n{lines}");
    let host = |name: &str| get(&format!("Host: {name}"));
    vec![
        (OWN, host(OWN), Tenant("techflow")),
        (OWN, host("Success.BrightWater.EXAMPLE"), Tenant("techflow")),
        (OWN, host(&format!("{OWN}.")), Tenant("techflow")),
        (OWN, host(&format!("{OWN}:8443")), Tenant("techflow")),
        (OWN, host(&format!("  {OWN}\t ")), Tenant("techflow")),
        (OWN, get(&format!("hOsT: {OWN}")), Tenant("techflow")),
        (OWN, format!("GET https://{OWN}/x HTTP/1.1\r\nHost: {OWN}"), Tenant("techflow")),
        (OWN, format!("GET http://{OWN}/x HTTP/1.1\r\nHost: {OWN}"), Tenant("techflow")),
        (OWN, format!("OPTIONS * HTTP/1.1\r\nHost: {OWN}"), Tenant("techflow")),
        (OWN, format!("GET / HTTP/1.0\r\nHost: {OWN}"), Tenant("techflow")),
        (OWN, get(&format!("Host: {OWN}\r\nX-Forwarded-Host: {OTHER}")), Tenant("techflow")),
        (OWN, get(&format!("Host: {OWN}\r\nForwarded: host={OTHER}")), Tenant("techflow")),
        (OWN, get(&format!("Host: {OWN}\r\nX-Host: {OTHER}")), Tenant("techflow")),
        (OWN, format!("GET //{OTHER}/ HTTP/1.1\r\nHost: {OWN}"), Tenant("techflow")),
        (OWN, format!("GET /?host={OTHER} HTTP/1.1\r\nHost: {OWN}"), Tenant("techflow")),
        // One connection, several hosts, as far as its certificate goes.
        (FLOW, host(FLOW), Tenant("techflow")),
        (FLOW, host(LUMEN), Tenant("lumen")),
        (FLOW, host("nobody.portico.localhost"), Status(404)),
        (FLOW, host("a.techflow.portico.localhost"), Status(421)),
        (FLOW, host("portico.localhost"), Status(421)),
        (FLOW, host(OWN), Status(421)),
        (OWN, host(OTHER), Status(421)),
        (OWN, host(FLOW), Status(421)),
        (OWN, host("nobody.example"), Status(421)),
        (OWN, format!("GET https://{OTHER}/ HTTP/1.1\r\nHost: {OTHER}"), Status(421)),
        // No host, or not exactly one.
        (OWN, get("X: y"), Status(400)),
        (OWN, get("Host:"), Status(400)),
        (OWN, get("Host: \t "), Status(400)),
        (OWN, "GET / HTTP/1.0\r\nX: y".to_owned(), Status(400)),
        (OWN, format!("GET https://{OWN}/ HTTP/1.1\r\nX: y"), Status(400)),
        (OWN, get(&format!("Host: {OWN}\r\nHost: {OWN}")), Status(400)),
        (OWN, get(&format!("Host: {OWN}\r\nHost: {OTHER}")), Status(400)),
        (OWN, get(&format!("Host: {OWN}, {OTHER}")), Status(400)),
        // Two places that differ.
        (OWN, format!("GET https://{OTHER}/ HTTP/1.1\r\nHost: {OWN}"), Status(400)),
        (OWN, format!("GET https://{OWN}/ HTTP/1.1\r\nHost: {OTHER}"), Status(400)),
        (OWN, format!("GET https://{OWN}:444/ HTTP/1.1\r\nHost: {OWN}"), Status(400)),
        // What is no host.
        (OWN, host(&format!("user@{OWN}")), Status(400)),
        (OWN, format!("GET https://u:p@{OWN}/ HTTP/1.1\r\nHost: {OWN}"), Status(400)),
        (OWN, host(&format!("{OWN}:99999")), Status(400)),
        (OWN, host(&format!("{OWN}:")), Status(400)),
        (OWN, host(&format!("{OWN}:-1")), Status(400)),
        (OWN, host(&format!("{OWN}/x")), Status(400)),
        (OWN, host(&format!("{OWN}#x")), Status(400)),
        (OWN, host(&format!("{OWN}\0")), Refused),
        (OWN, host(&format!("{OWN}%00")), Status(400)),
        (OWN, host(&format!("{OWN}..")), Status(400)),
        (OWN, host("a_b.brightwater.example"), Status(400)),
        (OWN, host("127.0.0.1"), Status(400)),
        (OWN, host("[::1]"), Status(400)),
        (OWN, format!("CONNECT {OWN}:443 HTTP/1.1\r\nHost: {OWN}"), Status(400)),
        // Where two readers could see two requests.
        (OWN, get(&format!("Host : {OWN}")), Refused),
        (OWN, get(&format!(" Host: {OWN}")), Refused),
        (OWN, get(&format!("Host: {OWN}\r\n {OTHER}")), Refused),
        (OWN, get(&format!("Host: {OWN}\nHost: {OTHER}")), Refused),
        (OWN, format!("POST / HTTP/1.1\r\nHost: {OWN}\r\nContent-Length: 1\r\nContent-Length: 2"), Refused),
        (OWN, format!("POST / HTTP/1.1\r\nHost: {OWN}\r\nTransfer-Encoding: chunked, identity"), Refused),
    ]
}

/// HTTP/2: name of the connection, header fields in their order.
fn http2() -> Vec<(&'static str, Vec<Field>, Back)> {
    let head = |authority: &str, more: &[(&str, &str)]| {
        let mut fields =
            vec![(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", authority)];
        fields.extend(more);
        own(&fields)
    };
    let bare = |more: &[(&str, &str)]| {
        own(&[&[(":method", "GET"), (":scheme", "https"), (":path", "/")], more].concat())
    };
    vec![
        (OWN, head(OWN, &[]), Tenant("techflow")),
        (OWN, head("SUCCESS.brightwater.Example", &[]), Tenant("techflow")),
        (OWN, head(&format!("{OWN}."), &[]), Tenant("techflow")),
        (OWN, head(&format!("{OWN}:8443"), &[]), Tenant("techflow")),
        (OWN, head(OWN, &[("host", OWN)]), Tenant("techflow")),
        (OWN, head(OWN, &[("host", "Success.Brightwater.Example.")]), Tenant("techflow")),
        (OWN, head(OWN, &[("x-forwarded-host", OTHER)]), Tenant("techflow")),
        (OWN, head(OWN, &[("forwarded", "host=help.halvorsen.example")]), Tenant("techflow")),
        (FLOW, head(LUMEN, &[]), Tenant("lumen")),
        (FLOW, head("nobody.portico.localhost", &[]), Status(404)),
        (FLOW, head("a.techflow.portico.localhost", &[]), Status(421)),
        (FLOW, head(OWN, &[]), Status(421)),
        (OWN, head(OTHER, &[]), Status(421)),
        (OWN, head(OTHER, &[("host", OTHER)]), Status(421)),
        (OWN, head("nobody.example", &[]), Status(421)),
        (OWN, head(OWN, &[("host", OTHER)]), Status(400)),
        (OWN, head(OTHER, &[("host", OWN)]), Status(400)),
        (OWN, head(OWN, &[("host", "success.brightwater.example:443")]), Status(400)),
        (OWN, head(OWN, &[("host", OWN), ("host", OWN)]), Status(400)),
        (OWN, head(OWN, &[("host", "")]), Status(400)),
        (OWN, bare(&[("host", OWN)]), Status(400)),
        (OWN, bare(&[]), Status(400)),
        (OWN, head("", &[]), Refused),
        (OWN, head(&format!("user@{OWN}"), &[]), Status(400)),
        (OWN, head(&format!("{OWN}:99999"), &[]), Refused),
        (OWN, head(&format!("{OWN}:"), &[]), Status(400)),
        (OWN, head(&format!("{OWN}/x"), &[]), Refused),
        (OWN, head(&format!("{OWN} "), &[]), Refused),
        (OWN, head("a_b.brightwater.example", &[]), Status(400)),
        (OWN, head("127.0.0.1", &[]), Status(400)),
        (OWN, head("[::1]:443", &[]), Status(400)),
        (OWN, head(OWN, &[(":authority", OTHER)]), Refused),
        (OWN, head(OWN, &[("x", "y"), (":authority", OTHER)]), Refused),
        (OWN, head(OWN, &[("connection", "close")]), Refused),
        (OWN, head(OWN, &[("transfer-encoding", "chunked")]), Refused),
        (OWN, head(OWN, &[("Host", OTHER)]), Refused),
        (OWN, head(OWN, &[("x", "a\r\nhost: b")]), Refused),
        (OWN, own(&[(":method", "CONNECT"), (":authority", OWN)]), Refused),
    ]
}

fn own(fields: &[(&str, &str)]) -> Vec<Field> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[track_caller]
fn judge(asked: &str, back: Back, status: Option<u16>, answer: &str) {
    match back {
        Tenant(slug) => {
            let called = answer.contains(&format!("tenant={slug} "));
            assert!(status == Some(200) && called, "{asked}: {status:?} {answer}");
        }
        Status(expected) => assert_eq!(status, Some(expected), "{asked}: {answer}"),
        Refused => assert!(matches!(status, None | Some(400)), "{asked}: {status:?} {answer}"),
    }
    if !matches!(back, Tenant(_)) {
        let lower = answer.to_lowercase();
        assert!(!lower.contains("techflow") && !lower.contains("lumen"), "{asked}: names a tenant: {answer}");
    }
}

async fn send1(ground: &Ground, node: &Node, name: &str, request: &str) -> String {
    let mut stream = node.connect(&ground.client(&[b"http/1.1"]), name).await.unwrap();
    let request = format!("{request}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), read).await.expect("an end");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_for_the_host_that_it_names_or_for_nobody() {
    let ground = Ground::new().await;
    let (flow, lumen) = (ground.tenant("techflow").await, ground.tenant("lumen").await);
    ground.domain(flow, OWN, "live").await;
    ground.domain(lumen, OTHER, "live").await;
    for names in [[OWN], [OTHER], ["*.portico.localhost"]] {
        ground.certificate(&names).await;
    }
    let node = ground.node(|_| ()).await;
    let (first, second) = (http1(), http2());
    println!("{} requests of HTTP/1, {} of HTTP/2", first.len(), second.len());
    assert!(first.len() + second.len() >= 40);
    for (name, request, back) in first {
        let answer = send1(&ground, &node, name, &request).await;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        judge(&format!("HTTP/1 over {name}: {request:?}"), back, status, &answer);
        if matches!(status, Some(400 | 421)) {
            assert!(answer.to_lowercase().contains("connection: close"), "{request:?}: {answer}");
        }
    }
    for (name, fields, back) in second {
        let stream = node.connect(&ground.client(&[b"h2"]), name).await.unwrap();
        let answer = exchange(stream, &fields).await;
        judge(&format!("HTTP/2 over {name}: {fields:?}"), back, answer.status, &answer.body);
    }
}
