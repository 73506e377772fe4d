//! Examples of one order: ordinary, late, split, held, cancelled, gone, and long.

use platform_web::pages::Freshness;
use themes::{Sample, samples};

use super::{
    order::Status,
    pages::{Content, DateChange, Detail, Event, EventKind, Line, Order, Parcel, ParcelStatus},
    sample_lists::{fresh, money},
};

const PARTS: [(&str, &str, i64); 10] = [
    ("TF-P40-SS", "Centrifugal pump P40, stainless, 4 kW", 248_000),
    ("TF-GV-DN80", "Gate valve DN 80, PN 16, resilient seated", 21_450),
    ("TF-SEAL-40K", "Mechanical seal kit for P40, SiC/SiC", 18_990),
    ("TF-CV-100", "Check valve DN 100, dual plate", 33_700),
    ("TF-IMP-40-168", "Impeller P40, 168 mm, bronze", 41_200),
    ("TF-GSK-80-EPDM", "Flange gasket DN 80, EPDM, set of 10", 3_180),
    ("TF-ACT-24V", "Electric actuator 24 V DC, 90 Nm, with position feedback and manual override", 76_500),
    ("TF-STR-50", "Y-strainer DN 50, 0.8 mm mesh", 9_640),
    ("TF-PG-100", "Pressure gauge 0\u{2013}10 bar, glycerine filled", 4_275),
    ("TF-CPL-B95", "Shaft coupling B95, spacer 140 mm", 12_830),
];

/// Details in their states.
pub(super) fn details() -> Vec<Sample<Detail>> {
    let detail = |order| Detail {
        reorder: true,
        order,
        freshness: fresh(),
        events: Some("/orders/47585/events".to_owned()),
    };
    let late_data =
        Detail { freshness: Freshness { as_of: samples::minutes(-312), late: true }, ..detail(shipped()) };
    vec![
        Sample::new("late", detail(late())),
        Sample::new("shipped", detail(shipped())),
        Sample::new("partial", detail(partial())),
        Sample::new("delivered", detail(delivered())),
        Sample::new("credit-hold", detail(held())),
        Sample::new("received", detail(received())),
        Sample::new("cancelled", detail(cancelled())),
        Sample::new("removed", detail(Order { removed_at: Some(samples::minutes(-600)), ..received() })),
        Sample::new("forty-lines", detail(forty())),
        Sample::new("late-data", late_data),
    ]
}

fn base(status: Status) -> Order {
    Order {
        id: "018f6b2e-7c1a-7d5e-9f00-000000047585".to_owned(),
        number: "SO-47585".to_owned(),
        purchase_order: Some("4500187342".to_owned()),
        status,
        late: false,
        days_late: 0,
        ordered_at: Some(samples::minutes(-18 * 1440)),
        contact: Some("Maya Okafor".to_owned()),
        requested_on: Some(samples::day(-4)),
        promised_on: Some(samples::day(4)),
        expected_on: Some(samples::day(4)),
        shipped_at: None,
        delivered_at: None,
        cancelled_at: None,
        removed_at: None,
        reason: None,
        credit_hold: false,
        dates: Vec::new(),
        parcels: Vec::new(),
        lines: (0..6).map(|at| line(at, 0, 0, 0)).collect(),
        ship_to: [
            "Brightwater Utilities",
            "Eastfield pumping station",
            "Dock 3, 18 Reservoir Road",
            "LS9 8AG Leeds",
            "United Kingdom",
        ]
        .map(str::to_owned)
        .into(),
        subtotal: money(1_168_420),
        freight: money(18_500),
        tax: money(62_040),
        total: money(1_248_960),
        note: Some("Please deliver before noon; the crane leaves at 13:00.".to_owned()),
        story: vec![
            event(EventKind::Status, -12 * 1440, Some(Status::Confirmed)),
            event(EventKind::Received, -18 * 1440, None),
        ],
    }
}

fn event(kind: EventKind, minutes: i64, status: Option<Status>) -> Event {
    Event { kind, at: samples::minutes(minutes), status, day: None, reason: None }
}

fn line(at: usize, shipped: i64, backordered: i64, cancelled: i64) -> Line {
    let (sku, description, cents) = PARTS[at % PARTS.len()];
    let ordered = [2, 12, 4, 6, 1, 10, 3, 8, 24, 2][at % 10];
    Line {
        position: u32::try_from(at + 1).unwrap_or_default() * 10,
        sku: Some(sku.to_owned()),
        description: description.to_owned(),
        unit: Some("pcs".to_owned()),
        ordered: ordered.into(),
        shipped: shipped.into(),
        backordered: backordered.into(),
        cancelled: cancelled.into(),
        done: shipped + cancelled >= ordered,
        expected_on: Some(samples::day(5)),
        unit_price: money(cents),
        amount: money(cents * ordered),
    }
}

fn parcel(number: u32, status: ParcelStatus, carrier: &str, contents: &[(usize, i64)]) -> Parcel {
    let content = |(at, quantity): &(usize, i64)| Content {
        sku: Some(PARTS[*at].0.to_owned()),
        description: PARTS[*at].1.to_owned(),
        quantity: (*quantity).into(),
        unit: Some("pcs".to_owned()),
    };
    Parcel {
        number: format!("SH-{number}"),
        status,
        carrier: Some(carrier.to_owned()),
        tracking_number: Some(format!("1Z 999 AA1 01 2345 {number}")),
        tracking_url: Some(format!("https://tracking.carrier.example/1Z999AA1012345{number}")),
        shipped_at: (status != ParcelStatus::Packed).then(|| samples::minutes(-2 * 1440 - 95)),
        expected_on: Some(samples::day(2)),
        delivered_at: (status == ParcelStatus::Delivered).then(|| samples::minutes(-265)),
        contents: contents.iter().map(content).collect(),
    }
}

fn late() -> Order {
    let reason = "Motor supplier delivers a week late; your pumps are first in line";
    let change = |days: i64, from, to, reason: &str| DateChange {
        at: samples::minutes(days * 1440 - 200),
        from: Some(samples::day(from)),
        to: Some(samples::day(to)),
        reason: Some(reason.to_owned()),
    };
    let mut story = base(Status::InProduction).story;
    story.insert(0, event(EventKind::Status, -9 * 1440, Some(Status::InProduction)));
    story.insert(
        0,
        Event {
            day: Some(samples::day(5)),
            reason: Some(reason.to_owned()),
            ..event(EventKind::Expected, -38, None)
        },
    );
    Order {
        late: true,
        days_late: 7,
        promised_on: Some(samples::day(-2)),
        expected_on: Some(samples::day(5)),
        reason: Some(reason.to_owned()),
        dates: vec![change(-8, -2, 1, "Castings arrived a few days late"), change(0, 1, 5, reason)],
        story,
        ..base(Status::InProduction)
    }
}

fn shipped() -> Order {
    let mut story = base(Status::Shipped).story;
    story.insert(0, event(EventKind::Shipped, -2 * 1440 - 95, None));
    Order {
        shipped_at: Some(samples::minutes(-2 * 1440 - 95)),
        expected_on: Some(samples::day(2)),
        parcels: vec![parcel(
            8814,
            ParcelStatus::InTransit,
            "DHL Freight",
            &[(0, 2), (1, 12), (2, 4), (3, 6), (4, 1), (5, 10)],
        )],
        lines: (0..6)
            .map(|at| line(at, 24, 0, 0))
            .map(|line| Line { shipped: line.ordered, ..line })
            .collect(),
        story,
        ..base(Status::Shipped)
    }
}

fn partial() -> Order {
    Order {
        late: true,
        days_late: 7,
        promised_on: Some(samples::day(1)),
        expected_on: Some(samples::day(8)),
        parcels: vec![
            parcel(8790, ParcelStatus::Delivered, "UPS", &[(0, 2), (2, 4)]),
            parcel(8814, ParcelStatus::InTransit, "DHL Freight", &[(1, 8), (5, 10)]),
            Parcel {
                tracking_number: None,
                tracking_url: None,
                carrier: None,
                ..parcel(8821, ParcelStatus::Packed, "", &[(3, 6)])
            },
        ],
        lines: vec![
            line(0, 2, 0, 0),
            line(1, 8, 4, 0),
            line(2, 4, 0, 0),
            line(3, 0, 0, 0),
            line(4, 0, 0, 1),
            line(5, 10, 0, 0),
        ],
        ..shipped()
    }
    .with(Status::PartiallyShipped)
}

fn delivered() -> Order {
    let mut story = shipped().story;
    story.insert(0, event(EventKind::Delivered, -265, None));
    Order {
        delivered_at: Some(samples::minutes(-265)),
        expected_on: None,
        parcels: vec![parcel(8814, ParcelStatus::Delivered, "DHL Freight", &[(0, 2), (1, 12)])],
        story,
        ..shipped()
    }
    .with(Status::Delivered)
}

fn held() -> Order {
    let hold = event(EventKind::Hold, -2 * 1440, None);
    Order {
        credit_hold: true,
        expected_on: None,
        lines: undated(base(Status::OnHold).lines),
        story: [vec![hold], base(Status::OnHold).story].concat(),
        ..base(Status::OnHold)
    }
}

fn received() -> Order {
    Order {
        ordered_at: Some(samples::minutes(-95)),
        promised_on: None,
        expected_on: None,
        subtotal: None,
        freight: None,
        tax: None,
        note: None,
        purchase_order: None,
        lines: undated(vec![line(7, 0, 0, 0)]),
        total: money(77_120),
        story: vec![event(EventKind::Received, -95, None)],
        ..base(Status::Received)
    }
}

fn cancelled() -> Order {
    let reason = "Cancelled at your request, replaced by SO-47601";
    let ended = Event { reason: Some(reason.to_owned()), ..event(EventKind::Cancelled, -1500, None) };
    Order {
        cancelled_at: Some(samples::minutes(-1500)),
        reason: Some(reason.to_owned()),
        expected_on: None,
        lines: (0..3)
            .map(|at| line(at, 0, 0, 24))
            .map(|line| Line { cancelled: line.ordered, ..line })
            .collect(),
        story: [vec![ended], base(Status::Cancelled).story].concat(),
        ..base(Status::Cancelled)
    }
}

fn forty() -> Order {
    let lines = (0..40).map(|at| line(at, i64::from(at % 3 == 0) * 24, i64::from(at % 5 == 1) * 2, 0));
    Order {
        lines: lines.map(|line| Line { shipped: line.shipped.min(line.ordered), ..line }).collect(),
        ..partial()
    }
}

fn undated(lines: Vec<Line>) -> Vec<Line> {
    lines.into_iter().map(|line| Line { expected_on: None, ..line }).collect()
}

impl Order {
    fn with(self, status: Status) -> Self {
        Self { status, ..self }
    }
}
