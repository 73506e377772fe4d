//! `/devices` and `/sign-out`: where a person is signed in, and how that ends.

use axum::extract::{Path, State};
use axum::response::Response;
use platform_core::audit::{self, Actor, Entry};
use platform_core::id::SessionId;
use platform_core::{Scope, TenantTx};
use platform_web::cookie::{self, Cookie};
use platform_web::{Access, Audience, Error, Routes, Visit};
use serde_json::{Value, json};
use themes::Tone;

use super::{Agent, Key, Sessions, store};
use crate::pages::{Device, Devices, SignedOut};
use crate::person::Person;

pub(crate) fn routes(sessions: Sessions) -> Routes {
    Routes::new()
        .get("/devices", Access::SignedIn, list)
        .post("/devices/{session}/revocation", Access::SignedIn, revoke)
        .post("/devices/others/revocation", Access::SignedIn, revoke_others)
        .post("/sign-out", Access::Public, sign_out)
        .get("/signed-out", Access::Public, signed_out)
        .with_state(sessions)
}

async fn list(visit: Visit, person: Person) -> Result<Response, Error> {
    let mut tx = person.tx(visit.site().db()).await?;
    let rows = store::of_contact(&mut tx, person.contact.customer, person.contact.id).await?;
    drop(tx);
    visit.render(&Devices { devices: rows.iter().map(|row| device(row, person.session)).collect() })
}

/// A session as the list shows it; `current` is the one that asks.
pub(crate) fn device(row: &store::Device, current: SessionId) -> Device {
    let agent = Agent::read(&row.user_agent);
    Device {
        id: row.id.to_string(),
        kind: agent.kind,
        browser: agent.browser.map(str::to_owned),
        system: agent.system.map(str::to_owned),
        signed_in_at: row.created_at,
        last_seen_at: row.last_seen_at,
        ends_at: row.expires_at,
        current: row.id == current,
    }
}

async fn revoke(
    State(sessions): State<Sessions>,
    visit: Visit,
    person: Person,
    Path(session): Path<String>,
) -> Result<Response, Error> {
    let session: SessionId = session.parse().map_err(|_| Error::not_found())?;
    let mut tx = person.tx(visit.site().db()).await?;
    if !store::revoke(&mut tx, person.contact.id, session).await? {
        return Err(Error::not_found());
    }
    note(&mut tx, &visit, &person, "session_revoked", &session.to_string(), json!({})).await?;
    tx.commit().await?;
    sessions.forget(session);
    visit.flash(Tone::Success, "device_signed_out");
    Ok(visit.redirect("/devices"))
}

async fn revoke_others(
    State(sessions): State<Sessions>,
    visit: Visit,
    person: Person,
) -> Result<Response, Error> {
    let mut tx = person.tx(visit.site().db()).await?;
    let ended =
        store::revoke_others(&mut tx, person.contact.customer, person.contact.id, person.session).await?;
    let detail = json!({ "kept": person.session, "ended": ended });
    note(&mut tx, &visit, &person, "other_sessions_revoked", &person.contact.id.to_string(), detail).await?;
    tx.commit().await?;
    sessions.forget_contact(person.contact.id);
    visit.flash(Tone::Success, "device_signed_out");
    Ok(visit.redirect("/devices"))
}

/// Works for anybody, so that a session that has ended meanwhile is no error.
async fn sign_out(
    State(sessions): State<Sessions>,
    visit: Visit,
    person: Option<Person>,
) -> Result<Response, Error> {
    if let Some(key) = Key::of(&visit) {
        let mut tx = visit.site().db().tenant(Scope::tenant(visit.tenant())).await?;
        store::revoke_by_token(&mut tx, &key.token).await?;
        if let Some(person) = &person {
            note(&mut tx, &visit, person, "signed_out", &person.session.to_string(), json!({})).await?;
        }
        tx.commit().await?;
    }
    if let Some(person) = person {
        sessions.forget(person.session);
    }
    visit.set_cookie(&Cookie::removal(cookie::SESSION));
    Ok(visit.redirect("/signed-out"))
}

async fn signed_out(visit: Visit, person: Option<Person>) -> Result<Response, Error> {
    if person.is_some() {
        return Ok(visit.redirect("/"));
    }
    visit.render(&SignedOut { audience: Audience::Contacts })
}

async fn note(
    tx: &mut TenantTx,
    visit: &Visit,
    person: &Person,
    action: &'static str,
    object_id: &str,
    detail: Value,
) -> Result<(), Error> {
    let entry = Entry {
        actor: Actor::Contact(person.contact.id),
        customer: Some(person.contact.customer),
        action,
        object_kind: "session",
        object_id,
        detail,
    };
    audit::record(tx, visit.site().clock(), visit.site().random(), &entry).await?;
    Ok(())
}
