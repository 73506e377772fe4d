//! One look at one domain: ask the DNS with no transaction open, then write down what it means. The reconciler and the
//! button "look now" both come here.

use std::sync::Arc;
use std::time::Duration;

use acme::probe::{Check, Prober, Report, Want};
use chrono::{DateTime, TimeDelta, Utc};
use platform_core::clock::Clock;
use platform_core::db::{Db, Error, Scope, System};
use platform_core::id::{DomainId, TenantId};

use super::keeping::{self, Kept, Outcome};
use super::life::{self, Turn};
use super::{Domain, State, cadence, store};
use crate::host::{Host, HostError};

/// A probe that takes longer ends without a report.
pub(crate) const LONGEST: Duration = Duration::from_secs(25);
/// A report of this age still says what an authority would see.
const FRESH: TimeDelta = TimeDelta::minutes(1);
/// A claim that waits longer than this is worth the operator's eye.
const LONG_WAIT: TimeDelta = TimeDelta::days(1);

/// Checks domains against the DNS.
#[derive(Debug, Clone)]
pub struct Checker {
    db: Db,
    prober: Prober,
    base: Host,
    clock: Arc<dyn Clock>,
}

/// What the doctor found about a host.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    pub report: Report,
    /// Whose the report is about: the holder, else the newest claim; none when nobody has claimed the host.
    pub domain: Option<Domain>,
    /// Further claims of the host that wait.
    pub others: usize,
}

impl Checker {
    /// A checker that asks by `prober`; `base` is the platform's domain.
    #[must_use]
    pub fn new(db: Db, prober: Prober, base: Host, clock: Arc<dyn Clock>) -> Self {
        Self { db, prober, base, clock }
    }

    /// Looks at one domain of a tenant now and gives it as it is afterwards; none when the tenant has no such domain. Who
    /// asks too often gets it as it is: `checked_at` tells.
    ///
    /// # Errors
    /// The database's answer. A DNS that fails is no error but part of the report.
    pub async fn check_now(&self, tenant: TenantId, id: DomainId) -> Result<Option<Domain>, Error> {
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await?;
        let domain = store::get(&mut tx, id).await?;
        let Some(domain) = domain else { return Ok(None) };
        if !store::allow_look(&mut tx, id, self.clock.now()).await? {
            return Ok(Some(domain));
        }
        tx.commit().await?;
        self.check(&domain).await?;
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await?;
        store::get(&mut tx, id).await
    }

    /// Looks at any host, claimed or not, and changes nothing.
    ///
    /// # Errors
    /// The database's answer, or a base domain that is too long.
    pub async fn diagnose(&self, host: &Host, tenant: Option<TenantId>) -> Result<Diagnosis, Error> {
        let mut tx = self.db.system(System::Routes).await?;
        let mut claims = keeping::claims_of(&mut tx, host).await?;
        let accounts = acme::caa::accounts(&mut tx).await?;
        drop(tx);
        let held = claims.iter().find(|domain| holds(domain)).map(|domain| domain.tenant);
        claims.retain(|domain| tenant.is_none_or(|tenant| domain.tenant == tenant));
        let others = claims.len().saturating_sub(1);
        let domain = claims.into_iter().next();
        let want = match &domain {
            Some(domain) => {
                let contested = held.is_some_and(|holder| holder != domain.tenant);
                domain.want(&self.base, contested).map_err(|error| corrupt(&error))?
            }
            None => Want::nothing(host.as_str()),
        };
        let mut report = self.prober.probe(&Want { accounts, ..want }).await;
        report.next_look = domain.as_ref().and_then(|domain| domain.next_check);
        Ok(Diagnosis { report, domain, others })
    }

    /// What an authority would hold against a host now, worst first; nothing for the platform's own hosts. A report of the
    /// last minute will do.
    ///
    /// # Errors
    /// The database's answer, or a base domain that is too long.
    pub async fn objections(&self, host: &Host) -> Result<Vec<Check>, Error> {
        let mut tx = self.db.system(System::Routes).await?;
        let holder = keeping::claims_of(&mut tx, host).await?.into_iter().find(holds);
        let accounts = acme::caa::accounts(&mut tx).await?;
        drop(tx);
        let Some(holder) = holder else { return Ok(Vec::new()) };
        let young = self.clock.now() - FRESH;
        let report = match holder.report.clone().filter(|report| report.at > young) {
            Some(report) => report,
            None => {
                let want = holder.want(&self.base, false).map_err(|error| corrupt(&error))?;
                self.prober.probe(&Want { accounts, ..want }).await
            }
        };
        let mut found: Vec<Check> = report.obstacles().cloned().collect();
        found.sort_by_key(|check| std::cmp::Reverse(check.level));
        Ok(found)
    }

    /// Whether the platform's own zone is fit for domains.
    pub async fn own_zone(&self) -> Check {
        self.prober.own_zone().await
    }

    /// Domains that somebody should look after: host and why (`troubled`, `moved`, `blocked`, `waiting_dns`, ..).
    ///
    /// # Errors
    /// The database's answer.
    pub async fn in_trouble(&self) -> Result<Vec<(String, String)>, Error> {
        let mut tx = self.db.system(System::Routes).await?;
        keeping::in_trouble(&mut tx, self.clock.now() - LONG_WAIT).await
    }

    /// Looks and writes down. A host that is proven is handed to the certificate issuer in the same commit.
    pub(crate) async fn check(&self, domain: &Domain) -> Result<(), Error> {
        let mut tx = self.db.system(System::Routes).await?;
        let contested = keeping::is_contested(&mut tx, domain).await?;
        let accounts = acme::caa::accounts(&mut tx).await?;
        drop(tx);
        let want = domain.want(&self.base, contested).map_err(|error| corrupt(&error))?;
        let want = Want { accounts, ..want };
        let Ok(report) = tokio::time::timeout(LONGEST, self.prober.probe(&want)).await else {
            tracing::warn!(host = %domain.host, "the DNS took too long");
            let mut tx = self.db.system(System::Routes).await?;
            keeping::put_off(&mut tx, domain, self.clock.now() + cadence::AGAIN).await?;
            return tx.commit().await;
        };
        let turn = life::turn(domain, &report, contested, self.clock.now());
        if self.keep(domain, &report, turn).await? == Kept::Held {
            // Another was quicker: from now on a TXT record has to prove it.
            let next = Some(cadence::waiting(report.at - domain.claimed_at, false));
            let turn = Turn { to: State::Blocked, what: None, next, proof: None, takes: false };
            self.keep(domain, &report, turn).await?;
        }
        Ok(())
    }

    async fn keep(&self, domain: &Domain, report: &Report, turn: Turn) -> Result<Kept, Error> {
        let next_check = turn.next.map(|wait| report.at + wait);
        let report = Report { next_look: next_check, ..report.clone() };
        let outcome = Outcome {
            domain,
            report: &report,
            to: turn.to,
            what: turn.what,
            proof: turn.proof,
            troubled: turn.to == State::Live && life::is_troubled(&report),
            next_check,
            why: ending(turn.to),
        };
        let mut tx = self.db.system(System::Routes).await?;
        if turn.takes {
            keeping::take_from_holder(&mut tx, domain, report.at).await?;
        }
        let kept = keeping::keep(&mut tx, &outcome).await?;
        if kept != Kept::Done {
            return Ok(kept);
        }
        if turn.to == State::Verified && domain.state != State::Verified {
            acme::wanted::want(&mut tx, &[domain.host.to_string()], report.at).await?;
        }
        tx.commit().await?;
        if let Some(what) = turn.what {
            tracing::info!(host = %domain.host, ?what, proof = ?turn.proof, "a domain went on");
        }
        Ok(kept)
    }
}

fn holds(domain: &Domain) -> bool {
    matches!(domain.state, State::Verified | State::Live | State::Moved)
}

fn ending(to: State) -> Option<&'static str> {
    match to {
        State::Released => Some("moved"),
        State::Expired => Some("expired"),
        _ => None,
    }
}

fn corrupt(error: &HostError) -> Error {
    Error::Corrupt { what: "platform.base_domain", reason: error.to_string() }
}

/// Until when nobody else looks at a domain that was taken for a look.
pub(crate) fn lease(now: DateTime<Utc>) -> DateTime<Utc> {
    now + TimeDelta::seconds(40)
}
