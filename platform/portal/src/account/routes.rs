//! The slice's routes and the account page. Forms are in `changes` and `contact`, the statement in `statement`.

use axum::extract::{FromRequestParts, Query as QueryString};
use axum::response::Response;
use chrono::NaiveDate;
use http::request::Parts;
use platform_connectors::requests::{self, Kind};
use platform_core::id::ContactId;
use platform_identity::{Allowed, Person, need};
use platform_web::paging::{self, Asked};
use platform_web::{Access, Capability, Error, Routes, Visit};

use super::pages::{self, Account, Finance, Requests};
use super::standing::{ageing, credit};
use super::{changes, contact, requested, statement, store};

/// The module that a tenant switches on to show the account.
pub const MODULE: &str = "account";
/// Requests that are about an account.
const CHANGES: [Kind; 2] = [Kind::AddressChange, Kind::ContactChange];

/// The slice's routes.
#[must_use]
pub fn routes() -> Routes {
    let (finance, company) = (Access::Contact(Capability::Finance), Access::Contact(Capability::Company));
    Routes::new()
        .get("/account", Access::SignedIn, account)
        .get("/account/requests", Access::SignedIn, asked_for)
        .get("/account/contact", Access::SignedIn, contact::form)
        .post("/account/contact/change", Access::SignedIn, contact::change)
        .get("/account/addresses/new", company, changes::new)
        .post("/account/addresses", company, changes::add)
        .get("/account/addresses/{id}", company, changes::form)
        .post("/account/addresses/{id}/change", company, changes::change)
        .post("/account/addresses/{id}/archival", company, changes::archive)
        .post("/account/addresses/{id}/restoration", company, changes::restore)
        .get("/account/statement", finance, statement::form)
        .get("/account/statement.pdf", finance, statement::pdf)
        .get("/account/statement.csv", finance, statement::csv)
}

/// Somebody signed in, at a tenant that shows accounts. Where the module is off there is no such page.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) visit: Visit,
    pub(super) person: Person,
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let visit = Visit::from_request_parts(parts, state).await?;
        let person = <Person as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        if visit.look().has_module(MODULE) { Ok(Self { visit, person }) } else { Err(Error::not_found()) }
    }
}

/// A reader who may see and change the company's addresses.
#[derive(Debug)]
pub(super) struct Keeper(pub(super) Reader);

impl<S: Send + Sync> FromRequestParts<S> for Keeper {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        Allowed::<need::Company>::from_request_parts(parts, state).await?;
        Reader::from_request_parts(parts, state).await.map(Self)
    }
}

/// A reader who may see the company's money.
#[derive(Debug)]
pub(super) struct Accountant(pub(super) Reader);

impl<S: Send + Sync> FromRequestParts<S> for Accountant {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        Allowed::<need::Finance>::from_request_parts(parts, state).await?;
        Reader::from_request_parts(parts, state).await.map(Self)
    }
}

/// The day where the tenant is.
pub(super) fn today(visit: &Visit) -> NaiveDate {
    visit.now().with_timezone(&visit.look().zone).date_naive()
}

async fn account(Reader { visit, person }: Reader) -> Result<Response, Error> {
    let (money, company) =
        (person.capabilities.has(Capability::Finance), person.capabilities.has(Capability::Company));
    let mut tx = person.tx(visit.site().db()).await?;
    let facts = store::company(&mut tx).await?.ok_or_else(Error::not_found)?;
    let finance = match money {
        true => Some((store::standings(&mut tx).await?, store::unpaid(&mut tx).await?)),
        false => None,
    };
    let addresses = match company {
        true => Some(store::addresses(&mut tx).await?),
        false => None,
    };
    let asked = requests::page(&mut tx, &CHANGES, of_whom(&person), requests::Start::Newest).await;
    let (rows, beside) = asked.map_err(Error::internal)?;
    drop(tx);
    let (known, older) = (rows.len(), beside.older.is_some());
    let lately = requested::lately(rows, visit.now());
    let finance = finance.map(|(standings, unpaid)| Finance {
        credits: standings.into_iter().filter_map(credit).collect(),
        ageing: ageing(&unpaid, today(&visit)),
        invoices: visit.look().has_module("invoices"),
    });
    visit.render(&Account {
        company: facts.name,
        number: facts.external_key,
        finance,
        addresses: addresses.map(|rows| rows.iter().map(pages::address).collect()),
        name: person.contact.name.clone(),
        email: person.contact.email.clone(),
        more_requests: older || lately.len() < known,
        requests: lately,
    })
}

/// Who may not see the company's data sees what they asked for themselves.
fn of_whom(person: &Person) -> Option<ContactId> {
    (!person.capabilities.has(Capability::Company)).then_some(person.contact.id)
}

async fn asked_for(
    Reader { visit, person }: Reader,
    QueryString(asked): QueryString<Asked>,
) -> Result<Response, Error> {
    let mut tx = person.tx(visit.site().db()).await?;
    let found = requests::page(&mut tx, &CHANGES, of_whom(&person), asked.from()).await;
    let (rows, beside) = found.map_err(Error::internal)?;
    drop(tx);
    let (newer, older) = paging::addresses(beside, "/account/requests", &[]);
    visit.render(&Requests { requests: requested::told(rows), newer, older })
}
