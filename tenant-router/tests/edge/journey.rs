//! A domain's whole way: claimed, proven by DNS, certified by the authority, served; then given back.

use std::time::Instant;

use acme::probe::{Code, Who};

use crate::world::{World, host};
use platform_core::clock::SystemClock;
use platform_core::db::{Scope, System};
use platform_core::random::SystemRandom;
use tenant_router::Kind;
use tenant_router::domains::{self, Proof, State};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_claim_to_first_page() {
    let world = World::new(|_| ()).await;
    let tenant = world.served_tenant("techflow").await;
    assert!(
        world
            .get("techflow.portico.localhost")
            .await
            .contains("tenant=techflow host=techflow.portico.localhost")
    );

    let name = "success.brightwater.example";
    let claimed = world.claim(tenant, "Success.Brightwater.EXAMPLE.").await;
    assert_eq!((claimed.state, claimed.host.as_str()), (State::Claimed, name));
    let waiting = world.until_state(tenant, name, State::WaitingDns).await;
    // The stub gives every name an address, and it is ours: what is missing is the proof.
    let report = waiting.report.unwrap();
    let proof = report.check(Code::ProofMissing).unwrap();
    assert!(proof.fix.as_ref().unwrap().contains(".edge.portico.localhost"), "{proof:?}");
    assert!(world.table.get(&host(name)).is_none(), "a claim is not routed");

    world.point(&claimed).await;
    let begin = Instant::now();
    // As the button does it; the reconciler would look within 5 s.
    let checked = world.checker.check_now(tenant, claimed.id).await.unwrap().unwrap();
    assert_eq!((checked.state, checked.proof), (State::Verified, Some(Proof::Cname)));
    world.until_state(tenant, name, State::Live).await;
    world.until_served(name).await;
    let page = world.get(name).await;
    println!("verified to first page: {:?}", begin.elapsed());
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains(&format!("tenant=techflow host={name}")),
        "{page}"
    );

    let mut tx = world.db.tenant(Scope::tenant(tenant)).await.unwrap();
    assert!(domains::release(&mut tx, claimed.id, &SystemClock).await.unwrap());
    tx.commit().await.unwrap();
    let begin = Instant::now();
    while world.table.get(&host(name)).unwrap().kind != Kind::Tombstone {
        assert!(begin.elapsed().as_secs() < 10);
        tokio::task::yield_now().await;
    }
    println!("off-boarded after {:?}", begin.elapsed());
    assert!(world.tls(name, "http/1.1").await.is_err(), "a released host has no handshake");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn txt_proves_too_and_the_reconciler_looks_by_itself() {
    let world = World::new(|_| ()).await;
    let tenant = world.tenant("techflow").await;
    let domain = world.claim(tenant, "brightwater.example").await;
    let records = domain.records(&host("portico.localhost")).unwrap();
    assert_eq!((records[1].kind, records[1].name.as_str()), ("TXT", "_portico.brightwater.example"));
    world.pebble.dns.set_txt(&records[1].name, &records[1].value).await;
    let live = world.until_state(tenant, "brightwater.example", State::Live).await;
    assert_eq!(live.proof, Some(Proof::Txt));
    world.until_served("brightwater.example").await;
    assert!(world.get("brightwater.example").await.contains("tenant=techflow"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_dns_is_reported_and_looked_at_again() {
    let world = World::new(|_| ()).await;
    let tenant = world.tenant("techflow").await;
    world.pebble.dns.set_servfail("success.broken.example").await;
    let domain = world.claim(tenant, "success.broken.example").await;
    let checked = world.checker.check_now(tenant, domain.id).await.unwrap().unwrap();
    assert_eq!(checked.state, State::WaitingDns);
    let report = checked.report.unwrap();
    let check = report.check(Code::ResolversFail).unwrap();
    assert!(check.seen[0].said.contains("SERVFAIL") && check.who == Who::Customer, "{check:?}");
    assert!(checked.next_check.is_some());

    world.pebble.dns.clear_servfail("success.broken.example").await;
    world.pebble.dns.set_cname("success.broken.example", "other-portal.example").await;
    let checked = world.checker.check_now(tenant, domain.id).await.unwrap().unwrap();
    let report = checked.report.unwrap();
    let check = report.check(Code::WrongCname).unwrap();
    assert!(check.seen[0].said.starts_with("CNAME other-portal.example"), "{check:?}");
    assert!(check.fix.as_ref().unwrap().contains("from other-portal.example to"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proven_host_has_one_holder_and_the_newest_proof_wins() {
    let world = World::new(|_| ()).await;
    let (first, second) = (world.tenant("techflow").await, world.tenant("lumen").await);
    let name = "success.brightwater.example";
    let ours = world.claim(first, name).await;
    let theirs = world.claim(second, name).await;
    assert_ne!(ours.label, theirs.label, "each claim has a target of its own");
    world.point(&ours).await;
    world.until_state(first, name, State::Live).await;
    world.until_served(name).await;
    // Another tenant's claim is not proven by our CNAME.
    let checked = world.checker.check_now(second, theirs.id).await.unwrap().unwrap();
    assert_eq!(checked.state, State::WaitingDns);
    assert!(world.checker.check_now(second, ours.id).await.unwrap().is_none(), "not theirs to check");
    assert_eq!(world.table.get(&host(name)).unwrap().tenant, first);

    let record = &theirs.records(&host("portico.localhost")).unwrap()[1];
    world.pebble.dns.set_txt(&record.name, &record.value).await;
    let checked = world.checker.check_now(second, theirs.id).await.unwrap().unwrap();
    // The reconciler may have opened it already: the host has its certificate.
    assert!(matches!(checked.state, State::Verified | State::Live), "{:?}", checked.state);
    assert_eq!(checked.proof, Some(Proof::Txt));
    world.until_state(second, name, State::Live).await;
    let begin = Instant::now();
    while world.table.get(&host(name)).unwrap().tenant != second {
        assert!(begin.elapsed().as_secs() < 10);
        tokio::task::yield_now().await;
    }
    assert!(world.get(name).await.contains("tenant=lumen"), "the very next request is the new holder's");
    assert!(world.domain(first, name).await.is_none(), "the old holder's domain has ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visitors_of_other_hosts_are_sent_to_the_primary_with_path_and_query() {
    let world = World::new(|_| ()).await;
    let tenant = world.tenant("techflow").await;
    let names = ["success.brightwater.example", "portal.brightwater.example"];
    for name in names {
        let domain = world.claim(tenant, name).await;
        world.point(&domain).await;
        world.until_state(tenant, name, State::Live).await;
        world.until_served(name).await;
    }
    let mut tx = world.db.tenant(Scope::tenant(tenant)).await.unwrap();
    domains::redirect(&mut tx, &host(names[1]), &host(names[0])).await.unwrap();
    tx.commit().await.unwrap();
    let begin = Instant::now();
    while world.table.get(&host(names[1])).unwrap().kind != Kind::RedirectTo(host(names[0])) {
        assert!(begin.elapsed().as_secs() < 10);
        tokio::task::yield_now().await;
    }
    let request =
        format!("GET /orders?page=2&q=a%20b HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", names[1]);
    let expected = format!("location: https://{}:{}/orders?page=2&q=a%20b", names[0], world.https.port());
    let page = world.raw(names[1], &request).await;
    assert!(page.starts_with("HTTP/1.1 308") && page.to_lowercase().contains(&expected), "{page}");
    assert!(world.get(names[0]).await.contains(&format!("host={}", names[0])), "the primary serves itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspension_and_renaming_act_at_once() {
    let world = World::new(|_| ()).await;
    world.served_tenant("techflow").await;
    let mut owner = world.test.owner().await;
    sqlx::query("update tenants set status = 'suspended'").execute(&mut owner).await.unwrap();
    let begin = Instant::now();
    while world.table.get(&host("techflow.portico.localhost")).unwrap().kind != Kind::Suspended {
        assert!(begin.elapsed().as_secs() < 10);
        tokio::task::yield_now().await;
    }
    let page = world.get("techflow.portico.localhost").await;
    assert!(page.starts_with("HTTP/1.1 503") && !page.contains("techflow"), "{page}");

    sqlx::query("update tenants set status = 'active', slug = 'flow'").execute(&mut owner).await.unwrap();
    world.until_served("flow.portico.localhost").await;
    assert!(world.table.get(&host("techflow.portico.localhost")).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wildcard_spares_the_orders_of_the_platforms_own_hosts() {
    let world = World::new(|_| ()).await;
    let (chain, key) = world.wildcard();
    let mut tx = world.db.system(System::Certificates).await.unwrap();
    let names = acme::import::import(&mut tx, &world.sealer, (&SystemClock, &SystemRandom), &chain, &key)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(names, ["*.portico.localhost"]);

    world.served_tenant("techflow").await;
    let page = world.get("techflow.portico.localhost").await;
    assert!(page.contains("tenant=techflow") && page.contains("*.portico.localhost"), "{page}");
    world.served_tenant("lumen").await;
    let orders: i64 = sqlx::query_scalar("select count(*) from acme_orders")
        .fetch_one(&mut world.test.owner().await)
        .await
        .unwrap();
    assert_eq!(orders, 0, "nothing was ordered");

    // Browsers send requests for both hosts over one connection; each is its own tenant's.
    let text = "GET / HTTP/1.1\r\nHost: lumen.portico.localhost\r\nConnection: close\r\n\r\n";
    assert!(world.raw("techflow.portico.localhost", text).await.contains("tenant=lumen"));
    let text = text.replace("lumen.", "unknown.");
    let page = world.raw("techflow.portico.localhost", &text).await;
    assert!(page.starts_with("HTTP/1.1 404") && !page.contains("techflow"), "{page}");
}
