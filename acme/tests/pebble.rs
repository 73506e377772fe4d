//! Issuance against a real Pebble: the wire, half of all nonces refused, crashes in the middle of an order, renewal of
//! 90-second certificates, and the authority's reasons.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall end")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use acme::delegation::{ProofServer, Zone};
use acme::testing::{KNOT_KEY as KEY, Knot, Pebble, PebbleOptions};
use acme::{
    CertCache, ExternalAccount, Issuer, Step, Who, certificate, challenges, installed, revoke, wanted,
};
use migrations::testing::TestDatabase;
use platform_core::clock::{Clock, SystemClock};
use platform_core::db::{Db, DbConfig, System};
use platform_core::random::{SeededRandom, SystemRandom};
use platform_core::secrets::Sealer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A database, an authority, and a port 80 that answers its questions.
struct World {
    test: TestDatabase,
    db: Db,
    pebble: Pebble,
    sealer: Sealer,
    shutdown: CancellationToken,
}

impl World {
    async fn new(change: impl FnOnce(&mut PebbleOptions)) -> Self {
        Self::with_dns(change, None).await
    }

    /// With a server that the authority asks for everything.
    async fn with_dns(change: impl FnOnce(&mut PebbleOptions), dns: Option<SocketAddr>) -> Self {
        let test = TestDatabase::new().await;
        let config = DbConfig { app: test.app_options(), operator: None, pooler: false, max_connections: 10 };
        let db = Db::connect(config).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut options = PebbleOptions::asking_at(listener.local_addr().unwrap().port());
        change(&mut options);
        let shutdown = CancellationToken::new();
        if options.dns_server.is_some() {
            // The authority asks nobody but us.
            let zone =
                Zone { name: "acme.portal.example".to_owned(), server: "ns.portal.example".to_owned() };
            let server = ProofServer::new(db.clone(), &zone);
            let any = "127.0.0.1:0".parse().unwrap();
            options.dns_server = Some(server.start(any, shutdown.clone()).await.unwrap());
        }
        options.dns_server = dns.or(options.dns_server);
        let pebble = Pebble::start(options).await;
        tokio::spawn(port_80(listener, db.clone()));
        let line = Sealer::new_key_line(1, &SeededRandom::new(1));
        let sealer = Sealer::from_key_file(&line, Arc::new(SystemRandom)).unwrap();
        Self { test, db, pebble, sealer, shutdown }
    }

    fn issuer(&self) -> Issuer {
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        Issuer::new(self.pebble.issuer_config(), self.db.clone(), self.sealer.clone(), clock, random).unwrap()
    }

    /// An issuer at work, as one process is.
    fn start(&self) -> tokio::task::JoinHandle<()> {
        let (issuer, shutdown) = (self.issuer(), self.shutdown.clone());
        tokio::spawn(async move { issuer.run(shutdown).await })
    }

    fn cache(&self) -> Arc<CertCache> {
        CertCache::new(self.db.clone(), self.sealer.clone(), Arc::new(SystemClock)).unwrap()
    }

    async fn want(&self, hosts: &[&str]) {
        let hosts: Vec<String> = hosts.iter().map(|h| (*h).to_owned()).collect();
        let mut tx = self.db.system(System::Certificates).await.unwrap();
        wanted::want(&mut tx, &hosts, SystemClock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn progress(&self, host: &str) -> Option<acme::Progress> {
        let mut tx = self.db.system(System::Certificates).await.unwrap();
        acme::progress(&mut tx, host).await.unwrap()
    }

    async fn summary(&self, host: &str) -> Option<installed::Summary> {
        let mut tx = self.db.system(System::Certificates).await.unwrap();
        installed::summary(&mut tx, host).await.unwrap()
    }

    async fn until_installed(&self, host: &str) -> installed::Summary {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(summary) = self.summary(host).await {
                return summary;
            }
            assert!(Instant::now() < deadline, "no certificate for {host}: {:?}", self.progress(host).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn count(&self, what: &'static str) -> i64 {
        sqlx::query_scalar(what).fetch_one(&mut self.test.owner().await).await.unwrap()
    }
}

/// Answers the authority as a node does: from the database alone.
async fn port_80(listener: TcpListener, db: Db) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let db = db.clone();
        tokio::spawn(async move { answer(stream, db).await });
    }
}

async fn answer(mut stream: TcpStream, db: Db) -> Option<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        let mut buffer = [0; 1024];
        let length = stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        head.extend_from_slice(&buffer[..length]);
    }
    let head = String::from_utf8(head).ok()?;
    let token = head.split_whitespace().nth(1)?.strip_prefix(challenges::PREFIX)?.to_owned();
    let host = head.lines().find_map(|line| line.strip_prefix("Host: "))?;
    let host = host.split(':').next()?;
    let text = match challenges::answer(&db, host, &token).await.ok()? {
        Some(text) => {
            format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}", text.len())
        }
        None => "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned(),
    };
    stream.write_all(text.as_bytes()).await.ok()
}

#[tokio::test]
async fn wanted_hosts_get_certificates_that_serve() {
    let world = World::new(|_| ()).await;
    let begin = Instant::now();
    world.want(&["success.brightwater.example", "techflow.portico.localhost"]).await;
    world.start();
    for host in ["success.brightwater.example", "techflow.portico.localhost"] {
        let summary = world.until_installed(host).await;
        assert_eq!(summary.names, [host]);
        assert!(summary.issuer.contains("Pebble"), "{}", summary.issuer);
        let loaded = world.cache().get(host).await.unwrap().expect("it is installed");
        assert!(certificate::covers(&loaded.names, host));
    }
    println!("two certificates after {:?}", begin.elapsed());
    first_visitors_share_one_load(&world.cache()).await;

    let done = world.progress("success.brightwater.example").await.unwrap();
    assert_eq!((done.step, done.attempts), (Step::Done, 0));
    assert_eq!(world.count("select count(*) from acme_challenges").await, 0, "answers are cleared away");
    assert_eq!(world.count("select count(*) from acme_orders where key_sealed is not null").await, 0);
    assert_eq!(world.count("select count(*) from acme_accounts where account_url is not null").await, 1);
    assert!(world.cache().get("nobody.example").await.unwrap().is_none());
    world.shutdown.cancel();
}

async fn first_visitors_share_one_load(cache: &Arc<CertCache>) {
    let mut visitors = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let cache = cache.clone();
        visitors.spawn(async move { cache.get("success.brightwater.example").await.unwrap().unwrap() });
    }
    let first = visitors.join_next().await.unwrap().unwrap();
    while let Some(other) = visitors.join_next().await {
        assert!(Arc::ptr_eq(&first, &other.unwrap()), "loaded twice");
    }
}

#[tokio::test]
async fn half_of_all_nonces_may_be_refused() {
    let world = World::new(|options| options.nonce_reject = 50).await;
    world.want(&["a.example", "b.example", "c.example"]).await;
    world.start();
    for host in ["a.example", "b.example", "c.example"] {
        world.until_installed(host).await;
    }
    assert_eq!(world.count("select sum(orders) from acme_orders").await, 3, "no order was wasted");
    world.shutdown.cancel();
}

#[tokio::test]
async fn a_crash_at_any_step_costs_no_order() {
    let world = World::new(|_| ()).await;
    let steps = [Step::Keyed, Step::Ordered, Step::Challenged, Step::Answered, Step::Ready, Step::Finalized];
    for (number, stop_at) in steps.into_iter().enumerate() {
        let host = format!("crash-{number}.example");
        world.want(&[&host]).await;
        let issuer = world.start();
        // The step may be over too quickly to be seen: any later one will do, the point is to die in the middle.
        let deadline = Instant::now() + Duration::from_secs(20);
        while world.progress(&host).await.is_none_or(|p| (p.step as u8) < stop_at as u8) {
            assert!(Instant::now() < deadline);
        }
        issuer.abort();
        let _ = issuer.await;
        let seen = world.progress(&host).await.unwrap().step;
        let other = world.start();
        world.until_installed(&host).await;
        other.abort();
        let _ = other.await;
        println!("died at {seen:?} (aimed at {stop_at:?})");
    }
    assert_eq!(
        world.count("select max(orders)::bigint from acme_orders").await,
        1,
        "each host has used one order"
    );
    assert_eq!(world.count("select count(*) from certificates").await, 6, "and has one certificate");
    assert_eq!(world.count("select count(*) from acme_accounts").await, 1);
}

#[tokio::test]
async fn two_issuers_make_one_certificate_a_host() {
    let world = World::new(|_| ()).await;
    let hosts: Vec<String> = (0..8).map(|n| format!("pair-{n}.example")).collect();
    world.want(&hosts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.start();
    world.start();
    for host in &hosts {
        world.until_installed(host).await;
    }
    assert_eq!(world.count("select sum(orders) from acme_orders").await, 8);
    assert_eq!(world.count("select count(*) from certificates").await, 8);
    world.shutdown.cancel();
}

#[tokio::test]
async fn short_certificates_are_renewed_and_reach_the_cache() {
    // Half of ten seconds remaining: a renewal after five.
    let world = World::new(|options| options.validity = Duration::from_secs(10)).await;
    world.want(&["short.example"]).await;
    world.start();
    let cache = world.cache();
    let follower = cache.clone();
    let shutdown = world.shutdown.clone();
    tokio::spawn(async move { follower.run(shutdown).await });

    let first = world.until_installed("short.example").await;
    let loaded = cache.get("short.example").await.unwrap().unwrap();
    assert_eq!(loaded.not_after, first.not_after);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let now = world.summary("short.example").await.unwrap();
        let cached = cache.get("short.example").await.unwrap().unwrap();
        if now.serial != first.serial && cached.not_after > first.not_after {
            assert!(SystemClock.now() < first.not_after, "renewed before the old one ended");
            break;
        }
        assert!(Instant::now() < deadline, "not renewed: {now:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.shutdown.cancel();
}

#[tokio::test]
async fn the_reason_of_a_failure_is_kept_and_mending_it_helps() {
    let world = World::new(|_| ()).await;
    world.pebble.dns.set_servfail("broken.example").await;
    world.want(&["broken.example"]).await;
    world.start();
    let deadline = Instant::now() + Duration::from_secs(20);
    let failed = loop {
        if let Some(progress) = world.progress("broken.example").await
            && !progress.errors.is_empty()
        {
            break progress;
        }
        assert!(Instant::now() < deadline, "no failure was written down");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let reason = failed.errors.last().unwrap();
    assert_eq!(reason.who, Who::Customer);
    assert!(reason.text.contains("broken.example"), "{}", reason.text);
    println!("kept: {}", reason.text);

    world.pebble.dns.clear_servfail("broken.example").await;
    let mut tx = world.db.system(System::Certificates).await.unwrap();
    acme::retry_now(&mut tx, "broken.example", SystemClock.now()).await.unwrap();
    tx.commit().await.unwrap();
    world.until_installed("broken.example").await;
    world.shutdown.cancel();
}

#[tokio::test]
async fn an_authority_that_is_away_or_forgets_us_is_survived() {
    let mut world = World::new(|_| ()).await;
    world.want(&["first.example"]).await;
    world.start();
    world.until_installed("first.example").await;

    world.pebble.stop().await;
    world.want(&["second.example"]).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while world.progress("second.example").await.is_none_or(|p| p.errors.is_empty()) {
        assert!(Instant::now() < deadline, "the outage was not noticed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // It comes back without any memory of our account.
    world.pebble.restart().await;
    world.until_installed("second.example").await;
    world.shutdown.cancel();
}

#[tokio::test]
async fn hosts_that_are_not_wanted_any_more_are_left_alone() {
    let world = World::new(|_| ()).await;
    world.pebble.dns.set_servfail("gone.example").await;
    world.want(&["gone.example"]).await;
    world.start();
    let deadline = Instant::now() + Duration::from_secs(20);
    while world.progress("gone.example").await.is_none_or(|p| p.errors.is_empty()) {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut tx = world.db.system(System::Certificates).await.unwrap();
    wanted::forget(&mut tx, "gone.example").await.unwrap();
    tx.commit().await.unwrap();
    while world.progress("gone.example").await.unwrap().step != Step::Dropped {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.shutdown.cancel();
}

#[tokio::test]
async fn the_account_key_is_rolled_over_while_another_node_works() {
    let world = World::new(|_| ()).await;
    world.want(&["before.example"]).await;
    world.start();
    world.until_installed("before.example").await;
    let issuer = world.issuer();
    let directory = &world.pebble.directory;
    issuer.roll_account_key(directory).await.unwrap();
    // The node at work still signs with the old key, is refused once, and reads the new one.
    world.want(&["after.example"]).await;
    world.until_installed("after.example").await;
    issuer.roll_account_key(directory).await.unwrap();
    world.want(&["again.example"]).await;
    world.until_installed("again.example").await;
    assert_eq!(
        world.count("select key_version::bigint from acme_accounts where next_key_sealed is null").await,
        3
    );
    world.shutdown.cancel();
}

#[tokio::test]
async fn a_revoked_certificate_is_replaced_by_one_with_another_key() {
    let world = World::new(|_| ()).await;
    world.want(&["leaked.example"]).await;
    world.start();
    let first = world.until_installed("leaked.example").await;
    let mut tx = world.db.system(System::Certificates).await.unwrap();
    let by = (&SystemClock as &dyn Clock, &SystemRandom as _);
    assert!(revoke::revoke(&mut tx, by, "leaked.example", revoke::Reason::KeyCompromise).await.unwrap());
    tx.commit().await.unwrap();
    let second = world.until_installed("leaked.example").await;
    assert_ne!(first.serial, second.serial);
    let deadline = Instant::now() + Duration::from_secs(20);
    let done = "select count(*) from acme_revocations where done_at is not null and error is null";
    while world.count(done).await == 0 {
        assert!(Instant::now() < deadline, "not revoked");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // What is revoked already counts as done.
    let again = "update acme_revocations set done_at = null";
    sqlx::raw_sql(again).execute(&mut world.test.owner().await).await.unwrap();
    while world.count(done).await == 0 {
        assert!(Instant::now() < deadline + Duration::from_secs(40), "the second time is no success");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.shutdown.cancel();
}

#[tokio::test]
async fn an_authority_that_asks_for_an_external_account_gets_it() {
    let secret = b"a key of more than thirty-two octets, as Pebble wants".to_vec();
    let known = ("kid-1".to_owned(), secret.clone());
    let world = World::new(|options| options.external = Some(known)).await;
    let mut config = world.pebble.issuer_config();
    config.authorities[0].external = Some(ExternalAccount { kid: "kid-1".to_owned(), hmac: secret });
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let issuer = Issuer::new(config, world.db.clone(), world.sealer.clone(), clock, random).unwrap();
    let shutdown = world.shutdown.clone();
    tokio::spawn(async move { issuer.run(shutdown).await });
    world.want(&["bound.example"]).await;
    world.until_installed("bound.example").await;
    assert_eq!(world.count("select count(*) from acme_accounts where eab_sealed is not null").await, 1);
    world.shutdown.cancel();
}

#[tokio::test]
async fn a_wildcard_is_proven_by_the_zone_that_we_answer_ourselves() {
    let world = World::new(|options| options.dns_server = Some("127.0.0.1:0".parse().unwrap())).await;
    world.want(&["*.portal.example"]).await;
    world.start();
    let summary = world.until_installed("techflow.portal.example").await;
    assert_eq!(summary.names, ["*.portal.example"]);
    let loaded = world.cache().get("techflow.portal.example").await.unwrap().expect("it is installed");
    assert!(certificate::covers(&loaded.names, "techflow.portal.example"));
    world.shutdown.cancel();
}

#[tokio::test]
async fn a_wildcard_is_proven_by_name_servers_that_take_updates() {
    let knot = Knot::start().await;
    let world = World::with_dns(|_| (), Some(knot.address)).await;
    let issuer = world.issuer().with_updater(knot.updater(KEY));
    let shutdown = world.shutdown.clone();
    tokio::spawn(async move { issuer.run(shutdown).await });
    world.want(&["*.portal.example"]).await;
    let summary = world.until_installed("*.portal.example").await;
    assert_eq!(summary.names, ["*.portal.example"]);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !knot.values().await.is_empty() {
        assert!(Instant::now() < deadline, "the proof stays in the zone");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.shutdown.cancel();
}

#[tokio::test]
async fn a_zone_holds_what_is_open_and_only_the_right_key_changes_it() {
    let knot = Knot::start().await;
    let updater = knot.updater(KEY);
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    updater.set("portal.example", &texts(&["one", "two"])).await.unwrap();
    updater.set("portal.example", &texts(&["one", "two"])).await.unwrap();
    assert_eq!(knot.values().await, ["one", "two"], "saying it twice changes nothing");
    updater.set("portal.example", &texts(&["three"])).await.unwrap();
    assert_eq!(knot.values().await, ["three"], "former proofs are gone");
    updater.set("portal.example", &[]).await.unwrap();
    assert!(knot.values().await.is_empty());

    let error =
        knot.updater(b"a key that the server does not have").set("portal.example", &texts(&["x"])).await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("refuses to change portal.example"), "{text}");
    assert!(knot.values().await.is_empty());
}
