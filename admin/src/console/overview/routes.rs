//! `GET /console`.

use axum::response::Response;
use platform_connectors::registry;
use platform_core::TenantTx;
use platform_identity::Member;
use platform_web::{Access, CONSOLE, Error, Routes, StaffCapability, Visit};
use tenant_router::domains;

use super::pages::{Overview, Waiting, WaitingKind};
use super::store;

/// The page's route.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get(CONSOLE, Access::AnyStaff, overview)
}

async fn overview(visit: Visit, member: Member) -> Result<Response, Error> {
    let mut tx = member.tx(visit.site().db()).await?;
    let mut waiting = Vec::new();
    if member.capabilities.has(StaffCapability::Requests) {
        waiting.extend(requests(&mut tx).await?);
    }
    if member.capabilities.has(StaffCapability::Connectors) {
        waiting.extend(connectors(&mut tx).await?);
    }
    if member.capabilities.has(StaffCapability::Domains) {
        waiting.extend(waiting_domains(&mut tx).await?);
    }
    drop(tx);
    let first_name = member.name.split_whitespace().next().unwrap_or_default().to_owned();
    visit.render(&Overview { first_name, waiting, offer_second_factor: !member.has_factor })
}

/// What failed before what waits before what is merely slow.
async fn requests(tx: &mut TenantTx) -> Result<Vec<Waiting>, Error> {
    let mut found = Vec::new();
    for open in store::open_requests(tx).await? {
        let (kind, number) = match open.state.as_str() {
            "submitted" if open.failed > 0 => (WaitingKind::RequestsStuck, open.failed),
            "submitted" => (WaitingKind::RequestsNew, open.number),
            "handed_over" if open.old > 0 => (WaitingKind::RequestsUnanswered, open.old),
            _ => continue,
        };
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        found.push(Waiting { kind, number, name: None, since: Some(open.oldest) });
    }
    found.sort_by_key(|waiting| waiting.kind);
    Ok(found)
}

async fn connectors(tx: &mut TenantTx) -> Result<Vec<Waiting>, Error> {
    let list = registry::list(tx).await?;
    let ill =
        list.into_iter().filter(|link| link.enabled && matches!(link.state.as_str(), "failing" | "refused"));
    Ok(ill
        .map(|link| Waiting {
            kind: WaitingKind::Connector,
            number: 1,
            name: Some(link.name),
            since: link.failed_since,
        })
        .collect())
}

async fn waiting_domains(tx: &mut TenantTx) -> Result<Vec<Waiting>, Error> {
    let list = domains::store::list(tx).await?;
    let stuck = list.into_iter().filter_map(|domain| {
        let since = match domain.state {
            domains::State::Claimed | domains::State::WaitingDns => Some(domain.claimed_at),
            domains::State::Moved => domain.moved_at,
            _ => domain.troubled_since,
        }?;
        Some(Waiting {
            kind: WaitingKind::Domain,
            number: 1,
            name: Some(domain.host.to_string()),
            since: Some(since),
        })
    });
    Ok(stuck.collect())
}
