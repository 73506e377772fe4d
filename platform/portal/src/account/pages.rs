//! Pages of the account slice: the account, the forms of an address, of one's own data, and of a statement.

use chrono::NaiveDate;
use platform_web::Problems;
use platform_web::pages::Field;
use serde::Serialize;
use themes::{Page, Registry, Sample};
use uuid::Uuid;

use super::address::{self, HABITS, habit_of};
use super::requested::Requested;
use super::samples;
use super::standing::{Ageing, Credit};
use super::store::AddressRow;

/// Adds the slice's pages and partials.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry
        .partial("account/credit.html", include_str!("credit.html"))
        .partial("account/addresses.html", include_str!("addresses.html"))
        .partial("account/requests.html", include_str!("requests.html"))
        .partial("account/request_list.html", include_str!("request_list.html"))
        .page::<Requests>(include_str!("requests_page.html"))
        .page::<Account>(include_str!("account.html"))
        .page::<AddressForm>(include_str!("address_form.html"))
        .page::<ContactForm>(include_str!("contact_form.html"))
        .page::<StatementForm>(include_str!("statement_form.html"))
        .keys(&[
            "flash.account_requested",
            "account.sent_before",
            "account.address.unchanged",
            "account.summary.new",
            "account.summary.change",
            "account.summary.contact",
        ])
}

/// `GET /account`. What the reader may not see is absent.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    pub company: String,
    pub number: Option<String>,
    pub finance: Option<Finance>,
    pub addresses: Option<Vec<Address>>,
    /// The reader's own.
    pub name: String,
    pub email: String,
    /// Pending, or decided lately.
    pub requests: Vec<Requested>,
    /// There are others than these.
    pub more_requests: bool,
}

/// `GET /account/requests?before=&after=`: every change that was asked for, newest first.
#[derive(Debug, Clone, Serialize)]
pub struct Requests {
    pub requests: Vec<Requested>,
    /// Address of the page of newer ones.
    pub newer: Option<String>,
    pub older: Option<String>,
}

/// The company's money.
#[derive(Debug, Clone, Serialize)]
pub struct Finance {
    pub credits: Vec<Credit>,
    pub ageing: Vec<Ageing>,
    /// Whether there is a list of invoices to lead to.
    pub invoices: bool,
}

/// An address of the list.
#[derive(Debug, Clone, Serialize)]
pub struct Address {
    pub id: String,
    /// Where goods go, and not bills.
    pub ship_to: bool,
    pub label: Option<String>,
    /// Without the country.
    pub lines: Vec<String>,
    pub country: Option<String>,
    /// Whether there is a name for the country.
    pub named: bool,
    pub is_default: bool,
    pub archived: bool,
}

/// A stored address as the list shows it.
pub(super) fn address(row: &AddressRow) -> Address {
    Address {
        id: row.id.to_string(),
        ship_to: row.kind == "ship_to",
        label: row.label.clone(),
        lines: address::Address::stored(row).lines("".into()),
        named: row.country.as_ref().is_some_and(|code| HABITS.iter().any(|habit| habit.code == code)),
        country: row.country.clone(),
        is_default: row.is_default,
        archived: row.archived_at.is_some(),
    }
}

/// The form of a new address, or of a change.
#[derive(Debug, Clone, Serialize)]
pub struct AddressForm {
    /// None for a new one.
    pub id: Option<String>,
    /// Where the form is sent.
    pub action: String,
    pub label: Field,
    pub street: Field,
    pub street_2: Field,
    pub country: Field,
    pub countries: Vec<&'static str>,
    /// Fields after the street in the order of the country.
    pub place: Vec<PlaceField>,
    pub is_default: bool,
    pub problems: Problems,
    /// Sent twice, it is one request.
    pub key: String,
}

/// Postal code, city or region.
#[derive(Debug, Clone, Serialize)]
pub struct PlaceField {
    pub name: &'static str,
    /// Message key of its label.
    pub label: String,
    pub field: Field,
    pub required: bool,
    /// How it looks.
    pub example: Option<String>,
}

fn field(value: &str, name: &str, problems: &Problems) -> Field {
    let error = problems.of(name).map(|message| message.to_owned().into());
    Field { value: value.to_owned(), error }
}

impl AddressForm {
    /// With what was typed, and what is wrong with it.
    #[must_use]
    pub fn new(id: Option<Uuid>, typed: &address::Address, problems: Problems, key: String) -> Self {
        let habit = habit_of(&typed.country);
        let place = habit.order.chars().map(|letter| {
            let (name, value, label) = match letter {
                'P' => ("postal_code", &typed.postal_code, "account.address.postal_code".to_owned()),
                'C' => ("city", &typed.city, "account.address.city".to_owned()),
                _ => ("region", &typed.region, format!("account.region.{}", habit.region)),
            };
            let example = if letter == 'P' { habit.example() } else { None };
            PlaceField {
                name,
                label,
                field: field(value, name, &problems),
                required: habit.asks_for(letter),
                example,
            }
        });
        Self {
            action: id
                .map_or("/account/addresses".to_owned(), |id| format!("/account/addresses/{id}/change")),
            id: id.map(|id| id.to_string()),
            label: field(&typed.label, "label", &problems),
            street: field(&typed.street, "street", &problems),
            street_2: field(&typed.street_2, "street_2", &problems),
            country: field(&typed.country, "country", &problems),
            countries: HABITS.iter().map(|habit| habit.code).collect(),
            place: place.collect(),
            is_default: typed.is_default,
            problems,
            key,
        }
    }
}

/// The form of one's own data.
#[derive(Debug, Clone, Serialize)]
pub struct ContactForm {
    pub name: Field,
    pub email: Field,
    pub locale: Field,
    /// Tags that can be chosen.
    pub languages: Vec<String>,
    pub problems: Problems,
    pub key: String,
}

impl ContactForm {
    #[must_use]
    pub fn new(
        name: &str,
        email: &str,
        locale: &str,
        languages: Vec<String>,
        problems: Problems,
        key: String,
    ) -> Self {
        Self {
            name: field(name, "name", &problems),
            email: field(email, "email", &problems),
            locale: field(locale, "locale", &problems),
            languages,
            problems,
            key,
        }
    }
}

/// The form of a statement, with ready-made periods.
#[derive(Debug, Clone, Serialize)]
pub struct StatementForm {
    pub from: Field,
    pub to: Field,
    pub today: NaiveDate,
    pub ready: Vec<Ready>,
    pub problems: Problems,
}

/// A period with its name and days.
#[derive(Debug, Clone, Serialize)]
pub struct Ready {
    pub name: &'static str,
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// `from=..&to=..`.
    pub query: String,
}

impl StatementForm {
    #[must_use]
    pub fn new(
        from: &str,
        to: &str,
        today: NaiveDate,
        ready: &[(&'static str, NaiveDate, NaiveDate)],
        problems: Problems,
    ) -> Self {
        let period = |(name, from, to): &(&'static str, NaiveDate, NaiveDate)| Ready {
            name,
            from: *from,
            to: *to,
            query: format!("from={from}&to={to}"),
        };
        Self {
            from: field(from, "from", &problems),
            to: field(to, "to", &problems),
            today,
            ready: ready.iter().map(period).collect(),
            problems,
        }
    }
}

impl Page for Account {
    const TEMPLATE: &'static str = "account/account.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::accounts()
    }
}

impl Page for Requests {
    const TEMPLATE: &'static str = "account/requests_page.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::requests_pages()
    }
}

impl Page for AddressForm {
    const TEMPLATE: &'static str = "account/address_form.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::address_forms()
    }
}

impl Page for ContactForm {
    const TEMPLATE: &'static str = "account/contact_form.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::contact_forms()
    }
}

impl Page for StatementForm {
    const TEMPLATE: &'static str = "account/statement_form.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::statement_forms()
    }
}
