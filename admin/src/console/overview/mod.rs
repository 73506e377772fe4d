//! The console's first page: what waits for a person. Everybody sees what their role reaches.

pub mod pages;
pub mod routes;
mod store;
