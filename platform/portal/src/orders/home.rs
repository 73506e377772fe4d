//! What the orders slice says on the home page: what needs a look, what arrives, what changed.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use platform_core::TenantTx;
use platform_identity::Person;
use platform_web::pages::Freshness;
use platform_web::{Capability, Error, Viewer, Visit};
use serde::Serialize;
use themes::{NavItem, Page, Registry, Sample, Search, Tone, samples};

use super::order::{Show, Status};
use super::pages::{Row, sample_rows};
use super::routes::{MODULE, freshness, today};
use super::{store, tell};
use crate::shell::home::{Action, Card, Figure, Home, PartOfDay, Said, Slot};
use crate::shell::{CardFuture, Slice};

/// How far back "what changed" looks.
const RECENT: TimeDelta = TimeDelta::days(14);
const SHOWN: i64 = 4;
const CHANGES: i64 = 6;

/// The slice, as the shell sees it.
#[derive(Debug, Clone, Copy, Default)]
pub struct OrdersSlice;

impl Slice for OrdersSlice {
    fn nav(&self, visit: &Visit, viewer: &Viewer) -> Option<NavItem> {
        let path = visit.path().split('?').next().unwrap_or_default();
        let current = path == "/orders" || path.starts_with("/orders/");
        let (label, icon, href) = ("nav.orders".into(), "package".into(), "/orders".into());
        seen_by(visit, viewer).then_some(NavItem { label, icon, href, current, badge: 0 })
    }

    fn search(&self, visit: &Visit, viewer: &Viewer) -> Option<Search> {
        seen_by(visit, viewer).then(|| Search { action: "/orders".into(), query: String::new() })
    }

    fn card<'a>(&'a self, visit: &'a Visit, person: &'a Person) -> CardFuture<'a> {
        Box::pin(async move {
            if !(visit.look().has_module(MODULE) && person.capabilities.has(Capability::Orders)) {
                return Ok(None);
            }
            let mut tx = person.tx(visit.site().db()).await?;
            read(visit, &mut tx).await.map(Some)
        })
    }
}

fn seen_by(visit: &Visit, viewer: &Viewer) -> bool {
    visit.look().has_module(MODULE) && viewer.capabilities.has(Capability::Orders)
}

async fn read(visit: &Visit, tx: &mut TenantTx) -> Result<Card, Error> {
    let today = today(visit);
    let overview = store::overview(tx, today).await?;
    let late = store::soonest(tx, Show::Late, today, SHOWN).await?;
    let arriving = store::soonest(tx, Show::Arriving, today, SHOWN).await?;
    let changes = store::changes(tx, visit.now() - RECENT, CHANGES).await?;
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    let card = OrdersCard {
        open: count(overview.open),
        on_hold: count(overview.on_hold),
        credit_hold: count(overview.credit_hold),
        late_total: count(overview.late),
        late: late.iter().map(|row| tell::row(row, today)).collect(),
        arriving_total: count(overview.arriving),
        arriving: arriving.iter().map(|row| tell::row(row, today)).filter(|row| !row.late).collect(),
        changes: changes.into_iter().filter_map(change).collect(),
    };
    card.told(freshness(visit, &overview))
}

/// What the templates of this file see as `card`.
#[derive(Debug, Clone, Serialize)]
pub struct OrdersCard {
    pub open: u32,
    pub on_hold: u32,
    /// Orders held because of the account's credit.
    pub credit_hold: u32,
    /// How many are late in all; `late` shows the worst few.
    pub late_total: u32,
    pub late: Vec<Row>,
    pub arriving_total: u32,
    /// Arriving within seven days, soonest first.
    pub arriving: Vec<Row>,
    pub changes: Vec<Change>,
}

/// One thing that changed, newest first.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    pub order_id: String,
    pub number: String,
    pub summary: String,
    pub kind: ChangeKind,
    /// For dates: the new one.
    pub day: Option<NaiveDate>,
    pub was: Option<NaiveDate>,
    pub at: DateTime<Utc>,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Received,
    Confirmed,
    Later,
    Earlier,
    Hold,
    Released,
    Shipped,
    Delivered,
    Cancelled,
}

impl OrdersCard {
    /// The card with its sentences and numbers.
    fn told(&self, freshness: Freshness) -> Result<Card, Error> {
        let said = |key, count| Said { key, count };
        let mut lead = Vec::new();
        if self.open == 0 {
            lead.push(said("home.lead.none", 0));
        } else if self.late_total > 0 {
            lead.push(said("home.lead.late", self.late_total));
        } else {
            lead.push(said("home.lead.on_time", self.open));
        }
        if self.open > 0 && self.arriving_total > 0 {
            lead.push(said("home.lead.arriving", self.arriving_total));
        }
        let figure = |count, label, icon, href, tone| Figure { count, label, icon, href, tone };
        let data = serde_json::to_value(self).map_err(Error::internal)?;
        let slot = |template| Slot { template, data: data.clone() };
        Ok(Card {
            lead,
            figures: vec![
                figure(
                    self.late_total,
                    "orders.show.late",
                    "triangle-alert",
                    "/orders?show=late",
                    Tone::Danger,
                ),
                figure(
                    self.arriving_total,
                    "orders.show.arriving",
                    "truck",
                    "/orders?show=arriving",
                    Tone::Neutral,
                ),
                figure(
                    self.on_hold,
                    "orders.show.on_hold",
                    "circle-pause",
                    "/orders?show=on_hold",
                    Tone::Warning,
                ),
                figure(self.open, "orders.show.open", "package", "/orders?show=open", Tone::Neutral),
            ],
            action: (self.open > 0)
                .then(|| Action { said: said("home.open", self.open), href: "/orders?show=open" }),
            freshness: Some(freshness),
            events: Some("/orders/events".to_owned()),
            main: Some(slot("orders/home.html")),
            side: Some(slot("orders/home_side.html")).filter(|_| !self.changes.is_empty()),
        })
    }
}

fn change(row: store::Change) -> Option<Change> {
    let day = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
    let (was, now): (Option<NaiveDate>, _) = (day(&row.old), day(&row.new));
    let kind = match (row.kind.as_str(), row.new.as_deref()) {
        ("received", _) => ChangeKind::Received,
        ("hold", _) | ("status", Some("on_hold")) => ChangeKind::Hold,
        ("released", _) => ChangeKind::Released,
        ("shipped", _) | ("status", Some("shipped" | "partially_shipped")) => ChangeKind::Shipped,
        ("delivered", _) | ("status", Some("delivered")) => ChangeKind::Delivered,
        ("cancelled", _) | ("status", Some("cancelled")) => ChangeKind::Cancelled,
        ("status", Some("confirmed")) => ChangeKind::Confirmed,
        ("promised" | "expected", _) if was.is_some() && now > was => ChangeKind::Later,
        ("promised" | "expected", _) if was.is_some() && now.is_some() && now < was => ChangeKind::Earlier,
        _ => return None,
    };
    let moved = matches!(kind, ChangeKind::Later | ChangeKind::Earlier);
    Some(Change {
        order_id: row.order_id.to_string(),
        number: row.number,
        summary: row.summary,
        kind,
        day: now.filter(|_| moved),
        was: was.filter(|_| moved),
        at: row.at,
    })
}

/// Adds the slice's part of the home page, with the states it can be in.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry
        .partial("orders/home.html", include_str!("home.html"))
        .partial("orders/home_side.html", include_str!("home_side.html"))
        .examples::<HomeWithOrders>()
        .keys(&[
            "nav.orders",
            "home.lead.none",
            "home.lead.late",
            "home.lead.on_time",
            "home.lead.arriving",
            "home.open",
        ])
}

/// The home page with this slice's card.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct HomeWithOrders(Home);

impl Page for HomeWithOrders {
    const TEMPLATE: &'static str = Home::TEMPLATE;

    fn samples() -> Vec<Sample<Self>> {
        let home = |card: &OrdersCard, minutes, late| {
            let mut home = Home::new("Maya", PartOfDay::Afternoon);
            let freshness = Freshness { as_of: samples::minutes(minutes), late };
            home.add(card.told(freshness).unwrap_or_default());
            HomeWithOrders(home)
        };
        let quiet = OrdersCard { late_total: 0, late: Vec::new(), on_hold: 0, credit_hold: 0, ..full() };
        let none = OrdersCard {
            open: 0,
            arriving_total: 0,
            arriving: Vec::new(),
            changes: Vec::new(),
            ..quiet.clone()
        };
        vec![
            Sample::new("busy", home(&full(), -3, false)),
            Sample::new("calm", home(&quiet, -3, false)),
            Sample::new("no-orders-yet", home(&none, -3, false)),
            Sample::new("late-data", home(&full(), -312, true)),
        ]
    }
}

fn full() -> OrdersCard {
    let rows = sample_rows();
    let late: Vec<Row> = rows.iter().filter(|row| row.late).take(3).cloned().collect();
    let arriving = |row: &&Row| {
        !row.late && matches!(row.status, Status::Shipped | Status::Confirmed | Status::PartiallyShipped)
    };
    let arriving: Vec<Row> = rows.iter().filter(arriving).take(4).cloned().collect();
    let change = |at: usize, kind, minutes, day: Option<i64>, was: Option<i64>| Change {
        order_id: rows[at].id.clone(),
        number: rows[at].number.clone(),
        summary: rows[at].summary.clone(),
        kind,
        day: day.map(samples::day),
        was: was.map(samples::day),
        at: samples::minutes(minutes),
    };
    OrdersCard {
        open: 14,
        on_hold: 2,
        credit_hold: 1,
        late_total: 2,
        late,
        arriving_total: 3,
        arriving,
        changes: vec![
            change(0, ChangeKind::Later, -38, Some(5), Some(-2)),
            change(1, ChangeKind::Shipped, -155, None, None),
            change(4, ChangeKind::Earlier, -1320, Some(9), Some(13)),
            change(5, ChangeKind::Delivered, -1730, None, None),
            change(3, ChangeKind::Hold, -2900, None, None),
        ],
    }
}
