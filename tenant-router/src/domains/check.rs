//! One check of one domain: ask the DNS with no transaction open, then write down what it means. The reconciler and the
//! button "check now" both come here.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::clock::Clock;
use platform_core::db::{Db, Error, Scope, System};
use platform_core::id::{DomainId, TenantId};

use super::store::{self, CLAIM_LIFE, Outcome};
use super::verify::{Report, held, verify};
use super::{Dns, Domain, State};
use crate::host::Host;

/// Verified and live domains are looked at once a day.
const SETTLED: TimeDelta = TimeDelta::days(1);

/// Checks domains against the DNS.
#[derive(Debug, Clone)]
pub struct Checker {
    db: Db,
    dns: Dns,
    base: Host,
    clock: Arc<dyn Clock>,
}

impl Checker {
    /// A checker that asks `dns`; `base` is the platform's domain.
    #[must_use]
    pub fn new(db: Db, dns: Dns, base: Host, clock: Arc<dyn Clock>) -> Self {
        Self { db, dns, base, clock }
    }

    /// Checks one domain of a tenant now and gives it as it is afterwards; none when the tenant has no such domain.
    ///
    /// # Errors
    /// The database's answer. A DNS that fails is no error but part of the report.
    pub async fn check_now(&self, tenant: TenantId, id: DomainId) -> Result<Option<Domain>, Error> {
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await?;
        let domain = store::get(&mut tx, id).await?;
        drop(tx);
        let Some(domain) = domain else { return Ok(None) };
        self.check(&domain).await?;
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await?;
        store::get(&mut tx, id).await
    }

    /// Looks and writes down. A host that is proven is handed to the certificate issuer in the same commit.
    pub(crate) async fn check(&self, domain: &Domain) -> Result<(), Error> {
        let report = verify(&self.dns, domain, &self.base, &*self.clock)
            .await
            .map_err(|error| Error::Corrupt { what: "platform.base_domain", reason: error.to_string() })?;
        match domain.state {
            State::Claimed | State::WaitingDns | State::Blocked => self.settle(domain, &report).await,
            State::Verified | State::Live | State::Moved => {
                let outcome = outcome(domain, &report, Some(report.at + SETTLED));
                let mut tx = self.db.system(System::Routes).await?;
                store::looked(tx.conn(), &outcome).await?;
                tx.commit().await
            }
            State::Released | State::Expired => Ok(()),
        }
    }

    async fn settle(&self, domain: &Domain, report: &Report) -> Result<(), Error> {
        let Some(proof) = report.proof else { return self.waiting(domain, report).await };
        let mut tx = self.db.system(System::Routes).await?;
        let found = outcome(domain, report, Some(report.at + SETTLED));
        if store::proven(tx.conn(), &found, proof).await? {
            acme::wanted::want(&mut tx, &[domain.host.to_string()], report.at).await?;
            tx.commit().await?;
            tracing::info!(host = %domain.host, ?proof, "domain verified");
            return Ok(());
        }
        drop(tx);
        let mut blocked = report.clone();
        blocked.checks.push(held(&domain.host));
        let next = report.at + pause(report.at - domain.claimed_at).max(TimeDelta::minutes(10));
        let mut tx = self.db.system(System::Routes).await?;
        store::not_proven(tx.conn(), &outcome(domain, &blocked, Some(next)), State::Blocked).await?;
        tx.commit().await
    }

    async fn waiting(&self, domain: &Domain, report: &Report) -> Result<(), Error> {
        let age = report.at - domain.claimed_at;
        let (state, next) =
            if age > CLAIM_LIFE { (State::Expired, None) } else { (State::WaitingDns, Some(pause(age))) };
        let mut tx = self.db.system(System::Routes).await?;
        store::not_proven(tx.conn(), &outcome(domain, report, next.map(|wait| report.at + wait)), state)
            .await?;
        tx.commit().await
    }
}

fn outcome<'a>(domain: &Domain, report: &'a Report, next_check: Option<DateTime<Utc>>) -> Outcome<'a> {
    Outcome { id: domain.id, at: report.at, checks: &report.checks, next_check }
}

/// How long to wait before the next look at a claim of this age: 5 s while somebody probably watches, 4 h at the end.
fn pause(age: TimeDelta) -> TimeDelta {
    match age {
        age if age < TimeDelta::minutes(10) => TimeDelta::seconds(5),
        age if age < TimeDelta::hours(1) => TimeDelta::seconds(30),
        age => (age / 10).clamp(TimeDelta::minutes(5), TimeDelta::hours(4)),
    }
}

#[cfg(test)]
mod tests {
    use super::pause;
    use chrono::TimeDelta;

    #[test]
    fn checks_grow_rare() {
        let seconds = |age: TimeDelta| pause(age).num_seconds();
        assert_eq!(seconds(TimeDelta::zero()), 5);
        assert_eq!(seconds(TimeDelta::minutes(30)), 30);
        assert_eq!(seconds(TimeDelta::hours(2)), 720);
        assert_eq!(seconds(TimeDelta::days(6)), 4 * 3600);
    }
}
