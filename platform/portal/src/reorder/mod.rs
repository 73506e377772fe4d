//! Ordering again: a review of an earlier order against today's catalogue, the request that it becomes, and what became of it.
//!
//! Reads `orders`, `order_lines`, `products`, `addresses` (written by the sync in `platform/connectors`) and the tenant's
//! `reorder_rules`; the requests themselves are `connectors::requests`. Contacts with the capability `reorder` send and see
//! them; a reorder that needs a yes gets it from a contact with `people`, the customer's admin. Where the tenant's module
//! `orders` is off there is nothing. Operations answer by the links of their mails without signing in, programs by a signed call.

pub mod answers;
pub mod form;
pub mod pages;
pub mod review;
pub mod routes;
mod samples;
pub mod store;
pub mod submitting;
pub mod tale;

use themes::Registry;

/// Adds the slice's pages.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry.with(pages::register)
}
