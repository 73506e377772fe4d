//! Addresses: a new one or a change is a request, archiving is ours. What was typed stays in the form, and a form that is
//! sent twice is one request.

use axum::extract::{Path, Query as QueryString};
use axum::response::Response;
use http::StatusCode;
use platform_connectors::requests::{self, Kind, NewRequest};
use platform_core::audit::{self, Actor, Entry};
use platform_core::random;
use platform_web::{Error, Posted, Problems};
use serde::Deserialize;
use serde_json::Value;
use themes::Tone;
use uuid::Uuid;

use super::address::Address;
use super::pages::AddressForm;
use super::requested::address_payload;
use super::routes::{Keeper, Reader};
use super::store::{self, AddressRow};

/// `?country=`: which country's fields to show.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    country: String,
}

pub(super) async fn new(
    Keeper(reader): Keeper,
    QueryString(asked): QueryString<Asked>,
) -> Result<Response, Error> {
    let address = Address { country: asked.country.to_uppercase(), ..Address::default() };
    show(&reader, None, address, Problems::default(), &fresh_key(&reader))
}

pub(super) async fn add(Keeper(reader): Keeper, form: Posted) -> Result<Response, Error> {
    submitted(&reader, None, &form).await
}

pub(super) async fn form(Keeper(reader): Keeper, Path(id): Path<String>) -> Result<Response, Error> {
    let row = find(&reader, &id).await?;
    let address = Address::stored(&row);
    show(&reader, Some(&row), address, Problems::default(), &fresh_key(&reader))
}

pub(super) async fn change(
    Keeper(reader): Keeper,
    Path(id): Path<String>,
    form: Posted,
) -> Result<Response, Error> {
    let row = find(&reader, &id).await?;
    submitted(&reader, Some(&row), &form).await
}

pub(super) async fn archive(Keeper(reader): Keeper, Path(id): Path<String>) -> Result<Response, Error> {
    set_archived(&reader, &id, true).await
}

pub(super) async fn restore(Keeper(reader): Keeper, Path(id): Path<String>) -> Result<Response, Error> {
    set_archived(&reader, &id, false).await
}

fn parsed(id: &str) -> Result<Uuid, Error> {
    id.parse().map_err(|_| Error::not_found())
}

async fn find(reader: &Reader, id: &str) -> Result<AddressRow, Error> {
    let id = parsed(id)?;
    let mut tx = reader.person.tx(reader.visit.site().db()).await?;
    store::address(&mut tx, id).await?.ok_or_else(Error::not_found)
}

/// A key of this form alone.
pub(super) fn fresh_key(reader: &Reader) -> String {
    random::token(reader.visit.site().random())
}

/// The key that the form brought, or a new one where somebody took it away.
pub(super) fn key_of(reader: &Reader, form: &Posted) -> String {
    let key = form.text("key");
    if (16..=100).contains(&key.len()) { key.to_owned() } else { fresh_key(reader) }
}

fn show(
    reader: &Reader,
    row: Option<&AddressRow>,
    address: Address,
    problems: Problems,
    key: &str,
) -> Result<Response, Error> {
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    reader
        .visit
        .render_as(status, &AddressForm::new(row.map(|row| row.id), &address, problems, key.to_owned()))
}

async fn submitted(reader: &Reader, row: Option<&AddressRow>, form: &Posted) -> Result<Response, Error> {
    let (address, key) = (Address::posted(form), key_of(reader, form));
    // Another country has other fields: what was typed stays, and nothing is wrong yet.
    if form.text("step") == "country" {
        return show(reader, row, address, Problems::default(), &key);
    }
    let mut problems = address.problems();
    let before = row.map(Address::stored);
    if problems.is_empty() && before.as_ref() == Some(&address) {
        problems.add("street", "account.address.unchanged");
    }
    if !problems.is_empty() {
        return show(reader, row, address, problems, &key);
    }
    let ids = row.map(|row| (row.id.to_string(), row.external_id.clone()));
    let known = ids.as_ref().map(|(id, key)| (id.as_str(), key.as_str()));
    let payload = address_payload(known, before.as_ref(), &address);
    let place = [address.street.as_str(), &address.city].join(", ");
    let what = if row.is_some() { "account.summary.change" } else { "account.summary.new" };
    let summary = reader.visit.words().say(what, &[("address", &place)]);
    match ask(reader, Kind::AddressChange, payload, summary, &key).await? {
        Ok(()) => {
            reader.visit.flash(Tone::Success, "account_requested");
            Ok(reader.visit.redirect("/account#requests"))
        }
        Err(message) => show(reader, row, address, Problems::of_one("street", message), &fresh_key(reader)),
    }
}

/// Takes the request; a form that was used for something else before says so.
pub(super) async fn ask(
    reader: &Reader,
    kind: Kind,
    payload: Value,
    summary: String,
    key: &str,
) -> Result<Result<(), &'static str>, Error> {
    let (site, contact) = (reader.visit.site(), &reader.person.contact);
    let mut tx = reader.person.tx(site.db()).await?;
    let summary = summary.chars().take(300).collect();
    let (customer, contact) = (contact.customer, contact.id);
    let new = NewRequest { kind, customer, contact, payload, summary, idempotency_key: key, approval: false };
    match requests::submit(&mut tx, site.clock(), site.random(), new).await {
        Ok(_) => Ok(tx.commit().await.map(Ok)?),
        Err(requests::Error::KeyReused) => Ok(Err("account.sent_before")),
        Err(requests::Error::Core(error)) => Err(error.into()),
        Err(error) => Err(Error::internal(error)),
    }
}

async fn set_archived(reader: &Reader, id: &str, archived: bool) -> Result<Response, Error> {
    let id = parsed(id)?;
    let (visit, person) = (&reader.visit, &reader.person);
    let site = visit.site();
    let mut tx = person.tx(site.db()).await?;
    if !store::set_archived(&mut tx, id, archived.then(|| visit.now())).await? {
        return Err(Error::not_found());
    }
    let entry = Entry {
        actor: Actor::Contact(person.contact.id),
        customer: Some(person.contact.customer),
        action: if archived { "archived" } else { "restored" },
        object_kind: "address",
        object_id: &id.to_string(),
        detail: Value::Null,
    };
    audit::record(&mut tx, site.clock(), site.random(), &entry).await?;
    tx.commit().await?;
    visit.flash(Tone::Success, "saved");
    Ok(visit.redirect("/account#addresses"))
}
