//! Names in, certificates out. ACME orders as a resumable state machine in PostgreSQL, renewal, sealed keys, the
//! certificate cache and the answers to challenges.
//!
//! Knows hosts and no tenants. `wanted` says which hosts shall have a certificate; [`Issuer`] works until each has one,
//! within the [`budget`] of each [`authority`]; [`renew`] says when it is due again; [`CertCache`] gives it to the
//! handshake; [`challenges`] answers the authority. [`probe`] says what the world's DNS makes of a host, [`caa`] whether
//! our authority may issue for it. The tables are in `migrations/sql/0002_edge.sql`.

mod account;
pub mod alpn;
pub mod authority;
pub mod budget;
pub mod caa;
pub mod cache;
pub mod certificate;
pub mod challenges;
mod claims;
pub mod delegation;
pub mod dns;
mod drive;
mod failing;
mod health;
pub mod import;
pub mod installed;
pub mod issuer;
mod jws;
mod key;
mod memory;
pub mod order;
pub mod precheck;
pub mod probe;
mod proof;
pub mod renew;
pub mod revoke;
pub mod settings;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tickets;
pub mod tls;
pub mod update;
pub mod verdict;
pub mod wanted;
pub mod wire;

pub use account::RollError;
pub use alpn::AlpnChallenges;
pub use authority::{Authority, ExternalAccount};
pub use budget::{Lane, Limit, Limits};
pub use cache::{CacheConfig, CertCache, LoadError, Loaded, Statistics};
pub use issuer::Issuer;
pub use order::Step;
pub use precheck::{NoPrecheck, Objection, Precheck};
pub use settings::{Backoff, IssuerConfig};
pub use store::{Progress, progress, retry_now};
pub use tickets::SharedTickets;
pub use verdict::{Failure, Who};
