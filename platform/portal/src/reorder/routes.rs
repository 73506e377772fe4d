//! Handlers of the reorder slice: review, sending, the list, one request, and what can be done with it.

use axum::extract::{FromRequestParts, Path, Query as QueryString};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use platform_connectors::requests::{self, Kind, Request, State, Step};
use platform_core::audit::Actor;
use platform_core::id::RequestId;
use platform_identity::{Allowed, Need, need};
use platform_web::pages::Field;
use platform_web::paging::{Asked, addresses};
use platform_web::{Access, Capability, Error, Posted, Problem, Routes, Visit};
use themes::Tone;
use uuid::Uuid;

use super::form::{MOST_LINES, Sent};
use super::pages::{Detail, List, Row};
use super::submitting::{Ground, Outcome, failed, submit};
use super::{answers, store};

/// The module that a tenant switches on to show orders; without orders there is nothing to order again.
pub const MODULE: &str = "orders";

/// The slice's routes for people who are signed in.
#[must_use]
pub fn routes() -> Routes {
    let access = Access::Contact(Capability::Reorder);
    let decides = Access::Contact(Capability::People);
    Routes::new()
        .get("/orders/{id}/reorder", access, review)
        .get("/reorders", access, list)
        .post("/reorders", access, send)
        .get("/reorders/{id}", access, detail)
        .post("/reorders/{id}/withdrawal", access, withdraw)
        .post("/reorders/{id}/approval", decides, approve)
        .post("/reorders/{id}/refusal", decides, refuse)
}

/// A person with a right, at a tenant that shows orders.
#[derive(Debug)]
struct Reader<C: Need> {
    visit: Visit,
    person: Allowed<C>,
}

impl<C: Need, S: Send + Sync> FromRequestParts<S> for Reader<C> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let visit = Visit::from_request_parts(parts, state).await?;
        let person = Allowed::from_request_parts(parts, state).await?;
        if visit.look().has_module(MODULE) { Ok(Self { visit, person }) } else { Err(Error::not_found()) }
    }
}

/// `?line=..&line=..` names lines of the order; without any, all are meant.
async fn review(
    Reader { visit, person }: Reader<need::Reorder>,
    Path(id): Path<String>,
    QueryString(query): QueryString<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let id: Uuid = id.parse().map_err(|_| Error::not_found())?;
    let lines = query.into_iter().filter(|(name, _)| name == "line").map(|(_, line)| line);
    let lines: Vec<String> = lines.take(MOST_LINES).collect();
    let mut tx = person.tx(visit.site().db()).await?;
    let ground = Ground::read(&mut tx, &visit, id, &lines).await?;
    drop(tx);
    visit.render(&ground.page(&visit, person.person()))
}

async fn send(Reader { visit, person }: Reader<need::Reorder>, form: Posted) -> Result<Response, Error> {
    let sent = Sent::read(&form);
    let mut tx = person.tx(visit.site().db()).await?;
    match submit(&mut tx, &visit, person.person(), &sent).await? {
        Outcome::Taken(id, new) => {
            tx.commit().await?;
            visit.flash(Tone::Success, if new { "reorder_sent" } else { "reorder_known" });
            Ok(visit.redirect(&format!("/reorders/{id}")))
        }
        Outcome::Again(page) => visit.render_as(StatusCode::UNPROCESSABLE_ENTITY, &*page),
    }
}

async fn list(
    Reader { visit, person }: Reader<need::Reorder>,
    QueryString(asked): QueryString<Asked>,
) -> Result<Response, Error> {
    let mut tx = person.tx(visit.site().db()).await?;
    let (rows, beside) =
        requests::page(&mut tx, &[Kind::Reorder], None, asked.from()).await.map_err(failed)?;
    drop(tx);
    let decides = person.capabilities.has(Capability::People);
    let (newer, older) = addresses(beside, "/reorders", &[]);
    visit.render(&List { rows: rows.iter().map(|request| row(request, decides)).collect(), newer, older })
}

fn row(request: &Request, decides: bool) -> Row {
    Row {
        id: request.id.to_string(),
        summary: request.summary.clone(),
        state: request.state,
        who: request.contact_name.clone(),
        at: request.created_at,
        number: request.erp_number.clone(),
        total: answers::total(&request.payload),
        needs_me: decides && request.state == State::AwaitingApproval,
    }
}

async fn detail(
    Reader { visit, person }: Reader<need::Reorder>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let page = page(&visit, &person, &id, Field::default(), Vec::new()).await?;
    visit.render(&page)
}

async fn page<C: Need>(
    visit: &Visit,
    person: &Allowed<C>,
    id: &str,
    reason: Field,
    problems: Vec<Problem>,
) -> Result<Detail, Error> {
    let mut tx = person.tx(visit.site().db()).await?;
    let request = find(&mut tx, id).await?;
    let events = requests::events(&mut tx, request.id).await.map_err(failed)?;
    let order = match &request.erp_number {
        Some(number) => store::order_numbered(&mut tx, number).await?,
        None => None,
    };
    let decides = person.capabilities.has(Capability::People);
    let own = request.contact_id == person.contact.id || decides;
    let open = request.state == State::AwaitingApproval
        || (request.state == State::Submitted && request.attempts == 0);
    Ok(Detail {
        can_decide: decides && request.state == State::AwaitingApproval,
        can_withdraw: own && open,
        request: answers::asked(&request, &events, order),
        reason,
        problems,
    })
}

/// A reorder of the customer; requests of other kinds are not this slice's.
async fn find(tx: &mut platform_core::TenantTx, id: &str) -> Result<Request, Error> {
    let id: RequestId = id.parse().map_err(|_| Error::not_found())?;
    let request = requests::get(tx, id).await.map_err(failed)?;
    request.filter(|request| request.kind == Kind::Reorder).ok_or_else(Error::not_found)
}

async fn withdraw(
    Reader { visit, person }: Reader<need::Reorder>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let mut tx = person.tx(visit.site().db()).await?;
    let request = find(&mut tx, &id).await?;
    if request.contact_id != person.contact.id && !person.capabilities.has(Capability::People) {
        return Err(Error::not_found());
    }
    let step = Step::to(State::Withdrawn, Actor::Contact(person.contact.id));
    decide(&visit, tx, request.id, &step, "reorder_withdrawn").await
}

async fn approve(
    Reader { visit, person }: Reader<need::People>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let mut tx = person.tx(visit.site().db()).await?;
    let request = find(&mut tx, &id).await?;
    let step = Step::to(State::Submitted, Actor::Contact(person.contact.id));
    decide(&visit, tx, request.id, &step, "reorder_approved").await
}

async fn refuse(
    Reader { visit, person }: Reader<need::People>,
    Path(id): Path<String>,
    form: Posted,
) -> Result<Response, Error> {
    let reason = form.text("reason");
    if reason.is_empty() || reason.chars().count() > 300 {
        let message = "reorder.wrong.reason";
        let problems = vec![Problem { field: "reason".into(), message: message.into() }];
        let page = page(&visit, &person, &id, Field::wrong(reason, message), problems).await?;
        return visit.render_as(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let mut tx = person.tx(visit.site().db()).await?;
    let request = find(&mut tx, &id).await?;
    let waits = request.state == State::AwaitingApproval;
    if !waits {
        // Only the vendor rejects what was sent.
        return Ok(too_late(&visit, request.id));
    }
    let step = Step {
        reason: Some(reason.to_owned()),
        ..Step::to(State::Rejected, Actor::Contact(person.contact.id))
    };
    decide(&visit, tx, request.id, &step, "reorder_declined").await
}

/// Makes the step and leads back to the request. Whoever was too late is told so.
async fn decide(
    visit: &Visit,
    mut tx: platform_core::TenantTx,
    id: RequestId,
    step: &Step,
    done: &'static str,
) -> Result<Response, Error> {
    let (clock, random) = (visit.site().clock(), visit.site().random());
    match requests::advance(&mut tx, clock, random, id, step).await {
        Ok(_) => {
            tx.commit().await?;
            visit.flash(Tone::Success, done);
            Ok(visit.redirect(&format!("/reorders/{id}")))
        }
        Err(requests::Error::Unlawful { .. } | requests::Error::Leaving) => Ok(too_late(visit, id)),
        Err(error) => Err(failed(error)),
    }
}

fn too_late(visit: &Visit, id: RequestId) -> Response {
    visit.flash(Tone::Warning, "reorder_too_late");
    visit.redirect(&format!("/reorders/{id}"))
}
