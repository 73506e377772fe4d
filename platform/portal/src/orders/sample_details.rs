//! Examples of one order: ordinary, late, split, held, cancelled, gone, and long.

use platform_connectors::carriers::CheckpointKind;
use platform_web::Problems;
use platform_web::pages::Freshness;
use themes::{Sample, samples};

use super::{
    ledger::{By, Confidence, Level, Move, Subject, Sum, Why},
    order::Status,
    pages::{Colleague, Detail, Event, EventKind, Hearing, Line, Order, Parcel, ParcelStatus, ShareForm},
    sample_lists::{fresh, money},
    sample_parcels::{PARTS, parcel, stop, stops},
};

/// Details in their states.
pub(super) fn details() -> Vec<Sample<Detail>> {
    let colleague = |name: &str| Colleague { id: format!("018f-{}", name.len()), name: name.to_owned() };
    let share = ShareForm {
        colleagues: ["Anselm Ruiz-Castellanos", "Ingrid Halvorsen"].map(colleague).into(),
        ..ShareForm::default()
    };
    let detail = |order| Detail {
        reorder: true,
        order,
        hearing: Hearing { watched: false, told_anyway: false },
        share: share.clone(),
        link: "https://success.brightwater.example/orders/47585".to_owned(),
        freshness: fresh(),
        events: Some("/orders/47585/events".to_owned()),
    };
    let problem = "order.share.nobody";
    let share_wrong = Detail {
        share: ShareForm {
            words: "The crane is booked for the 19th. Can you move it?".to_owned(),
            problems: Problems::of_one("colleague", problem),
            ..share.clone()
        },
        hearing: Hearing { watched: true, told_anyway: false },
        ..detail(late())
    };
    let alone = Detail {
        share: ShareForm::default(),
        hearing: Hearing { watched: false, told_anyway: true },
        ..detail(received())
    };
    let late_data =
        Detail { freshness: Freshness { as_of: samples::minutes(-312), late: true }, ..detail(shipped()) };
    vec![
        Sample::new("late", detail(late())),
        Sample::new("shipped", detail(shipped())),
        Sample::new("partial", detail(partial())),
        Sample::new("carrier-first", detail(carrier_first())),
        Sample::new("passed", detail(passed())),
        Sample::new("delivered", detail(delivered())),
        Sample::new("credit-hold", detail(held())),
        Sample::new("share-wrong", share_wrong),
        Sample::new("received", alone),
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
        moves: Vec::new(),
        sum: Sum::Kept { was: samples::day(4) },
        confidence: Some(Confidence { level: Level::Likely, why: Why::Plan, moves: 0 }),
        carrier_done: None,
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
    Event {
        kind,
        at: samples::minutes(minutes),
        status,
        day: None,
        stop: None,
        place: None,
        reason: None,
        by: By::Log,
    }
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
        to_ship: (ordered - shipped - backordered - cancelled).max(0).into(),
        done: shipped + cancelled >= ordered,
        promised_on: (backordered > 0).then(|| samples::day(-2)),
        expected_on: Some(samples::day(5)),
        unit_price: money(cents),
        amount: money(cents * ordered),
    }
}

fn late() -> Order {
    let reason = "Motor supplier delivers a week late; your pumps are first in line";
    let change = |days: i64, from, to, reason: Option<&str>| Move {
        at: samples::minutes(days * 1440 - 200),
        subject: Subject::Expected,
        from: Some(samples::day(from)),
        to: Some(samples::day(to)),
        slip: to - from,
        reason: reason.map(str::to_owned),
        by: if reason.is_some() { By::Log } else { By::Sight },
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
        moves: vec![
            Move { subject: Subject::Promised, from: None, slip: 0, ..change(-17, 0, -2, None) },
            change(-12, -2, -4, None),
            change(-8, -4, 1, Some("Castings arrived a few days late")),
            change(0, 1, 5, Some(reason)),
        ],
        sum: Sum::Later { was: samples::day(-2), day: samples::day(5), days: 7 },
        confidence: Some(Confidence { level: Level::Unsure, why: Why::MovedOften, moves: 3 }),
        story,
        ..base(Status::InProduction)
    }
}

fn shipped() -> Order {
    let mut story = base(Status::Shipped).story;
    story.insert(0, event(EventKind::Shipped, -2 * 1440 - 95, None));
    story.insert(
        0,
        Event {
            stop: Some(CheckpointKind::OutForDelivery),
            place: Some("Leeds, United Kingdom".to_owned()),
            by: By::Carrier,
            ..event(EventKind::Carrier, -150, None)
        },
    );
    let all = [(0, 2), (1, 12), (2, 4), (3, 6), (4, 1), (5, 10)];
    Order {
        shipped_at: Some(samples::minutes(-2 * 1440 - 95)),
        expected_on: Some(samples::day(2)),
        sum: Sum::Earlier { was: samples::day(4), day: samples::day(2), days: 2 },
        confidence: Some(Confidence { level: Level::Firm, why: Why::Carrier, moves: 0 }),
        parcels: vec![Parcel {
            stops: stops(),
            carrier_expected_on: Some(samples::day(2)),
            ..parcel(8814, ParcelStatus::InTransit, "DHL Freight", &all)
        }],
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
        sum: Sum::Later { was: samples::day(1), day: samples::day(8), days: 7 },
        confidence: Some(Confidence { level: Level::Unsure, why: Why::Parts, moves: 0 }),
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
        sum: Sum::Came { was: samples::day(-2), day: samples::day(0), days: 2 },
        promised_on: Some(samples::day(-2)),
        confidence: None,
        parcels: vec![parcel(8814, ParcelStatus::Delivered, "DHL Freight", &[(0, 2), (1, 12)])],
        story,
        ..shipped()
    }
    .with(Status::Delivered)
}

/// The carrier has delivered, and the order's own system does not know it yet.
fn carrier_first() -> Order {
    let at = samples::minutes(-55);
    let mut seen = stops();
    seen.insert(
        0,
        stop(CheckpointKind::Delivered, -55, "Leeds, United Kingdom", "Delivered, signed by J. Barker"),
    );
    let mut order = shipped();
    for parcel in &mut order.parcels {
        (parcel.stops, parcel.carrier_delivered_at, parcel.signed_by) =
            (seen.clone(), Some(at), Some("J. Barker".to_owned()));
    }
    Order { carrier_done: Some(at), ..order }
}

/// The day has come and gone, and nobody said another.
fn passed() -> Order {
    let was = samples::day(-3);
    Order {
        late: true,
        promised_on: Some(was),
        expected_on: Some(was),
        sum: Sum::Passed { was, day: was, days: 3 },
        confidence: Some(Confidence { level: Level::Unsure, why: Why::Passed, moves: 0 }),
        ..base(Status::Confirmed)
    }
}

fn held() -> Order {
    let hold = event(EventKind::Hold, -2 * 1440, None);
    Order {
        credit_hold: true,
        expected_on: None,
        confidence: Some(Confidence { level: Level::Unsure, why: Why::Held, moves: 0 }),
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
        sum: Sum::Nothing,
        confidence: Some(Confidence { level: Level::Open, why: Why::NoDate, moves: 0 }),
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
        confidence: None,
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
