//! `/console/second-factor`: showing the second factor, and setting one up.

use axum::extract::{Query, State};
use axum::response::Response;
use http::StatusCode;
use platform_core::TenantTx;
use platform_web::pages::Field;
use platform_web::{Access, Audience, Error, Next, Posted, Problems, Routes, Visit};
use serde::Deserialize;
use serde_json::json;

use super::arrival::{Arrival, Deed, Standing};
use super::factor::{self, Tried, Typed};
use super::opening::make_whole;
use super::qr::Qr;
use super::{recovery, totp};
use crate::Identity;
use crate::pages::staff::{Begun, Enrolment, RecoveryCodes, SecondFactor};
use crate::sign_in::digits;

pub(super) fn routes(identity: Identity) -> Routes {
    Routes::new()
        .get("/console/second-factor", Access::Arriving, ask)
        .post("/console/second-factor", Access::Arriving, show)
        .get("/console/second-factor/enrolment", Access::Arriving, enrolment)
        .post("/console/second-factor/enrolment", Access::Arriving, begin)
        .post("/console/second-factor/enrolment/confirmation", Access::Arriving, confirm)
        .with_state(identity)
}

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
struct Wish {
    next: Option<String>,
}

fn wished(text: Option<&str>) -> Next {
    Next::parse(text.unwrap_or("/console")).within(Audience::Staff)
}

async fn ask(visit: Visit, arrival: Arrival, Query(wish): Query<Wish>) -> Result<Response, Error> {
    let next = wished(wish.next.as_deref());
    if !arrival.has_factor {
        return Ok(visit.redirect(Standing::Enrol.onward(&next).as_str()));
    }
    visit.render(&page(&arrival, &next))
}

fn page(arrival: &Arrival, next: &Next) -> SecondFactor {
    SecondFactor {
        email: arrival.email.clone(),
        again: arrival.standing == Standing::Whole,
        code: Field::default(),
        recovery: Field::default(),
        next: next.to_string(),
        problems: Problems::default(),
    }
}

async fn show(
    State(identity): State<Identity>,
    visit: Visit,
    arrival: Arrival,
    form: Posted,
) -> Result<Response, Error> {
    let next = wished(Some(form.text("next")));
    let mut page = page(&arrival, &next);
    let by_recovery = form.ticked("recovery");
    let (field, text) =
        if by_recovery { ("recovery", form.text("recovery")) } else { ("code", form.text("code")) };
    let typed =
        if by_recovery { recovery::read(text).map(Typed::Recovery) } else { digits(text).map(Typed::Code) };
    let wrong = match typed {
        None if text.is_empty() => "form.required",
        None if by_recovery => "second_factor.recovery.shape",
        None => "second_factor.code.shape",
        Some(typed) => {
            let mut tx = arrival.tx(visit.site().db()).await?;
            let tried = factor::show(&mut tx, identity.sealer(), visit.now(), arrival.id, &typed).await?;
            match tried {
                Tried::ByCode | Tried::ByRecovery => {
                    return passed(&identity, &visit, &arrival, tx, &tried, &next).await;
                }
                Tried::Limited(seconds) => return Err(Error::too_many(seconds)),
                Tried::Nothing => return Ok(visit.redirect(Standing::Enrol.onward(&next).as_str())),
                Tried::Wrong => {
                    note(&mut tx, &visit, &arrival, "second_factor_refused", json!({ "by": field })).await?;
                    // The try stays counted.
                    tx.commit().await?;
                    if by_recovery { "second_factor.recovery.wrong" } else { "second_factor.code.wrong" }
                }
            }
        }
    };
    page.problems.add(field, wrong);
    let kept = Field::wrong(text, wrong);
    if by_recovery {
        page.recovery = kept;
    } else {
        page.code = kept;
    }
    visit.render_as(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

async fn passed(
    identity: &Identity,
    visit: &Visit,
    arrival: &Arrival,
    mut tx: TenantTx,
    tried: &Tried,
    next: &Next,
) -> Result<Response, Error> {
    make_whole(&mut tx, visit, arrival).await?;
    let action = if *tried == Tried::ByRecovery { "recovery_code_used" } else { "second_factor_shown" };
    note(&mut tx, visit, arrival, action, json!({ "network": visit.host().peer_network() })).await?;
    tx.commit().await?;
    identity.staff().forget(arrival.session);
    Ok(visit.redirect(next.as_str()))
}

/// Setting a factor up is for those who owe one or have none, and for those who have just shown theirs.
fn may_enrol(visit: &Visit, arrival: &Arrival, next: &Next) -> Result<(), Next> {
    match arrival.standing {
        Standing::Enrol => Ok(()),
        Standing::Whole if !arrival.has_factor || arrival.is_recent(visit.now()) => Ok(()),
        Standing::Whole | Standing::Prove => Err(Standing::Prove.onward(&Standing::Enrol.onward(next))),
    }
}

async fn enrolment(
    State(identity): State<Identity>,
    visit: Visit,
    arrival: Arrival,
    Query(wish): Query<Wish>,
) -> Result<Response, Error> {
    let next = wished(wish.next.as_deref());
    if let Err(first) = may_enrol(&visit, &arrival, &next) {
        return Ok(visit.redirect(first.as_str()));
    }
    let mut tx = arrival.tx(visit.site().db()).await?;
    let page = enrolment_page(&identity, &visit, &arrival, &mut tx, &next).await?;
    visit.render(&page)
}

async fn enrolment_page(
    identity: &Identity,
    visit: &Visit,
    arrival: &Arrival,
    tx: &mut TenantTx,
    next: &Next,
) -> Result<Enrolment, Error> {
    let begun = factor::begun(tx, identity.sealer(), arrival.id).await?.map(|(_, secret)| {
        let uri = totp::uri(&visit.look().name, &arrival.email, &secret);
        Begun { qr: Qr::of(&uri), secret: in_fours(&totp::base32(&secret)), uri, code: Field::default() }
    });
    Ok(Enrolment {
        demanded: arrival.standing == Standing::Enrol,
        replaces: arrival.has_factor,
        begun,
        next: next.to_string(),
        problems: Problems::default(),
    })
}

/// `GEZD GNBV ..`: for reading aloud and typing.
fn in_fours(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
}

async fn begin(
    State(identity): State<Identity>,
    visit: Visit,
    arrival: Arrival,
    form: Posted,
) -> Result<Response, Error> {
    let next = wished(Some(form.text("next")));
    if let Err(first) = may_enrol(&visit, &arrival, &next) {
        return Ok(visit.redirect(first.as_str()));
    }
    let mut tx = arrival.tx(visit.site().db()).await?;
    factor::begin(&mut tx, visit.site(), identity.sealer(), arrival.id).await?;
    tx.commit().await?;
    Ok(visit.redirect(Standing::Enrol.onward(&next).as_str()))
}

async fn confirm(
    State(identity): State<Identity>,
    visit: Visit,
    arrival: Arrival,
    form: Posted,
) -> Result<Response, Error> {
    let next = wished(Some(form.text("next")));
    if let Err(first) = may_enrol(&visit, &arrival, &next) {
        return Ok(visit.redirect(first.as_str()));
    }
    let text = form.text("code");
    let mut tx = arrival.tx(visit.site().db()).await?;
    let code = digits(text);
    if let Some(code) = &code
        && let Some(codes) =
            factor::confirm(&mut tx, visit.site(), identity.sealer(), arrival.id, code).await?
    {
        make_whole(&mut tx, &visit, &arrival).await?;
        note(&mut tx, &visit, &arrival, "second_factor_set_up", json!({ "replaced": arrival.has_factor }))
            .await?;
        tx.commit().await?;
        identity.staff().forget_person(arrival.id);
        return visit.render(&RecoveryCodes { codes, next: next.to_string() });
    }
    let mut page = enrolment_page(&identity, &visit, &arrival, &mut tx, &next).await?;
    let Some(begun) = &mut page.begun else {
        return Ok(visit.redirect(Standing::Enrol.onward(&next).as_str()));
    };
    let wrong = match code {
        None if text.is_empty() => "form.required",
        None => "second_factor.code.shape",
        Some(_) => "second_factor.code.wrong",
    };
    begun.code = Field::wrong(text, wrong);
    page.problems.add("code", wrong);
    visit.render_as(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

async fn note(
    tx: &mut TenantTx,
    visit: &Visit,
    arrival: &Arrival,
    action: &'static str,
    detail: serde_json::Value,
) -> Result<(), Error> {
    let object_id = arrival.session.to_string();
    let deed = Deed { customer: None, action, object_kind: "session", object_id: &object_id, detail };
    Ok(arrival.note(tx, visit, deed).await?)
}
