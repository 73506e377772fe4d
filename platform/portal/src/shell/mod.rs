//! Where slices meet: the frame's navigation, the home page, search. Slices never import each other.

pub mod home;
pub mod routes;

use themes::Registry;

/// Adds the home page and the names of the destinations.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry
        .partial("shell/hero.html", include_str!("hero.html"))
        .page::<home::Home>(include_str!("home.html"))
        .keys(&["nav.home", "nav.orders"])
}
