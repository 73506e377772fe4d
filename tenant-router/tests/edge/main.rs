//! The edge with everything real: database, authority, DNS, TLS.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall end")]

mod authority;
mod hostile;
mod journey;
mod outage;
mod proxied;
mod world;
