//! Orders as customers see them: the list, one order's story, and both live.
//!
//! Reads `orders` and its children, which the sync in `platform/connectors` writes; owns no table. Contacts with the
//! capability `orders` see their own company's orders; where the tenant's module `orders` is off there is nothing.

pub mod home;
pub mod live;
pub mod order;
pub mod pages;
pub mod routes;
mod sample_details;
mod sample_lists;
pub mod store;
pub(crate) mod tell;

use themes::Registry;

/// Adds the slice's pages and its part of the home page.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry.with(pages::register).with(home::register)
}
