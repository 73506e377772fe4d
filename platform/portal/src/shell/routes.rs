//! The home page and the frame around every page, made of what the slices bring.

use axum::extract::State;
use axum::response::Response;
use chrono::Timelike as _;
use platform_identity::Person;
use platform_web::{Access, Error, Frame, Routes, Visit};
use themes::{NavItem, Shell};

use super::Slices;
use super::home::{Coming, Home, PartOfDay};

/// `GET /`, and `/portal`, which older links may name.
#[must_use]
pub fn routes(slices: Slices) -> Routes {
    Routes::new().get("/", Access::SignedIn, home).get("/portal", Access::Public, portal).with_state(slices)
}

async fn portal(visit: Visit) -> Response {
    visit.redirect("/")
}

async fn home(visit: Visit, person: Person, State(slices): State<Slices>) -> Result<Response, Error> {
    let first_name = person.contact.name.split_whitespace().next().unwrap_or_default();
    let part_of_day = match visit.now().with_timezone(&visit.look().zone).hour() {
        4..12 => PartOfDay::Morning,
        12..18 => PartOfDay::Afternoon,
        _ => PartOfDay::Evening,
    };
    let mut page = Home::new(first_name, part_of_day);
    for slice in slices.iter() {
        if let Some(card) = slice.card(&visit, &person).await? {
            page.add(card);
        }
    }
    if page.main.is_empty() {
        page.coming = vec![Coming::Learning, Coming::Support, Coming::Plan];
    }
    visit.render(&page)
}

/// Navigation and search, by what the reader may use and the tenant has switched on.
#[derive(Debug, Clone)]
pub struct PortalFrame(pub Slices);

impl Frame for PortalFrame {
    fn fill(&self, visit: &Visit, shell: &mut Shell) {
        let Some(viewer) = visit.viewer() else { return };
        let path = visit.path().split('?').next().unwrap_or_default();
        let mut nav = vec![NavItem {
            label: "nav.home".into(),
            icon: "house".into(),
            href: "/".into(),
            current: path == "/",
            badge: 0,
        }];
        for slice in self.0.iter() {
            nav.extend(slice.nav(visit, viewer));
            shell.menu.extend(slice.menu(visit, viewer));
            shell.search = shell.search.take().or_else(|| slice.search(visit, viewer));
        }
        shell.nav = nav;
    }
}
