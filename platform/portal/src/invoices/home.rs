//! What the invoices slice says on the home page (what is overdue) and in the person's menu.

use platform_identity::Person;
use platform_web::{Capability, Error, Viewer, Visit};
use serde::Serialize;
use themes::{Money, NavItem, Page, Registry, Sample};

use super::routes::{MODULE, today};
use super::store;
use crate::shell::home::{Card, Home, PartOfDay, Slot};
use crate::shell::{CardFuture, Slice};

/// The slice, as the shell sees it.
#[derive(Debug, Clone, Copy, Default)]
pub struct InvoicesSlice;

impl Slice for InvoicesSlice {
    fn nav(&self, _: &Visit, _: &Viewer) -> Option<NavItem> {
        None
    }

    fn menu(&self, visit: &Visit, viewer: &Viewer) -> Option<NavItem> {
        let path = visit.path().split('?').next().unwrap_or_default();
        let current = path == "/invoices" || path.starts_with("/invoices/");
        let seen = visit.look().has_module(MODULE) && viewer.capabilities.has(Capability::Finance);
        let (label, icon, href) = ("nav.invoices".into(), "receipt".into(), "/invoices".into());
        seen.then_some(NavItem { label, icon, href, current, badge: 0 })
    }

    fn card<'a>(&'a self, visit: &'a Visit, person: &'a Person) -> CardFuture<'a> {
        Box::pin(async move {
            if !(visit.look().has_module(MODULE) && person.capabilities.has(Capability::Finance)) {
                return Ok(None);
            }
            let today = today(visit);
            let mut tx = person.tx(visit.site().db()).await?;
            let overview = store::overview(&mut tx, today).await?;
            if overview.overdue == 0 {
                return Ok(None);
            }
            let sums = store::overdue_sums(&mut tx, today).await?;
            let days = overview.oldest_due_on.map(|due| (today - due).num_days()).unwrap_or_default();
            let card = InvoicesCard {
                overdue: u32::try_from(overview.overdue).unwrap_or(u32::MAX),
                sums: sums.into_iter().map(|(currency, sum)| Money::new(sum, currency)).collect(),
                days: u32::try_from(days).unwrap_or_default(),
            };
            card.told().map(Some)
        })
    }
}

/// What the template of this file sees as `card`.
#[derive(Debug, Clone, Serialize)]
pub struct InvoicesCard {
    pub overdue: u32,
    /// One a currency.
    pub sums: Vec<Money>,
    /// How long the oldest one is overdue.
    pub days: u32,
}

impl InvoicesCard {
    fn told(&self) -> Result<Card, Error> {
        let data = serde_json::to_value(self).map_err(Error::internal)?;
        Ok(Card { main: Some(Slot { template: "invoices/home.html", data }), ..Card::default() })
    }
}

/// Adds the slice's part of the home page.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry
        .partial("invoices/home.html", include_str!("home.html"))
        .examples::<HomeWithInvoices>()
        .keys(&["nav.invoices"])
}

/// The home page with this slice's card.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct HomeWithInvoices(Home);

impl Page for HomeWithInvoices {
    const TEMPLATE: &'static str = Home::TEMPLATE;

    fn samples() -> Vec<Sample<Self>> {
        let home = |overdue, days, sums: &[(i64, &str)]| {
            let sum = |(cents, currency): &(i64, &str)| {
                Money::new(rust_decimal::Decimal::new(*cents, 2), *currency)
            };
            let mut home = Home::new("Maya", PartOfDay::Morning);
            home.add(
                InvoicesCard { overdue, days, sums: sums.iter().map(sum).collect() }
                    .told()
                    .unwrap_or_default(),
            );
            HomeWithInvoices(home)
        };
        vec![
            Sample::new("one-overdue", home(1, 1, &[(4_120_000, "EUR")])),
            Sample::new("many-overdue", home(12, 64, &[(41_284_050, "EUR"), (1_800_000, "USD")])),
        ]
    }
}
