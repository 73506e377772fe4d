//! Reads of all tenants' hosts for the route table and the certificate list. The domains' own life is in `domains`.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::db::{Error, SystemTx};
use platform_core::id::{DomainId, TenantId};

use crate::host::Host;
use crate::table::{Kind, Route};

/// How long a released host is remembered as nobody's.
pub(crate) const TOMBSTONE: TimeDelta = TimeDelta::days(90);

#[derive(sqlx::FromRow)]
struct TenantRow {
    id: TenantId,
    slug: String,
    status: String,
}

#[derive(sqlx::FromRow)]
struct DomainRow {
    host: String,
    id: DomainId,
    tenant_id: TenantId,
    slug: String,
    status: String,
    state: String,
    redirect_to: Option<String>,
}

/// Every host of every tenant.
pub(crate) async fn all_routes(
    tx: &mut SystemTx,
    base: &Host,
    now: DateTime<Utc>,
) -> Result<Vec<(Host, Route)>, Error> {
    read(tx, None, None, Some(base), now).await
}

/// Every host of one tenant.
pub(crate) async fn routes_of_tenant(
    tx: &mut SystemTx,
    tenant: TenantId,
    base: &Host,
    now: DateTime<Utc>,
) -> Result<Vec<(Host, Route)>, Error> {
    read(tx, Some(tenant), None, Some(base), now).await
}

/// The routes of those of these custom hosts that have one.
pub(crate) async fn routes_of_hosts(
    tx: &mut SystemTx,
    hosts: &[Host],
    now: DateTime<Utc>,
) -> Result<Vec<(Host, Route)>, Error> {
    read(tx, None, Some(hosts), None, now).await
}

async fn read(
    tx: &mut SystemTx,
    tenant: Option<TenantId>,
    hosts: Option<&[Host]>,
    base: Option<&Host>,
    now: DateTime<Utc>,
) -> Result<Vec<(Host, Route)>, Error> {
    let mut routes = Vec::new();
    // One text a tenant, however many hosts it has.
    let mut slugs = HashMap::new();
    if let Some(base) = base {
        let rows: Vec<TenantRow> =
            sqlx::query_as("select id, slug, status from tenants where $1::uuid is null or id = $1")
                .bind(tenant)
                .fetch_all(tx.conn())
                .await?;
        routes.extend(rows.into_iter().filter_map(|row| platform_route(&row, base, &mut slugs)));
    }
    // The holder's row first; a tombstone shows only where nobody holds the host.
    let rows: Vec<DomainRow> = sqlx::query_as(
        "select distinct on (d.host) d.host, d.id, d.tenant_id, t.slug, t.status, d.state, d.redirect_to
           from domains d join tenants t on t.id = d.tenant_id
          where (d.state in ('verified', 'live', 'moved') or (d.state = 'released' and d.ended_at > $3))
            and ($1::uuid is null or d.tenant_id = $1) and ($2::text[] is null or d.host = any ($2))
          order by d.host, d.state = 'released', d.ended_at desc",
    )
    .bind(tenant)
    .bind(hosts.map(|hosts| hosts.iter().map(Host::as_str).collect::<Vec<_>>()))
    .bind(now - TOMBSTONE)
    .fetch_all(tx.conn())
    .await?;
    routes.extend(rows.into_iter().filter_map(|row| domain_route(&row, &mut slugs)));
    Ok(routes)
}

type Slugs = HashMap<TenantId, Arc<str>>;

fn slug_of(slugs: &mut Slugs, tenant: TenantId, slug: &str) -> Arc<str> {
    slugs.entry(tenant).or_insert_with(|| Arc::from(slug)).clone()
}

fn platform_route(row: &TenantRow, base: &Host, slugs: &mut Slugs) -> Option<(Host, Route)> {
    let host = match base.child(&row.slug) {
        Ok(host) if !crate::domains::is_reserved_slug(&row.slug) => host,
        _ => {
            tracing::error!(slug = row.slug, "a tenant's slug cannot be a host; it is not served");
            return None;
        }
    };
    let kind = if row.status == "suspended" { Kind::Suspended } else { Kind::Live };
    Some((host, Route { tenant: row.id, slug: slug_of(slugs, row.id, &row.slug), domain: None, kind }))
}

fn domain_route(row: &DomainRow, slugs: &mut Slugs) -> Option<(Host, Route)> {
    let host = match Host::parse(&row.host) {
        Ok(host) => host,
        Err(error) => {
            tracing::error!(host = row.host, %error, "a stored host is not one; it is not served");
            return None;
        }
    };
    let redirect = row.redirect_to.as_deref().and_then(|to| Host::parse(to).ok());
    let kind = match (row.state.as_str(), redirect) {
        ("released", _) => Kind::Tombstone,
        _ if row.status == "suspended" => Kind::Suspended,
        ("verified", _) => Kind::Waiting,
        (_, Some(to)) => Kind::RedirectTo(to),
        _ => Kind::Live,
    };
    let slug = slug_of(slugs, row.tenant_id, &row.slug);
    Some((host, Route { tenant: row.tenant_id, slug, domain: Some(row.id), kind }))
}
