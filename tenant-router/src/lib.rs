//! Which tenant is this connection for? Host parsing, the route table, the TLS accept loop, the authority rule, and the
//! life of custom domains.
//!
//! The table decides, the handshake only reads, and PostgreSQL is the only meeting point: [`Feed`] fills the table,
//! [`Edge`] serves by it, [`Reconciler`] moves domains on and tells `acme` which hosts shall have a certificate.
//! Certificates, keys and challenge answers are acme's; what a page looks like is the server's.

pub mod authority;
pub mod domains;
pub mod edge;
pub mod feed;
mod handshake;
pub mod host;
mod known;
pub mod layer;
pub mod limits;
pub mod neutral;
mod plain;
pub mod reconcile;
mod shards;
mod stall;
mod store;
pub mod table;
mod wire;

pub use edge::{Edge, EdgeConfig, UnknownHost};
pub use feed::Feed;
pub use host::{Host, HostError};
pub use layer::{Conn, Tenant};
pub use limits::Limits;
pub use neutral::{NeutralPages, PlainPages, Refusal};
pub use reconcile::Reconciler;
pub use table::{Kind, Pattern, Route, RouteTable};
