//! From the claim to the end, and everything that can come between.

use std::time::Duration;

use acme::Precheck as _;
use acme::challenges::Kind;
use acme::probe::Code;
use acme::testing::Temper;
use chrono::TimeDelta;
use platform_core::clock::Clock as _;
use platform_core::db::Scope;
use tenant_router::domains::{self, ClaimError, Proof, State};

use crate::world::{BASE, World, host};

const NAME: &str = "success.brightwater.example";

fn code(domain: &domains::Domain, code: Code) -> bool {
    domain.report.as_ref().is_some_and(|report| report.check(code).is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_waits_is_proven_and_expires_when_nobody_cares() {
    let world = World::new().await;
    let tenant = world.tenant("techflow").await;
    let claimed = world.claim(tenant, NAME).await;
    let waiting = world.look(&claimed).await;
    assert_eq!(waiting.state, State::WaitingDns);
    assert!(code(&waiting, Code::NoName));
    assert_eq!(waiting.report.as_ref().unwrap().next_look, waiting.next_check);

    // One of two servers has it: not yet, and nobody has to do anything.
    let target = claimed.target(&host(BASE)).unwrap();
    world.dns.zone(
        "ns1.brightwater.example",
        "brightwater.example",
        &format!("@ NS ns1.brightwater.example.\n@ NS ns2.brightwater.example.\nsuccess CNAME {target}."),
    );
    let waiting = world.look(&claimed).await;
    assert_eq!(waiting.state, State::WaitingDns);
    assert!(code(&waiting, Code::ServersDiffer));

    world.point(&claimed);
    let verified = world.look(&claimed).await;
    assert_eq!((verified.state, verified.proof), (State::Verified, Some(Proof::Cname)));
    assert_eq!(world.wanted().await, [NAME]);

    // The record goes before the certificate has come: back to waiting, and no certificate is wanted.
    world.publish("");
    assert_eq!(world.look(&claimed).await.state, State::WaitingDns);
    assert_eq!(world.wanted().await, [""; 0]);

    world.clock.advance(Duration::from_hours(24 * 8));
    let expired = world.look(&claimed).await;
    assert_eq!((expired.state, expired.next_check), (State::Expired, None));
    let again = world.claim(tenant, NAME).await;
    assert!(again.label != claimed.label && again.nonce != claimed.nonce, "nothing is used twice");
    assert_eq!(world.told(tenant).await.0, ["claimed", "verified", "expired", "claimed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_proof_wins_and_the_old_holder_is_told() {
    let world = World::new().await;
    let (first, second) = (world.tenant("techflow").await, world.tenant("lumen").await);
    let ours = world.live(first, NAME).await;
    let theirs = world.claim(second, NAME).await;
    // The customer's record points at the second tenant's target: that alone takes nothing away.
    world.point(&theirs);
    let blocked = world.look(&theirs).await;
    assert_eq!(blocked.state, State::Blocked);
    assert!(code(&blocked, Code::ProofContested));
    assert_eq!(world.get(first, ours.id).await.state, State::Live);

    let proof = &theirs.records(&host(BASE)).unwrap()[1];
    let target = theirs.target(&host(BASE)).unwrap();
    world.publish(&format!("success CNAME {target}.\n{}. TXT \"{}\"", proof.name, proof.value));
    let taken = world.look(&theirs).await;
    assert_eq!((taken.state, taken.proof), (State::Verified, Some(Proof::Txt)));
    assert_eq!(world.get(first, ours.id).await.state, State::Released);
    assert_eq!(world.wanted().await, [NAME], "still wanted, for the new holder");
    let (log, mails) = world.told(first).await;
    assert_eq!(log, ["claimed", "verified", "taken"]);
    assert_eq!(mails, [format!("{NAME} is no longer yours here")]);
    let (log, mails) = world.told(second).await;
    assert_eq!((log, mails.len()), (vec!["claimed".into(), "took".into()], 0));

    // The old holder may claim again, and its old records prove nothing: not the label, not the text.
    let again = world.claim(first, NAME).await;
    let old = &ours.records(&host(BASE)).unwrap();
    world.publish(&format!("success CNAME {}.\n{}. TXT \"{}\"", old[0].value, old[1].name, old[1].value));
    let checked = world.look(&again).await;
    assert!(checked.state == State::WaitingDns && code(&checked, Code::ProofWrong), "{checked:?}");
    assert_eq!(world.get(second, theirs.id).await.state, State::Verified);
    assert!(world.checker.check_now(first, theirs.id).await.unwrap().is_none(), "not theirs to look at");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_moves_away_is_kept_for_a_week_and_then_let_go() {
    let world = World::new().await;
    let tenant = world.tenant("techflow").await;
    let domain = world.live(tenant, NAME).await;
    world.publish("success CNAME elsewhere.example.");
    let moved = world.look(&domain).await;
    assert_eq!(moved.state, State::Moved);
    assert_eq!(world.wanted().await, [NAME], "served on, in case it comes back");

    world.clock.advance(Duration::from_hours(24 * 3));
    world.point(&domain);
    assert_eq!(world.look(&domain).await.state, State::Live);

    world.publish("success A 192.0.2.1");
    assert_eq!(world.look(&domain).await.state, State::Moved);
    world.clock.advance(Duration::from_hours(24 * 6));
    assert_eq!(world.look(&domain).await.state, State::Moved);
    world.clock.advance(Duration::from_hours(24));
    // Name servers that fail say nothing about where the customer went.
    world.dns.temper("ns1.brightwater.example", Temper::Fails);
    world.dns.temper("ns2.brightwater.example", Temper::Fails);
    assert_eq!(world.look(&domain).await.state, State::Moved);
    world.dns.temper("ns2.brightwater.example", Temper::Well);
    let gone = world.look(&domain).await;
    assert_eq!(gone.state, State::Released);
    assert!(gone.next_check.is_some_and(|next| next - gone.ended_at.unwrap() == TimeDelta::days(7)));
    assert_eq!(world.wanted().await, [""; 0], "its certificate is not renewed");
    let (log, mails) = world.told(tenant).await;
    assert_eq!(log, ["claimed", "verified", "moved", "returned", "moved", "released"]);
    assert_eq!(mails.len(), 3, "{mails:?}");
    assert!(mails.contains(&format!("{NAME} was given up")), "{mails:?}");

    // The record comes back, to a label that is nobody's any more: they are told each week.
    world.point(&domain);
    for week in 1..=2 {
        world.clock.advance(Duration::from_hours(24 * 7));
        assert_eq!(world.look(&domain).await.state, State::Released);
        assert_eq!(world.look(&domain).await.state, State::Released, "a look by hand sends no mail");
        let (_, mails) = world.told(tenant).await;
        assert_eq!(
            mails.iter().filter(|mail| mail.ends_with("still points here")).count(),
            week,
            "{mails:?}"
        );
    }
    let other = world.claim(world.tenant("lumen").await, NAME).await;
    let checked = world.look(&other).await;
    assert!(checked.state == State::WaitingDns && code(&checked, Code::OldTarget), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nightly_look_warns_before_the_renewal() {
    let world = World::new().await;
    let tenant = world.tenant("techflow").await;
    let domain = world.live(tenant, NAME).await;
    world.publish(&format!(
        "@ CAA 0 issue \"ca.example\"\nsuccess A 198.51.100.80\n_portico.success TXT \"portico-verify={}\"",
        domain.nonce
    ));
    let troubled = world.look(&domain).await;
    assert_eq!(troubled.state, State::Live);
    assert!(troubled.troubled_since.is_some() && code(&troubled, Code::CaaOtherIssuer));
    assert_eq!(world.checker.in_trouble().await.unwrap(), [(NAME.to_owned(), "troubled".to_owned())]);
    world.look(&domain).await;
    world.point(&domain);
    assert_eq!(world.look(&domain).await.troubled_since, None);
    let (log, mails) = world.told(tenant).await;
    assert_eq!(log, ["claimed", "verified", "troubled", "recovered"], "each is told once");
    assert_eq!(mails, [format!("{NAME} needs a change in its DNS")]);
    assert!(world.checker.in_trouble().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looks_on_demand_are_limited_and_claims_are_capped() {
    let world = World::new().await;
    let tenant = world.tenant("techflow").await;
    let domain = world.claim(tenant, NAME).await;
    let mut looks = 0;
    for _ in 0..20 {
        world.clock.advance(Duration::from_millis(100));
        let now = world.clock.now();
        let checked = world.checker.check_now(tenant, domain.id).await.unwrap().unwrap();
        looks += usize::from(checked.checked_at == Some(now));
    }
    assert_eq!(looks, 6);
    world.clock.advance(Duration::from_secs(11));
    let checked = world.checker.check_now(tenant, domain.id).await.unwrap().unwrap();
    assert_eq!(checked.checked_at, Some(world.clock.now()));

    let world = std::sync::Arc::new(world);
    let mut together = tokio::task::JoinSet::new();
    for number in 1..30 {
        let world = world.clone();
        together.spawn(async move {
            world.try_claim(tenant, &format!("h{number}.brightwater.example")).await.is_ok()
        });
    }
    assert_eq!(together.join_all().await.into_iter().filter(|claimed| *claimed).count(), 19);
    let refused = world.try_claim(tenant, "one-more.brightwater.example").await.unwrap_err();
    assert!(matches!(refused, ClaimError::TooMany), "{refused}");
    let fresh = world.tenant("fresh").await;
    for name in ["pоrtico.brightwater.example", "p0rtico.kunde.de", "mta-sts.kunde.de", "a..b", "10.0.0.1"] {
        world.try_claim(fresh, name).await.unwrap_err();
    }
    let stored: i64 = sqlx::query_scalar("select count(*) from domains")
        .fetch_one(&mut world.test.owner().await)
        .await
        .unwrap();
    assert_eq!(stored, 20, "what is refused is not stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenants_that_prove_at_once_end_with_one_holder() {
    let world = World::new().await;
    let (first, second) = (world.tenant("techflow").await, world.tenant("lumen").await);
    let (one, two) = (world.claim(first, NAME).await, world.claim(second, NAME).await);
    let txt = |domain: &domains::Domain| format!("_portico.success TXT \"portico-verify={}\"", domain.nonce);
    world.publish(&format!("success A 198.51.100.80\n{}\n{}", txt(&one), txt(&two)));
    let both = tokio::join!(world.checker.check_now(first, one.id), world.checker.check_now(second, two.id));
    both.0.unwrap();
    both.1.unwrap();
    let states = [world.get(first, one.id).await.state, world.get(second, two.id).await.state];
    let holders = states.iter().filter(|state| **state == State::Verified).count();
    assert_eq!(holders, 1, "{states:?}");
    assert!(states.iter().any(|state| matches!(state, State::Blocked | State::Released)), "{states:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_certified_before_its_dns_is_switched() {
    let world = World::new().await;
    let tenant = world.tenant("techflow").await;
    let domain = world.claim(tenant, NAME).await;
    let (proof, delegation) =
        (&domain.records(&host(BASE)).unwrap()[1], domain.delegation("acme.portico.example"));
    let prepared =
        format!("{}. TXT \"{}\"\n{}. CNAME {}.", proof.name, proof.value, delegation.name, delegation.value);
    let elsewhere = format!("success A 192.0.2.1\n{prepared}");
    world.publish(&format!("success A 192.0.2.1\n{}. TXT \"{}\"", proof.name, proof.value));
    assert_eq!(world.look(&domain).await.state, State::Verified);
    let objection = world.checker.look(NAME, Kind::Http01).await.unwrap_err();
    assert!(objection.who == acme::Who::Customer && objection.text.contains("192.0.2.1"), "{objection:?}");
    world.publish(&elsewhere);
    assert_eq!(world.look(&domain).await.state, State::Verified);
    assert!(world.checker.look(NAME, Kind::Http01).await.is_err(), "visitors go elsewhere");
    world.checker.look(NAME, Kind::Dns01).await.unwrap();
    world.checker.look("techflow.portico.example", Kind::Http01).await.unwrap();
    let kind: Option<String> = sqlx::query_scalar("select prove_by from wanted_hosts where host = $1")
        .bind(NAME)
        .fetch_one(&mut world.test.owner().await)
        .await
        .unwrap();
    assert_eq!(kind.as_deref(), Some("dns-01"));

    // The certificate has come, and the nightly look does not take a host for lost that has yet to arrive.
    world.open(&domain).await;
    let live = world.look(&domain).await;
    assert_eq!((live.state, live.arrived_at, live.troubled_since), (State::Live, None, None));
    let target = domain.target(&host(BASE)).unwrap();
    world.publish(&format!("success CNAME {target}.\n{prepared}"));
    assert!(world.look(&domain).await.arrived_at.is_some());
    world.checker.look(NAME, Kind::Http01).await.unwrap();
    world.publish(&elsewhere);
    assert_eq!(world.look(&domain).await.state, State::Moved);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_is_behind_the_wall() {
    let world = World::new().await;
    let (first, second) = (world.tenant("techflow").await, world.tenant("lumen").await);
    let domain = world.live(first, NAME).await;
    let mut tx = world.db.tenant(Scope::tenant(first)).await.unwrap();
    assert_eq!(domains::events::of(&mut tx, domain.id).await.unwrap().len(), 2);
    let mut tx = world.db.tenant(Scope::tenant(second)).await.unwrap();
    assert_eq!(domains::events::of(&mut tx, domain.id).await.unwrap().len(), 0);
    let found = world.checker.diagnose(&host(NAME), Some(second)).await.unwrap();
    assert!(found.domain.is_none(), "another tenant's claim is not shown");
    assert!(found.report.check(Code::OldTarget).is_none() && found.report.check(Code::Unclaimed).is_some());
}

#[tokio::test]
async fn a_platform_that_can_prove_it_wants_one_wildcard_for_its_own_hosts() {
    let world = World::new().await;
    world.tenant("techflow").await;
    let reconciler = world.reconciler.clone().wanting_wildcard(true);
    reconciler.pass().await.unwrap();
    let wanted = async || -> Vec<String> {
        sqlx::query_scalar("select host from wanted_hosts order by host")
            .fetch_all(&mut world.test.owner().await)
            .await
            .unwrap()
    };
    let wildcard = format!("*.{BASE}");
    assert_eq!(wanted().await, [wildcard.clone(), format!("techflow.{BASE}")], "until it is there");

    sqlx::query(
        "insert into certificates (id, host, names, chain, serial, issuer, directory, not_before, not_after, renew_at, created_at)
         values (gen_random_uuid(), $1, array[$1], '', '1', 'CA', 'd', $2, $2 + interval '45 days', $2 + interval '30 days', $2)",
    )
    .bind(&wildcard)
    .bind(world.clock.now())
    .execute(&mut world.test.owner().await)
    .await
    .unwrap();
    world.clock.advance(Duration::from_secs(60));
    reconciler.pass().await.unwrap();
    assert_eq!(wanted().await, [wildcard], "and it stays wanted, so that it is renewed");
    world.clock.advance(Duration::from_secs(60));
    world.reconciler.pass().await.unwrap();
    assert!(wanted().await.is_empty(), "a platform without a zone keeps an imported one as it is");
}
