//! Invoices and credit notes as customers see them: the list, each one's story, and its document.
//!
//! Reads `invoices` and its children, which the sync in `platform/connectors` writes; owns no table. Only contacts with the
//! capability `finance` come here, and only where the tenant's module `invoices` is on. A document that the tenant's
//! system keeps is given byte for byte; where it keeps none, a copy is printed and says that it is one.

pub mod archive;
pub mod copy;
pub mod document;
pub mod home;
pub mod invoice;
pub mod list;
pub mod pages;
pub mod routes;
mod samples;
pub mod store;
pub(crate) mod tell;

use themes::Registry;

/// Adds the slice's pages, its part of the home page, and the words that no template says.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry.with(pages::register).with(home::register).with(copy::register).with(list::register)
}
