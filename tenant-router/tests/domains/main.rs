//! The life of domains over a real database and a DNS of name servers and resolvers: claims, proofs, contests, departures.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall end")]

mod life;
mod primary;
mod world;
