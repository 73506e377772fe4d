//! The overview: a card for each thing that needs a person, or the good news that there is none.

use chrono::{DateTime, Utc};
use serde::Serialize;
use themes::{Page, Registry, Sample, samples};

/// Adds the page.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry.page::<Overview>(include_str!("overview.html"))
}

/// `GET /console`.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    pub first_name: String,
    /// The most pressing first.
    pub waiting: Vec<Waiting>,
    /// The reader has no second factor yet.
    pub offer_second_factor: bool,
}

/// Something that waits for a person.
#[derive(Debug, Clone, Serialize)]
pub struct Waiting {
    pub kind: WaitingKind,
    pub number: u32,
    /// Of a connector or a domain.
    pub name: Option<String>,
    pub since: Option<DateTime<Utc>>,
}

/// What waits; in the order of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingKind {
    /// Could not be handed over.
    RequestsStuck,
    /// Not handed over yet.
    RequestsNew,
    /// The other side has them and has not answered for days.
    RequestsUnanswered,
    /// Does not reach its system.
    Connector,
    /// Lacks a DNS record or a certificate.
    Domain,
}

impl Page for Overview {
    const TEMPLATE: &'static str = "console/overview.html";

    fn samples() -> Vec<Sample<Self>> {
        let one = |kind, number, name: Option<&str>, minutes| Waiting {
            kind,
            number,
            name: name.map(str::to_owned),
            since: Some(samples::minutes(minutes)),
        };
        let busy = Overview {
            first_name: "Astrid".to_owned(),
            waiting: vec![
                one(WaitingKind::RequestsStuck, 3, None, -190),
                one(WaitingKind::RequestsNew, 12, None, -44),
                one(WaitingKind::RequestsUnanswered, 1, None, -4400),
                one(WaitingKind::Connector, 1, Some("OrderFlow"), -12),
                one(WaitingKind::Domain, 1, Some("success.a-rather-long-customer-name.example"), -9000),
            ],
            offer_second_factor: true,
        };
        let calm = Overview { waiting: Vec::new(), offer_second_factor: false, ..busy.clone() };
        vec![Sample::new("busy", busy), Sample::new("calm", calm)]
    }
}
