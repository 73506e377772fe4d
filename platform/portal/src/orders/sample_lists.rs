//! Examples of rows and lists of orders: every state, late data, nothing found, nothing at all.

use platform_web::Problems;
use platform_web::pages::{Field, Freshness};
use rust_decimal::Decimal;
use themes::{Money, Sample, samples};

use super::order::{Show, Status};
use super::pages::{FilterLink, KeepForm, List, Row, ViewLink};

pub(super) fn money(cents: i64) -> Option<Money> {
    Some(Money::new(Decimal::new(cents, 2), "EUR"))
}

/// Fifteen orders in every state.
#[must_use]
pub fn sample_rows() -> Vec<Row> {
    use Status::{
        Backordered, Cancelled, Confirmed, Delivered, InProduction, InProgress, OnHold, PartiallyShipped,
        Received, Shipped,
    };
    let row = |number: u32,
               po: Option<&str>,
               summary: &str,
               status,
               promised: Option<i64>,
               expected: Option<i64>,
               cents| Row {
        id: format!("018f6b2e-7c1a-7d5e-9f00-0000000{number}"),
        number: format!("SO-{number}"),
        purchase_order: po.map(str::to_owned),
        summary: summary.to_owned(),
        status,
        late: !matches!(status, Delivered | Cancelled)
            && matches!((promised, expected), (Some(a), Some(b)) if b > a),
        promised_on: promised.map(samples::day),
        expected_on: expected.map(samples::day),
        delivered_at: (status == Delivered).then(|| samples::minutes(expected.unwrap_or(-1) * 1440)),
        total: money(cents),
    };
    vec![
        row(
            47_585,
            Some("4500187342"),
            "2 × Centrifugal pump P40, stainless, and 5 more",
            InProduction,
            Some(-2),
            Some(5),
            1_248_960,
        ),
        row(
            47_581,
            Some("4500187299"),
            "12 × Gate valve DN 80, 12 × Flange gasket set",
            Shipped,
            Some(3),
            Some(2),
            295_560,
        ),
        row(
            47_570,
            Some("4500186950"),
            "Spare part kit P40 for the Eastfield pumping station",
            PartiallyShipped,
            Some(1),
            Some(8),
            412_385,
        ),
        row(
            47_566,
            Some("BW-2026-1182"),
            "Electric actuator 24 V DC, 90 Nm, with position feedback",
            OnHold,
            Some(12),
            None,
            1_530_000,
        ),
        row(
            47_552,
            Some("4500186811"),
            "6 × Check valve DN 100, dual plate",
            Confirmed,
            Some(9),
            Some(4),
            202_200,
        ),
        row(47_540, None, "24 × Pressure gauge 0\u{2013}10 bar", Delivered, Some(-1), Some(-1), 102_600),
        row(
            47_533,
            Some("4500186702"),
            "4 × Impeller P40, 168 mm, bronze",
            Backordered,
            Some(20),
            Some(20),
            164_800,
        ),
        row(47_529, Some("4500186688"), "10 × Y-strainer DN 50, 0.8 mm mesh", Received, None, None, 96_400),
        row(
            47_511,
            Some("4500186540"),
            "3 × Mechanical seal kit for P40, SiC/SiC",
            Shipped,
            Some(6),
            Some(6),
            56_970,
        ),
        row(
            47_498,
            Some("4500186421 / Eastfield revision 3"),
            "Shaft coupling B95 and spacer, drawing 88-1204",
            InProgress,
            Some(15),
            Some(15),
            25_660,
        ),
        row(
            47_470,
            Some("4500186300"),
            "40 × Flange gasket DN 80, EPDM",
            Delivered,
            Some(-8),
            Some(-9),
            127_200,
        ),
        row(
            47_461,
            Some("4500186288"),
            "2 × Centrifugal pump P40, stainless",
            Cancelled,
            Some(-3),
            None,
            496_000,
        ),
        row(47_455, Some("4500186251"), "Gate valve DN 80, PN 16", Delivered, Some(-12), Some(-10), 21_450),
    ]
}

pub(super) fn fresh() -> Freshness {
    Freshness { as_of: samples::minutes(-3), late: false }
}

/// Lists in their states.
pub(super) fn lists() -> Vec<Sample<List>> {
    let counts = [None, Some(14), Some(2), Some(3), Some(1), None];
    let word = |show: Show| {
        serde_json::to_value(show).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let filters = Show::ALL.iter().zip(counts).map(|(show, count)| FilterLink {
        show: *show,
        href: if *show == Show::All { "/orders".to_owned() } else { format!("/orders?show={}", word(*show)) },
        count,
    });
    let view = |name: &str, href: &str, current| ViewLink {
        id: format!("018f-{}", name.len()),
        name: name.to_owned(),
        href: href.to_owned(),
        current,
    };
    let full = List {
        query: String::new(),
        show: Show::All,
        filters: filters.collect(),
        views: vec![
            view("Late for Leeds", "/orders?show=late&q=leeds", false),
            view("Pumps", "/orders?q=P40", false),
        ],
        keep: KeepForm::default(),
        csv: "/orders/list.csv".to_owned(),
        rows: sample_rows(),
        newer: None,
        older: Some("/orders?before=47455".to_owned()),
        any: true,
        freshness: fresh(),
        events: Some("/orders/events".to_owned()),
    };
    let late_data = List {
        freshness: Freshness { as_of: samples::minutes(-312), late: true },
        newer: Some("/orders?after=47585".to_owned()),
        ..full.clone()
    };
    let late = List {
        show: Show::Late,
        rows: sample_rows().into_iter().filter(|row| row.late).collect(),
        older: None,
        ..full.clone()
    };
    let found = List {
        query: "P40".to_owned(),
        views: vec![
            view("Late for Leeds", "/orders?show=late&q=leeds", false),
            view("Pumps", "/orders?q=P40", true),
        ],
        csv: "/orders/list.csv?q=P40".to_owned(),
        rows: sample_rows().into_iter().take(2).collect(),
        older: None,
        ..full.clone()
    };
    let no_match = List {
        query: "pump 9000".to_owned(),
        show: Show::Open,
        rows: Vec::new(),
        older: None,
        ..full.clone()
    };
    let message = "orders.views.too_many";
    let keep_wrong = List {
        keep: KeepForm {
            name: Field::wrong("Everything for the new pumping station", message),
            problems: Problems::of_one("name", message),
            open: true,
        },
        ..found.clone()
    };
    let none = List { rows: Vec::new(), any: false, older: None, events: None, ..full.clone() };
    let none_late = List { show: Show::Late, rows: Vec::new(), older: None, ..full.clone() };
    vec![
        Sample::new("full", full),
        Sample::new("late-data", late_data),
        Sample::new("late", late),
        Sample::new("found", found),
        Sample::new("keep-wrong", keep_wrong),
        Sample::new("no-match", no_match),
        Sample::new("none", none),
        Sample::new("none-late", none_late),
    ]
}
