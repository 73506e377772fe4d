//! A company's account as its people see it: credit and what is overdue, addresses, one's own contact data, and the statement.
//!
//! Reads `account_standing`, `addresses`, `invoices` and `orders`, which the sync writes. What the tenant's own system owns
//! is never changed here: a change is a request (`platform_connectors::requests`) with before and after, pending until the
//! tenant says yes or no, and no open order changes by it. Ours alone are `addresses.archived_at` and a contact's language.
//! Credit and statements are for the capability `finance`, addresses for `company`, one's own data for everybody.

pub mod address;
pub mod changes;
pub mod contact;
pub mod home;
pub mod pages;
pub mod requested;
pub mod routes;
mod samples;
pub mod standing;
pub mod statement;
pub mod store;
pub mod tale;

use themes::Registry;

/// Adds the slice's pages, its part of the home page, and the words that no template says.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry.with(pages::register).with(home::register).with(statement::register).with(address::register)
}
