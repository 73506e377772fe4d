//! What every room stands on: ids, clock, randomness, errors, the database wall, sealed secrets, tenants and their
//! people, jobs, the mail outbox and the audit log.
//!
//! Knows nothing of HTTP, hosts, certificates or pages; those rooms depend on this one.

pub mod audit;
pub mod clock;
pub mod db;
pub mod guard;
pub mod id;
pub mod jobs;
pub mod mail;
pub mod paging;
pub mod random;
pub mod rotation;
pub mod secrets;
pub mod tenants;

pub use db::{Conn, Db, Error, Heed, OperatorTx, Scope, System, SystemTx, TenantTx};
