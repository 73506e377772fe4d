//! `/console/requests`: the queue and one request.

use axum::extract::{Path, Query};
use axum::response::Response;
use platform_connectors::requests::{self, Kind, Request, State};
use platform_core::TenantTx;
use platform_core::id::RequestId;
use platform_identity::{Staffed, may};
use platform_portal::account::requested::changes;
use platform_portal::reorder::answers::asked;
use platform_web::pages::Field;
use platform_web::{Access, Error, Problems, Routes, StaffCapability, Visit, paging};
use serde::Deserialize;

use super::pages::{Filter, Happened, Item, Queue, Row, Show};
use super::{deeds, store};

/// The screen's routes.
#[must_use]
pub fn routes() -> Routes {
    let access = Access::Staff(StaffCapability::Requests);
    Routes::new()
        .get("/console/requests", access, queue)
        .get("/console/requests/{id}", access, one)
        .merge(deeds::routes())
}

/// `?show=&kind=&after=`.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    show: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    after: String,
}

async fn queue(
    visit: Visit,
    staff: Staffed<may::Requests>,
    Query(wish): Query<Asked>,
) -> Result<Response, Error> {
    let (show, kind) = (Show::read(&wish.show), wish.kind.parse::<Kind>().ok());
    let after = wish.after.parse::<RequestId>().ok();
    let mut tx = staff.tx(visit.site().db()).await?;
    let counts = store::counts(&mut tx, kind).await?;
    let mut rows = store::list(&mut tx, show, kind, after).await?;
    drop(tx);
    let more = rows.len() > store::PAGE;
    rows.truncate(store::PAGE);
    let next = rows.last().filter(|_| more).map(|last| address(show, kind, Some(last.id)));
    let number = |show| match show {
        Show::Open => Some(counts.open),
        Show::Stuck => Some(counts.stuck),
        Show::Unanswered => Some(counts.unanswered),
        Show::Decided => None,
    };
    let filter = |show| Filter {
        show,
        href: address(show, kind, None),
        count: number(show).and_then(|number| u32::try_from(number).ok()),
    };
    let kinds = std::iter::once(None).chain(Kind::ALL.iter().copied().map(Some));
    visit.render(&Queue {
        show,
        kind,
        filters: Show::ALL.map(filter).into(),
        kinds: kinds.map(|kind| (kind, address(show, kind, None))).collect(),
        rows: rows.into_iter().map(row).collect(),
        first: after.is_none(),
        begin: address(show, kind, None),
        next,
    })
}

/// The address of a list, each part only when it says something.
fn address(show: Show, kind: Option<Kind>, after: Option<RequestId>) -> String {
    let show = if show == Show::Open { "" } else { show.word() };
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    paging::address(PATH, &[("show", show), ("kind", kind.map_or("", Kind::word)), ("after", &after)])
}

const PATH: &str = "/console/requests";

fn row(row: store::Row) -> Row {
    Row {
        id: row.id.to_string(),
        customer: row.customer_name,
        who: row.contact_name,
        kind: row.kind,
        state: row.state,
        summary: row.summary,
        number: row.erp_number,
        trouble: row.last_error.is_some() && row.state == State::Submitted,
        at: row.created_at,
    }
}

async fn one(visit: Visit, staff: Staffed<may::Requests>, Path(id): Path<String>) -> Result<Response, Error> {
    let id: RequestId = id.parse().map_err(|_| Error::not_found())?;
    let mut tx = staff.tx(visit.site().db()).await?;
    visit.render(&page(&mut tx, id).await?)
}

/// One request's page with empty forms.
pub(super) async fn page(tx: &mut TenantTx, id: RequestId) -> Result<Item, Error> {
    let request = requests::get(tx, id).await.map_err(fault)?.ok_or_else(Error::not_found)?;
    let story = store::events(tx, id).await?.into_iter().map(happened).collect();
    Ok(item(&request, story))
}

/// What a request's own room could not do.
pub(super) fn fault(error: requests::Error) -> Error {
    match error {
        requests::Error::Core(error) => error.into(),
        requests::Error::NotFound => Error::not_found(),
        other => Error::internal(other),
    }
}

fn item(request: &Request, story: Vec<Happened>) -> Item {
    let open = matches!(request.state, State::Submitted | State::HandedOver);
    Item {
        reorder: (request.kind == Kind::Reorder).then(|| asked(request, &[], None)),
        changes: changes(&request.payload),
        id: request.id.to_string(),
        kind: request.kind,
        state: request.state,
        summary: request.summary.clone(),
        customer: request.customer_name.clone(),
        customer_id: request.customer_id.to_string(),
        account: request.customer_key.clone(),
        who: request.contact_name.clone(),
        email: request.contact_email.clone(),
        at: request.created_at,
        number: request.erp_number.clone(),
        reason: request.reason.clone(),
        attempts: u32::try_from(request.attempts).unwrap_or_default(),
        trouble: request.last_error.clone(),
        story,
        can_approve: open,
        can_reject: open || request.state == State::AwaitingApproval,
        can_hand_over: request.state == State::Submitted,
        approval: Field::default(),
        rejection: Field::default(),
        problems: Problems::default(),
    }
}

fn happened(event: store::Event) -> Happened {
    Happened {
        at: event.at,
        state: event.state,
        by: event.actor_kind,
        who: event.actor_name,
        number: event.erp_number,
        reason: event.reason,
    }
}
