//! A customer's orders at the console: the rows and the story that the customer's own people see, read in a transaction of
//! that customer, on pages that say whose eyes they are for.

use axum::extract::{Path, Query};
use axum::response::Response;
use platform_core::TenantTx;
use platform_core::id::CustomerId;
use platform_identity::{Staffed, may};
use platform_portal::orders::routes::{Asked, MODULE};
use platform_portal::orders::seen;
use platform_web::{Access, Error, Routes, StaffCapability, Visit};
use uuid::Uuid;

use super::pages::{CustomerOrders, OneOrder, Orders};
use super::routes::open;

/// The screen's routes.
pub(super) fn routes() -> Routes {
    let access = Access::Staff(StaffCapability::Orders);
    Routes::new().get("/console/customers/{customer}/orders", access, list).get(
        "/console/customers/{customer}/orders/{order}",
        access,
        order,
    )
}

/// The newest orders, for the customer's own page.
pub(super) async fn recent(tx: &mut TenantTx, visit: &Visit, customer: CustomerId) -> Result<Orders, Error> {
    read(tx, visit, customer, Asked::default()).await
}

async fn read(tx: &mut TenantTx, visit: &Visit, customer: CustomerId, asked: Asked) -> Result<Orders, Error> {
    let base = format!("/console/customers/{customer}");
    let path = format!("{base}/orders");
    let seen::Listed { show, filters, rows, newer, older, any, freshness } =
        seen::list(tx, visit, &asked, &path).await?;
    Ok(Orders { filters, newer, older, query: asked.q, base, show, rows, any, freshness })
}

async fn list(
    visit: Visit,
    staff: Staffed<may::Orders>,
    Path(customer): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Error> {
    demand_module(&visit)?;
    let (mut tx, customer, head) = open(&visit, &staff, &customer).await?;
    let orders = read(&mut tx, &visit, customer, asked).await?;
    drop(tx);
    visit.render(&CustomerOrders { customer: head.name, orders })
}

async fn order(
    visit: Visit,
    staff: Staffed<may::Orders>,
    Path((customer, order)): Path<(String, String)>,
) -> Result<Response, Error> {
    demand_module(&visit)?;
    let id: Uuid = order.parse().map_err(|_| Error::not_found())?;
    let (mut tx, customer, head) = open(&visit, &staff, &customer).await?;
    let (order, freshness) = seen::order(&mut tx, &visit, id).await?.ok_or_else(Error::not_found)?;
    drop(tx);
    visit.render(&OneOrder {
        customer: head.name,
        base: format!("/console/customers/{customer}"),
        order,
        freshness,
    })
}

/// What a tenant does not show its customers is not shown here.
fn demand_module(visit: &Visit) -> Result<(), Error> {
    if visit.look().has_module(MODULE) { Ok(()) } else { Err(Error::not_found()) }
}
