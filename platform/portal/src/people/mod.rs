//! A company's people: who has the portal, what each may do, inviting, changing and deactivating them.
//!
//! Owns no table of its own: `contacts` is core's, and so are the sessions that end with a person's right to come. All of
//! it is for the capability `people`. A company always keeps one active administrator, and nobody changes their own role
//! or takes away their own access: another administrator does.

pub mod home;
pub mod list;
pub mod mails;
pub mod pages;
pub mod person;
pub mod routes;
mod samples;
pub mod store;

use themes::Registry;

/// Adds the slice's pages, mails and words.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry.with(pages::register).with(mails::register).with(list::register)
}
