//! Names in, certificates out. ACME orders as a resumable state machine in PostgreSQL, renewal, sealed keys, the
//! certificate cache and the answers to challenges.
//!
//! Knows hosts and no tenants. `wanted` says which hosts shall have a certificate; [`Issuer`] works until each has one;
//! [`CertCache`] gives it to the handshake; [`challenges`] answers the authority. The tables are in
//! `migrations/sql/0002_edge.sql`. The DNS probe, CAA, further challenge types, ARI and budgets of the later depth get
//! files of their own beside these.

mod account;
pub mod alpn;
pub mod cache;
pub mod certificate;
pub mod challenges;
mod drive;
pub mod import;
pub mod installed;
pub mod issuer;
mod key;
mod memory;
pub mod order;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tickets;
pub mod tls;
pub mod verdict;
pub mod wanted;
pub mod wire;

pub use alpn::AlpnChallenges;
pub use cache::{CacheConfig, CertCache, LoadError, Loaded, Statistics};
pub use issuer::{Backoff, Issuer, IssuerConfig};
pub use order::Step;
pub use store::{Progress, progress, retry_now};
pub use tickets::SharedTickets;
pub use verdict::{Failure, Who};
