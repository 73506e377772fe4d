//! The console: screens of the tenant's own people, below `/console` on the tenant's own host.
//!
//! One screen a folder: `mod.rs` (what it is, who may), `routes.rs` (handlers that take [`platform_identity::Staffed`]), `pages.rs`
//! (contexts with samples), templates that extend `layout/console.html` and are named `console/...`. A new screen adds a
//! line to [`routes`], to [`register`] and, if it is a destination, to [`frame`]'s table; rows come from the feature's own store, in
//! a transaction of [`platform_identity::Arrival::tx`] (all customers) or [`platform_identity::Member::tx_of`] (one).

pub mod customers;
pub mod frame;
pub mod overview;
pub mod requests;

use platform_web::Routes;
use themes::Registry;

/// Every screen's routes.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .merge(overview::routes::routes())
        .merge(customers::routes::routes())
        .merge(requests::routes::routes())
}

/// Every screen's pages, and the names of the destinations.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry
        .with(frame::register)
        .with(overview::pages::register)
        .with(customers::pages::register)
        .with(requests::pages::register)
}
