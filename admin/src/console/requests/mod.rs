//! The queue of what customers asked for: reorders and changes of their data, with what became of each, and the answers that
//! a person of the tenant may give. Every answer is a step of the request's own states, under the person's name.
//!
//! For who holds `requests`. States and rules are `platform_connectors::requests`'; what a request says is told by the
//! portal's slices.

mod deeds;
pub mod pages;
pub mod routes;
mod store;
