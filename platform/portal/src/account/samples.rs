//! Examples of the account: calm, nearly full, over the limit, several currencies, without the right to money, forms that
//! came back.

use chrono::NaiveDate;
use platform_connectors::requests::{Kind, State};
use platform_web::Problems;
use rust_decimal::Decimal;
use themes::{Money, Sample, samples};
use uuid::Uuid;

use super::address;
use super::pages::{Account, Address, AddressForm, ContactForm, Finance, Requests, StatementForm};
use super::requested::{Change, Requested};
use super::standing::{Ageing, Credit, Standing, credit};

fn text(text: &str) -> String {
    text.to_owned()
}

/// A credit line of 250,000 with this much used and in open orders.
pub(super) fn line(used: i64, exposure: i64, currency: &str, on_hold: bool) -> Option<Credit> {
    credit(Standing {
        credit_limit: Some(Decimal::from(250_000)),
        used: Some(Decimal::from(used)),
        currency: Some(text(currency)),
        terms: Some(text("30 days net")),
        on_hold,
        as_of: samples::minutes(-14),
        unpaid: Decimal::ZERO,
        exposure: Decimal::from(exposure),
    })
}

fn ages(currency: &str, buckets: [i64; 5]) -> Ageing {
    let money = |amount: i64| Money::new(Decimal::from(amount), currency);
    Ageing { buckets: buckets.map(money), overdue: money(buckets[1..].iter().sum()) }
}

fn requests() -> Vec<Requested> {
    let change = |field: &str, before: &str, after: &str| Change {
        field: text(field),
        before: text(before),
        after: text(after),
    };
    let pending = Requested {
        kind: Kind::AddressChange,
        state: State::HandedOver,
        who: text("Maya Okafor"),
        at: samples::minutes(-190),
        decided_at: None,
        reason: None,
        changes: vec![
            change("street", "12 Harbour Road", "14 Harbour Road, gate 3"),
            change("is_default", "", "yes"),
            change("country", "NO", "SE"),
        ],
        address: Some(text("a-1")),
    };
    let contact = Requested {
        kind: Kind::ContactChange,
        state: State::Submitted,
        changes: vec![change("email", "maya.okafor@brightwater.example", "m.okafor@brightwater.example")],
        address: None,
        ..pending.clone()
    };
    let refused = Requested {
        kind: Kind::AddressChange,
        state: State::Rejected,
        decided_at: Some(samples::minutes(-60)),
        reason: Some(text("We do not deliver to post boxes.")),
        changes: vec![change("street", "", "P.O. Box 12"), change("city", "", "Bergen")],
        address: None,
        ..pending.clone()
    };
    vec![pending, contact, Requested { state: State::Accepted, reason: None, ..refused.clone() }, refused]
}

fn addresses() -> Vec<Address> {
    let address = |id: &str, label: Option<&str>, street: &str, place: &str, country: Option<&str>| Address {
        id: text(id),
        ship_to: true,
        label: label.map(text),
        lines: vec![text(street), text(place)],
        country: country.map(text),
        named: country.is_some_and(|code| code != "KE"),
        is_default: false,
        archived: false,
    };
    vec![
        Address {
            is_default: true,
            ..address("a-1", Some("Main works"), "12 Harbour Road", "5003 Bergen", Some("NO"))
        },
        address(
            "a-2",
            Some("Pumping station Lindås, the long way round by the old ferry landing"),
            "Fv57 401",
            "5955 Lindås",
            Some("NO"),
        ),
        address("a-3", None, "Kimathi Street 9", "Nairobi 00100", Some("KE")),
        Address { ship_to: false, ..address("a-4", None, "P.O. Box 700", "5003 Bergen", Some("NO")) },
        Address {
            archived: true,
            ..address("a-5", Some("Old depot"), "3 Canal Street", "5003 Bergen", None)
        },
    ]
}

pub(super) fn accounts() -> Vec<Sample<Account>> {
    let money = |credits: Vec<Option<Credit>>, ageing: Vec<Ageing>| {
        Some(Finance { credits: credits.into_iter().flatten().collect(), ageing, invoices: true })
    };
    let calm = Account {
        company: text("Brightwater Utilities"),
        number: Some(text("BW-1001")),
        finance: money(vec![line(84_000, 41_300, "EUR", false)], vec![ages("EUR", [84_000, 0, 0, 0, 0])]),
        addresses: Some(addresses()),
        name: text("Maya Okafor"),
        email: text("maya.okafor@brightwater.example"),
        requests: Vec::new(),
        more_requests: false,
    };
    let nearly =
        money(vec![line(171_000, 68_250, "EUR", false)], vec![ages("EUR", [120_000, 41_200, 9_800, 0, 0])]);
    let over = money(
        vec![line(231_400, 61_000, "EUR", true)],
        vec![ages("EUR", [90_000, 41_200, 9_800, 64_000, 26_400])],
    );
    let two = money(
        vec![line(201_000, 0, "EUR", false), line(12_000, 3_000, "USD", false)],
        vec![ages("EUR", [190_000, 11_000, 0, 0, 0]), ages("USD", [0, 0, 0, 0, 12_000])],
    );
    vec![
        Sample::new("calm", calm.clone()),
        Sample::new(
            "nearly-full",
            Account { finance: nearly, requests: requests(), more_requests: true, ..calm.clone() },
        ),
        Sample::new("over-the-limit", Account { finance: over, ..calm.clone() }),
        Sample::new("two-currencies", Account { finance: two, more_requests: true, ..calm.clone() }),
        Sample::new(
            "nothing-known",
            Account {
                finance: money(Vec::new(), Vec::new()),
                addresses: Some(Vec::new()),
                number: None,
                ..calm.clone()
            },
        ),
        Sample::new("without-money", Account { finance: None, ..calm.clone() }),
        Sample::new(
            "own-data-alone",
            Account { finance: None, addresses: None, requests: requests()[1..2].to_vec(), ..calm },
        ),
    ]
}

pub(super) fn requests_pages() -> Vec<Sample<Requests>> {
    let place = |word: &str| Some(format!("/account/requests?{word}=1"));
    vec![
        Sample::new(
            "several",
            Requests { requests: requests(), newer: place("after"), older: place("before") },
        ),
        Sample::new("none", Requests { requests: Vec::new(), newer: None, older: None }),
    ]
}

pub(super) fn address_forms() -> Vec<Sample<AddressForm>> {
    let key = || text("k-0123456789abcdef");
    let typed = |country: &str| address::Address {
        label: text("Main works"),
        street: text("12 Harbour Road"),
        postal_code: text("500"),
        country: text(country),
        ..address::Address::default()
    };
    let form = |id, typed: &address::Address, problems| AddressForm::new(id, typed, problems, key());
    let id = Some(Uuid::from_u128(7));
    vec![
        Sample::new("new", form(None, &address::Address::default(), Problems::default())),
        Sample::new(
            "change",
            form(
                id,
                &address::Address { postal_code: text("5003"), city: text("Bergen"), ..typed("NO") },
                Problems::default(),
            ),
        ),
        Sample::new("wrong", form(id, &typed("US"), typed("US").problems())),
        Sample::new("elsewhere", form(None, &typed("KE"), Problems::default())),
    ]
}

pub(super) fn contact_forms() -> Vec<Sample<ContactForm>> {
    let form = |email: &str, problems| {
        ContactForm::new(
            "Maya Okafor",
            email,
            "en",
            vec![text("en"), text("ar")],
            problems,
            text("k-0123456789abcdef"),
        )
    };
    vec![
        Sample::new("plain", form("maya.okafor@brightwater.example", Problems::default())),
        Sample::new("wrong", form("maya.okafor", Problems::of_one("email", "form.email"))),
    ]
}

pub(super) fn statement_forms() -> Vec<Sample<StatementForm>> {
    let ready: [(&'static str, NaiveDate, NaiveDate); 4] = [
        ("this_month", samples::day(-20), samples::day(0)),
        ("last_month", samples::day(-51), samples::day(-21)),
        ("this_year", samples::day(-324), samples::day(0)),
        ("last_year", samples::day(-689), samples::day(-325)),
    ];
    let form = |to: &str, problems| StatementForm::new("2026-01-01", to, samples::day(0), &ready, problems);
    vec![
        Sample::new("plain", form("2026-11-21", Problems::default())),
        Sample::new("wrong", form("2025-11-21", Problems::of_one("to", "account.statement.order_reversed"))),
    ]
}
