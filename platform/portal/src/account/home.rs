//! What the account slice says on the home page (credit that runs out) and in the person's menu.

use platform_identity::Person;
use platform_web::{Capability, Error, Viewer, Visit};
use serde::Serialize;
use themes::{NavItem, Page, Registry, Sample};

use super::routes::MODULE;
use super::standing::{Credit, Level, credit};
use super::{samples, store};
use crate::shell::home::{Card, Home, PartOfDay, Slot};
use crate::shell::{CardFuture, Slice};

/// The slice, as the shell sees it.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccountSlice;

impl Slice for AccountSlice {
    fn nav(&self, _: &Visit, _: &Viewer) -> Option<NavItem> {
        None
    }

    fn menu(&self, visit: &Visit, _: &Viewer) -> Option<NavItem> {
        let path = visit.path().split('?').next().unwrap_or_default();
        let current = path == "/account" || path.starts_with("/account/");
        let (label, icon, href) = ("nav.account".into(), "building-2".into(), "/account".into());
        visit.look().has_module(MODULE).then_some(NavItem { label, icon, href, current, badge: 0 })
    }

    fn card<'a>(&'a self, visit: &'a Visit, person: &'a Person) -> CardFuture<'a> {
        Box::pin(async move {
            if !(visit.look().has_module(MODULE) && person.capabilities.has(Capability::Finance)) {
                return Ok(None);
            }
            let mut tx = person.tx(visit.site().db()).await?;
            let credits = store::standings(&mut tx).await?.into_iter().filter_map(credit);
            let short: Vec<Credit> =
                credits.filter(|credit| credit.level > Level::Calm || credit.on_hold).collect();
            if short.is_empty() { Ok(None) } else { CreditCard { credits: short }.told().map(Some) }
        })
    }
}

/// What the template of this file sees as `card`: credit lines that need a word.
#[derive(Debug, Clone, Serialize)]
pub struct CreditCard {
    pub credits: Vec<Credit>,
}

impl CreditCard {
    fn told(&self) -> Result<Card, Error> {
        let data = serde_json::to_value(self).map_err(Error::internal)?;
        Ok(Card { main: Some(Slot { template: "account/home.html", data }), ..Card::default() })
    }
}

/// Adds the slice's part of the home page.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry
        .partial("account/home.html", include_str!("home.html"))
        .examples::<HomeWithCredit>()
        .keys(&["nav.account"])
}

/// The home page with this slice's card.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct HomeWithCredit(Home);

impl Page for HomeWithCredit {
    const TEMPLATE: &'static str = Home::TEMPLATE;

    fn samples() -> Vec<Sample<Self>> {
        let home = |credits: Vec<Option<Credit>>| {
            let mut home = Home::new("Maya", PartOfDay::Evening);
            let credits = credits.into_iter().flatten().collect();
            home.add(CreditCard { credits }.told().unwrap_or_default());
            HomeWithCredit(home)
        };
        vec![
            Sample::new("credit-high", home(vec![samples::line(180_000, 24_000, "EUR", false)])),
            Sample::new("credit-nearly-full", home(vec![samples::line(171_000, 68_250, "EUR", false)])),
            Sample::new(
                "credit-full",
                home(vec![
                    samples::line(231_400, 61_000, "EUR", true),
                    samples::line(200_000, 3_000, "USD", false),
                ]),
            ),
        ]
    }
}
