//! The home page and the frame around every page. This is where slices meet; they do not know each other.

use axum::response::Response;
use chrono::{TimeDelta, Timelike as _};
use platform_core::TenantTx;
use platform_identity::Person;
use platform_web::{Access, Capability, Error, Frame, Routes, Visit};
use themes::{NavItem, Search, Shell};

use super::home::{Change, ChangeKind, Coming, Home, OrdersCard, PartOfDay};
use crate::orders::pages::Show;
use crate::orders::{routes as orders, store, tell};

/// How far back "what changed" looks.
const RECENT: TimeDelta = TimeDelta::days(14);
const SHOWN: i64 = 4;
const CHANGES: i64 = 6;

/// `GET /`, and `/portal`, which older links may name.
#[must_use]
pub fn routes() -> Routes {
    Routes::new().get("/", Access::SignedIn, home).get("/portal", Access::Public, portal)
}

async fn portal(visit: Visit) -> Response {
    visit.redirect("/")
}

async fn home(visit: Visit, person: Person) -> Result<Response, Error> {
    let sees_orders = visit.look().has_module(orders::MODULE) && person.capabilities.has(Capability::Orders);
    let orders = if sees_orders {
        let mut tx = person.tx(visit.site().db()).await?;
        Some(orders_card(&visit, &mut tx).await?)
    } else {
        None
    };
    let hour = visit.now().with_timezone(&visit.look().zone).hour();
    let coming =
        if orders.is_some() { Vec::new() } else { vec![Coming::Learning, Coming::Support, Coming::Plan] };
    visit.render(&Home {
        first_name: person.contact.name.split_whitespace().next().unwrap_or_default().to_owned(),
        part_of_day: match hour {
            4..12 => PartOfDay::Morning,
            12..18 => PartOfDay::Afternoon,
            _ => PartOfDay::Evening,
        },
        orders,
        guide: None,
        coming,
    })
}

async fn orders_card(visit: &Visit, tx: &mut TenantTx) -> Result<OrdersCard, Error> {
    let today = orders::today(visit);
    let overview = store::overview(tx, today).await?;
    let late = store::soonest(tx, Show::Late, today, SHOWN).await?;
    let arriving = store::soonest(tx, Show::Arriving, today, SHOWN).await?;
    let changes = store::changes(tx, visit.now() - RECENT, CHANGES).await?;
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(OrdersCard {
        freshness: orders::freshness(visit, &overview),
        open: count(overview.open),
        credit_hold: count(overview.on_hold),
        late_total: count(overview.late),
        late: late.iter().map(|row| tell::row(row, today)).collect(),
        arriving_total: count(overview.arriving),
        arriving: arriving.iter().map(|row| tell::row(row, today)).filter(|row| !row.late).collect(),
        changes: changes.into_iter().filter_map(change).collect(),
        events: Some("/orders/events".to_owned()),
    })
}

fn change(row: store::Change) -> Option<Change> {
    let day = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
    let (was, now): (Option<chrono::NaiveDate>, _) = (day(&row.old), day(&row.new));
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

/// Navigation and search, by what the reader may use and the tenant has switched on.
#[derive(Debug, Clone, Copy, Default)]
pub struct PortalFrame;

impl Frame for PortalFrame {
    fn fill(&self, visit: &Visit, shell: &mut Shell) {
        let Some(viewer) = visit.viewer() else { return };
        let path = visit.path().split('?').next().unwrap_or_default();
        shell.nav.push(item("nav.home", "house", "/", path == "/"));
        if visit.look().has_module(orders::MODULE) && viewer.capabilities.has(Capability::Orders) {
            shell.nav.push(item(
                "nav.orders",
                "package",
                "/orders",
                path == "/orders" || path.starts_with("/orders/"),
            ));
            shell.search = Some(Search { action: "/orders".into(), query: String::new() });
        }
    }
}

fn item(label: &'static str, icon: &'static str, href: &'static str, current: bool) -> NavItem {
    NavItem { label: label.into(), icon: icon.into(), href: href.into(), current, badge: 0 }
}
