//! What the home page says of requests of every kind: what waits for the reader's yes, what is under way, what was rejected.

use chrono::TimeDelta;
use platform_connectors::requests::{self, Request, State};
use platform_identity::Person;
use platform_web::{Capability, Error, Viewer, Visit};
use serde::Serialize;
use themes::{Money, NavItem, Page, Registry, Sample};

use super::home::{Card, Home, PartOfDay, Slot};
use super::telling::{Reach, Tale, Tales, Topic};
use super::{CardFuture, Slice};

/// A rejection is news for so long.
const NEWS: TimeDelta = TimeDelta::days(14);
/// Of each sort; lists have the others.
const SHOWN: usize = 3;

/// Requests, as the home page sees them. Which there are, their slices say.
#[derive(Debug, Clone)]
pub struct RequestsSlice {
    pub tales: Tales,
}

impl Slice for RequestsSlice {
    fn nav(&self, _: &Visit, _: &Viewer) -> Option<NavItem> {
        None
    }

    fn card<'a>(&'a self, visit: &'a Visit, person: &'a Person) -> CardFuture<'a> {
        Box::pin(async move {
            if self.tales.iter().all(|tale| tale.reach(visit, person) == Reach::Nobodys) {
                return Ok(None);
            }
            let mut tx = person.tx(visit.site().db()).await?;
            let alive = requests::alive(&mut tx, visit.now() - NEWS).await.map_err(Error::internal)?;
            drop(tx);
            let mut card = AskedCard::default();
            for request in &alive {
                let tale = self.tales.iter().find(|tale| tale.kinds().contains(&request.kind));
                if let Some(tale) = tale.filter(|tale| is_seen(tale.reach(visit, person), request, person)) {
                    card.add(&**tale, request, person.capabilities.has(Capability::People));
                }
            }
            if card.is_empty() { Ok(None) } else { card.told().map(Some) }
        })
    }
}

fn is_seen(reach: Reach, request: &Request, person: &Person) -> bool {
    reach == Reach::Company || reach == Reach::Own && request.contact_id == person.contact.id
}

/// What the template of this file sees as `card`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AskedCard {
    /// Waits for this reader's yes, the newest few.
    pub needs_me: Vec<Item>,
    pub needs_me_total: u32,
    pub rejected: Vec<Item>,
    /// Waits for somebody else of the company.
    pub waiting: u32,
    pub reorders_under_way: u32,
    pub changes_under_way: u32,
    /// Where these are listed.
    pub reorder_list: String,
    pub change_list: String,
}

/// One request.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    pub topic: Topic,
    pub summary: Option<String>,
    pub who: String,
    pub reason: Option<String>,
    pub total: Option<Money>,
    pub href: String,
}

impl AskedCard {
    fn add(&mut self, tale: &dyn Tale, request: &Request, decides: bool) {
        let told = tale.told(request);
        let ordered = told.topic == Topic::Reorder;
        let list = if ordered { &mut self.reorder_list } else { &mut self.change_list };
        tale.list().clone_into(list);
        let item = Item {
            topic: told.topic,
            summary: told.summary,
            who: request.contact_name.clone(),
            reason: request.reason.clone(),
            total: told.total,
            href: told.path,
        };
        match request.state {
            State::AwaitingApproval if decides => {
                self.needs_me_total += 1;
                keep(&mut self.needs_me, item);
            }
            State::AwaitingApproval => self.waiting += 1,
            State::Rejected => keep(&mut self.rejected, item),
            _ if ordered => self.reorders_under_way += 1,
            _ => self.changes_under_way += 1,
        }
    }

    fn is_empty(&self) -> bool {
        let counted = self.needs_me_total + self.waiting + self.reorders_under_way + self.changes_under_way;
        counted == 0 && self.rejected.is_empty()
    }

    fn told(&self) -> Result<Card, Error> {
        let data = serde_json::to_value(self).map_err(Error::internal)?;
        Ok(Card { main: Some(Slot { template: "shell/asked.html", data }), ..Card::default() })
    }
}

fn keep(items: &mut Vec<Item>, item: Item) {
    if items.len() < SHOWN {
        items.push(item);
    }
}

/// Adds the card with the states it can be in.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry.partial("shell/asked.html", include_str!("asked.html")).examples::<HomeWithRequests>()
}

/// The home page with this card.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct HomeWithRequests(Home);

impl Page for HomeWithRequests {
    const TEMPLATE: &'static str = Home::TEMPLATE;

    fn samples() -> Vec<Sample<Self>> {
        let item = |topic, summary: Option<&str>, reason: Option<&str>| Item {
            topic,
            summary: summary.map(str::to_owned),
            who: "Maya Okafor".to_owned(),
            reason: reason.map(str::to_owned),
            total: summary.map(|_| Money::new(rust_decimal::Decimal::new(1_918_740, 2), "EUR")),
            href: "/reorders/0192f0c1".to_owned(),
        };
        let (pumps, no) = (Some("Centrifugal pump P40, stainless +4"), Some("No post boxes, please."));
        let full = AskedCard {
            needs_me: vec![item(Topic::Reorder, pumps, None); SHOWN],
            needs_me_total: 5,
            rejected: vec![
                item(Topic::Reorder, pumps, Some("Discontinued.")),
                item(Topic::Address, None, no),
            ],
            waiting: 0,
            reorders_under_way: 2,
            changes_under_way: 1,
            reorder_list: "/reorders".to_owned(),
            change_list: "/account/requests".to_owned(),
        };
        let calm = AskedCard {
            needs_me: Vec::new(),
            needs_me_total: 0,
            rejected: Vec::new(),
            waiting: 2,
            ..full.clone()
        };
        let home = |card: &AskedCard| {
            let mut home = Home::new("Maya", PartOfDay::Morning);
            home.add(card.told().unwrap_or_default());
            HomeWithRequests(home)
        };
        vec![Sample::new("requests-need-me", home(&full)), Sample::new("requests-under-way", home(&calm))]
    }
}
