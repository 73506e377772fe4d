//! The slice in the person's menu. The home page has nothing of it.

use platform_identity::Person;
use platform_web::{Capability, Viewer, Visit};
use themes::NavItem;

use crate::shell::{CardFuture, Slice};

/// The slice, as the shell sees it.
#[derive(Debug, Clone, Copy, Default)]
pub struct PeopleSlice;

impl Slice for PeopleSlice {
    fn nav(&self, _: &Visit, _: &Viewer) -> Option<NavItem> {
        None
    }

    fn menu(&self, visit: &Visit, viewer: &Viewer) -> Option<NavItem> {
        let path = visit.path().split('?').next().unwrap_or_default();
        let current = path == "/people" || path.starts_with("/people/");
        let (label, icon, href) = ("nav.people".into(), "users".into(), "/people".into());
        let may = viewer.capabilities.has(Capability::People);
        may.then_some(NavItem { label, icon, href, current, badge: 0 })
    }

    fn card<'a>(&'a self, _: &'a Visit, _: &'a Person) -> CardFuture<'a> {
        Box::pin(async { Ok(None) })
    }
}
