//! Connections that do nothing after the handshake: HTTP/2 that idles is told to go, and one that never reads is cut.

use std::time::{Duration, Instant};

use crate::ground::Ground;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};

const NAME: &str = "success.brightwater.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_http2_is_told_to_go() {
    let ground = Ground::new().await;
    let tenant = ground.tenant("techflow").await;
    ground.domain(tenant, NAME, "live").await;
    ground.certificate(&[NAME]).await;
    let node = ground
        .node(|config| {
            config.header_read = Duration::from_millis(300);
            config.idle = Duration::from_millis(900);
        })
        .await;
    let stream = node.connect(&ground.client(&[b"h2"]), NAME).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let ended = tokio::spawn(connection);
    let mut last = Instant::now();
    for _ in 0..4 {
        let request = Request::get(format!("https://{NAME}/")).body(Empty::<Bytes>::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
        last = Instant::now();
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    let _ = tokio::time::timeout(Duration::from_secs(5), ended).await.expect("told to go");
    let idle = last.elapsed();
    assert!(idle > Duration::from_millis(800) && idle < Duration::from_secs(3), "{idle:?}");
}
