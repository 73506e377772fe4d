//! Where slices meet: the frame's navigation, the home page, search, mails about requests. Slices know the shell and never each other; the
//! shell knows none of them.

pub mod asked;
pub mod home;
pub mod routes;
pub mod store;
pub mod telling;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use platform_identity::Person;
use platform_web::{Error, Viewer, Visit};
use themes::{NavItem, Registry, Search};

/// What a slice brings to every page and to the home page. The composition gives one value for each slice.
pub trait Slice: Send + Sync + std::fmt::Debug {
    /// Its destination, for readers who have it.
    fn nav(&self, visit: &Visit, viewer: &Viewer) -> Option<NavItem>;

    /// Its search, for the field of the header; the first slice that has one gets it.
    fn search(&self, _visit: &Visit, _viewer: &Viewer) -> Option<Search> {
        None
    }

    /// Its place in the person's menu, for what is no destination.
    fn menu(&self, _visit: &Visit, _viewer: &Viewer) -> Option<NavItem> {
        None
    }

    /// Its part of the home page; none when this reader has nothing of it.
    fn card<'a>(&'a self, visit: &'a Visit, person: &'a Person) -> CardFuture<'a>;
}

/// A card on its way.
pub type CardFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<home::Card>, Error>> + Send + 'a>>;

/// All slices, in the order of navigation.
pub type Slices = Arc<[Arc<dyn Slice>]>;

/// Adds the home page and the names of the destinations.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry
        .partial("shell/hero.html", include_str!("hero.html"))
        .page::<home::Home>(include_str!("home.html"))
        .keys(&["nav.home"])
        .with(telling::register)
        .with(asked::register)
}
