//! Examples of the slice's pages: every standing, every state, every notice, nothing at all.

use platform_connectors::requests::State;
use platform_web::Problem;
use platform_web::pages::{Field, Freshness};
use rust_decimal::Decimal;
use themes::{Money, Sample, samples};

use super::pages::{
    Alike, Answering, Asked, AskedLine, Detail, Happened, Line, List, Notice, Place, Review, Row,
};
use super::review::Standing;

const ID: &str = "018f6b2e-7c1a-7d5e-9f00-0000000000aa";

fn money(cents: i64) -> Money {
    Money::new(Decimal::new(cents, 2), "EUR")
}

fn line(standing: Standing, sku: &str, description: &str, then: Option<i64>, now: Option<i64>) -> Line {
    let difference = then.zip(now).map(|(then, now)| now - then).filter(|difference| *difference != 0);
    let gone = standing == Standing::Discontinued;
    Line {
        id: sku.to_lowercase(),
        standing,
        sku: Some(sku.to_owned()),
        description: description.to_owned(),
        unit: Some("EA".to_owned()),
        old_sku: Some(if standing == Standing::Replaced { "VLV-80-G2".to_owned() } else { sku.to_owned() }),
        old_description: description.to_owned(),
        old_price: then.map(money),
        price: now.map(money),
        difference: difference.map(|difference| money(difference.abs())),
        dearer: difference.is_some_and(|difference| difference > 0),
        amount: now.map(|now| money(now * 12)),
        available: (standing == Standing::Available).then(|| Decimal::from(140)),
        out_of_stock: false,
        lead_days: (standing == Standing::Replaced).then_some(9),
        taken: !gone,
        quantity: Field::new("12"),
    }
}

fn lines() -> Vec<Line> {
    let pump = "Centrifugal pump P40, stainless, with coupling guard and base frame";
    let seal = line(Standing::Available, "SEA-0040", "Shaft seal 40 mm, FKM", Some(1180), Some(1180));
    vec![
        line(Standing::Available, "GSK-DN80", "Flange gasket set DN 80", Some(840), Some(840)),
        line(Standing::PriceChanged, "PMP-P40-SS", pump, Some(124_900), Some(131_250)),
        line(Standing::PriceChanged, "BRG-6204", "Bearing 6204-2RS", Some(990), Some(925)),
        line(Standing::Replaced, "VLV-80-G3", "Gate valve DN 80, generation 3", Some(24_630), Some(25_200)),
        line(Standing::Discontinued, "CTL-110", "Level controller 110", Some(31_000), None),
        line(Standing::Unknown, "X-SPECIAL-1", "Special manifold to drawing 4711", Some(88_000), None),
        Line { out_of_stock: true, available: None, lead_days: Some(21), ..seal },
    ]
}

fn review() -> Review {
    let place = |value: &str, words: &str, as_before, usual| Place {
        value: value.to_owned(),
        words: words.to_owned(),
        as_before,
        usual,
    };
    Review {
        order: ID.to_owned(),
        order_number: "SO-47585".to_owned(),
        part: false,
        key: "k".repeat(43),
        seen: "00ff".to_owned(),
        lines: lines(),
        total: money(1_918_740),
        unpriced: 1,
        places: vec![
            place("a", "Main works, Harbour Road 12, Stavanger 4006, NO", false, true),
            place("b", "Pumping station Vest, Gate 4, Sandnes 4307, NO", false, false),
            place("as-before", "Dock 7, Risavika Harbour, Tananger 4056", true, false),
        ],
        ship_to: "a".to_owned(),
        ship_to_error: None,
        purchase_order: Field::default(),
        purchase_order_required: true,
        note: Field::default(),
        approval_over: None,
        notice: None,
        alike: None,
        problems: Vec::new(),
        freshness: Freshness { as_of: samples::minutes(-1), late: false },
    }
}

fn problem(field: &'static str, message: &'static str) -> Problem {
    Problem { field: field.into(), message: message.into() }
}

fn wrong() -> Review {
    let mut page = review();
    page.lines[0].quantity = Field::wrong("a dozen", "reorder.wrong.quantity");
    page.ship_to = String::new();
    page.ship_to_error = Some("reorder.wrong.ship_to".into());
    page.purchase_order = Field::wrong("", "reorder.wrong.purchase_order");
    page.note = Field::wrong("Please call before delivery", "reorder.wrong.note");
    page.problems = vec![
        problem("quantity-0", "reorder.wrong.quantity"),
        problem("ship_to", "reorder.wrong.ship_to"),
        problem("purchase_order", "reorder.wrong.purchase_order"),
        problem("note", "reorder.wrong.note"),
    ];
    page
}

fn nothing() -> Review {
    let mut page = review();
    page.lines.iter_mut().for_each(|line| line.taken = false);
    page.problems = vec![
        problem("lines", "reorder.wrong.nothing"),
        problem("purchase_order", "reorder.wrong.purchase_order_long"),
    ];
    page.places = Vec::new();
    page.part = true;
    page.freshness.late = true;
    page
}

pub(super) fn reviews() -> Vec<Sample<Review>> {
    let alike = Alike {
        id: ID.to_owned(),
        summary: "12 × Flange gasket set DN 80, 2 × Centrifugal pump P40".to_owned(),
        who: "Noor Haddad".to_owned(),
        at: samples::minutes(-95),
    };
    vec![
        Sample::new("all", review()),
        Sample::new("wrong", wrong()),
        Sample::new("nothing", nothing()),
        Sample::new("changed", Review { notice: Some(Notice::Changed), ..review() }),
        Sample::new("alike", Review { alike: Some(alike.clone()), ..review() }),
        Sample::new(
            "sent-before",
            Review { notice: Some(Notice::KeyReused), alike: Some(alike), unpriced: 0, ..review() },
        ),
        Sample::new(
            "approval",
            Review { approval_over: Some(money(500_000)), purchase_order_required: false, ..review() },
        ),
    ]
}

pub(super) fn lists() -> Vec<Sample<List>> {
    let rows = State::ALL.iter().enumerate().map(|(at, state)| Row {
        id: ID.to_owned(),
        summary: "12 × Flange gasket set DN 80, 2 × Centrifugal pump P40, stainless +4".to_owned(),
        state: *state,
        who: "Maya Okafor".to_owned(),
        at: samples::minutes(-100 * i64::try_from(at).unwrap_or(0)),
        number: (*state == State::Accepted).then(|| "SO-48001".to_owned()),
        total: (at != 2).then(|| money(1_918_740)),
        needs_me: *state == State::AwaitingApproval,
    });
    vec![
        Sample::new(
            "all",
            List { rows: rows.collect(), newer: None, older: Some("/reorders?before=1".to_owned()) },
        ),
        Sample::new("none", List { rows: Vec::new(), newer: None, older: None }),
    ]
}

fn asked(state: State) -> Asked {
    let line = |sku: &str, description: &str, price: Option<i64>, replaces: Option<&str>| AskedLine {
        sku: Some(sku.to_owned()),
        description: description.to_owned(),
        quantity: Decimal::from(12),
        unit: Some("EA".to_owned()),
        price: price.map(money),
        amount: price.map(|price| money(price * 12)),
        replaces: replaces.map(str::to_owned),
    };
    let accepted = state == State::Accepted;
    let happened = |state, at, who: Option<&str>| Happened {
        state,
        at: samples::minutes(at),
        who: who.map(str::to_owned),
        reason: (state == State::Rejected).then(|| "Sold out until spring".to_owned()),
        number: (state == State::Accepted).then(|| "SO-48001".to_owned()),
    };
    Asked {
        id: ID.to_owned(),
        summary: "12 × Flange gasket set DN 80 +2".to_owned(),
        state,
        who: "Maya Okafor".to_owned(),
        at: samples::minutes(-300),
        number: accepted.then(|| "SO-48001".to_owned()),
        order: accepted.then(|| ID.to_owned()),
        from_order: Some(ID.to_owned()),
        from_number: Some("SO-47585".to_owned()),
        reason: (state == State::Rejected).then(|| "Sold out until spring".to_owned()),
        approver: None,
        lines: vec![
            line("GSK-DN80", "Flange gasket set DN 80", Some(840), None),
            line("VLV-80-G3", "Gate valve DN 80, generation 3", Some(25_200), Some("VLV-80-G2")),
            line("X-SPECIAL-1", "Special manifold to drawing 4711", None, None),
        ],
        total: Some(money(312_480)),
        unpriced: 1,
        ship_to: Some("Main works, Harbour Road 12, Stavanger 4006, NO".to_owned()),
        purchase_order: Some("4500187342".to_owned()),
        note: Some("Please call before delivery.".to_owned()),
        story: vec![happened(state, -2, None), happened(State::Submitted, -300, Some("Maya Okafor"))],
    }
}

pub(super) fn details() -> Vec<Sample<Detail>> {
    let page = |request: Asked| Detail {
        can_decide: request.state == State::AwaitingApproval,
        can_withdraw: matches!(request.state, State::AwaitingApproval | State::Submitted),
        request,
        reason: Field::default(),
        problems: Vec::new(),
    };
    let mut pages: Vec<Sample<Detail>> =
        State::ALL.iter().map(|state| Sample::new(state.word(), page(asked(*state)))).collect();
    let plain = Asked { number: None, order: None, ..asked(State::Accepted) };
    pages.push(Sample::new("accepted-without-number", page(plain)));
    pages.push(Sample::new("accepted-not-here-yet", page(Asked { order: None, ..asked(State::Accepted) })));
    let declined = Asked { approver: Some("Noor Haddad".to_owned()), ..asked(State::Rejected) };
    pages.push(Sample::new("declined", page(declined)));
    let wrong = Detail {
        reason: Field::wrong("", "reorder.wrong.reason"),
        problems: vec![problem("reason", "reorder.wrong.reason")],
        ..page(asked(State::AwaitingApproval))
    };
    pages.push(Sample::new("refusal-without-reason", wrong));
    pages
}

pub(super) fn answers() -> Vec<Sample<Answering>> {
    let page = |request: Option<Asked>| Answering {
        request,
        customer: "Brightwater Utilities".to_owned(),
        token: "t0ken".to_owned(),
        number: Field::default(),
        reason: Field::default(),
        problems: Vec::new(),
    };
    let wrong = Answering {
        reason: Field::wrong("", "reorder.wrong.reason"),
        problems: vec![problem("reason", "reorder.wrong.reason")],
        ..page(Some(asked(State::HandedOver)))
    };
    vec![
        Sample::new("open", page(Some(asked(State::HandedOver)))),
        Sample::new("change", page(Some(Asked { lines: Vec::new(), ..asked(State::HandedOver) }))),
        Sample::new("decided", page(Some(asked(State::Accepted)))),
        Sample::new("ended", page(None)),
        Sample::new("wrong", wrong),
    ]
}
