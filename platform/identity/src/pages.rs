//! Pages and mails of signing in: contexts, samples, templates. Routes and rules fill them elsewhere. What the tenant's own
//! people alone see is in [`staff`].

pub mod staff;

use chrono::{DateTime, Utc};
use platform_web::pages::Field;
use platform_web::{Audience, Problems};
use serde::Serialize;
use themes::{MailPage, Page, Registry, Sample, samples};

/// Adds this crate's pages and mails.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    staff::register(registry)
        .partial("identity/device_list.html", include_str!("html/device_list.html"))
        .page::<SignIn>(include_str!("html/sign_in.html"))
        .page::<CheckMail>(include_str!("html/check_mail.html"))
        .page::<LinkLanding>(include_str!("html/link_landing.html"))
        .page::<LinkProblem>(include_str!("html/link_problem.html"))
        .page::<Devices>(include_str!("html/devices.html"))
        .page::<SignedOut>(include_str!("html/signed_out.html"))
        .mail::<SignInMail>(
            include_str!("mail/sign_in.subject.txt"),
            include_str!("mail/sign_in.txt"),
            include_str!("mail/sign_in.html"),
        )
        .keys(&[
            "sign_in.code.wrong",
            "sign_in.code.spent",
            "sign_in.code.expired",
            "flash.device_signed_out",
            "flash.code_sent",
        ])
}

/// `GET /sign-in`; posts `email`, `remember`, `next` and `csrf` to `/sign-in`.
#[derive(Debug, Clone, Serialize)]
pub struct SignIn {
    pub audience: Audience,
    pub email: Field,
    pub remember: bool,
    /// Where to go afterwards: a path of this host.
    pub next: Option<String>,
    pub problems: Problems,
}

impl Page for SignIn {
    const TEMPLATE: &'static str = "identity/sign_in.html";

    fn samples() -> Vec<Sample<Self>> {
        let empty = SignIn {
            audience: Audience::Contacts,
            email: Field::default(),
            remember: false,
            next: None,
            problems: Problems::default(),
        };
        let staff = SignIn { audience: Audience::Staff, ..empty.clone() };
        let wrong = SignIn {
            audience: Audience::Contacts,
            email: Field::wrong("maya.okafor@brightwater", "form.email"),
            remember: true,
            next: Some("/orders".to_owned()),
            problems: Problems::of_one("email", "form.email"),
        };
        vec![Sample::new("empty", empty), Sample::new("wrong", wrong), Sample::new("staff", staff)]
    }
}

/// After asking for a mail; the same for addresses that nobody knows. Posts `code` and `next` to `/sign-in/code`.
#[derive(Debug, Clone, Serialize)]
pub struct CheckMail {
    pub audience: Audience,
    /// As typed.
    pub email: String,
    pub code: Field,
    pub remember: bool,
    pub next: Option<String>,
    /// How long the link lives.
    pub link_hours: u32,
    /// How long the code lives.
    pub code_minutes: u32,
    pub problems: Problems,
}

impl Page for CheckMail {
    const TEMPLATE: &'static str = "identity/check_mail.html";

    fn samples() -> Vec<Sample<Self>> {
        let sent = CheckMail {
            audience: Audience::Contacts,
            email: "maya.okafor@brightwater.example".to_owned(),
            code: Field::default(),
            remember: true,
            next: None,
            link_hours: 24,
            code_minutes: 10,
            problems: Problems::default(),
        };
        let wrong = CheckMail {
            code: Field::wrong("493 021", "sign_in.code.wrong"),
            problems: Problems::of_one("code", "sign_in.code.wrong"),
            email: "a-very-long-mailbox-name.procurement-department@subsidiary.brightwater-utilities.example"
                .to_owned(),
            ..sent.clone()
        };
        vec![Sample::new("sent", sent), Sample::new("wrong-code", wrong)]
    }
}

/// `GET` of a mailed link: nothing has happened yet. The button posts `token`, `next` and `csrf` to `/sign-in/link`.
#[derive(Debug, Clone, Serialize)]
pub struct LinkLanding {
    pub audience: Audience,
    /// Shortened: `m…@brightwater.example`.
    pub email: String,
    pub token: String,
    pub next: Option<String>,
}

impl Page for LinkLanding {
    const TEMPLATE: &'static str = "identity/link_landing.html";

    fn samples() -> Vec<Sample<Self>> {
        let page = LinkLanding {
            audience: Audience::Contacts,
            email: "m\u{2026}@brightwater.example".to_owned(),
            token: "c2FtcGxlLXRva2Vu".to_owned(),
            next: None,
        };
        vec![Sample::new("link", page)]
    }
}

/// A mailed link that cannot be used. Posts `email` and `next` to `/sign-in` when the address is known.
#[derive(Debug, Clone, Serialize)]
pub struct LinkProblem {
    pub audience: Audience,
    pub why: LinkFault,
    /// The full address to send a new link to, when the link proved it.
    pub email: Option<String>,
    /// For `OtherHost`: the host the link was made for, with the port if it is not the usual one.
    pub host: Option<String>,
    pub next: Option<String>,
}

/// Why a link does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkFault {
    Expired,
    Used,
    /// Made for another address of the portal.
    OtherHost,
    /// Opened in another browser than the one that asked: the code goes where the person began.
    OtherBrowser,
    /// Not one of ours, or broken on the way.
    Unknown,
}

impl Page for LinkProblem {
    const TEMPLATE: &'static str = "identity/link_problem.html";

    fn samples() -> Vec<Sample<Self>> {
        let page = |why, email: bool, host: bool| LinkProblem {
            audience: Audience::Contacts,
            why,
            email: email.then(|| "maya.okafor@brightwater.example".to_owned()),
            host: host.then(|| "success.brightwater.example".to_owned()),
            next: host.then(|| "/orders?show=late".to_owned()),
        };
        vec![
            Sample::new("expired", page(LinkFault::Expired, true, false)),
            Sample::new("used", page(LinkFault::Used, true, false)),
            Sample::new("other-host", page(LinkFault::OtherHost, false, true)),
            Sample::new("other-browser", page(LinkFault::OtherBrowser, false, false)),
            Sample::new("unknown", page(LinkFault::Unknown, false, false)),
        ]
    }
}

/// `GET /devices`: where the person is signed in. A device is signed out by `POST /devices/{id}/revocation`, all others
/// by `POST /devices/others/revocation`.
#[derive(Debug, Clone, Serialize)]
pub struct Devices {
    pub devices: Vec<Device>,
}

/// One session.
#[derive(Debug, Clone, Serialize)]
pub struct Device {
    pub id: String,
    pub kind: DeviceKind,
    /// "Firefox"; none when the browser does not say.
    pub browser: Option<String>,
    /// "Windows".
    pub system: Option<String>,
    pub signed_in_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    /// The session that asks.
    pub current: bool,
}

/// What it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    Computer,
    Phone,
    Tablet,
}

impl Page for Devices {
    const TEMPLATE: &'static str = "identity/devices.html";

    fn samples() -> Vec<Sample<Self>> {
        let device =
            |id: &str, kind, browser: Option<&str>, system: Option<&str>, minutes: i64, current| Device {
                id: id.to_owned(),
                kind,
                browser: browser.map(str::to_owned),
                system: system.map(str::to_owned),
                signed_in_at: samples::minutes(minutes - 9000),
                last_seen_at: samples::minutes(minutes),
                ends_at: samples::minutes(minutes + 43_200),
                current,
            };
        let several = vec![
            device("a", DeviceKind::Computer, Some("Firefox"), Some("Windows"), 0, true),
            device("b", DeviceKind::Phone, Some("Safari"), Some("iOS"), -190, false),
            device("c", DeviceKind::Tablet, Some("Chrome"), Some("Android"), -4 * 1440, false),
            device("d", DeviceKind::Computer, None, None, -12 * 1440, false),
        ];
        let one = several[..1].to_vec();
        vec![
            Sample::new("several", Devices { devices: several }),
            Sample::new("one", Devices { devices: one }),
        ]
    }
}

/// After signing out.
#[derive(Debug, Clone, Serialize)]
pub struct SignedOut {
    pub audience: Audience,
}

impl Page for SignedOut {
    const TEMPLATE: &'static str = "identity/signed_out.html";

    fn samples() -> Vec<Sample<Self>> {
        vec![
            Sample::new("done", SignedOut { audience: Audience::Contacts }),
            Sample::new("staff", SignedOut { audience: Audience::Staff }),
        ]
    }
}

/// The mail that signs a person in.
#[derive(Debug, Clone, Serialize)]
pub struct SignInMail {
    pub audience: Audience,
    /// Absolute address of the link.
    pub link: String,
    /// Six digits.
    pub code: String,
    pub link_hours: u32,
    pub code_minutes: u32,
    /// The address that gets the mail.
    pub email: String,
    /// Host of the portal, so that the reader can check the link.
    pub host: String,
    pub asked_at: DateTime<Utc>,
    /// "Firefox on Windows", as far as the asking browser said.
    pub asked_from: Option<String>,
}

impl MailPage for SignInMail {
    const NAME: &'static str = "identity/mail/sign_in";

    fn samples() -> Vec<Sample<Self>> {
        let mail = SignInMail {
            audience: Audience::Contacts,
            link: "https://success.brightwater.example/sign-in/link?t=rZ7c0m2Qy5uB1vX9".to_owned(),
            code: "493021".to_owned(),
            link_hours: 24,
            code_minutes: 10,
            email: "maya.okafor@brightwater.example".to_owned(),
            host: "success.brightwater.example".to_owned(),
            asked_at: samples::now(),
            asked_from: Some("Firefox, Windows".to_owned()),
        };
        let staff = SignInMail {
            audience: Audience::Staff,
            link: "https://techflow.portico.example/console/sign-in/rZ7c0m2Qy5uB1vX9".to_owned(),
            email: "astrid.lund@techflow.example".to_owned(),
            host: "techflow.portico.example".to_owned(),
            ..mail.clone()
        };
        vec![Sample::new("link", mail), Sample::new("staff", staff)]
    }
}
