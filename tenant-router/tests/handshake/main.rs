//! The handshake with everything real but the authority: a database, nodes that share nothing else, TLS. Certificates are
//! a private authority's and are imported; only the challenge's test has Pebble.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall end")]

mod challenge;
mod first_visit;
mod ground;
mod nodes;
mod raw_http2;
mod rule;
mod silence;
