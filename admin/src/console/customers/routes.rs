//! `/console/customers`: the list and one customer.

use axum::extract::{Path, Query};
use axum::response::Response;
use platform_core::TenantTx;
use platform_core::id::CustomerId;
use platform_identity::{Member, Staffed, may};
use platform_web::{Access, Error, Routes, StaffCapability, Visit, paging};
use serde::Deserialize;

use super::pages::{Customer, Customers, Person, Row};
use super::{orders, store};

/// People that one customer's page shows.
const PEOPLE: i64 = 200;

/// The screen's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/console/customers", Access::Staff(StaffCapability::Customers), list)
        .get("/console/customers/{customer}", Access::Staff(StaffCapability::Customers), one)
        .merge(orders::routes())
}

/// `?q=&name=&after=`: a search, and the customer after whom the page begins.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    after: String,
}

async fn list(
    visit: Visit,
    staff: Staffed<may::Customers>,
    Query(asked): Query<Asked>,
) -> Result<Response, Error> {
    let search: String = asked.q.trim().chars().take(100).collect();
    let after = asked.after.parse::<CustomerId>().ok().map(|id| (asked.name.as_str(), id));
    let mut tx = staff.tx(visit.site().db()).await?;
    let mut rows = store::list(&mut tx, &search, after).await?;
    drop(tx);
    let more = rows.len() > store::PAGE;
    rows.truncate(store::PAGE);
    let next = rows.last().filter(|_| more).map(|last| {
        let after = last.id.to_string();
        paging::address("/console/customers", &[("q", &search), ("name", &last.name), ("after", &after)])
    });
    visit.render(&Customers {
        first: after.is_none(),
        query: search,
        rows: rows.into_iter().map(row).collect(),
        next,
    })
}

fn row(row: store::Row) -> Row {
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Row {
        id: row.id.to_string(),
        name: row.name,
        account: row.external_key,
        suspended: row.status == "suspended",
        people: count(row.people),
        open_orders: count(row.open_orders),
        open_requests: count(row.open_requests),
        last_seen_at: row.last_seen_at,
    }
}

async fn one(
    visit: Visit,
    staff: Staffed<may::Customers>,
    Path(customer): Path<String>,
) -> Result<Response, Error> {
    let (mut tx, customer, head) = open(&visit, &staff, &customer).await?;
    let people = store::people(&mut tx, PEOPLE).await?;
    let orders = match staff.capabilities.has(StaffCapability::Orders) {
        true => Some(orders::recent(&mut tx, &visit, customer).await?),
        false => None,
    };
    drop(tx);
    visit.render(&Customer {
        id: customer.to_string(),
        name: head.name,
        account: head.external_key,
        suspended: head.status == "suspended",
        time_zone: head.time_zone,
        since: head.created_at,
        people: people.into_iter().map(person).collect(),
        orders,
    })
}

fn person(person: store::Person) -> Person {
    Person {
        id: person.id.to_string(),
        name: person.name,
        email: person.email,
        role: person.role,
        active: person.active,
        last_seen_at: person.last_seen_at,
    }
}

/// A transaction of the customer that a path names. What is no customer of this tenant is not found.
pub(super) async fn open(
    visit: &Visit,
    member: &Member,
    customer: &str,
) -> Result<(TenantTx, CustomerId, store::Customer), Error> {
    let customer: CustomerId = customer.parse().map_err(|_| Error::not_found())?;
    let mut tx = member.tx_of(visit.site().db(), customer).await?;
    let head = store::one(&mut tx).await?.ok_or_else(Error::not_found)?;
    Ok((tx, customer, head))
}
