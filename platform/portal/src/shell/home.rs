//! The home page's context: what needs me, what changed, what is next.

use chrono::{DateTime, NaiveDate, Utc};
use platform_web::pages::Freshness;
use serde::Serialize;
use themes::{Page, Sample, samples};

use crate::orders::pages::{Row, Status, sample_rows};

/// `GET /`.
#[derive(Debug, Clone, Serialize)]
pub struct Home {
    pub first_name: String,
    pub part_of_day: PartOfDay,
    /// The orders card; none for tenants without orders.
    pub orders: Option<OrdersCard>,
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

/// What the orders slice has to say.
#[derive(Debug, Clone, Serialize)]
pub struct OrdersCard {
    pub freshness: Freshness,
    pub open: u32,
    /// Orders held because of the account's credit.
    pub credit_hold: u32,
    /// How many are late in all; `late` shows the worst few.
    pub late_total: u32,
    pub late: Vec<Row>,
    pub arriving_total: u32,
    /// Arriving within seven days, soonest first.
    pub arriving: Vec<Row>,
    pub changes: Vec<Change>,
    /// Address of the event stream.
    pub events: Option<String>,
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

impl Page for Home {
    const TEMPLATE: &'static str = "shell/home.html";

    fn samples() -> Vec<Sample<Self>> {
        let home = |orders| Home {
            first_name: "Maya".to_owned(),
            part_of_day: PartOfDay::Afternoon,
            orders,
            guide: Some(Guide {
                name: "Ingrid Solberg".to_owned(),
                role: "Customer success".to_owned(),
                email: "ingrid@techflow.example".to_owned(),
                initials: "IS".to_owned(),
            }),
            coming: Vec::new(),
        };
        let quiet = OrdersCard { late_total: 0, late: Vec::new(), credit_hold: 0, ..full() };
        let none = OrdersCard {
            open: 0,
            arriving_total: 0,
            arriving: Vec::new(),
            changes: Vec::new(),
            ..quiet.clone()
        };
        let stale =
            OrdersCard { freshness: Freshness { as_of: samples::minutes(-312), late: true }, ..full() };
        let coming = vec![Coming::Learning, Coming::Support, Coming::Plan];
        vec![
            Sample::new("busy", home(Some(full()))),
            Sample::new("calm", home(Some(quiet))),
            Sample::new("no-orders-yet", home(Some(none))),
            Sample::new("late-data", home(Some(stale))),
            Sample::new("without-orders", Home { coming, ..home(None) }),
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
        freshness: Freshness { as_of: samples::minutes(-3), late: false },
        open: 14,
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
        events: Some("/orders/events".to_owned()),
    }
}
