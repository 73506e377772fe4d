//! Handlers of the orders slice: list, one order, and the event streams of both.

use axum::extract::{FromRequestParts, Path, Query as QueryString, State};
use axum::response::Response;
use chrono::NaiveDate;
use http::request::Parts;
use platform_connectors::sync::{Refreshed, Refresher};
use platform_core::id::OrderId;
use platform_core::mail::Outbox;
use platform_identity::{Allowed, Role, need};
use platform_web::pages::Freshness;
use platform_web::{Access, Capability, Error, Routes, Visit, paging};
use serde::Deserialize;
use uuid::Uuid;

use super::live::Live;
use super::order::{self, From, Show};
use super::pages::{self, Detail, Hearing, KeepForm, List, ShareForm};
use super::store::sharing::Colleague;
use super::store::{self, Overview};
use super::{export, kept_lists, seen, watching};

/// The module that a tenant switches on to show orders.
pub const MODULE: &str = "orders";

pub(super) const LIST: &str = "/orders";

/// Data older than this is announced as late. The hot set is read every few seconds while all is well.
const LATE_DATA: chrono::TimeDelta = chrono::TimeDelta::minutes(2);

/// What the handlers lean on.
#[derive(Debug, Clone)]
pub struct Orders {
    pub live: Live,
    pub refresher: Refresher,
    /// Takes what somebody shares with a colleague.
    pub outbox: Outbox,
}

/// The slice's routes.
#[must_use]
pub fn routes(orders: Orders) -> Routes {
    let access = Access::Contact(Capability::Orders);
    Routes::new()
        .get("/orders", access, list)
        .stream("/orders/events", access, list_events)
        .get("/orders/{id}", access, detail)
        .stream("/orders/{id}/events", access, order_events)
        .merge(watching::routes())
        .merge(kept_lists::routes())
        .merge(export::routes())
        .with_state(orders)
}

/// `?show=&q=&before=&after=`.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    pub show: String,
    #[serde(default)]
    pub q: String,
    #[serde(default)]
    before: String,
    #[serde(default)]
    after: String,
}

impl Asked {
    /// What a form of the list asked for; it knows no place in it.
    pub(super) fn of(show: Show, q: String) -> Self {
        Self { show: order::word(show).to_owned(), q, ..Self::default() }
    }

    pub(super) fn from(&self) -> From {
        From::asked(&self.before, &self.after)
    }
}

/// A person who may see orders, at a tenant that shows orders. Where the module is off there is no such page.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) visit: Visit,
    pub(super) person: Allowed<need::Orders>,
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let visit = Visit::from_request_parts(parts, state).await?;
        let person = Allowed::from_request_parts(parts, state).await?;
        if visit.look().has_module(MODULE) { Ok(Self { visit, person }) } else { Err(Error::not_found()) }
    }
}

async fn list(reader: Reader, QueryString(asked): QueryString<Asked>) -> Result<Response, Error> {
    let place = reader.visit.place(reader.person.session, reader.person.contact.customer);
    if let Some(page) = place.page(&reader.visit) {
        return Ok(page);
    }
    let page = list_page(&reader, asked, KeepForm::default()).await?;
    reader.visit.render_kept(place, &page)
}

/// The list that was asked for, with the form that keeps it under a name as it was sent.
pub(super) async fn list_page(reader: &Reader, asked: Asked, keep: KeepForm) -> Result<List, Error> {
    let Reader { visit, person } = reader;
    let mut tx = person.tx(visit.site().db()).await?;
    let seen::Listed { show, filters, rows, newer, older, any, freshness } =
        seen::list(&mut tx, visit, &asked, LIST).await?;
    let views = store::views::views(&mut tx, person.contact.id).await?;
    drop(tx);
    let here = address(show, &asked.q);
    Ok(List {
        show,
        views: views.into_iter().map(|view| kept_lists::link(view, &here)).collect(),
        csv: paging::address("/orders/list.csv", &shown(show, &asked.q)),
        keep,
        filters,
        rows,
        newer,
        older,
        any,
        freshness,
        events: Some("/orders/events".to_owned()),
        query: asked.q,
    })
}

async fn detail(
    reader: Reader,
    State(orders): State<Orders>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    // What is no id is no order, and must look like one that is somebody else's.
    let id: Uuid = id.parse().map_err(|_| Error::not_found())?;
    let page = order_page(&reader, &orders, id, ShareForm::default()).await?;
    reader.visit.render(&page)
}

/// One order's page, with the form that shares it as it was sent.
pub(super) async fn order_page(
    Reader { visit, person }: &Reader,
    orders: &Orders,
    id: Uuid,
    share: ShareForm,
) -> Result<Detail, Error> {
    let db = visit.site().db();
    let mut tx = person.tx(db).await?;
    store::order(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    drop(tx);
    // Behind the look at the wall: nobody can make us read another company's order.
    let refreshed = orders.refresher.refresh(person.tenant, OrderId(id)).await;
    let mut tx = person.tx(db).await?;
    let (order, as_read) = seen::order(&mut tx, visit, id).await?.ok_or_else(Error::not_found)?;
    let hearing = store::watches::hearing(&mut tx, id, person.contact.id).await?;
    let colleagues = store::sharing::colleagues(&mut tx, person.contact.id).await?;
    drop(tx);
    let freshness = match refreshed {
        Refreshed::Now => Freshness { as_of: visit.now(), late: false },
        Refreshed::Later => as_read,
    };
    let colleague = |known: Colleague| pages::Colleague { id: known.id.to_string(), name: known.name };
    let share = ShareForm { colleagues: colleagues.into_iter().map(colleague).collect(), ..share };
    let hearing = Hearing {
        watched: hearing.watched,
        told_anyway: hearing.delays && person.contact.role == Role::Admin,
    };
    Ok(Detail {
        reorder: person.capabilities.has(Capability::Reorder),
        order,
        hearing,
        share,
        link: format!("{}/orders/{id}", visit.host().origin),
        freshness,
        events: Some(format!("/orders/{id}/events")),
    })
}

async fn list_events(Reader { person, .. }: Reader, State(orders): State<Orders>) -> Response {
    stream(&orders, person, None)
}

async fn order_events(
    Reader { visit, person }: Reader,
    State(orders): State<Orders>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let id: Uuid = id.parse().map_err(|_| Error::not_found())?;
    let mut tx = person.tx(visit.site().db()).await?;
    store::order(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    drop(tx);
    Ok(stream(&orders, person, Some(id)))
}

fn stream(orders: &Orders, person: Allowed<need::Orders>, order: Option<Uuid>) -> Response {
    let (tenant, customer) = (person.tenant, person.contact.customer);
    orders.live.stream(tenant, customer, order, move || {
        let person = person.clone();
        async move { person.still().await }
    })
}

/// The day where the tenant is.
pub(crate) fn today(visit: &Visit) -> NaiveDate {
    visit.now().with_timezone(&visit.look().zone).date_naive()
}

/// How old what we show is.
pub(crate) fn freshness(visit: &Visit, overview: &Overview) -> Freshness {
    match overview.as_of {
        Some(as_of) => Freshness { as_of, late: visit.now() - as_of > LATE_DATA },
        // Nothing was read yet: there is nothing that could be old.
        None => Freshness { as_of: visit.now(), late: false },
    }
}

/// The address of a list: filter and search, each only when it says something.
pub(super) fn address(show: Show, typed: &str) -> String {
    paging::address(LIST, &shown(show, typed))
}

/// What the addresses of the list keep.
pub(super) fn shown(show: Show, typed: &str) -> [(&'static str, &str); 2] {
    [("show", if show == Show::All { "" } else { order::word(show) }), ("q", typed.trim())]
}
