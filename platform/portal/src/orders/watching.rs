//! Watching an order, sharing it with a colleague, and stopping mails about delays.

use std::time::Duration;

use axum::extract::{Extension, Path, State};
use axum::response::Response;
use http::StatusCode;
use platform_core::audit::{self, Actor, Entry};
use platform_core::mail::NewMail;
use platform_core::random;
use platform_core::{Scope, TenantTx};
use platform_web::{Access, Capability, Error, Kind, Posted, Problems, Proof, Routes, Visit};
use serde_json::json;
use themes::Tone;
use uuid::Uuid;

use super::mails::Shared;
use super::pages::{ShareForm, StopMails};
use super::routes::{Orders, Reader, order_page};
use super::store::{self, sharing, watches};

/// Letters of what somebody says to a colleague.
const LONGEST: usize = 500;
/// Orders that one contact may share in an hour.
const HOURLY: i64 = 20;
const KEEP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The routes of this file.
pub(super) fn routes() -> Routes<Orders> {
    let access = Access::Contact(Capability::Orders);
    Routes::new()
        .post("/orders/{id}/watch", access, watch)
        .post("/orders/{id}/watch/end", access, unwatch)
        .post("/orders/{id}/sharing", access, share)
        .get("/mail/delays/{token}", Access::Public, ask)
        .post("/mail/delays/{token}", Access::Machine, stop)
}

async fn watch(Reader { visit, person }: Reader, Path(id): Path<String>) -> Result<Response, Error> {
    let id = order_id(&id)?;
    let mut tx = person.tx(visit.site().db()).await?;
    known(&mut tx, id).await?;
    watches::watch(&mut tx, id, person.contact.id, visit.now()).await?;
    // Who watches wants to hear: it takes back what a link may have stopped.
    let token = random::token(visit.site().random());
    watches::choose(&mut tx, person.contact.id, true, &token, visit.now()).await?;
    tx.commit().await?;
    visit.flash(Tone::Success, "flash.watching");
    Ok(visit.redirect(&format!("/orders/{id}")))
}

async fn unwatch(Reader { visit, person }: Reader, Path(id): Path<String>) -> Result<Response, Error> {
    let id = order_id(&id)?;
    let mut tx = person.tx(visit.site().db()).await?;
    known(&mut tx, id).await?;
    watches::unwatch(&mut tx, id, person.contact.id).await?;
    tx.commit().await?;
    visit.flash(Tone::Neutral, "flash.not_watching");
    Ok(visit.redirect(&format!("/orders/{id}")))
}

async fn share(
    reader: Reader,
    State(orders): State<Orders>,
    Path(id): Path<String>,
    form: Posted,
) -> Result<Response, Error> {
    let id = order_id(&id)?;
    let (visit, person) = (&reader.visit, &reader.person);
    let mut tx = person.tx(visit.site().db()).await?;
    let order = known(&mut tx, id).await?;
    let (to, words) = (form.text("colleague").to_owned(), form.text("words").to_owned());
    let colleagues = sharing::colleagues(&mut tx, person.contact.id).await?;
    let colleague = colleagues.iter().find(|colleague| colleague.id.to_string() == to);
    let mut problems = Problems::default();
    if colleague.is_none() {
        problems.add("colleague", "order.share.nobody");
    }
    if words.chars().count() > LONGEST {
        problems.add("words", "order.share.too_long");
    }
    if audit::lately(&mut tx, person.contact.id, sharing::ACTION).await? >= HOURLY {
        return Err(Error::too_many(60 * 60));
    }
    let Some(colleague) = colleague.filter(|_| problems.is_empty()) else {
        drop(tx);
        let share = ShareForm { to, words, problems, ..ShareForm::default() };
        let page = order_page(&reader, &orders, id, share).await?;
        return visit.render_as(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let host = visit.host();
    let page = Shared {
        sender: person.contact.name.clone(),
        number: order.number,
        summary: sharing::summary(&mut tx, id).await?,
        words,
        link: format!("{}/orders/{id}", host.origin),
        host: host.host.clone(),
    };
    let mail = visit.mail(colleague.locale.as_deref(), &page)?;
    let mail = NewMail {
        to_address: colleague.email.clone(),
        to_name: colleague.name.clone(),
        from_name: visit.look().name.clone(),
        reply_to: Some(person.contact.email.clone()),
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        keep_body: KEEP,
    };
    orders.outbox.enqueue(&mut tx, &mail).await?;
    let entry = Entry {
        actor: Actor::Contact(person.contact.id),
        customer: Some(person.contact.customer),
        action: sharing::ACTION,
        object_kind: "order",
        object_id: &id.to_string(),
        detail: json!({ "with": colleague.id }),
    };
    audit::record(&mut tx, visit.site().clock(), visit.site().random(), &entry).await?;
    tx.commit().await?;
    visit.flash(Tone::Success, "flash.shared");
    Ok(visit.redirect(&format!("/orders/{id}")))
}

/// What a mailed link opens. Nothing is changed before the button, because mail programs open links by themselves.
async fn ask(visit: Visit, Path(token): Path<String>) -> Result<Response, Error> {
    let mut tx = visit.site().db().tenant(Scope::tenant(visit.tenant())).await?;
    let delays = watches::link(&mut tx, &token).await?.ok_or_else(Error::not_found)?;
    visit.render(&StopMails { token, stopped: !delays })
}

/// The button of that page, and the one-click request of a mail program (RFC 8058), which brings no cookie: the secret in
/// the address is the proof, and stopping mails is all that it can do.
async fn stop(
    visit: Visit,
    Path(token): Path<String>,
    Extension(proof): Extension<Proof>,
) -> Result<Response, Error> {
    let mut tx = visit.site().db().tenant(Scope::tenant(visit.tenant())).await?;
    if !watches::stop(&mut tx, &token, visit.now()).await? {
        return Err(Error::because(Kind::Unproved, "no such link"));
    }
    tx.commit().await?;
    proof.prove(Access::Machine);
    Ok(visit.redirect(&format!("/mail/delays/{token}")))
}

/// What is no id is no order, and must look like one that is somebody else's.
fn order_id(text: &str) -> Result<Uuid, Error> {
    text.parse().map_err(|_| Error::not_found())
}

async fn known(tx: &mut TenantTx, id: Uuid) -> Result<store::OrderRow, Error> {
    store::order(tx, id).await?.ok_or_else(Error::not_found)
}
