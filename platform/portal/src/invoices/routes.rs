//! The slice's routes, who may use them, and one invoice's page. The list is in `list`, documents in `document`, several at
//! once in `archive`.

use axum::extract::{FromRequestParts, Path};
use axum::response::Response;
use chrono::NaiveDate;
use http::request::Parts;
use platform_identity::{Allowed, need};
use platform_web::{Access, Capability, Error, Routes, Visit};
use uuid::Uuid;

use super::{archive, document, list, store, tell};

/// The module that a tenant switches on to show invoices.
pub const MODULE: &str = "invoices";

/// The slice's routes.
#[must_use]
pub fn routes() -> Routes {
    let access = Access::Contact(Capability::Finance);
    Routes::new()
        .get("/invoices", access, list::list)
        .get("/invoices/list.csv", access, list::csv)
        .post("/invoices/archive", access, archive::archive)
        .get("/invoices/{id}", access, detail)
        .get("/invoices/{id}/document", access, document::document)
}

/// A person who may see invoices, at a tenant that shows them. Where the module is off there is no such page.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) visit: Visit,
    pub(super) person: Allowed<need::Finance>,
}

impl Reader {
    /// Whether this person may open orders.
    pub(super) fn opens_orders(&self) -> bool {
        self.person.capabilities.has(Capability::Orders) && self.visit.look().has_module("orders")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let visit = Visit::from_request_parts(parts, state).await?;
        let person = Allowed::from_request_parts(parts, state).await?;
        if visit.look().has_module(MODULE) { Ok(Self { visit, person }) } else { Err(Error::not_found()) }
    }
}

/// What is no id is no invoice, and must look like one that is somebody else's.
pub(super) fn id(text: &str) -> Result<Uuid, Error> {
    text.parse().map_err(|_| Error::not_found())
}

/// The day where the tenant is.
pub(super) fn today(visit: &Visit) -> NaiveDate {
    visit.now().with_timezone(&visit.look().zone).date_naive()
}

async fn detail(reader: Reader, Path(id): Path<String>) -> Result<Response, Error> {
    let id = self::id(&id)?;
    let visit = &reader.visit;
    let mut tx = reader.person.tx(visit.site().db()).await?;
    let invoice = store::invoice(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let lines = store::lines(&mut tx, id).await?;
    let linked = store::linked(&mut tx, &invoice).await?;
    let facts = store::document_facts(&mut tx, id).await?;
    drop(tx);
    visit.render(&tell::detail(&invoice, lines, &linked, facts, (today(visit), reader.opens_orders())))
}
