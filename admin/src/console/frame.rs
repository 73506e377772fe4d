//! The frame around the console's pages: the destinations that the reader's role reaches.

use platform_portal::shell::routes::PortalFrame;
use platform_web::{Audience, CONSOLE, Frame, StaffCapability, Visit};
use themes::{NavItem, Registry, Shell};

/// A destination; without a capability it is everybody's.
#[derive(Debug)]
struct Destination {
    label: &'static str,
    icon: &'static str,
    href: &'static str,
    need: Option<StaffCapability>,
}

/// In the order of navigation.
const DESTINATIONS: &[Destination] = &[
    Destination { label: "console.nav.overview", icon: "house", href: CONSOLE, need: None },
    Destination {
        label: "console.nav.customers",
        icon: "building-2",
        href: "/console/customers",
        need: Some(StaffCapability::Customers),
    },
    Destination {
        label: "console.nav.requests",
        icon: "inbox",
        href: "/console/requests",
        need: Some(StaffCapability::Requests),
    },
];

/// Adds the names of the destinations.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry.keys(&["console.nav.overview", "console.nav.customers", "console.nav.requests"])
}

/// The portal's frame on customers' pages, the console's on those of the tenant's own people.
#[derive(Debug, Clone)]
pub struct Frames(pub PortalFrame);

impl Frame for Frames {
    fn fill(&self, visit: &Visit, shell: &mut Shell) {
        match visit.audience() {
            Audience::Contacts => self.0.fill(visit, shell),
            Audience::Staff => shell.nav = destinations(visit),
        }
    }
}

/// None before somebody is wholly in.
fn destinations(visit: &Visit) -> Vec<NavItem> {
    let Some(viewer) = visit.viewer() else { return Vec::new() };
    let path = visit.path().split('?').next().unwrap_or_default();
    let open = |place: &&Destination| place.need.is_none_or(|need| viewer.staff.has(need));
    let item = |place: &Destination| NavItem {
        label: place.label.into(),
        icon: place.icon.into(),
        href: place.href.into(),
        current: is_within(path, place.href),
        badge: 0,
    };
    DESTINATIONS.iter().filter(open).map(item).collect()
}

/// The overview is its own page alone; every other destination has the pages below it.
fn is_within(path: &str, place: &str) -> bool {
    match path.strip_prefix(place) {
        Some("") => true,
        Some(rest) => place != CONSOLE && rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn a_destination_has_the_pages_below_it() {
        assert!(is_within("/console", "/console") && !is_within("/console/customers", "/console"));
        assert!(is_within("/console/customers/7/orders", "/console/customers"));
        assert!(!is_within("/console/customersx", "/console/customers"));
    }
}
