//! The signed call against a real listener, plain and over TLS: signature, answers, redirects, private addresses.

use std::sync::{Arc, Mutex};

use platform_connectors::doors::{Settings, Signed, answered_by_machine, sign, verify};
use platform_connectors::requests::{Kind, State};
use platform_core::clock::{Clock, SystemClock};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::ground::Ground;

/// What the other side was sent, head and body.
type Heard = Arc<Mutex<Vec<(String, String)>>>;

/// A system that gives these answers in turn, the last for ever.
async fn system(answers: Vec<String>, tls: Option<TlsAcceptor>) -> (u16, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let heard = Heard::default();
    let told = heard.clone();
    tokio::spawn(async move {
        for at in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            let answer = answers[at.min(answers.len() - 1)].clone();
            match &tls {
                None => converse(stream, &answer, &told).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        converse(stream, &answer, &told).await;
                    }
                }
            }
        }
    });
    (port, heard)
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, answer: &str, heard: &Heard) {
    let mut text = Vec::new();
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).await.unwrap_or(0);
        text.extend_from_slice(&part[..count]);
        let known = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = known.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                heard.lock().expect("nobody panics").push((head.to_lowercase(), body.to_owned()));
                break;
            }
        }
        if count == 0 {
            return;
        }
    }
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn says(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn webhook(url: String, allow_private: bool) -> Settings {
    Settings::Webhook { url, allow_private, ca_file: None }
}

#[tokio::test]
async fn a_call_is_signed_repeated_and_answered() {
    let ground = Ground::new().await;
    let doors = ground.doors();
    let accepted = json!({ "state": "accepted", "erp_number": "SO-77" }).to_string();
    let (port, heard) = system(vec![says("503 Busy", ""), says("200 OK", &accepted)], None).await;
    let settings = webhook(format!("http://127.0.0.1:{port}/in?x=1"), false);
    let set = doors.set(ground.tenant, Kind::Reorder, &settings, None).await.expect("set up");
    let secret = set.expect("the other side needs the key");
    let id = ground.submitted("form-0001").await;
    ground.work(&doors).await;
    assert!(ground.request(id).await.last_error.expect("a word").contains("503"));
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    ground.work(&doors).await;
    let request = ground.request(id).await;
    assert_eq!((request.state, request.erp_number.as_deref()), (State::Accepted, Some("SO-77")));
    let heard = heard.lock().expect("nobody panics").clone();
    assert_eq!(heard.len(), 2);
    for (head, body) in &heard {
        let header = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            line.expect(name).to_owned()
        };
        assert_eq!(header("webhook-id"), id.to_string(), "the same id each time");
        assert!(head.starts_with("post /in?x=1 http/1.1"));
        // Heads were made small; a signature is not, so it is made again.
        let stamp = header("webhook-timestamp");
        let ours = sign(&secret, &id.to_string(), stamp.parse().expect("seconds"), body.as_bytes());
        assert_eq!(ours.to_lowercase(), header("webhook-signature"));
        let signed = Signed { id: &id.to_string(), timestamp: &stamp, signature: &ours };
        assert!(verify(&secret, SystemClock.now(), &signed, body.as_bytes()));
    }
}

#[tokio::test]
async fn redirects_and_private_addresses_are_refused() {
    let ground = Ground::new().await;
    let doors = ground.doors();
    let moved = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_owned();
    let (port, heard) = system(vec![moved], None).await;
    let settings = webhook(format!("http://127.0.0.1:{port}/"), false);
    doors.set(ground.tenant, Kind::Reorder, &settings, None).await.expect("set up");
    let id = ground.submitted("form-0002").await;
    ground.work(&doors).await;
    assert!(ground.request(id).await.last_error.expect("a word").contains("redirects are not followed"));
    assert_eq!(heard.lock().expect("nobody panics").len(), 1);
    for inside in ["https://10.0.0.1/", "https://169.254.169.254/latest", "https://[fd00::1]/"] {
        let settings = webhook(inside.to_owned(), false);
        doors.set(ground.tenant, Kind::Reorder, &settings, None).await.expect("set up");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let refused = doors.test(ground.tenant, Kind::Reorder).await.expect_err(inside);
        assert!(refused.contains("private network"), "{inside}: {refused}");
    }
    let plain = webhook("http://erp.example/".to_owned(), true);
    assert!(doors.set(ground.tenant, Kind::Reorder, &plain, None).await.is_err(), "not https");
    let weak = webhook("https://erp.example/".to_owned(), true);
    assert!(doors.set(ground.tenant, Kind::Reorder, &weak, Some("whsec_AAAA")).await.is_err(), "a short key");
}

#[tokio::test]
async fn tls_is_checked_against_the_named_authority() {
    let ground = Ground::new().await;
    let doors = ground.doors();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a server");
    let (port, heard) =
        system(vec![says("202 Accepted", "")], Some(TlsAcceptor::from(Arc::new(config)))).await;
    let file = std::env::temp_dir().join(format!("portico-ca-{}.pem", ground.tenant));
    std::fs::write(&file, made.cert.pem()).expect("written");
    let url = format!("https://localhost:{port}/in");
    doors.set(ground.tenant, Kind::Reorder, &webhook(url.clone(), true), None).await.expect("set up");
    let id = ground.submitted("form-0003").await;
    ground.work(&doors).await;
    assert!(
        ground.request(id).await.last_error.expect("a word").contains("TLS"),
        "nobody knows this authority"
    );
    let ca_file = Some(file.to_str().expect("a plain path").to_owned());
    let settings = Settings::Webhook { url, allow_private: true, ca_file };
    doors.set(ground.tenant, Kind::Reorder, &settings, None).await.expect("set up");
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    ground.work(&doors).await;
    assert_eq!(ground.request(id).await.state, State::HandedOver, "a receipt is no answer");
    assert_eq!(heard.lock().expect("nobody panics").len(), 1);
    std::fs::remove_file(file).expect("removed");
}

#[tokio::test]
async fn a_later_answer_needs_the_doors_signature() {
    let ground = Ground::new().await;
    let doors = ground.doors();
    let (port, _) = system(vec![says("200 OK", "thank you")], None).await;
    let settings = webhook(format!("http://127.0.0.1:{port}/"), false);
    let secret =
        doors.set(ground.tenant, Kind::Reorder, &settings, None).await.expect("set up").expect("a key");
    let id = ground.submitted("form-0004").await;
    ground.work(&doors).await;
    let door: uuid::Uuid = ground.value("select id::text from doors").await.parse().expect("an id");
    let body = json!({ "id": id, "state": "rejected", "reason": "Discontinued" }).to_string();
    let now = SystemClock.now();
    let stamp = now.timestamp().to_string();
    let good = sign(&secret, "answer-1", now.timestamp(), body.as_bytes());
    let mut tx = ground.staff().await;
    for (door, signature, expected) in
        [(door, good.as_str(), true), (door, "v1,AAAA", false), (uuid::Uuid::nil(), good.as_str(), false)]
    {
        let signed = Signed { id: "answer-1", timestamp: &stamp, signature };
        let said = (&signed, body.as_bytes());
        let answer = answered_by_machine(&mut tx, &ground.sealer, now, door, said).await.expect("answers");
        assert_eq!(answer.is_some(), expected, "{signature}");
    }
}
