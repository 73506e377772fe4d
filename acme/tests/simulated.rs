//! The queue against a simulated authority: limits, windows, `replaces`, outages, a second authority, accounts,
//! revocation. Time is turned by hand, so that weeks pass in moments.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall end")]

use std::sync::Arc;
use std::time::Duration;

use acme::testing::{Outage, SimCa, SimOptions};
use acme::{
    Authority, ExternalAccount, Issuer, IssuerConfig, Lane, Objection, Precheck, Step, Who, challenges::Kind,
    installed, revoke, wanted,
};
use chrono::{DateTime, TimeDelta};
use migrations::testing::TestDatabase;
use platform_core::clock::{Clock, MockClock};
use platform_core::db::{Db, DbConfig, System};
use platform_core::random::{SeededRandom, SystemRandom};
use platform_core::secrets::Sealer;

struct World {
    test: TestDatabase,
    db: Db,
    clock: Arc<MockClock>,
    sealer: Sealer,
}

impl World {
    async fn new() -> Self {
        let test = TestDatabase::new().await;
        let config = DbConfig { app: test.app_options(), operator: None, pooler: false, max_connections: 8 };
        let db = Db::connect(config).await.unwrap();
        let clock = Arc::new(MockClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()));
        let line = Sealer::new_key_line(1, &SeededRandom::new(1));
        let sealer = Sealer::from_key_file(&line, Arc::new(SystemRandom)).unwrap();
        Self { test, db, clock, sealer }
    }

    fn ca(&self, change: impl FnOnce(&mut SimOptions)) -> SimCa {
        let mut options = SimOptions::default();
        change(&mut options);
        let ca = SimCa::new(options, self.clock.clone());
        ca.looking_into(self.db.clone());
        ca
    }

    fn issuer(&self, all: &[&SimCa]) -> Issuer {
        self.issuer_of(all, IssuerConfig::of(all.iter().map(|ca| ca.authority()).collect()))
    }

    fn issuer_of(&self, all: &[&SimCa], config: IssuerConfig) -> Issuer {
        let sources = (self.clock.clone() as Arc<dyn Clock>, Arc::new(SeededRandom::new(7)) as _);
        Issuer::over(SimCa::wires(all), config, self.db.clone(), self.sealer.clone(), sources).unwrap()
    }

    async fn want(&self, hosts: &[&str]) {
        let hosts: Vec<String> = hosts.iter().map(|h| (*h).to_owned()).collect();
        let mut tx = self.db.system(System::Certificates).await.unwrap();
        wanted::want(&mut tx, &hosts, self.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn progress(&self, host: &str) -> acme::Progress {
        let mut tx = self.db.system(System::Certificates).await.unwrap();
        acme::progress(&mut tx, host).await.unwrap().expect("it has an order")
    }

    async fn summary(&self, host: &str) -> Option<installed::Summary> {
        let mut tx = self.db.system(System::Certificates).await.unwrap();
        installed::summary(&mut tx, host).await.unwrap()
    }

    async fn count(&self, what: &'static str) -> i64 {
        sqlx::query_scalar(what).fetch_one(&mut self.test.owner().await).await.unwrap()
    }

    /// Works off everything that is due now.
    async fn settle(&self, issuer: &Issuer) {
        issuer.reconcile().await.unwrap();
        for _ in 0..1000 {
            if issuer.turn().await.unwrap() == 0 {
                return;
            }
        }
        panic!("it never settles");
    }

    /// Lives through a stretch of time, from one thing that is due to the next.
    async fn live(&self, issuer: &Issuer, span: TimeDelta) {
        let end = self.clock.now() + span;
        let rhythm = TimeDelta::hours(if span > days(5) { 6 } else { 1 });
        self.settle(issuer).await;
        while self.clock.now() < end {
            let look = self.clock.now() + rhythm;
            let next = issuer.next_look().await.unwrap().unwrap_or(look).min(look).min(end);
            let step = (next - self.clock.now()).max(TimeDelta::seconds(1));
            self.clock.advance(step.to_std().unwrap());
            self.settle(issuer).await;
        }
    }
}

fn days(n: i64) -> TimeDelta {
    TimeDelta::days(n)
}

#[tokio::test]
async fn a_host_gets_a_certificate_of_the_profile_and_renews_inside_the_window() {
    let world = World::new().await;
    let ca = world.ca(|options| options.bad_nonces = 20);
    let config =
        IssuerConfig::of(vec![Authority { profile: Some("tlsserver".to_owned()), ..ca.authority() }]);
    let issuer = world.issuer_of(&[&ca], config);
    world.want(&["success.brightwater.example"]).await;
    world.settle(&issuer).await;
    let first = world.summary("success.brightwater.example").await.expect("issued at once");
    assert_eq!((first.not_after - first.not_before).num_days(), 45);
    let start = first.not_before;

    world.live(&issuer, days(29)).await;
    let asked = ca.stats().windows_asked;
    assert!((2 * 29..=6 * 29).contains(&asked), "{asked} questions in 29 days");
    let planned = world.summary("success.brightwater.example").await.unwrap();
    assert_eq!(planned.serial, first.serial);
    let early = start + days(45) - days(15) - TimeDelta::hours(11);
    assert!(
        planned.renew_at > early && planned.renew_at < early + TimeDelta::hours(22),
        "{}",
        planned.renew_at
    );

    world.live(&issuer, days(2)).await;
    let second = world.summary("success.brightwater.example").await.unwrap();
    assert_ne!(second.serial, first.serial);
    assert!((second.not_before - planned.renew_at).num_seconds().abs() < 120, "at the drawn instant");
    let stats = ca.stats();
    assert_eq!((stats.renewals_in_window, stats.renewals_of_same_names, stats.renewals_counted), (1, 0, 0));
    assert_eq!(stats.refused, 0);
}

#[tokio::test]
async fn without_renewal_information_a_third_of_the_life_remains() {
    let world = World::new().await;
    let ca = world.ca(|options| options.renewal_info = None);
    let issuer = world.issuer(&[&ca]);
    world.want(&["a.example"]).await;
    world.live(&issuer, days(31)).await;
    assert_eq!(world.count("select count(*) from certificates").await, 2);
    let stats = ca.stats();
    assert_eq!((stats.renewals_of_same_names, stats.renewals_counted), (1, 0), "free at Let's Encrypt");
    let left = "select extract(epoch from a.not_after - b.not_before)::bigint / 86400 from certificates a, certificates b
                 where a.superseded_at is not null and b.superseded_at is null";
    assert_eq!(world.count(left).await, 15);
}

#[tokio::test]
async fn a_successor_that_we_do_not_know_of_costs_replaces_and_nothing_else() {
    let world = World::new().await;
    let ca = world.ca(|_| ());
    let issuer = world.issuer(&[&ca]);
    world.want(&["restored.example"]).await;
    world.live(&issuer, days(31)).await;
    // The database is set back to the day before the renewal.
    let mut owner = world.test.owner().await;
    sqlx::raw_sql(
        "delete from certificates where superseded_at is null; update certificates set superseded_at = null;
         delete from acme_orders",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    world.live(&issuer, days(1)).await;
    assert_eq!(ca.stats().already_replaced, 1, "asked with `replaces` once");
    let now = world.summary("restored.example").await.unwrap();
    assert!(now.not_after > world.clock.now() + days(40), "and has a new certificate");
    assert_eq!(world.progress("restored.example").await.errors.0.len(), 0, "no failure for people to read");
}

#[tokio::test]
async fn an_announced_revocation_is_answered_within_the_hours_of_one_question() {
    let world = World::new().await;
    let ca = world.ca(|_| ());
    let issuer = world.issuer(&[&ca]);
    let hosts: Vec<String> = (0..30).map(|n| format!("portal.customer-{n}.example")).collect();
    world.want(&hosts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.live(&issuer, days(3)).await;
    assert_eq!(ca.announce_revocation(|_| true), 30);
    world.live(&issuer, TimeDelta::hours(7)).await;
    assert_eq!(world.count("select count(*) from certificates").await, 60, "all are replaced");
    let stats = ca.stats();
    assert_eq!((stats.renewals_counted, stats.refused), (0, 0));
    world.live(&issuer, days(1)).await;
    assert_eq!(world.count("select count(*) from certificates").await, 60, "and once only");
}

#[tokio::test]
async fn an_import_stays_inside_the_limits_and_lets_people_pass() {
    let world = World::new().await;
    let ca = world.ca(|_| ());
    let issuer = world.issuer(&[&ca]);
    let hosts: Vec<String> = (0..400).map(|n| format!("portal.customer-{n}.example")).collect();
    let mut tx = world.db.system(System::Certificates).await.unwrap();
    wanted::want_in_bulk(&mut tx, &hosts, world.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    world.settle(&issuer).await;
    assert_eq!(world.count("select count(*) from certificates").await, 238, "four fifths of the burst");
    world.want(&["now.example"]).await;
    world.settle(&issuer).await;
    assert!(world.summary("now.example").await.is_some(), "nobody waits behind an import");
    world.live(&issuer, TimeDelta::hours(2)).await;
    assert_eq!(world.count("select count(*) from certificates").await, 401);
    assert_eq!(ca.stats().refused, 0, "the authority never had to say no");
}

#[tokio::test]
async fn fifty_hosts_of_one_domain_and_then_one_each_few_hours() {
    let world = World::new().await;
    let ca = world.ca(|_| ());
    let issuer = world.issuer(&[&ca]);
    let hosts: Vec<String> = (0..60).map(|n| format!("h{n}.one.co.uk")).collect();
    world.want(&hosts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.settle(&issuer).await;
    assert_eq!(world.count("select count(*) from certificates").await, 49);
    world.live(&issuer, days(2)).await;
    assert_eq!(world.count("select count(*) from certificates").await, 60);
    assert_eq!(ca.stats().refused, 0);
}

#[tokio::test]
async fn a_host_that_keeps_failing_is_never_locked_out_and_says_why() {
    let world = World::new().await;
    let ca = world.ca(|_| ());
    ca.fail(|host, _| (host == "broken.example").then(|| ("dns", "NXDOMAIN looking up A".to_owned())));
    let issuer = world.issuer(&[&ca]);
    world.want(&["broken.example"]).await;
    for _ in 0..12 {
        // Somebody presses the button every five minutes.
        world.live(&issuer, TimeDelta::minutes(5)).await;
        let mut tx = world.db.system(System::Certificates).await.unwrap();
        acme::retry_now(&mut tx, "broken.example", world.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }
    let stats = ca.stats();
    assert!(stats.failures.len() <= 4, "{} failures in an hour", stats.failures.len());
    assert_eq!(stats.refused, 0);
    let progress = world.progress("broken.example").await;
    let last = progress.errors.0.last().unwrap();
    assert_eq!((last.who, last.authority.as_str()), (Who::Customer, "ca.sim"));
    assert!(last.text.contains("NXDOMAIN"), "{}", last.text);
    assert!(progress.lane == Lane::Bulk || progress.lane == Lane::First);
}

#[tokio::test]
async fn a_paused_name_is_left_alone_for_a_day() {
    let world = World::new().await;
    let ca = world.ca(|options| options.pause_after = 2);
    ca.fail(|_, _| Some(("unauthorized", "wrong text".to_owned())));
    let issuer = world.issuer(&[&ca]);
    world.want(&["paused.example"]).await;
    world.live(&issuer, TimeDelta::hours(20)).await;
    assert_eq!(ca.stats().refused, 1, "the pause is met once");
    let progress = world.progress("paused.example").await;
    assert!(progress.errors.0.last().unwrap().text.contains("paused"));
    assert!(progress.due > world.clock.now() + TimeDelta::hours(3));
}

#[tokio::test]
async fn a_connection_fault_leads_to_the_other_port_and_blocked_port_80_to_it_at_once() {
    let world = World::new().await;
    let ca = world.ca(|_| ());
    ca.fail(|_, kind| (kind == Kind::Http01).then(|| ("connection", "Timeout during connect".to_owned())));
    let issuer = world.issuer(&[&ca]);
    world.want(&["firewalled.example"]).await;
    world.live(&issuer, TimeDelta::minutes(2)).await;
    assert!(world.summary("firewalled.example").await.is_some());
    assert_eq!(ca.stats().failures.len(), 1);

    let blocked = IssuerConfig { port_80_blocked: true, ..IssuerConfig::of(vec![ca.authority()]) };
    world.want(&["other.example"]).await;
    world.settle(&world.issuer_of(&[&ca], blocked)).await;
    assert!(world.summary("other.example").await.is_some());
    assert_eq!(ca.stats().failures.len(), 1);
    let mut owner = world.test.owner().await;
    let kinds: Vec<String> =
        sqlx::query_scalar("select distinct challenge from acme_orders").fetch_all(&mut owner).await.unwrap();
    assert_eq!(kinds, ["tls-alpn-01"]);
}

#[derive(Debug)]
struct Looker;

impl Precheck for Looker {
    fn look<'a>(
        &'a self,
        host: &'a str,
        _: Kind,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Objection>> + Send + 'a>> {
        Box::pin(async move {
            match host.starts_with("elsewhere") {
                true => Err(Objection { who: Who::Customer, text: format!("{host} points elsewhere") }),
                false => Ok(()),
            }
        })
    }
}

#[tokio::test]
async fn what_our_own_look_sees_costs_no_order() {
    let world = World::new().await;
    let ca = world.ca(|_| ());
    let issuer = world.issuer(&[&ca]).with_precheck(Arc::new(Looker));
    world.want(&["elsewhere.example", "here.example"]).await;
    world.live(&issuer, TimeDelta::hours(3)).await;
    assert_eq!(ca.stats().orders, 1);
    let progress = world.progress("elsewhere.example").await;
    assert_eq!(progress.step, Step::New);
    assert_eq!(progress.errors.0.last().unwrap().text, "elsewhere.example points elsewhere");
    assert_eq!(progress.errors.0.len(), 1, "one line, however often it was seen");
}

#[tokio::test]
async fn an_outage_is_found_once_and_survived() {
    for how in [Outage::Refused, Outage::Pages] {
        let world = World::new().await;
        let ca = world.ca(|_| ());
        let issuer = world.issuer(&[&ca]);
        world.want(&["before.example"]).await;
        world.settle(&issuer).await;
        let before = ca.stats().requests;
        ca.away(world.clock.now(), world.clock.now() + TimeDelta::hours(6), how);
        let hosts: Vec<String> = (0..50).map(|n| format!("portal.customer-{n}.example")).collect();
        world.want(&hosts.iter().map(String::as_str).collect::<Vec<_>>()).await;
        world.live(&issuer, TimeDelta::hours(5)).await;
        let progress = world.progress("portal.customer-0.example").await;
        let words = if how == Outage::Pages { "503 Service Unavailable" } else { "Connection refused" };
        let last = progress.errors.0.last();
        assert!(last.is_none_or(|last| last.who == Who::Authority && last.text.contains(words)), "{last:?}");
        assert_eq!(ca.stats().requests, before, "what never arrived is not counted");
        assert_eq!(world.count("select down_faults::bigint from acme_accounts").await.min(5), 5);
        world.live(&issuer, TimeDelta::hours(2)).await;
        assert_eq!(world.count("select count(*) from certificates").await, 51);
        assert_eq!(world.count("select count(*) from acme_accounts where down_since is null").await, 1);
    }
}

#[tokio::test]
async fn the_second_authority_is_for_faults_of_the_first_only() {
    let world = World::new().await;
    let (first, second) = (world.ca(|_| ()), world.ca(|options| options.name = "other.sim".to_owned()));
    for ca in [&first, &second] {
        ca.fail(|host, _| (host == "broken.example").then(|| ("caa", "CAA record forbids it".to_owned())));
    }
    let issuer = world.issuer(&[&first, &second]);
    world.want(&["warm.example"]).await;
    world.settle(&issuer).await;
    let now = world.clock.now();
    first.away(now, now + TimeDelta::hours(3), Outage::Pages);
    world.want(&["new.example"]).await;
    world.live(&issuer, TimeDelta::minutes(5)).await;
    assert!(world.summary("new.example").await.is_none(), "patience first");
    world.live(&issuer, TimeDelta::minutes(10)).await;
    let summary = world.summary("new.example").await.expect("the second one issues");
    assert!(summary.not_after > now);
    let progress = world.progress("new.example").await;
    assert!(progress.directory.contains("other.sim"));
    assert!(
        progress.errors.0.iter().any(|failure| failure.authority == "ca.sim"),
        "the first one's fault is kept"
    );

    world.live(&issuer, TimeDelta::hours(4)).await;
    world.want(&["broken.example"]).await;
    world.live(&issuer, days(2)).await;
    assert_eq!(second.stats().failures.len(), 0, "a fault of the host's is not carried to another authority");
    assert!(first.stats().failures.len() >= 4);
    // The next renewal is the first one's again, without `replaces`: it does not know the certificate.
    world.live(&issuer, days(32)).await;
    assert!(world.progress("new.example").await.directory.contains("ca.sim"));
    assert_eq!(first.stats().refused + second.stats().refused, 0);
}

#[tokio::test]
async fn a_certificate_about_to_expire_is_renewed_whatever_the_windows_and_waits_say() {
    let world = World::new().await;
    let ca = world.ca(|_| ());
    let issuer = world.issuer(&[&ca]);
    world.want(&["late.example"]).await;
    world.settle(&issuer).await;
    let start = world.clock.now();
    ca.fail(move |_, _| Some(("dns", "SERVFAIL".to_owned())));
    world.live(&issuer, days(43)).await;
    let progress = world.progress("late.example").await;
    assert_eq!(progress.lane, Lane::Urgent);
    assert!(progress.due <= world.clock.now() + TimeDelta::hours(1), "back-off of a day is cut short");
    ca.fail(|_, _| None);
    world.live(&issuer, TimeDelta::hours(1)).await;
    assert!(world.summary("late.example").await.unwrap().not_after > start + days(80));
    let failures = ca.stats().failures;
    let in_one_hour = failures.windows(5).any(|five| five[4].1 - five[0].1 < 3600);
    assert!(!in_one_hour, "never more than four failures in an hour");
    assert_eq!(ca.stats().refused, 0);
}

#[tokio::test]
async fn an_external_account_is_bound_and_remembered_sealed() {
    let world = World::new().await;
    let secret = b"a key that the authority has mailed".to_vec();
    let ca = world.ca(|options| options.external = Some(("kid-1".to_owned(), secret.clone())));
    world.want(&["a.example"]).await;
    world.live(&world.issuer(&[&ca]), TimeDelta::minutes(1)).await;
    assert!(world.summary("a.example").await.is_none(), "refused without");
    world.clock.advance(Duration::from_secs(3600));

    sqlx::raw_sql("delete from acme_accounts").execute(&mut world.test.owner().await).await.unwrap();
    let external = ExternalAccount { kid: "kid-1".to_owned(), hmac: secret };
    let bound = Authority { external: Some(external), ..ca.authority() };
    world.live(&world.issuer_of(&[&ca], IssuerConfig::of(vec![bound])), TimeDelta::hours(2)).await;
    assert!(world.summary("a.example").await.is_some());

    // Without the configuration the stored binding is used, should the authority forget us.
    ca.forget_accounts();
    world.want(&["b.example"]).await;
    world.live(&world.issuer(&[&ca]), TimeDelta::hours(2)).await;
    assert!(world.summary("b.example").await.is_some());
}

#[tokio::test]
async fn an_account_key_is_rolled_over_and_a_crash_in_the_middle_loses_nothing() {
    let world = World::new().await;
    let ca = world.ca(|_| ());
    let (one, other) = (world.issuer(&[&ca]), world.issuer(&[&ca]));
    world.want(&["a.example"]).await;
    world.settle(&one).await;
    world.want(&["b.example"]).await;
    world.settle(&other).await;
    let url = "select count(distinct account_url) from acme_accounts";

    one.roll_account_key(&ca.directory()).await.unwrap();
    assert_eq!(world.count("select key_version::bigint from acme_accounts").await, 2);
    // The other node still has the old key in memory.
    world.want(&["c.example"]).await;
    world.live(&other, TimeDelta::minutes(5)).await;
    assert!(world.summary("c.example").await.is_some());

    // A crash after the authority was told: the stored next key is the one that it knows.
    let mut owner = world.test.owner().await;
    let before: (Vec<u8>, uuid::Uuid) =
        sqlx::query_as("select key_sealed, id from acme_accounts").fetch_one(&mut owner).await.unwrap();
    one.roll_account_key(&ca.directory()).await.unwrap();
    let binding = |column| platform_core::secrets::Binding {
        table: "acme_accounts",
        column,
        tenant: None,
        row: before.1,
    };
    let now: Vec<u8> =
        sqlx::query_scalar("select key_sealed from acme_accounts").fetch_one(&mut owner).await.unwrap();
    let told = world.sealer.open(&binding("key_sealed"), &now).unwrap();
    let next = world.sealer.seal(&binding("next_key_sealed"), &told);
    sqlx::query("update acme_accounts set key_sealed = $1, next_key_sealed = $2, key_version = 2")
        .bind(&before.0)
        .bind(next)
        .execute(&mut owner)
        .await
        .unwrap();
    let restarted = world.issuer(&[&ca]);
    world.want(&["d.example"]).await;
    world.settle(&restarted).await;
    assert!(world.summary("d.example").await.is_some());
    assert_eq!(world.count("select count(*) from acme_accounts where next_key_sealed is null").await, 1);
    assert_eq!(world.count(url).await, 1);
}

#[tokio::test]
async fn an_off_boarded_host_loses_its_certificate_and_its_key() {
    let world = World::new().await;
    let ca = world.ca(|_| ());
    let issuer = world.issuer(&[&ca]);
    world.want(&["gone.example", "back.example", "stays.example"]).await;
    world.settle(&issuer).await;
    let serial = world.summary("gone.example").await.unwrap().serial;
    let mut tx = world.db.system(System::Certificates).await.unwrap();
    wanted::forget(&mut tx, "gone.example").await.unwrap();
    wanted::forget(&mut tx, "back.example").await.unwrap();
    tx.commit().await.unwrap();
    world.live(&issuer, TimeDelta::hours(12)).await;
    world.want(&["back.example"]).await;
    let begin = world.clock.now();
    ca.away(begin, begin + TimeDelta::hours(14), Outage::Refused);
    world.live(&issuer, TimeDelta::hours(13)).await;
    assert!(world.summary("gone.example").await.is_none(), "out of service");
    assert_eq!(world.count("select count(*) from certificates where key_sealed is null").await, 1);
    assert_eq!(ca.revoked(&serial), None, "the authority is away");
    world.live(&issuer, days(1)).await;
    assert_eq!(ca.revoked(&serial), Some(5), "cessationOfOperation");
    assert_eq!(world.count("select count(*) from acme_revocations where done_at is not null").await, 1);
    assert!(world.summary("back.example").await.is_some(), "who comes back within the day keeps it");

    let mut tx = world.db.system(System::Certificates).await.unwrap();
    let stays = world.summary("stays.example").await.unwrap().serial;
    let by = (&*world.clock as &dyn Clock, &SystemRandom as _);
    assert!(revoke::revoke(&mut tx, by, "stays.example", revoke::Reason::KeyCompromise).await.unwrap());
    assert!(!revoke::revoke(&mut tx, by, "never.example", revoke::Reason::KeyCompromise).await.unwrap());
    tx.commit().await.unwrap();
    world.settle(&issuer).await;
    assert_eq!(ca.revoked(&stays), Some(1), "keyCompromise");
    assert_ne!(world.summary("stays.example").await.unwrap().serial, stays, "and a new one with a new key");
}

#[tokio::test]
async fn a_host_that_is_not_here_yet_is_proven_by_dns() {
    let world = World::new().await;
    let ca = world.ca(|_| ());
    ca.fail(|_, kind| (kind != Kind::Dns01).then(|| ("unauthorized", "another server answers".to_owned())));
    let issuer = world.issuer(&[&ca]);
    let mut tx = world.db.system(System::Certificates).await.unwrap();
    wanted::want(&mut tx, &["soon.example".to_owned()], world.clock.now()).await.unwrap();
    wanted::prove_by(&mut tx, "soon.example", Some(Kind::Dns01)).await.unwrap();
    tx.commit().await.unwrap();
    world.settle(&issuer).await;
    assert!(world.summary("soon.example").await.is_some());
    assert_eq!(ca.stats().failures.len(), 0);
}

#[tokio::test]
async fn wildcards_are_proven_by_dns() {
    let world = World::new().await;
    let ca = world.ca(|_| ());
    let issuer = world.issuer(&[&ca]);
    world.want(&["*.portal.example"]).await;
    world.settle(&issuer).await;
    let summary = world.summary("any.portal.example").await.expect("the wildcard covers it");
    assert_eq!(summary.names, ["*.portal.example"]);
}
