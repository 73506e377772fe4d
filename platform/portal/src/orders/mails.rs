//! Mails of the orders slice: a delay, and an order that a colleague shares. Links in them are absolute.

use chrono::NaiveDate;
use serde::Serialize;
use themes::{MailPage, Registry, Sample, samples};

/// Adds the slice's mails.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry
        .mail::<Delay>(
            include_str!("mail/delay.subject.txt"),
            include_str!("mail/delay.txt"),
            include_str!("mail/delay.html"),
        )
        .mail::<Shared>(
            include_str!("mail/shared.subject.txt"),
            include_str!("mail/shared.txt"),
            include_str!("mail/shared.html"),
        )
}

/// The date of an order moved to a later day.
#[derive(Debug, Clone, Serialize)]
pub struct Delay {
    pub number: String,
    pub summary: String,
    pub was: NaiveDate,
    pub now: NaiveDate,
    pub days: i64,
    /// In the vendor's words.
    pub reason: Option<String>,
    pub link: String,
    /// Stops these mails; no sign-in needed.
    pub stop: String,
    /// They watch this order; else they are told as an administrator of the company.
    pub watching: bool,
    pub host: String,
}

impl MailPage for Delay {
    const NAME: &'static str = "orders/mail/delay";

    fn samples() -> Vec<Sample<Self>> {
        let delay = Delay {
            number: "SO-47585".to_owned(),
            summary: "2 × Centrifugal pump P40, stainless, and 5 more".to_owned(),
            was: samples::day(-2),
            now: samples::day(5),
            days: 7,
            reason: Some("Motor supplier delivers a week late; your pumps are first in line".to_owned()),
            link: "https://success.brightwater.example/orders/018f6b2e-7c1a-7d5e-9f00-000000047585"
                .to_owned(),
            stop: "https://success.brightwater.example/mail/delays/c2FtcGxl".to_owned(),
            watching: true,
            host: "success.brightwater.example".to_owned(),
        };
        let bare = Delay { reason: None, watching: false, days: 1, now: samples::day(-1), ..delay.clone() };
        vec![Sample::new("reason", delay), Sample::new("no-reason", bare)]
    }
}

/// A colleague shares an order.
#[derive(Debug, Clone, Serialize)]
pub struct Shared {
    /// Who shares it.
    pub sender: String,
    pub number: String,
    pub summary: String,
    /// What they say; may be empty.
    pub words: String,
    pub link: String,
    pub host: String,
}

impl MailPage for Shared {
    const NAME: &'static str = "orders/mail/shared";

    fn samples() -> Vec<Sample<Self>> {
        let shared = Shared {
            sender: "Maya Okafor".to_owned(),
            number: "SO-47585".to_owned(),
            summary: "2 × Centrifugal pump P40, stainless, and 5 more".to_owned(),
            words: "The crane is booked for the 19th. Can you move it?".to_owned(),
            link: "https://success.brightwater.example/orders/018f6b2e-7c1a-7d5e-9f00-000000047585"
                .to_owned(),
            host: "success.brightwater.example".to_owned(),
        };
        vec![
            Sample::new("words", shared.clone()),
            Sample::new("bare", Shared { words: String::new(), ..shared }),
        ]
    }
}
