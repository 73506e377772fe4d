//! The home page's context: what needs me, what changed, what is next. What it says of orders, tickets or courses comes
//! from their slices, as [`Card`]s.

use platform_web::pages::Freshness;
use serde::Serialize;
use serde_json::Value;
use themes::{Page, Sample};

/// `GET /`.
#[derive(Debug, Clone, Serialize)]
pub struct Home {
    pub first_name: String,
    pub part_of_day: PartOfDay,
    /// The sentences under the greeting; none says the tenant's welcome.
    pub lead: Vec<Said>,
    /// Numbers at a glance, for packs that open with them.
    pub figures: Vec<Figure>,
    pub action: Option<Action>,
    /// The oldest of what the cards show.
    pub freshness: Option<Freshness>,
    /// Address of the event stream.
    pub events: Option<String>,
    pub main: Vec<Slot>,
    pub side: Vec<Slot>,
    /// The person at the vendor who looks after this customer.
    pub guide: Option<Guide>,
    /// What the tenant will open here next, for portals that are still quiet.
    pub coming: Vec<Coming>,
}

/// By the tenant's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartOfDay {
    Morning,
    Afternoon,
    Evening,
}

/// What a slice has to say on the home page.
#[derive(Debug, Clone, Default)]
pub struct Card {
    pub lead: Vec<Said>,
    pub figures: Vec<Figure>,
    pub action: Option<Action>,
    pub freshness: Option<Freshness>,
    pub events: Option<String>,
    pub main: Option<Slot>,
    pub side: Option<Slot>,
}

/// A message with its number. The slice names its keys in `Registry::keys`.
#[derive(Debug, Clone, Serialize)]
pub struct Said {
    pub key: &'static str,
    pub count: u32,
}

/// A number with its word and where it leads.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    pub count: u32,
    /// Message key.
    pub label: &'static str,
    pub icon: &'static str,
    pub href: &'static str,
    /// While it is not 0.
    pub tone: themes::Tone,
}

/// The one thing to do next.
#[derive(Debug, Clone, Serialize)]
pub struct Action {
    pub said: Said,
    pub href: &'static str,
}

/// A slice's own part of the page: its template sees `data` as `card`.
#[derive(Debug, Clone, Serialize)]
pub struct Slot {
    pub template: &'static str,
    pub data: Value,
}

/// A person at the vendor.
#[derive(Debug, Clone, Serialize)]
pub struct Guide {
    pub name: String,
    pub role: String,
    pub email: String,
    pub initials: String,
}

/// A feature that is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Coming {
    Learning,
    Support,
    Plan,
}

impl Home {
    /// A page with nothing but a greeting.
    #[must_use]
    pub fn new(first_name: &str, part_of_day: PartOfDay) -> Self {
        Self {
            first_name: first_name.to_owned(),
            part_of_day,
            lead: Vec::new(),
            figures: Vec::new(),
            action: None,
            freshness: None,
            events: None,
            main: Vec::new(),
            side: Vec::new(),
            guide: None,
            coming: Vec::new(),
        }
    }

    /// Adds what a slice has to say, after what others said.
    pub fn add(&mut self, card: Card) {
        self.lead.extend(card.lead);
        self.figures.extend(card.figures);
        self.main.extend(card.main);
        self.side.extend(card.side);
        self.action = self.action.take().or(card.action);
        self.events = self.events.take().or(card.events);
        let fresh = self.freshness.into_iter().chain(card.freshness);
        self.freshness = fresh.min_by_key(|freshness| freshness.as_of);
    }
}

impl Page for Home {
    const TEMPLATE: &'static str = "shell/home.html";

    fn samples() -> Vec<Sample<Self>> {
        let quiet = Home::new("Maya", PartOfDay::Afternoon);
        let guide = Some(Guide {
            name: "Ingrid Solberg".to_owned(),
            role: "Customer success".to_owned(),
            email: "ingrid@techflow.example".to_owned(),
            initials: "IS".to_owned(),
        });
        let coming = vec![Coming::Learning, Coming::Support, Coming::Plan];
        vec![
            Sample::new("without-orders", Home { coming, ..quiet.clone() }),
            Sample::new("guide", Home { guide, ..quiet }),
        ]
    }
}
