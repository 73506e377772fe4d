//! A database, a DNS and a clock that a test moves; nothing is issued here, so a test says when a certificate has come.

use std::sync::Arc;
use std::time::Duration;

use acme::probe::{Platform, Prober};
use acme::testing::DnsWorld;
use chrono::{DateTime, Utc};
use migrations::testing::TestDatabase;
use platform_core::clock::{Clock, MockClock};
use platform_core::db::{Db, DbConfig, Scope};
use platform_core::id::{DomainId, StaffId, TenantId};
use platform_core::mail::Outbox;
use platform_core::random::{SeededRandom, SystemRandom};
use platform_core::secrets::Sealer;
use tenant_router::domains::{self, Checker, ClaimError, ClaimRules, Domain, Notices, State};
use tenant_router::{Host, Reconciler};

pub(crate) const BASE: &str = "portico.example";

pub(crate) struct World {
    pub(crate) test: TestDatabase,
    pub(crate) db: Db,
    pub(crate) dns: DnsWorld,
    pub(crate) checker: Checker,
    pub(crate) reconciler: Reconciler,
    pub(crate) clock: Arc<MockClock>,
}

pub(crate) fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        let test = TestDatabase::new().await;
        let config = DbConfig { app: test.app_options(), operator: None, pooler: false, max_connections: 8 };
        let db = Db::connect(config).await.unwrap();
        let mut dns = DnsWorld::start().await;
        dns.delegate("example", &["ns.nic.example"], "").await;
        dns.delegate(
            BASE,
            &["ns.portico.example"],
            "*.edge A 198.51.100.80\n*.edge CAA 0 issue \"letsencrypt.org\"",
        )
        .await;
        dns.delegate("brightwater.example", &["ns1.brightwater.example", "ns2.brightwater.example"], "")
            .await;
        let start: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let clock = Arc::new(MockClock::at(start));
        let prober = Prober::new(dns.sources(), Platform::new(BASE), clock.clone(), Arc::new(SystemRandom));
        let checker = Checker::new(db.clone(), prober, host(BASE), clock.clone());
        let line = Sealer::new_key_line(1, &SeededRandom::new(1));
        let sealer = Sealer::from_key_file(&line, Arc::new(SystemRandom)).unwrap();
        let outbox = Outbox::new(sealer, clock.clone(), Arc::new(SystemRandom));
        let notices = Notices::new(outbox, clock.clone(), Arc::new(SystemRandom));
        let reconciler =
            Reconciler::new(db.clone(), checker.clone(), host(BASE), clock.clone()).telling(notices);
        Self { test, db, dns, checker, reconciler, clock }
    }

    /// A tenant with one administrator.
    pub(crate) async fn tenant(&self, slug: &str) -> TenantId {
        let id = TenantId::new(&*self.clock, &SystemRandom);
        let staff = StaffId::new(&*self.clock, &SystemRandom);
        let mut owner = self.test.owner().await;
        sqlx::query("insert into tenants (id, slug, name) values ($1, $2, $2)")
            .bind(id)
            .bind(slug)
            .execute(&mut owner)
            .await
            .unwrap();
        sqlx::query(
            "insert into staff (tenant_id, id, email, name, role) values ($1, $2, $3, 'Ada', 'cs_admin')",
        )
        .bind(id)
        .bind(staff)
        .bind(format!("ada@{slug}.example"))
        .execute(&mut owner)
        .await
        .unwrap();
        id
    }

    pub(crate) async fn try_claim(&self, tenant: TenantId, name: &str) -> Result<Domain, ClaimError> {
        let rules = ClaimRules { base: host(BASE), test_names: true };
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await.unwrap();
        let domain = domains::claim(&mut tx, &rules, name, &*self.clock, &SystemRandom).await?;
        tx.commit().await.unwrap();
        Ok(domain)
    }

    pub(crate) async fn claim(&self, tenant: TenantId, name: &str) -> Domain {
        self.try_claim(tenant, name).await.unwrap()
    }

    /// The zone as both its servers have it from now on.
    pub(crate) fn publish(&self, records: &str) {
        for server in ["ns1.brightwater.example", "ns2.brightwater.example"] {
            let text = format!("@ NS ns1.brightwater.example.\n@ NS ns2.brightwater.example.\n{records}");
            self.dns.zone(server, "brightwater.example", &text);
        }
    }

    /// Points a host of the zone at its target.
    pub(crate) fn point(&self, domain: &Domain) {
        self.publish(&format!("{}. CNAME {}.", domain.host, domain.target(&host(BASE)).unwrap()));
    }

    pub(crate) async fn look(&self, domain: &Domain) -> Domain {
        // The allowance is whole again by then.
        self.clock.advance(Duration::from_mins(2));
        self.checker.check_now(domain.tenant, domain.id).await.unwrap().unwrap()
    }

    pub(crate) async fn get(&self, tenant: TenantId, id: DomainId) -> Domain {
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await.unwrap();
        domains::store::get(&mut tx, id).await.unwrap().unwrap()
    }

    /// As when the certificate has come.
    pub(crate) async fn open(&self, domain: &Domain) {
        sqlx::query("update domains set state = 'live', live_at = $2 where id = $1 and state = 'verified'")
            .bind(domain.id)
            .bind(self.clock.now())
            .execute(&mut self.test.owner().await)
            .await
            .unwrap();
    }

    /// A domain that is live by its CNAME.
    pub(crate) async fn live(&self, tenant: TenantId, name: &str) -> Domain {
        let domain = self.claim(tenant, name).await;
        self.point(&domain);
        assert_eq!(self.look(&domain).await.state, State::Verified);
        self.open(&domain).await;
        self.get(tenant, domain.id).await
    }

    pub(crate) async fn wanted(&self) -> Vec<String> {
        self.reconciler.pass().await.unwrap();
        sqlx::query_scalar("select host from wanted_hosts where host like '%brightwater%'")
            .fetch_all(&mut self.test.owner().await)
            .await
            .unwrap()
    }

    /// What happened to a tenant's domains, each with its line in the tenant's log; and subjects of mails to its
    /// administrator.
    pub(crate) async fn told(&self, tenant: TenantId) -> (Vec<String>, Vec<String>) {
        self.reconciler.pass().await.unwrap();
        let mut owner = self.test.owner().await;
        let deeds: Vec<String> = sqlx::query_scalar(
            "select what from domain_events where tenant_id = $1 and told_at is not null order by id",
        )
        .bind(tenant)
        .fetch_all(&mut owner)
        .await
        .unwrap();
        let lines: i64 = sqlx::query_scalar(
            "select count(*) from audit_log where tenant_id = $1 and object_kind = 'domain'",
        )
        .bind(tenant)
        .fetch_one(&mut owner)
        .await
        .unwrap();
        assert_eq!(usize::try_from(lines).unwrap(), deeds.len(), "each deed is told once");
        let mails = sqlx::query_scalar("select subject from mail_outbox where tenant_id = $1 order by id")
            .bind(tenant)
            .fetch_all(&mut owner)
            .await
            .unwrap();
        (deeds, mails)
    }
}
