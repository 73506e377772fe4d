//! Hosts behind a proxy: a knock says whether what an authority asks for comes through to the plain port.

use std::net::SocketAddr;
use std::sync::Arc;

use acme::dns::Sources;
use acme::probe::{Check, Code, Knocker, Level, Platform, Prober, Report, Want, Who};
use platform_core::clock::SystemClock;
use platform_core::random::SystemRandom;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::world::World;

const HOST: &str = "success.proxied.example";

/// What the doctor says of a host at the proxy's addresses, where a connection to them ends at `proxy`.
async fn doctor(world: &World, proxy: SocketAddr) -> Report {
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let knocker = Knocker::new(world.db.clone(), clock.clone(), random.clone()).through(proxy);
    let sources = Sources::only(&[world.pebble.dns.address]);
    let prober = Prober::new(sources, Platform::new("portico.localhost"), clock, random).knocking(knocker);
    let mut want = Want::nothing(HOST);
    want.target = Some("abc234.edge.portico.localhost".to_owned());
    prober.probe(&want).await
}

/// A proxy that gives this answer to everything.
async fn answering(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 2048]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

#[track_caller]
fn says(report: &Report, code: Code, level: Level, who: Who) -> &Check {
    let found: Vec<_> = report.checks.iter().map(|check| check.code).collect();
    let check = report.check(code).unwrap_or_else(|| panic!("no {code} in {found:?}"));
    assert_eq!((check.level, check.who), (level, who));
    check
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_knock_tells_a_proxy_that_passes_from_one_that_does_not() {
    let world = World::new(|_| {}).await;
    world.pebble.dns.set_a(HOST, &["104.16.1.1"]).await;

    let through = doctor(&world, world.http).await;
    says(&through, Code::ProxyPasses, Level::Ok, Who::Nobody);
    assert_eq!((through.arrives, through.proxy.as_deref()), (Some(true), Some("Cloudflare")));
    assert!(through.proof.is_none(), "who stands behind the proxy says nothing about whose host it is");

    let elsewhere = answering("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno").await;
    let blocked = doctor(&world, elsewhere).await;
    let check = says(&blocked, Code::ProxyBlocks, Level::Fail, Who::Customer);
    assert!(
        check.fix.as_deref().is_some_and(|fix| fix.contains("http://success.proxied.example/.well-known/"))
    );
    assert!(blocked.arrives.is_none() && blocked.obstacles().any(|check| check.code == Code::ProxyBlocks));

    let guarded = answering("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    let unclear = doctor(&world, guarded).await;
    let check = says(&unclear, Code::Proxied, Level::Note, Who::Customer);
    assert!(check.says.contains("403"), "{}", check.says);
    assert!(unclear.obstacles().all(|check| check.code != Code::Proxied), "the authority may be let in");
}
