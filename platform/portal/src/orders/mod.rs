//! Orders as customers see them: the list, one order's story, and both live.
//!
//! Reads `orders` and its children, which the sync in `platform/connectors` writes; owns no table. Contacts with the
//! capability `orders` see their own company's orders; where the tenant's module `orders` is off there is nothing.

mod export;
pub mod home;
mod kept_lists;
pub mod ledger;
pub mod live;
pub mod mails;
pub mod notices;
pub mod order;
pub mod pages;
mod parcels;
pub mod routes;
mod sample_details;
mod sample_lists;
mod sample_parcels;
pub mod seen;
pub mod store;
pub(crate) mod tell;
mod watching;
pub mod webhook;

use themes::Registry;

/// Adds the slice's pages and its part of the home page.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry.with(pages::register).with(home::register).with(mails::register).with(export::register)
}
