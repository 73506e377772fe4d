//! Which tenant is this connection for?
pub mod authority;
pub mod host;
pub mod table;
