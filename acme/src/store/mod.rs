//! The SQL of accounts and orders. acme's tables hold hosts and no tenants; all flows run in a `SystemTx`. Certificates,
//! challenges, budgets, wanted hosts and revocations have their statements in the files of their names.

mod accounts;
mod opening;
mod orders;
mod people;

pub(crate) use accounts::*;
pub(crate) use opening::*;
pub(crate) use orders::*;
pub use people::{Progress, progress, retry_now};
