//! Names in, certificates out. ACME orders as a resumable state machine in PostgreSQL, renewal, sealed keys, the
//! certificate cache and the answers to challenges.
//!
//! Knows hosts and no tenants. `wanted` says which hosts shall have a certificate; [`Issuer`] works until each has one;
//! [`CertCache`] gives it to the handshake; [`challenges`] answers the authority. The tables are in
//! `migrations/sql/0002_edge.sql`. [`probe`] says what the world's DNS makes of a host, [`caa`] whether our authority may
//! issue for it. Further challenge types, ARI and budgets of the later depth get files of their own beside these.

mod account;
pub mod caa;
pub mod cache;
pub mod certificate;
pub mod challenges;
pub mod dns;
mod drive;
pub mod import;
pub mod installed;
pub mod issuer;
mod key;
pub mod order;
pub mod probe;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tls;
pub mod verdict;
pub mod wanted;
pub mod wire;

pub use cache::{CertCache, LoadError, Loaded};
pub use issuer::{Backoff, Issuer, IssuerConfig};
pub use order::Step;
pub use store::{Progress, progress, retry_now};
pub use verdict::{Failure, Who};
