//! What a person of the tenant may do with a request: say yes in its system's stead, say no, have it handed over again.

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use platform_connectors::requests::{self, State, Step};
use platform_core::audit::Actor;
use platform_core::id::RequestId;
use platform_core::{TenantTx, jobs};
use platform_identity::{Deed, Staffed, may};
use platform_web::pages::Field;
use platform_web::{Access, Error, Posted, Routes, StaffCapability, Visit};
use serde_json::json;
use themes::Tone;

use super::routes::{fault, page};
use super::store;

/// Numbers and reasons are shown to people; the same bound as answers of the other side have.
const LONGEST: usize = 300;

/// The screen's deeds.
pub(super) fn routes() -> Routes {
    let access = Access::Staff(StaffCapability::Requests);
    Routes::new()
        .post("/console/requests/{id}/approval", access, approve)
        .post("/console/requests/{id}/rejection", access, reject)
        .post("/console/requests/{id}/hand-over", access, hand_over)
}

async fn approve(
    visit: Visit,
    staff: Staffed<may::Requests>,
    Path(id): Path<String>,
    form: Posted,
) -> Result<Response, Error> {
    let number = form.text("number");
    if number.chars().count() > LONGEST {
        return again(&visit, &staff, &id, "number", number, "console.request.wrong.long").await;
    }
    let erp_number = Some(number.to_owned()).filter(|number| !number.is_empty());
    let step = Step { erp_number, ..Step::to(State::Accepted, Actor::Staff(staff.id)) };
    advance(&visit, &staff, &id, &step, "request_approved").await
}

async fn reject(
    visit: Visit,
    staff: Staffed<may::Requests>,
    Path(id): Path<String>,
    form: Posted,
) -> Result<Response, Error> {
    let reason = form.text("reason");
    let wrong = match reason.chars().count() {
        0 => Some("console.request.wrong.reason"),
        length if length > LONGEST => Some("console.request.wrong.long"),
        _ => None,
    };
    if let Some(wrong) = wrong {
        return again(&visit, &staff, &id, "reason", reason, wrong).await;
    }
    let reason = Some(reason.to_owned());
    let step = Step { reason, ..Step::to(State::Rejected, Actor::Staff(staff.id)) };
    advance(&visit, &staff, &id, &step, "request_rejected").await
}

/// Moves the request; its event, audit line and mail are written with it. Somebody may have been quicker.
async fn advance(
    visit: &Visit,
    staff: &Staffed<may::Requests>,
    id: &str,
    step: &Step,
    done: &'static str,
) -> Result<Response, Error> {
    let id: RequestId = id.parse().map_err(|_| Error::not_found())?;
    let (clock, random) = (visit.site().clock(), visit.site().random());
    let mut tx = staff.tx(visit.site().db()).await?;
    match requests::advance(&mut tx, clock, random, id, step).await {
        Ok(_) => {
            tx.commit().await?;
            visit.flash(Tone::Success, done);
        }
        Err(requests::Error::Unlawful { .. } | requests::Error::Leaving) => {
            visit.flash(Tone::Warning, "request_too_late");
        }
        Err(error) => return Err(fault(error)),
    }
    Ok(visit.redirect(&format!("/console/requests/{id}")))
}

/// The page with what was typed and what is wrong with it.
async fn again(
    visit: &Visit,
    staff: &Staffed<may::Requests>,
    id: &str,
    field: &'static str,
    typed: &str,
    wrong: &'static str,
) -> Result<Response, Error> {
    let id: RequestId = id.parse().map_err(|_| Error::not_found())?;
    let mut tx = staff.tx(visit.site().db()).await?;
    let mut page = page(&mut tx, id).await?;
    drop(tx);
    let kept = Field::wrong(typed, wrong);
    if field == "reason" {
        page.rejection = kept;
    } else {
        page.approval = kept;
    }
    page.problems.add(field, wrong);
    visit.render_as(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

async fn hand_over(
    visit: Visit,
    staff: Staffed<may::Requests>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let id: RequestId = id.parse().map_err(|_| Error::not_found())?;
    let mut tx = staff.tx(visit.site().db()).await?;
    let request = requests::get(&mut tx, id).await.map_err(fault)?.ok_or_else(Error::not_found)?;
    if request.state == State::Submitted {
        ask_again(&mut tx, &visit, id).await?;
        let object_id = id.to_string();
        let deed = Deed {
            customer: Some(request.customer_id),
            action: "asked_to_hand_over",
            object_kind: "request",
            object_id: &object_id,
            detail: json!({ "attempts": request.attempts }),
        };
        staff.note(&mut tx, &visit, deed).await?;
        tx.commit().await?;
        visit.flash(Tone::Success, "request_hand_over");
    } else {
        visit.flash(Tone::Warning, "request_too_late");
    }
    Ok(visit.redirect(&format!("/console/requests/{id}")))
}

/// One that waits for its next try is due at once; where none waits, because it gave up or runs, there is one.
async fn ask_again(tx: &mut TenantTx, visit: &Visit, id: RequestId) -> Result<(), Error> {
    if !store::hasten(tx, id).await? {
        let job = requests::HandOver { request: id };
        let (clock, random) = (visit.site().clock(), visit.site().random());
        jobs::enqueue(tx, clock, random, &job, Some(&id.to_string())).await?;
    }
    Ok(())
}
