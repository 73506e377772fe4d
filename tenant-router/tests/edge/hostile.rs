//! Clients that do not behave: unknown names, silence, slowness, floods; and a shutdown under way.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::world::{World, read_all};
use tenant_router::UnknownHost;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const FLOW: &str = "techflow.portico.localhost";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_name_ends_in_an_alert() {
    let world = World::new(|_| ()).await;
    world.served_tenant("techflow").await;
    world.tenant("waiting").await;
    for name in ["nobody.example", "portico.localhost", "unknown.portico.localhost", "127.0.0.1"] {
        let error = world.tls(name, "http/1.1").await.unwrap_err().to_string();
        assert!(error.contains("alert"), "{name}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_neutral_certificate_names_nobody() {
    let world = World::new(|config| config.unknown = UnknownHost::NeutralPage).await;
    world.served_tenant("techflow").await;
    let error = world.tls("nobody.example", "http/1.1").await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "it is self-signed: {error}");
    assert!(world.get(FLOW).await.starts_with("HTTP/1.1 200"));

    for (name, status) in [("nobody.example", "404"), (FLOW, "421")] {
        let mut stream = world.tls_unchecked("nobody.example").await;
        let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let page = read_all(&mut stream).await;
        assert!(page.starts_with(&format!("HTTP/1.1 {status}")) && !page.contains("techflow"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_cut_at_the_deadline_and_delays_nobody() {
    let world = World::new(|config| {
        config.handshake = Duration::from_millis(700);
        config.limits.handshakes = 2;
        config.header_read = Duration::from_millis(900);
    })
    .await;
    world.served_tenant("techflow").await;

    let mut silent: Vec<TcpStream> = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(world.https).await.unwrap());
    }
    let begin = Instant::now();
    assert!(world.get(FLOW).await.starts_with("HTTP/1.1 200"));
    assert!(begin.elapsed() < Duration::from_millis(600), "silent clients delay others");
    for stream in &mut silent {
        assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0, "cut without a word");
    }
    assert!(begin.elapsed() < Duration::from_secs(3));

    // A hello that comes in drops is under the same deadline.
    let mut slow = TcpStream::connect(world.https).await.unwrap();
    let begin = Instant::now();
    slow.write_all(&[22, 3, 1]).await.unwrap();
    while slow.write_all(&[1]).await.is_ok() && begin.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_and_idle_connections_are_cut() {
    let world = World::new(|config| config.header_read = Duration::from_millis(800)).await;
    world.served_tenant("techflow").await;

    for alpn in ["http/1.1", "h2"] {
        let begin = Instant::now();
        let mut idle = world.tls(FLOW, alpn).await.unwrap();
        let mut rest = Vec::new();
        let _ = idle.read_to_end(&mut rest).await;
        let took = begin.elapsed();
        assert!(took > Duration::from_millis(600) && took < Duration::from_secs(3), "{alpn}: {took:?}");
    }
    let begin = Instant::now();
    let mut slow = world.tls(FLOW, "http/1.1").await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: techflow.portico.localhost\r\n").await.unwrap();
    while slow.write_all(b"X: y\r\n").await.is_ok() && begin.elapsed() < Duration::from_secs(6) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_cannot_connect_without_end() {
    let world = World::new(|config| {
        config.limits.connections_per_second = NonZeroU32::new(1).unwrap();
        config.limits.connection_burst = NonZeroU32::new(40).unwrap();
    })
    .await;
    world.served_tenant("techflow").await;
    let mut refused = 0;
    for _ in 0..60 {
        if world.tls(FLOW, "http/1.1").await.is_err() {
            refused += 1;
        }
    }
    assert!(refused >= 15, "only {refused} of 60 were refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_closes_idle_connections_and_ends() {
    let world = World::new(|config| config.drain = Duration::from_secs(3)).await;
    world.served_tenant("techflow").await;
    let mut idle = world.tls(FLOW, "http/1.1").await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: techflow.portico.localhost\r\n\r\n").await.unwrap();
    let mut buffer = [0; 512];
    assert!(idle.read(&mut buffer).await.unwrap() > 0);
    world.shutdown.cancel();
    let begin = Instant::now();
    world.serving.await.unwrap().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert!(TcpStream::connect(world.https).await.is_err());
}
