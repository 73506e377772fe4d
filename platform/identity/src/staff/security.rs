//! `/console/security` and `/console/sign-out`: where a person is signed in, their second factor, and how both end.

use axum::extract::{Path, State};
use axum::response::Response;
use platform_core::Scope;
use platform_core::id::SessionId;
use platform_web::cookie::{self, Cookie};
use platform_web::{Access, Audience, Error, Routes, Visit};
use serde_json::{Value, json};
use themes::Tone;

use super::arrival::{Arrival, Deed, Member, Standing};
use super::factor;
use super::store::{factors, sessions};
use crate::Identity;
use crate::pages::SignedOut;
use crate::pages::staff::{FactorState, RecoveryCodes, Security};
use crate::sessions::{Key, device};

const PAGE: &str = "/console/security";

pub(super) fn routes(identity: Identity) -> Routes {
    Routes::new()
        .get(PAGE, Access::AnyStaff, show)
        .post("/console/security/devices/{session}/revocation", Access::AnyStaff, revoke)
        .post("/console/security/devices/others/revocation", Access::AnyStaff, revoke_others)
        .post("/console/security/recovery-codes", Access::AnyStaff, renew_codes)
        .post("/console/security/second-factor/removal", Access::AnyStaff, remove)
        .post("/console/sign-out", Access::Public, sign_out)
        .get("/console/signed-out", Access::Public, signed_out)
        .with_state(identity)
}

async fn show(visit: Visit, member: Member) -> Result<Response, Error> {
    let mut tx = member.tx(visit.site().db()).await?;
    let rows = sessions::of_staff(&mut tx, member.id).await?;
    let summary = factors::summary(&mut tx, member.id).await?;
    drop(tx);
    visit.render(&Security {
        devices: rows.iter().map(|row| device(row, member.session)).collect(),
        factor: summary.map(|summary| FactorState {
            since: summary.since,
            codes_left: u32::try_from(summary.codes_left).unwrap_or_default(),
        }),
        demanded: member.role.needs_second_factor(),
    })
}

async fn revoke(
    State(identity): State<Identity>,
    visit: Visit,
    member: Member,
    Path(session): Path<String>,
) -> Result<Response, Error> {
    let session: SessionId = session.parse().map_err(|_| Error::not_found())?;
    let mut tx = member.tx(visit.site().db()).await?;
    if !sessions::revoke(&mut tx, member.id, session).await? {
        return Err(Error::not_found());
    }
    member.note(&mut tx, &visit, deed("session_revoked", &session.to_string(), json!({}))).await?;
    tx.commit().await?;
    identity.staff().forget(session);
    visit.flash(Tone::Success, "device_signed_out");
    Ok(visit.redirect(PAGE))
}

async fn revoke_others(
    State(identity): State<Identity>,
    visit: Visit,
    member: Member,
) -> Result<Response, Error> {
    let mut tx = member.tx(visit.site().db()).await?;
    let ended = sessions::revoke_others(&mut tx, member.id, member.session).await?;
    let detail = json!({ "kept": member.session, "ended": ended });
    member.note(&mut tx, &visit, deed("other_sessions_revoked", &member.id.to_string(), detail)).await?;
    tx.commit().await?;
    identity.staff().forget_person(member.id);
    visit.flash(Tone::Success, "device_signed_out");
    Ok(visit.redirect(PAGE))
}

async fn renew_codes(
    State(identity): State<Identity>,
    visit: Visit,
    member: Member,
) -> Result<Response, Error> {
    if let Some(first) = member.before_danger(&visit, PAGE) {
        return Ok(visit.redirect(first.as_str()));
    }
    let mut tx = member.tx(visit.site().db()).await?;
    let codes = factor::renew_codes(&mut tx, visit.site(), identity.sealer(), member.id).await?;
    let Some(codes) = codes else { return Ok(visit.redirect(PAGE)) };
    member.note(&mut tx, &visit, deed("recovery_codes_renewed", &member.id.to_string(), json!({}))).await?;
    tx.commit().await?;
    visit.render(&RecoveryCodes { codes, next: PAGE.to_owned() })
}

async fn remove(State(identity): State<Identity>, visit: Visit, member: Member) -> Result<Response, Error> {
    // Whose role demands one can only put another in its place.
    if member.role.needs_second_factor() {
        return Err(Error::not_found());
    }
    if let Some(first) = member.before_danger(&visit, PAGE) {
        return Ok(visit.redirect(first.as_str()));
    }
    let mut tx = member.tx(visit.site().db()).await?;
    factors::remove(&mut tx, member.id).await?;
    member.note(&mut tx, &visit, deed("second_factor_removed", &member.id.to_string(), json!({}))).await?;
    tx.commit().await?;
    identity.staff().forget_person(member.id);
    visit.flash(Tone::Success, "second_factor_removed");
    Ok(visit.redirect(PAGE))
}

/// Works for anybody, so that a session that has ended meanwhile, or is not whole, is no error.
async fn sign_out(
    State(identity): State<Identity>,
    visit: Visit,
    arrival: Option<axum::Extension<Arrival>>,
) -> Result<Response, Error> {
    if let Some(key) = Key::of(&visit) {
        let mut tx = visit.site().db().tenant(Scope::tenant(visit.tenant())).await?;
        sessions::revoke_by_token(&mut tx, key.token()).await?;
        if let Some(arrival) = &arrival {
            let object_id = arrival.session.to_string();
            arrival.note(&mut tx, &visit, deed("signed_out", &object_id, json!({}))).await?;
        }
        tx.commit().await?;
    }
    if let Some(arrival) = arrival {
        identity.staff().forget(arrival.session);
    }
    visit.set_cookie(&Cookie::removal(cookie::STAFF));
    Ok(visit.redirect("/console/signed-out"))
}

async fn signed_out(visit: Visit, arrival: Option<axum::Extension<Arrival>>) -> Result<Response, Error> {
    if arrival.is_some_and(|arrival| arrival.standing == Standing::Whole) {
        return Ok(visit.redirect("/console"));
    }
    visit.render(&SignedOut { audience: Audience::Staff })
}

fn deed<'a>(action: &'static str, object_id: &'a str, detail: Value) -> Deed<'a> {
    Deed { customer: None, action, object_kind: "session", object_id, detail }
}
