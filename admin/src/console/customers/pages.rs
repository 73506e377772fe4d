//! Pages of the customers screen.

use chrono::{DateTime, Utc};
use platform_portal::orders::order::Show;
use platform_portal::orders::pages::{Detail, FilterLink, Order, Row as OrderRow, sample_rows};
use platform_web::pages::Freshness;
use serde::Serialize;
use themes::{Page, Registry, Sample, samples};

/// Adds the screen's pages.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry
        .partial("console/order_table.html", include_str!("order_table.html"))
        .page::<Customers>(include_str!("list.html"))
        .page::<Customer>(include_str!("one.html"))
        .page::<CustomerOrders>(include_str!("orders.html"))
        .page::<OneOrder>(include_str!("order.html"))
}

/// `GET /console/customers`.
#[derive(Debug, Clone, Serialize)]
pub struct Customers {
    pub query: String,
    /// The page begins at the first customer.
    pub first: bool,
    pub rows: Vec<Row>,
    /// Address of the next page.
    pub next: Option<String>,
}

/// One customer of the list.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub id: String,
    pub name: String,
    /// The account number in the tenant's own systems.
    pub account: Option<String>,
    pub suspended: bool,
    /// Contacts who may sign in.
    pub people: u32,
    pub open_orders: u32,
    pub open_requests: u32,
    /// When somebody of them came last.
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// `GET /console/customers/{customer}`.
#[derive(Debug, Clone, Serialize)]
pub struct Customer {
    pub id: String,
    pub name: String,
    pub account: Option<String>,
    pub suspended: bool,
    pub time_zone: Option<String>,
    pub since: DateTime<Utc>,
    pub people: Vec<Person>,
    /// None for readers who may not see orders.
    pub orders: Option<Orders>,
}

/// One contact.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub email: String,
    /// `admin`, `champion` or `user`.
    pub role: String,
    pub active: bool,
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// A customer's orders as its own people see them.
#[derive(Debug, Clone, Serialize)]
pub struct Orders {
    /// Path of the customer.
    pub base: String,
    pub query: String,
    pub show: Show,
    pub filters: Vec<FilterLink>,
    pub rows: Vec<OrderRow>,
    pub newer: Option<String>,
    pub older: Option<String>,
    /// False when this customer never had an order.
    pub any: bool,
    pub freshness: Freshness,
}

/// `GET /console/customers/{customer}/orders`.
#[derive(Debug, Clone, Serialize)]
pub struct CustomerOrders {
    pub customer: String,
    pub orders: Orders,
}

/// `GET /console/customers/{customer}/orders/{order}`.
#[derive(Debug, Clone, Serialize)]
pub struct OneOrder {
    pub customer: String,
    /// Path of the customer.
    pub base: String,
    pub order: Order,
    pub freshness: Freshness,
}

const ID: &str = "018f6b2e-7c1a-7d5e-9f00-000000000042";

fn sample_orders() -> Orders {
    let filter = |show, count| FilterLink { show, href: format!("/console/customers/{ID}/orders"), count };
    Orders {
        base: format!("/console/customers/{ID}"),
        query: String::new(),
        show: Show::All,
        filters: vec![filter(Show::All, None), filter(Show::Open, Some(14)), filter(Show::Late, Some(2))],
        rows: sample_rows(),
        newer: None,
        older: Some(format!("/console/customers/{ID}/orders?before=x")),
        any: true,
        freshness: Freshness { as_of: samples::minutes(-1), late: false },
    }
}

impl Page for Customers {
    const TEMPLATE: &'static str = "console/customers.html";

    fn samples() -> Vec<Sample<Self>> {
        let row =
            |name: &str, account: Option<&str>, people, open_orders, open_requests, minutes: Option<i64>| {
                Row {
                    id: ID.to_owned(),
                    name: name.to_owned(),
                    account: account.map(str::to_owned),
                    suspended: name.starts_with("Quill"),
                    people,
                    open_orders,
                    open_requests,
                    last_seen_at: minutes.map(samples::minutes),
                }
            };
        let rows = vec![
            row("Brightwater Utilities", Some("BRW-1042"), 14, 38, 2, Some(-3)),
            row("Halvorsen Marine", Some("HAL-2210"), 3, 4, 0, Some(-1500)),
            row(
                "Kommunale Wasserwerke Großheringen-Süd Betriebsgesellschaft mbH",
                Some("KWG-77120-A"),
                112,
                1204,
                17,
                Some(-44),
            ),
            row("Quill & Co", None, 0, 0, 0, None),
        ];
        let all = Customers {
            query: String::new(),
            first: true,
            rows,
            next: Some("/console/customers?after=x".to_owned()),
        };
        let found =
            Customers { query: "bright".to_owned(), rows: all.rows[..1].to_vec(), next: None, ..all.clone() };
        let nothing = Customers { query: "zebra".to_owned(), rows: Vec::new(), next: None, ..all.clone() };
        let none = Customers { rows: Vec::new(), next: None, ..all.clone() };
        vec![
            Sample::new("all", all),
            Sample::new("found", found),
            Sample::new("no-match", nothing),
            Sample::new("none", none),
        ]
    }
}

impl Page for Customer {
    const TEMPLATE: &'static str = "console/customer.html";

    fn samples() -> Vec<Sample<Self>> {
        let person = |name: &str, email: &str, role: &str, active, minutes: Option<i64>| Person {
            id: ID.to_owned(),
            name: name.to_owned(),
            email: email.to_owned(),
            role: role.to_owned(),
            active,
            last_seen_at: minutes.map(samples::minutes),
        };
        let mut orders = sample_orders();
        orders.rows.truncate(6);
        let whole = Customer {
            id: ID.to_owned(),
            name: "Brightwater Utilities".to_owned(),
            account: Some("BRW-1042".to_owned()),
            suspended: false,
            time_zone: Some("America/Chicago".to_owned()),
            since: samples::minutes(-400_000),
            people: vec![
                person("Maya Okafor", "maya.okafor@brightwater.example", "admin", true, Some(-3)),
                person(
                    "Anselm Ruiz-Castellanos",
                    "anselm.ruiz-castellanos.procurement@brightwater.example",
                    "champion",
                    true,
                    Some(-2000),
                ),
                person("Tomás Reyes", "tomas.reyes@brightwater.example", "user", true, None),
                person("Gone Person", "gone@brightwater.example", "user", false, Some(-90_000)),
            ],
            orders: Some(orders),
        };
        let bare = Customer {
            name: "Quill & Co".to_owned(),
            account: None,
            suspended: true,
            time_zone: None,
            people: Vec::new(),
            orders: Some(Orders { rows: Vec::new(), any: false, older: None, ..sample_orders() }),
            ..whole.clone()
        };
        let without_orders = Customer { orders: None, ..whole.clone() };
        vec![
            Sample::new("whole", whole),
            Sample::new("bare", bare),
            Sample::new("people-alone", without_orders),
        ]
    }
}

impl Page for CustomerOrders {
    const TEMPLATE: &'static str = "console/customer_orders.html";

    fn samples() -> Vec<Sample<Self>> {
        let all = CustomerOrders { customer: "Brightwater Utilities".to_owned(), orders: sample_orders() };
        let searched = Orders {
            query: "zebra".to_owned(),
            rows: Vec::new(),
            older: None,
            freshness: Freshness { as_of: samples::minutes(-44), late: true },
            ..sample_orders()
        };
        let nothing = CustomerOrders { orders: searched, ..all.clone() };
        vec![Sample::new("all", all), Sample::new("no-match", nothing)]
    }
}

impl Page for OneOrder {
    const TEMPLATE: &'static str = "console/customer_order.html";

    fn samples() -> Vec<Sample<Self>> {
        let page = |sample: Sample<Detail>| {
            let Detail { order, freshness, .. } = sample.page;
            let (customer, base) = ("Brightwater Utilities".to_owned(), format!("/console/customers/{ID}"));
            Sample::new(sample.name, OneOrder { customer, base, order, freshness })
        };
        Detail::samples().into_iter().take(4).map(page).collect()
    }
}
