//! Pages of the reorder slice: review, list, one request, and the page behind a link of a mail to operations.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use platform_connectors::requests::State;
use platform_web::Problem;
use platform_web::pages::{Field, Freshness};
use rust_decimal::Decimal;
use serde::Serialize;
use themes::{Money, Page, Registry, Sample};

use super::review::Standing;
use super::samples;

/// Adds the slice's pages and partials.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry
        .partial("reorder/state.html", include_str!("state.html"))
        .partial("reorder/lines.html", include_str!("lines.html"))
        .partial("reorder/asked.html", include_str!("asked.html"))
        .partial("reorder/decide.html", include_str!("decide.html"))
        .page::<Review>(include_str!("review.html"))
        .page::<List>(include_str!("list.html"))
        .page::<Detail>(include_str!("request.html"))
        .page::<Answering>(include_str!("answering.html"))
        .keys(&[
            "flash.reorder_sent",
            "flash.reorder_approved",
            "flash.reorder_declined",
            "flash.reorder_withdrawn",
        ])
        .keys(&["flash.reorder_too_late", "flash.reorder_known"])
        .keys(&["reorder.wrong.nothing", "reorder.wrong.purchase_order", "reorder.wrong.purchase_order_long"])
        .keys(&[
            "reorder.wrong.quantity",
            "reorder.wrong.reason",
            "reorder.wrong.ship_to",
            "reorder.wrong.note",
        ])
}

/// `GET /orders/{id}/reorder`, and the answer to a form that could not be taken as it was.
#[derive(Debug, Clone, Serialize)]
pub struct Review {
    pub order: String,
    pub order_number: String,
    /// True when only some lines of the order are on the page.
    pub part: bool,
    pub key: String,
    pub seen: String,
    pub lines: Vec<Line>,
    pub total: Money,
    /// Lines whose price the vendor confirms; they are not in the total.
    pub unpriced: u32,
    pub places: Vec<Place>,
    /// The value of the chosen place.
    pub ship_to: String,
    pub ship_to_error: Option<Cow<'static, str>>,
    pub purchase_order: Field,
    pub purchase_order_required: bool,
    pub note: Field,
    /// More than this needs a yes of the customer's admin; none when this reader needs none.
    pub approval_over: Option<Money>,
    pub notice: Option<Notice>,
    /// The request that asks for the same.
    pub alike: Option<Alike>,
    pub problems: Vec<Problem>,
    pub freshness: Freshness,
}

/// Why a form comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A price, a part or its being on hand is not as it was shown.
    Changed,
    /// This form was sent before, with other content.
    KeyReused,
}

/// A request of the last day for the same parts.
#[derive(Debug, Clone, Serialize)]
pub struct Alike {
    pub id: String,
    pub summary: String,
    pub who: String,
    pub at: DateTime<Utc>,
}

/// One line of a review.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    pub id: String,
    pub standing: Standing,
    /// What would be ordered.
    pub sku: Option<String>,
    pub description: String,
    pub unit: Option<String>,
    /// What was ordered then, where it is another part.
    pub old_sku: Option<String>,
    pub old_description: String,
    pub old_price: Option<Money>,
    pub price: Option<Money>,
    /// Above zero: dearer than then.
    pub difference: Option<Money>,
    pub dearer: bool,
    pub amount: Option<Money>,
    /// Free on hand; none where nobody says.
    pub available: Option<Decimal>,
    pub out_of_stock: bool,
    pub lead_days: Option<u32>,
    pub taken: bool,
    pub quantity: Field,
}

/// A place that things can go to.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    pub value: String,
    pub words: String,
    /// Where the earlier order went.
    pub as_before: bool,
    /// The customer's usual one.
    pub usual: bool,
}

/// `GET /reorders?before=&after=`.
#[derive(Debug, Clone, Serialize)]
pub struct List {
    pub rows: Vec<Row>,
    /// Address of the page of newer ones.
    pub newer: Option<String>,
    pub older: Option<String>,
}

/// One request of the list.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub id: String,
    pub summary: String,
    pub state: State,
    pub who: String,
    pub at: DateTime<Utc>,
    pub number: Option<String>,
    pub total: Option<Money>,
    /// This reader can say yes or no to it.
    pub needs_me: bool,
}

/// `GET /reorders/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct Detail {
    pub request: Asked,
    pub can_decide: bool,
    pub can_withdraw: bool,
    /// What was typed into the refusal, when it came back.
    pub reason: Field,
    pub problems: Vec<Problem>,
}

/// One request with everything that the page tells.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    pub id: String,
    pub summary: String,
    pub state: State,
    pub who: String,
    pub at: DateTime<Utc>,
    /// The vendor's number.
    pub number: Option<String>,
    /// Our copy of the order that it became.
    pub order: Option<String>,
    /// The order that was ordered again.
    pub from_order: Option<String>,
    pub from_number: Option<String>,
    pub reason: Option<String>,
    /// Who approved or declined it.
    pub approver: Option<String>,
    pub lines: Vec<AskedLine>,
    pub total: Option<Money>,
    pub unpriced: u32,
    pub ship_to: Option<String>,
    pub purchase_order: Option<String>,
    pub note: Option<String>,
    /// Newest first.
    pub story: Vec<Happened>,
}

/// One line of a request.
#[derive(Debug, Clone, Serialize)]
pub struct AskedLine {
    pub sku: Option<String>,
    pub description: String,
    pub quantity: Decimal,
    pub unit: Option<String>,
    pub price: Option<Money>,
    pub amount: Option<Money>,
    pub replaces: Option<String>,
}

/// One entry of a request's history.
#[derive(Debug, Clone, Serialize)]
pub struct Happened {
    pub state: State,
    pub at: DateTime<Utc>,
    /// Of the customer's own people.
    pub who: Option<String>,
    pub reason: Option<String>,
    pub number: Option<String>,
}

/// `GET /answers/{token}`: operations say yes or no to a request.
#[derive(Debug, Clone, Serialize)]
pub struct Answering {
    /// None when the link is not ours or has ended.
    pub request: Option<Asked>,
    pub customer: String,
    pub token: String,
    pub number: Field,
    pub reason: Field,
    pub problems: Vec<Problem>,
}

impl Page for Review {
    const TEMPLATE: &'static str = "reorder/review.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::reviews()
    }
}

impl Page for List {
    const TEMPLATE: &'static str = "reorder/list.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::lists()
    }
}

impl Page for Detail {
    const TEMPLATE: &'static str = "reorder/request.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::details()
    }
}

impl Page for Answering {
    const TEMPLATE: &'static str = "reorder/answering.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::answers()
    }
}
