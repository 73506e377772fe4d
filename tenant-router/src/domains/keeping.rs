//! The reconciler's statements on `domains`: they see all tenants and come with a `SystemTx`.

use acme::probe::Report;
use chrono::{DateTime, Utc};
use platform_core::db::{Error, SystemTx};
use platform_core::id::{DomainId, TenantId};
use serde_json::json;
use sqlx::types::Json;

use super::events::{self, Subject, What};
use super::store::Row;
use super::{Domain, Proof, State, cadence, primary};
use crate::host::Host;

/// Takes domains whose check is due, and puts their next one off, so that no other node checks them too.
pub(crate) async fn take_due(
    tx: &mut SystemTx,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Domain>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "update domains set next_check = $2
          where (tenant_id, id) in (select tenant_id, id from domains where next_check <= $1
                                     order by next_check limit $3 for update skip locked)
         returning tenant_id, id, host, label, nonce, state, proof, redirect_to, report, claimed_at, checked_at, next_check,
                   watched_until, verified_at, live_at, arrived_at, moved_at, troubled_since, ended_at",
    )
    .bind(now)
    .bind(until)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Domain::try_from).collect()
}

/// Everybody's claims of a host that have not ended, the holder's first, then the newest.
pub(super) async fn claims_of(tx: &mut SystemTx, host: &Host) -> Result<Vec<Domain>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select tenant_id, id, host, label, nonce, state, proof, redirect_to, report, claimed_at, checked_at, next_check,
                watched_until, verified_at, live_at, arrived_at, moved_at, troubled_since, ended_at
           from domains where host = $1 and state not in ('released', 'expired')
          order by state in ('verified', 'live', 'moved') desc, claimed_at desc",
    )
    .bind(host.as_str())
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Domain::try_from).collect()
}

/// Whether another tenant than the domain's holds its host.
pub(super) async fn is_contested(tx: &mut SystemTx, domain: &Domain) -> Result<bool, Error> {
    let held = sqlx::query_scalar(
        "select exists (select from domains
                         where host = $1 and tenant_id <> $2 and state in ('verified', 'live', 'moved'))",
    )
    .bind(domain.host.as_str())
    .bind(domain.tenant)
    .fetch_one(tx.conn())
    .await?;
    Ok(held)
}

/// What a look at a domain led to.
pub(super) struct Outcome<'a> {
    pub(super) domain: &'a Domain,
    pub(super) report: &'a Report,
    pub(super) to: State,
    pub(super) what: Option<What>,
    pub(super) proof: Option<Proof>,
    pub(super) troubled: bool,
    pub(super) next_check: Option<DateTime<Utc>>,
    pub(super) why: Option<&'static str>,
}

/// How the writing down ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Done,
    /// The domain went on by itself meanwhile: what was seen is of a state that has passed.
    Passed,
    /// Another tenant's domain was verified first.
    Held,
}

/// Writes a look down, if the domain is still as it was looked at.
pub(super) async fn keep(tx: &mut SystemTx, outcome: &Outcome<'_>) -> Result<Kept, Error> {
    let (domain, at) = (outcome.domain, outcome.report.at);
    let done = sqlx::query(
        "update domains
            set state = $3, report = $4, checked_at = $5, next_check = $6, proof = coalesce($7, proof),
                verified_at = case when $3 = 'verified' then coalesce(verified_at, $5) else verified_at end,
                arrived_at = case when $11 then coalesce(arrived_at, $5) else arrived_at end,
                moved_at = case when $3 = 'moved' then coalesce(moved_at, $5) end,
                troubled_since = case when $8 then coalesce(troubled_since, $5) end,
                ended_at = case when $3 in ('released', 'expired') then coalesce(ended_at, $5) end,
                ended_why = coalesce(ended_why, $9)
          where tenant_id = $1 and id = $2 and state = $10",
    )
    .bind(domain.tenant)
    .bind(domain.id)
    .bind(outcome.to)
    .bind(Json(outcome.report))
    .bind(at)
    .bind(outcome.next_check)
    .bind(outcome.proof)
    .bind(outcome.troubled)
    .bind(outcome.why)
    .bind(domain.state)
    .bind(outcome.report.arrives == Some(true))
    .execute(tx.conn())
    .await;
    match done.map_err(Error::from) {
        Ok(done) if done.rows_affected() == 0 => return Ok(Kept::Passed),
        Ok(_) => {}
        Err(error) if error.constraint() == Some("domains_holder") => return Ok(Kept::Held),
        Err(error) => return Err(error),
    }
    if let Some(what) = outcome.what {
        let subject = Subject { tenant: domain.tenant, id: domain.id, host: domain.host.as_str() };
        events::write(tx.conn(), subject, what, at, &detail(outcome)).await?;
    }
    if outcome.to == State::Released {
        primary::forget(tx.conn(), domain.tenant, domain.host.as_str()).await?;
    }
    Ok(Kept::Done)
}

fn detail(outcome: &Outcome<'_>) -> serde_json::Value {
    let faults: Vec<_> = super::life::troubles(outcome.report)
        .map(|check| json!({ "code": check.code, "says": check.says, "fix": check.fix }))
        .collect();
    json!({ "proof": outcome.proof, "why": outcome.why, "faults": faults })
}

/// Ends whoever else holds the host, for a newer proof.
pub(super) async fn take_from_holder(
    tx: &mut SystemTx,
    domain: &Domain,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let holder: Option<(TenantId, DomainId)> = sqlx::query_as(
        "update domains set state = 'released', ended_at = $3, ended_why = 'taken', next_check = $4
          where host = $1 and tenant_id <> $2 and state in ('verified', 'live', 'moved') returning tenant_id, id",
    )
    .bind(domain.host.as_str())
    .bind(domain.tenant)
    .bind(at)
    .bind(at + cadence::AFTERWARDS)
    .fetch_optional(tx.conn())
    .await?;
    let Some((tenant, id)) = holder else { return Ok(()) };
    let host = domain.host.as_str();
    // The other tenant learns that it happened, and not who it was.
    events::write(tx.conn(), Subject { tenant, id, host }, What::Taken, at, &json!({ "why": "taken" }))
        .await?;
    primary::forget(tx.conn(), tenant, host).await
}

/// Looks again at a domain whose probe came to no end.
pub(super) async fn put_off(tx: &mut SystemTx, domain: &Domain, next: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query(
        "update domains set next_check = $3 where tenant_id = $1 and id = $2 and next_check is not null",
    )
    .bind(domain.tenant)
    .bind(domain.id)
    .bind(next)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Verified hosts that wait for their certificate.
pub(crate) async fn waiting_for_certificate(tx: &mut SystemTx) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar("select host from domains where state = 'verified'").fetch_all(tx.conn()).await?)
}

/// Opens hosts whose certificate is installed. Gives how many.
pub(crate) async fn go_live(tx: &mut SystemTx, hosts: &[String], now: DateTime<Utc>) -> Result<u64, Error> {
    let done = sqlx::query(
        "with opened as (
             update domains set state = 'live', live_at = coalesce(live_at, $2)
              where state = 'verified' and host = any ($1::text[]) returning tenant_id, id, host)
         insert into domain_events (tenant_id, domain_id, host, at, what)
         select tenant_id, id, host, $2, 'live' from opened",
    )
    .bind(hosts)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// When the next check is due.
pub(crate) async fn next_check(tx: &mut SystemTx) -> Result<Option<DateTime<Utc>>, Error> {
    Ok(sqlx::query_scalar("select min(next_check) from domains").fetch_one(tx.conn()).await?)
}

/// Domains that somebody should look after, for the operator: (state, since when, how many).
pub(super) async fn in_trouble(
    tx: &mut SystemTx,
    waiting_since: DateTime<Utc>,
) -> Result<Vec<(String, String)>, Error> {
    let rows = sqlx::query_as(
        "select host, case when troubled_since is not null then 'troubled' else state end
           from domains
          where (state = 'live' and troubled_since is not null) or state in ('moved', 'blocked')
             or (state in ('claimed', 'waiting_dns') and claimed_at < $1)
             or (state = 'verified' and verified_at < $1)
          order by troubled_since is null, host limit 200",
    )
    .bind(waiting_since)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}
