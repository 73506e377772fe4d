//! The other side's answers as they come in: people follow the link of a mail to operations, programs make a signed call.
//! And a request as pages tell it.

use axum::extract::{FromRequestParts, Path, Request as HttpRequest, State as Given};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use platform_connectors::doors::{self, Said, Signed, Verdict};
use platform_connectors::requests::{self, Event, Request};
use platform_core::Scope;
use platform_core::id::RequestId;
use platform_core::secrets::Sealer;
use platform_web::pages::Field;
use platform_web::{Access, Error, Kind as Fault, Posted, Problem, Proof, Routes, Visit};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use themes::Money;
use uuid::Uuid;

use super::pages::{Answering, Asked, AskedLine, Happened};
use super::submitting::failed;

/// An answer of a program is a few words.
const LARGEST: usize = 64 * 1024;

/// What the handlers lean on: links and calls are proved by the doors' own secrets.
#[derive(Debug, Clone)]
pub struct Answers {
    pub sealer: Sealer,
}

/// Routes for the tenant's operations and programs; neither is signed in.
#[must_use]
pub fn routes(answers: Answers) -> Routes {
    Routes::new()
        .get("/answers/{token}", Access::Public, show)
        .post("/answers/{token}", Access::Public, answer)
        .post("/webhooks/doors/{id}", Access::Machine, machine)
        .with_state(answers)
}

async fn show(
    visit: Visit,
    Given(answers): Given<Answers>,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    let page = page(&visit, &answers, &token).await?;
    let status = if page.request.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    visit.render_as(status, &page)
}

async fn page(visit: &Visit, answers: &Answers, token: &str) -> Result<Answering, Error> {
    let mut tx = visit.site().db().tenant(Scope::tenant(visit.tenant())).await?;
    let link = doors::read_link(&mut tx, &answers.sealer, visit.now(), token).await?;
    let mut page = Answering {
        request: None,
        customer: String::new(),
        token: token.to_owned(),
        number: Field::default(),
        reason: Field::default(),
        problems: Vec::new(),
    };
    if let Some(link) = link {
        let events = requests::events(&mut tx, link.request.id).await.map_err(failed)?;
        page.customer.clone_from(&link.request.customer_name);
        page.request = Some(asked(&link.request, &events, None));
    }
    Ok(page)
}

async fn answer(
    visit: Visit,
    Given(answers): Given<Answers>,
    Path(token): Path<String>,
    form: Posted,
) -> Result<Response, Error> {
    let mut shown = page(&visit, &answers, &token).await?;
    let Some(request) = &shown.request else { return visit.render_as(StatusCode::NOT_FOUND, &shown) };
    let id: RequestId = request.id.parse().map_err(|_| Error::not_found())?;
    let (number, reason) = (form.text("number"), form.text("reason"));
    let verdict = match form.text("answer") {
        "accept" => Verdict::Accepted { number: Some(number.to_owned()) },
        "reject" if !reason.is_empty() => Verdict::Rejected { reason: Some(reason.to_owned()) },
        _ => {
            shown.number = Field::new(number);
            shown.reason = Field::wrong(reason, "reorder.wrong.reason");
            shown.problems = vec![Problem { field: "reason".into(), message: "reorder.wrong.reason".into() }];
            return visit.render_as(StatusCode::UNPROCESSABLE_ENTITY, &shown);
        }
    };
    bring(&visit, id, &verdict).await?;
    // The page says what stands now, whoever was quicker.
    Ok(visit.redirect(&format!("/answers/{token}")))
}

/// False when the request has been decided otherwise before.
async fn bring(visit: &Visit, id: RequestId, verdict: &Verdict) -> Result<bool, Error> {
    let mut tx = visit.site().db().tenant(Scope::tenant(visit.tenant())).await?;
    let (clock, random) = (visit.site().clock(), visit.site().random());
    match doors::answered(&mut tx, clock, random, id, verdict).await {
        Ok(_) => {
            tx.commit().await?;
            Ok(true)
        }
        Err(requests::Error::Unlawful { .. }) => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// A call whose signature is the door's own: the answer it brings.
struct Call {
    visit: Visit,
    answer: doors::Answer,
}

impl axum::extract::FromRequest<Answers> for Call {
    type Rejection = Response;

    async fn from_request(request: HttpRequest, answers: &Answers) -> Result<Self, Response> {
        let proof = request.extensions().get::<Proof>().cloned();
        let checked = check(request, answers).await.map_err(IntoResponse::into_response)?;
        // The signature has been looked at; a program that has none is told so in its own language, and not led to sign-in.
        if let Some(proof) = proof {
            proof.prove(Access::Machine);
        }
        let refused = || (StatusCode::UNAUTHORIZED, axum::Json(json!({ "taken": false }))).into_response();
        checked.ok_or_else(refused)
    }
}

/// None when the call is not the door's own.
async fn check(request: HttpRequest, answers: &Answers) -> Result<Option<Call>, Error> {
    let (mut parts, body) = request.into_parts();
    let visit = Visit::from_request_parts(&mut parts, answers).await?;
    let door = Path::<String>::from_request_parts(&mut parts, answers).await.ok();
    let door: Option<Uuid> = door.and_then(|Path(id)| id.parse().ok());
    let (Some(door), Some(signed)) = (door, signed(&parts.headers)) else { return Ok(None) };
    let body = axum::body::to_bytes(body, LARGEST).await;
    let body = body.map_err(|error| Error::because(Fault::TooLarge, error))?;
    let mut tx = visit.site().db().tenant(Scope::tenant(visit.tenant())).await?;
    let said = (&signed, &body[..]);
    let answer = doors::answered_by_machine(&mut tx, &answers.sealer, visit.now(), door, said).await?;
    Ok(answer.map(|answer| Call { visit: visit.clone(), answer }))
}

fn signed(headers: &HeaderMap) -> Option<Signed<'_>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Some(Signed {
        id: text("webhook-id")?,
        timestamp: text("webhook-timestamp")?,
        signature: text("webhook-signature")?,
    })
}

async fn machine(Call { visit, answer }: Call) -> Result<Response, Error> {
    let id = answer.id.ok_or_else(Error::not_found)?;
    let received = answer.state == Said::Received;
    let fits = match answer.verdict() {
        Some(verdict) => bring(&visit, id, &verdict).await?,
        None => received,
    };
    let status = if fits { StatusCode::OK } else { StatusCode::CONFLICT };
    Ok((status, axum::Json(json!({ "id": id, "taken": fits }))).into_response())
}

/// A request as pages tell it.
pub fn asked(request: &Request, events: &[Event], order: Option<Uuid>) -> Asked {
    let payload = &request.payload;
    let word =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    let from = payload.get("order").cloned().unwrap_or_default();
    let currency = word(payload, "currency");
    let lines = payload.get("lines").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    Asked {
        id: request.id.to_string(),
        summary: request.summary.clone(),
        state: request.state,
        who: request.contact_name.clone(),
        at: request.created_at,
        number: request.erp_number.clone(),
        order: order.map(|id| id.to_string()),
        from_order: filled(word(&from, "id")),
        from_number: filled(word(&from, "number")),
        reason: request.reason.clone(),
        approver: request.approver_name.clone(),
        lines: lines.iter().map(|line| asked_line(line, &currency)).collect(),
        total: total(payload),
        unpriced: payload
            .get("unpriced")
            .and_then(Value::as_u64)
            .and_then(|n| n.try_into().ok())
            .unwrap_or(0),
        ship_to: payload.get("ship_to").and_then(|place| filled(word(place, "address"))),
        purchase_order: filled(word(payload, "purchase_order")),
        note: filled(word(payload, "note")),
        story: events.iter().rev().map(happened).collect(),
    }
}

fn asked_line(line: &Value, currency: &str) -> AskedLine {
    let word = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    let number =
        |name: &str| line.get(name).and_then(Value::as_str).and_then(|text| text.parse::<Decimal>().ok());
    let (price, quantity) = (number("unit_price"), number("quantity").unwrap_or_default());
    let amount = price.and_then(|price| price.checked_mul(quantity));
    AskedLine {
        sku: word("sku"),
        description: word("description").unwrap_or_default(),
        quantity,
        unit: word("unit"),
        price: price.map(|price| Money::new(price, currency)),
        amount: amount.map(|amount| Money::new(amount.round_dp(2), currency)),
        replaces: word("replaces"),
    }
}

fn happened(event: &Event) -> Happened {
    Happened {
        state: event.state,
        at: event.at,
        who: event.actor_name.clone(),
        reason: event.reason.clone(),
        number: event.erp_number.clone(),
    }
}

/// The sum of a reorder; none when it has no price at all.
pub fn total(payload: &Value) -> Option<Money> {
    let amount: Decimal = payload.get("total")?.as_str()?.parse().ok()?;
    let currency = payload.get("currency")?.as_str()?;
    Some(Money::new(amount, currency)).filter(|money| !money.amount.is_zero())
}
