//! Pages that belong to no slice: errors, neutral answers, and the form and freshness pieces that every slice uses.
//! Who renders them when is `faults` and the server's business.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Serialize;
use themes::{Page, Registry, Sample};

/// Adds this crate's pages and partials.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry
        .partial("ui/form.html", include_str!("html/form.html"))
        .partial("ui/fresh.html", include_str!("html/fresh.html"))
        .page::<ErrorPage>(include_str!("html/error.html"))
        .page::<Neutral>(include_str!("html/neutral.html"))
        .keys(&["form.required", "form.email", "form.code", "flash.saved"])
}

/// A request that ends without its page. Never says why more exactly than the reader may know.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorPage {
    pub kind: ErrorKind,
    /// The number to mention when asking for help; it leads to the log line.
    pub reference: Option<String>,
    /// For `TooMany` and `Unavailable`: minutes until it is worth trying again, at least 1.
    pub wait_minutes: Option<u64>,
}

/// What the reader is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Absent, or not for this reader.
    NotFound,
    /// The form was open for too long, or came from elsewhere; nothing was done.
    StaleForm,
    BadRequest,
    TooLarge,
    TooMany,
    /// Maintenance, or a part that does not answer.
    Unavailable,
    Internal,
}

impl Page for ErrorPage {
    const TEMPLATE: &'static str = "web/error.html";

    fn samples() -> Vec<Sample<Self>> {
        let page = |kind, reference: Option<&str>, wait_minutes| ErrorPage {
            kind,
            reference: reference.map(str::to_owned),
            wait_minutes,
        };
        vec![
            Sample::new("not-found", page(ErrorKind::NotFound, None, None)),
            Sample::new("stale-form", page(ErrorKind::StaleForm, None, None)),
            Sample::new("bad-request", page(ErrorKind::BadRequest, None, None)),
            Sample::new("too-large", page(ErrorKind::TooLarge, None, None)),
            Sample::new("too-many", page(ErrorKind::TooMany, None, Some(12))),
            Sample::new("unavailable", page(ErrorKind::Unavailable, Some("7Q4M-K2XD"), Some(1))),
            Sample::new("internal", page(ErrorKind::Internal, Some("7Q4M-K2XD"), None)),
        ]
    }
}

/// The answer to hosts that reach no tenant. Rendered with `Skin::neutral()`; names nobody.
#[derive(Debug, Clone, Serialize)]
pub struct Neutral {
    pub why: NeutralWhy,
}

/// Why a request reaches no tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NeutralWhy {
    /// No usable host in the request.
    BadAuthority,
    /// This connection belongs to another site (421).
    Misdirected,
    Unknown,
    /// Known, but its certificate has not come.
    Waiting,
    Suspended,
}

impl Page for Neutral {
    const TEMPLATE: &'static str = "web/neutral.html";

    fn samples() -> Vec<Sample<Self>> {
        use NeutralWhy::{BadAuthority, Misdirected, Suspended, Unknown, Waiting};
        [
            ("unknown", Unknown),
            ("misdirected", Misdirected),
            ("waiting", Waiting),
            ("suspended", Suspended),
            ("bad-authority", BadAuthority),
        ]
        .map(|(name, why)| Sample::new(name, Neutral { why }))
        .into()
    }
}

/// One form field as it was sent: what was typed is kept, whatever was wrong with it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Field {
    pub value: String,
    /// Message key of what is wrong.
    pub error: Option<Cow<'static, str>>,
}

impl Field {
    /// A field with a value and no fault.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), error: None }
    }

    /// The same value, marked as wrong.
    #[must_use]
    pub fn wrong(value: impl Into<String>, error: impl Into<Cow<'static, str>>) -> Self {
        Self { value: value.into(), error: Some(error.into()) }
    }
}

/// How old shown data is.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Freshness {
    /// The data was read from its source at this moment.
    pub as_of: DateTime<Utc>,
    /// Older than the tenant's threshold: a banner says so.
    pub late: bool,
}
