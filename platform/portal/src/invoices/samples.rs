//! Examples of invoices: every standing, many, none, none that match, a choice that was none.

use platform_web::Problems;
use rust_decimal::Decimal;
use themes::{Money, Sample, samples};

use super::invoice::{Kind, Show, Status, owed};
use super::pages::{Detail, DocumentState, FilterLink, Line, List, OrderLink, Row};

fn money(cents: i64) -> Money {
    Money::new(Decimal::new(cents, 2), "EUR")
}

fn row(
    number: &str,
    kind: Kind,
    status: Status,
    issued: i64,
    due: Option<i64>,
    total: i64,
    paid: i64,
) -> Row {
    let left = owed(status, Decimal::new(total, 2), Decimal::new(paid, 2));
    let overdue = kind == Kind::Invoice && matches!(status, Status::Open | Status::PartlyPaid);
    Row {
        id: format!(
            "018f6b2e-7c1a-7d5e-9f00-{:0>12}",
            number.trim_start_matches(|c: char| !c.is_ascii_digit())
        ),
        number: number.to_owned(),
        kind,
        status,
        issued_on: samples::day(issued),
        due_on: due.map(samples::day),
        days_overdue: due.filter(|_| overdue).and_then(|due| u32::try_from(-due).ok()).unwrap_or_default(),
        total: money(total),
        owed: (left != Decimal::new(total, 2) && !left.is_zero()).then(|| Money::new(left, "EUR")),
        order: (issued % 2 == 0)
            .then(|| OrderLink { number: format!("SO-{}", 47_600 + issued), href: "/orders/x".to_owned() }),
        purchase_order: (issued % 3 == 0).then(|| "4500187342".to_owned()),
        chosen: false,
    }
}

/// Eight of them, in every standing.
#[must_use]
pub(super) fn rows() -> Vec<Row> {
    use Kind::{CreditNote, Invoice};
    vec![
        row("INV-20431", Invoice, Status::Open, -2, Some(28), 1_248_960, 0),
        row("INV-20418", Invoice, Status::PartlyPaid, -12, Some(18), 9_995_560, 2_500_000),
        row("CN-1180", CreditNote, Status::Open, -15, None, 84_000, 0),
        row("INV-20377", Invoice, Status::Open, -42, Some(-12), 4_120_000, 0),
        row("INV-20361", Invoice, Status::PartlyPaid, -48, Some(-1), 218_340, 100_000),
        row("INV-20290", Invoice, Status::Paid, -66, Some(-36), 77_250, 77_250),
        row("CN-1144", CreditNote, Status::Paid, -70, None, 12_500, 12_500),
        row("INV-20274", Invoice, Status::Void, -81, Some(-51), 640_000, 0),
    ]
}

pub(super) fn lists() -> Vec<Sample<List>> {
    let filter = |show: Show| FilterLink {
        show,
        href: format!("/invoices?show={}", show.word()),
        count: matches!(show, Show::Open | Show::Overdue).then_some(4),
    };
    let list = List {
        query: String::new(),
        show: Show::All,
        filters: Show::ALL.into_iter().map(filter).collect(),
        rows: rows(),
        newer: Some("/invoices?after=x".to_owned()),
        older: Some("/invoices?before=x".to_owned()),
        csv: "/invoices/list.csv".to_owned(),
        any: true,
        problems: Problems::default(),
        at_most: 200,
    };
    let nothing = List { rows: Vec::new(), newer: None, older: None, ..list.clone() };
    let searched = |list: &List| List { query: "47585 & <co>".to_owned(), ..list.clone() };
    vec![
        Sample::new("all", list.clone()),
        Sample::new(
            "found",
            searched(&List { rows: rows().into_iter().take(1).collect(), ..nothing.clone() }),
        ),
        Sample::new("no-match", searched(&nothing)),
        Sample::new("nothing-overdue", List { show: Show::Overdue, ..nothing.clone() }),
        Sample::new("none-yet", List { any: false, ..nothing }),
        Sample::new(
            "none-chosen",
            List { problems: Problems::of_one("chosen", "invoices.archive.none"), ..list },
        ),
    ]
}

pub(super) fn details() -> Vec<Sample<Detail>> {
    let rows = rows();
    let text = |text: &str| text.to_owned();
    let line = |sku: &str, description: &str, quantity: i64, price: i64| Line {
        sku: Some(text(sku)),
        description: text(description),
        quantity: Some(Decimal::from(quantity)),
        unit: Some(text("pcs")),
        unit_price: Some(money(price)),
        amount: Some(money(price * quantity)),
    };
    let lines = vec![
        line("PMP-P40-SS", "Centrifugal pump P40, stainless", 2, 498_500),
        line(
            "VLV-GT-80",
            "Gate valve DN 80 with a handwheel, flanges after EN 1092-1, painted RAL 5010",
            12,
            18_620,
        ),
        Line {
            sku: None,
            quantity: None,
            unit: None,
            unit_price: None,
            ..line("", "Freight and packing", 1, 28_020)
        },
    ];
    let detail = |at: usize, left: i64, document| Detail {
        invoice: rows[at].clone(),
        paid: Some(money(2_500_000)),
        owed: money(left),
        bill_to: vec![
            text("Brightwater Utilities"),
            text("Accounts payable"),
            text("12 Harbour Road"),
            text("5003 Bergen"),
        ],
        lines: lines.clone(),
        linked: vec![rows[2].clone()],
        document,
    };
    let stored = DocumentState::Stored { fetched_at: samples::minutes(-900), version: 1, kilobytes: 184 };
    let newer = DocumentState::Stored { fetched_at: samples::minutes(-90), version: 2, kilobytes: 188 };
    let credit = Detail { linked: vec![rows[1].clone()], paid: None, ..detail(2, 84_000, newer) };
    vec![
        Sample::new(
            "open",
            Detail { paid: None, linked: Vec::new(), ..detail(0, 1_248_960, DocumentState::Copy) },
        ),
        Sample::new("partly-paid", detail(1, 7_495_560, stored.clone())),
        Sample::new("credit-note", credit),
        Sample::new(
            "overdue",
            Detail { paid: None, linked: Vec::new(), ..detail(3, 4_120_000, DocumentState::Pending) },
        ),
        Sample::new(
            "paid",
            Detail {
                lines: Vec::new(),
                bill_to: Vec::new(),
                linked: Vec::new(),
                ..detail(5, 0, stored.clone())
            },
        ),
        Sample::new("void", detail(7, 0, stored)),
    ]
}
