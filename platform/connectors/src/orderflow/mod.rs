//! Reads orders and books from any PostgreSQL schema (9.4 and later) through a mapping: OrderFlow is the first of them.
//!
//! Read-only, autocommit, at most two connections, short statements, keyset pages. Every value is fetched as bytes of
//! its text and understood here ([`decode`]), because old databases hold dates, numbers and bytes that no driver expects.

mod assembly;
mod books;
pub mod catalogue;
pub mod decode;
pub mod dry_run;
mod link;
mod rows;
mod source;
mod statements;

pub(crate) use link::LOCKED;
pub use link::{Attempt, Limits, Link};
pub use source::SqlSource;
