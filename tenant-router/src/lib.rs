//! Which tenant is this connection for? Host parsing, route table, TLS accept loop, authority rule, domain lifecycle.

pub mod authority;
pub mod edge;
pub mod host;
pub mod layer;
pub mod limits;
pub mod neutral;
mod plain;
pub mod table;
mod wire;

pub use edge::{Edge, EdgeConfig, UnknownHost};
pub use host::{Host, HostError};
pub use layer::{Conn, Tenant};
pub use limits::Limits;
pub use neutral::{NeutralPages, PlainPages, Refusal};
pub use table::{Kind, Pattern, Route, RouteTable};
