//! The outbox page: a list with state, and one mail opened beside it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use themes::{Page, Registry, Sample, samples};

/// Adds the page.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry.page::<Outbox>(include_str!("outbox.html"))
}

/// `GET /demo/outbox` and `GET /demo/outbox/{id}`. Rendered with the platform's own neutral skin.
#[derive(Debug, Clone, Serialize)]
pub struct Outbox {
    /// Newest first.
    pub mails: Vec<OutboxMail>,
    pub open: Option<OpenMail>,
}

/// One mail of the list.
#[derive(Debug, Clone, Serialize)]
pub struct OutboxMail {
    pub id: String,
    pub tenant: String,
    pub to: String,
    pub subject: String,
    pub state: MailState,
    pub queued_at: DateTime<Utc>,
    pub attempts: u32,
}

/// Where a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    Queued,
    Sending,
    Sent,
    Retrying,
    Failed,
}

/// The opened mail.
#[derive(Debug, Clone, Serialize)]
pub struct OpenMail {
    pub id: String,
    pub from: String,
    pub to: String,
    pub subject: String,
    pub queued_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
    /// The text part; none once the body was removed.
    pub text: Option<String>,
    /// The first link in it, for one click.
    pub link: Option<String>,
    /// Address of the HTML part on its own, e.g. `/demo/outbox/{id}/html`.
    pub html_href: Option<String>,
    /// The last answer of the mail server.
    pub error: Option<String>,
}

impl Page for Outbox {
    const TEMPLATE: &'static str = "operator/outbox.html";

    fn samples() -> Vec<Sample<Self>> {
        let mail = |id: &str, tenant: &str, to: &str, subject: &str, state, minutes, attempts| OutboxMail {
            id: id.to_owned(),
            tenant: tenant.to_owned(),
            to: to.to_owned(),
            subject: subject.to_owned(),
            state,
            queued_at: samples::minutes(minutes),
            attempts,
        };
        let mails = vec![
            mail(
                "a",
                "TechFlow Industries",
                "maya.okafor@brightwater.example",
                "493021 is your code for TechFlow",
                MailState::Sent,
                -1,
                1,
            ),
            mail(
                "b",
                "Lumen Notes",
                "jonas@halvorsen.example",
                "118203 is your code for Lumen",
                MailState::Queued,
                -2,
                0,
            ),
            mail(
                "c",
                "TechFlow Industries",
                "per@halvorsen.example",
                "Order SO-47585 moved to Thu 26 Nov",
                MailState::Retrying,
                -41,
                3,
            ),
            mail(
                "d",
                "TechFlow Industries",
                "nobody@brightwater.example",
                "900112 is your code for TechFlow",
                MailState::Failed,
                -190,
                8,
            ),
        ];
        let open = OpenMail {
            id: "a".to_owned(),
            from: "TechFlow Industries".to_owned(),
            to: "maya.okafor@brightwater.example".to_owned(),
            subject: "493021 is your code for TechFlow".to_owned(),
            queued_at: samples::minutes(-1),
            sent_at: Some(samples::minutes(-1)),
            text: Some("Sign in to TechFlow Industries\n\nhttps://success.brightwater.example/sign-in/link?t=rZ7c0m2Qy5uB1vX9\n\nOr type this code: 493021".to_owned()),
            link: Some("https://success.brightwater.example/sign-in/link?t=rZ7c0m2Qy5uB1vX9".to_owned()),
            html_href: Some("/demo/outbox/a/html".to_owned()),
            error: None,
        };
        let failed = OpenMail {
            text: None,
            link: None,
            html_href: None,
            sent_at: None,
            error: Some("550 5.1.1 no such mailbox".to_owned()),
            ..open.clone()
        };
        vec![
            Sample::new("open", Outbox { mails: mails.clone(), open: Some(open) }),
            Sample::new("failed", Outbox { mails: mails.clone(), open: Some(failed) }),
            Sample::new("list", Outbox { mails, open: None }),
            Sample::new("empty", Outbox { mails: Vec::new(), open: None }),
        ]
    }
}
