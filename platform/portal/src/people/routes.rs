//! The slice's routes: inviting, changing, deactivating. The list is in `list`.

use std::time::Duration;

use axum::extract::{FromRequestParts, Path, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use platform_core::audit::{self, Actor, Entry};
use platform_core::id::ContactId;
use platform_core::mail::{NewMail, Outbox};
use platform_core::{Error as CoreError, TenantTx};
use platform_identity::{Allowed, Sessions, need};
use platform_web::{Access, Capability, Error, Posted, Problems, Routes, Visit};
use serde_json::{Value, json};
use themes::Tone;

use super::list;
use super::mails::Invitation;
use super::pages::{Invite, Row, Somebody};
use super::person::Typed;
use super::store::{self, PersonRow};

/// Invitations that one person sends within an hour; a mailbox is no toy.
const HOURLY: i64 = 100;
/// There is no secret in these mails.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);
/// In the log, and counted there.
const INVITED: &str = "invited";

/// What the handlers lean on.
#[derive(Debug, Clone)]
pub struct People {
    pub outbox: Outbox,
    /// Forgets who was changed.
    pub sessions: Sessions,
}

/// The slice's routes.
#[must_use]
pub fn routes(people: People) -> Routes {
    let may = Access::Contact(Capability::People);
    Routes::new()
        .get("/people", may, list::list)
        .get("/people/list.csv", may, list::file)
        .get("/people/new", may, form)
        .post("/people", may, invite)
        .get("/people/{id}", may, somebody)
        .post("/people/{id}/change", may, change)
        .post("/people/{id}/deactivation", may, deactivate)
        .post("/people/{id}/activation", may, activate)
        .post("/people/{id}/invitation", may, invite_again)
        .with_state(people)
}

/// A reader who may see and change the company's people.
#[derive(Debug)]
pub(super) struct Manager {
    pub(super) visit: Visit,
    pub(super) person: Allowed<need::People>,
}

impl<S: Send + Sync> FromRequestParts<S> for Manager {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let visit = Visit::from_request_parts(parts, state).await?;
        let person = Allowed::from_request_parts(parts, state).await?;
        Ok(Self { visit, person })
    }
}

async fn form(reader: Manager) -> Result<Response, Error> {
    let typed = Typed { role: "user".to_owned(), ..Typed::default() };
    reader.visit.render(&Invite::new(&typed, Problems::default()))
}

async fn invite(reader: Manager, State(people): State<People>, form: Posted) -> Result<Response, Error> {
    let Manager { visit, person } = &reader;
    let typed = Typed::new(form.text("name"), form.text("email"), form.text("role"));
    let mut problems = typed.problems(true);
    let again = |problems| visit.render_as(StatusCode::UNPROCESSABLE_ENTITY, &Invite::new(&typed, problems));
    if !problems.is_empty() {
        return again(problems);
    }
    let mut tx = person.tx(visit.site().db()).await?;
    enough(&mut tx, &reader).await?;
    let id = ContactId::new(visit.site().clock(), visit.site().random());
    let facts = (typed.name.as_str(), typed.email.as_str(), typed.role.as_str());
    if let Err(error) = store::invite(&mut tx, person.contact.customer, id, facts).await {
        let constraints = [
            ("contacts_email_key", "email", "people.wrong.taken"),
            ("contacts_email_shape", "email", "form.email"),
            ("contacts_name_shape", "name", "people.wrong.name"),
        ];
        problems.add_constraint(error, &constraints)?;
        return again(problems);
    }
    let detail = json!({ "email": typed.email, "role": typed.role });
    note(&mut tx, &reader, INVITED, &id.to_string(), detail).await?;
    send(&mut tx, &reader, &people.outbox, (&typed.name, &typed.email, None)).await?;
    tx.commit().await?;
    visit.flash(Tone::Success, "person_invited");
    Ok(visit.redirect("/people?show=invited"))
}

async fn invite_again(
    reader: Manager,
    State(people): State<People>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let mut tx = reader.person.tx(reader.visit.site().db()).await?;
    let row = known(&mut tx, &id).await?;
    if !row.active {
        return Err(Error::not_found());
    }
    enough(&mut tx, &reader).await?;
    note(&mut tx, &reader, INVITED, &row.id.to_string(), json!({ "again": true })).await?;
    send(&mut tx, &reader, &people.outbox, (&row.name, &row.email, row.locale.as_deref())).await?;
    tx.commit().await?;
    reader.visit.flash(Tone::Success, "person_invited_again");
    Ok(reader.visit.redirect(&format!("/people/{}", row.id)))
}

async fn somebody(reader: Manager, Path(id): Path<String>) -> Result<Response, Error> {
    let mut tx = reader.person.tx(reader.visit.site().db()).await?;
    let row = known(&mut tx, &id).await?;
    drop(tx);
    let typed = Typed::new(&row.name, &row.email, &row.role);
    reader.visit.render(&page(&reader, &row, &typed, Problems::default()))
}

async fn change(
    reader: Manager,
    State(people): State<People>,
    Path(id): Path<String>,
    form: Posted,
) -> Result<Response, Error> {
    let mut tx = reader.person.tx(reader.visit.site().db()).await?;
    let row = known(&mut tx, &id).await?;
    // One's own role stays whatever a form says.
    let own = row.id == reader.person.contact.id;
    let role = if own { row.role.as_str() } else { form.text("role") };
    let typed = Typed::new(form.text("name"), &row.email, role);
    let problems = typed.problems(false);
    if !problems.is_empty() {
        return refuse(&reader, &row, &typed, problems);
    }
    if (typed.name.as_str(), typed.role.as_str()) != (row.name.as_str(), row.role.as_str()) {
        let to = (typed.name.as_str(), typed.role.as_str(), row.active);
        if !store::change(&mut tx, reader.person.contact.customer, row.id, to).await? {
            return refuse(&reader, &row, &typed, Problems::of_one("role", "people.wrong.last"));
        }
        let detail = json!({
            "before": { "name": row.name, "role": row.role },
            "after": { "name": typed.name, "role": typed.role },
        });
        note(&mut tx, &reader, "changed", &row.id.to_string(), detail).await?;
        tx.commit().await?;
        people.sessions.forget_contact(row.id);
    }
    reader.visit.flash(Tone::Success, "saved");
    Ok(reader.visit.redirect(&format!("/people/{}", row.id)))
}

async fn deactivate(
    reader: Manager,
    State(people): State<People>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    set_active(&reader, &people, &id, false).await
}

async fn activate(
    reader: Manager,
    State(people): State<People>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    set_active(&reader, &people, &id, true).await
}

/// Nobody takes away their own access; the page has no button for it.
async fn set_active(reader: &Manager, people: &People, id: &str, active: bool) -> Result<Response, Error> {
    let mut tx = reader.person.tx(reader.visit.site().db()).await?;
    let row = known(&mut tx, id).await?;
    if row.id == reader.person.contact.id {
        return Err(Error::not_found());
    }
    if row.active != active {
        let to = (row.name.as_str(), row.role.as_str(), active);
        if !store::change(&mut tx, reader.person.contact.customer, row.id, to).await? {
            let typed = Typed::new(&row.name, &row.email, &row.role);
            return refuse(reader, &row, &typed, Problems::of_one("role", "people.wrong.last"));
        }
        let action = if active { "activated" } else { "deactivated" };
        note(&mut tx, reader, action, &row.id.to_string(), json!({})).await?;
        tx.commit().await?;
        people.sessions.forget_contact(row.id);
    }
    reader.visit.flash(Tone::Success, if active { "person_activated" } else { "person_deactivated" });
    Ok(reader.visit.redirect(&format!("/people/{}", row.id)))
}

fn page(reader: &Manager, row: &PersonRow, typed: &Typed, problems: Problems) -> Somebody {
    Somebody::new(Row::new(row, row.id == reader.person.contact.id), typed, problems)
}

fn refuse(reader: &Manager, row: &PersonRow, typed: &Typed, problems: Problems) -> Result<Response, Error> {
    reader.visit.render_as(StatusCode::UNPROCESSABLE_ENTITY, &page(reader, row, typed, problems))
}

/// What is no id is nobody, and must look like somebody of another company.
async fn known(tx: &mut TenantTx, id: &str) -> Result<PersonRow, Error> {
    let id: ContactId = id.parse().map_err(|_| Error::not_found())?;
    store::person(tx, id).await?.ok_or_else(Error::not_found)
}

async fn enough(tx: &mut TenantTx, reader: &Manager) -> Result<(), Error> {
    match audit::lately(tx, reader.person.contact.id, INVITED).await? {
        count if count < HOURLY => Ok(()),
        _ => Err(Error::too_many(60 * 60)),
    }
}

async fn send(
    tx: &mut TenantTx,
    Manager { visit, person }: &Manager,
    outbox: &Outbox,
    (name, email, locale): (&str, &str, Option<&str>),
) -> Result<(), Error> {
    let host = visit.host();
    let page = Invitation {
        sender: person.contact.name.clone(),
        company: person.customer_name.clone(),
        email: email.to_owned(),
        link: format!("{}/sign-in", host.origin),
        host: host.host.clone(),
    };
    let mail = visit.mail(locale, &page)?;
    let mail = NewMail {
        to_address: email.to_owned(),
        to_name: name.to_owned(),
        from_name: visit.look().name.clone(),
        reply_to: Some(person.contact.email.clone()),
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        keep_body: KEEP,
    };
    outbox.enqueue(tx, &mail).await?;
    Ok(())
}

/// A line in the tenant's log.
pub(super) async fn note(
    tx: &mut TenantTx,
    Manager { visit, person }: &Manager,
    action: &'static str,
    object_id: &str,
    detail: Value,
) -> Result<(), CoreError> {
    let entry = Entry {
        actor: Actor::Contact(person.contact.id),
        customer: Some(person.contact.customer),
        action,
        object_kind: "contact",
        object_id,
        detail,
    };
    audit::record(tx, visit.site().clock(), visit.site().random(), &entry).await
}
