//! The life of domains over a real database and a DNS of name servers and resolvers: claims, proofs, contests, departures.

mod life;
mod primary;
mod world;
