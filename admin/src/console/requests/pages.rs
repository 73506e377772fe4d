//! Pages of the requests screen.

use chrono::{DateTime, Utc};
use platform_connectors::requests::{Kind, State};
use platform_portal::account::requested::Change;
use platform_portal::reorder::pages::{Asked, Detail};
use platform_web::Problems;
use platform_web::pages::Field;
use serde::Serialize;
use themes::{Page, Registry, Sample, samples};

/// Adds the screen's pages.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry.page::<Queue>(include_str!("queue.html")).page::<Item>(include_str!("one.html")).keys(&[
        "flash.request_approved",
        "flash.request_rejected",
        "flash.request_hand_over",
        "flash.request_too_late",
        "console.request.wrong.reason",
        "console.request.wrong.long",
    ])
}

/// Which requests a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Show {
    /// Nobody has decided them.
    Open,
    /// Their hand-over has failed.
    Stuck,
    /// The other side has had them for two days and has not answered.
    Unanswered,
    Decided,
}

impl Show {
    pub const ALL: [Self; 4] = [Self::Open, Self::Stuck, Self::Unanswered, Self::Decided];

    /// As written in an address.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Stuck => "stuck",
            Self::Unanswered => "unanswered",
            Self::Decided => "decided",
        }
    }

    /// What is unknown means the open ones.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self::ALL.into_iter().find(|show| show.word() == text).unwrap_or(Self::Open)
    }
}

/// `GET /console/requests`.
#[derive(Debug, Clone, Serialize)]
pub struct Queue {
    pub show: Show,
    pub kind: Option<Kind>,
    pub filters: Vec<Filter>,
    /// Each kind with the address of its list; first all of them.
    pub kinds: Vec<(Option<Kind>, String)>,
    pub rows: Vec<Row>,
    /// The page begins at the list's beginning, whose address is `begin`.
    pub first: bool,
    pub begin: String,
    /// Address of the next page.
    pub next: Option<String>,
}

/// A filter with its address.
#[derive(Debug, Clone, Serialize)]
pub struct Filter {
    pub show: Show,
    pub href: String,
    pub count: Option<u32>,
}

/// One request of the queue.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub id: String,
    pub customer: String,
    /// Who asked.
    pub who: String,
    pub kind: Kind,
    pub state: State,
    pub summary: String,
    /// The number that the tenant's system gave it.
    pub number: Option<String>,
    /// Its hand-over has failed.
    pub trouble: bool,
    pub at: DateTime<Utc>,
}

/// `GET /console/requests/{id}`. Posts to `/approval` (`number`), `/rejection` (`reason`) and `/hand-over` below it.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    pub id: String,
    pub kind: Kind,
    pub state: State,
    pub summary: String,
    pub customer: String,
    pub customer_id: String,
    pub account: Option<String>,
    pub who: String,
    pub email: String,
    pub at: DateTime<Utc>,
    pub number: Option<String>,
    pub reason: Option<String>,
    /// How often the hand-over was begun.
    pub attempts: u32,
    /// What went wrong last.
    pub trouble: Option<String>,
    /// Of a reorder: what is asked for.
    pub reorder: Option<Asked>,
    /// Of a change: what differs.
    pub changes: Vec<Change>,
    /// Newest first.
    pub story: Vec<Happened>,
    pub can_approve: bool,
    pub can_reject: bool,
    pub can_hand_over: bool,
    pub approval: Field,
    pub rejection: Field,
    pub problems: Problems,
}

/// One entry of a request's history.
#[derive(Debug, Clone, Serialize)]
pub struct Happened {
    pub at: DateTime<Utc>,
    pub state: State,
    /// `contact`, `staff` or `system`.
    pub by: String,
    pub who: Option<String>,
    pub number: Option<String>,
    pub reason: Option<String>,
}

const ID: &str = "018f6b2e-7c1a-7d5e-9f00-000000000042";

impl Page for Queue {
    const TEMPLATE: &'static str = "console/requests.html";

    fn samples() -> Vec<Sample<Self>> {
        let row = |customer: &str, summary: &str, kind, state, trouble, minutes| Row {
            id: ID.to_owned(),
            customer: customer.to_owned(),
            who: "Anselm Ruiz-Castellanos".to_owned(),
            kind,
            state,
            summary: summary.to_owned(),
            number: (state == State::Accepted).then(|| "SO-48001".to_owned()),
            trouble,
            at: samples::minutes(minutes),
        };
        let rows = vec![
            row(
                "Brightwater Utilities",
                "12 × Flange gasket set DN 80 +2",
                Kind::Reorder,
                State::Submitted,
                true,
                -4000,
            ),
            row(
                "Kommunale Wasserwerke Großheringen-Süd Betriebsgesellschaft mbH",
                "Delivery address Harbour Road 12",
                Kind::AddressChange,
                State::HandedOver,
                false,
                -300,
            ),
            row(
                "Halvorsen Marine",
                "E-mail address",
                Kind::ContactChange,
                State::AwaitingApproval,
                false,
                -40,
            ),
        ];
        let filter = |show, count| Filter { show, href: "/console/requests".to_owned(), count };
        let open = Queue {
            show: Show::Open,
            kind: None,
            filters: vec![
                filter(Show::Open, Some(3)),
                filter(Show::Stuck, Some(1)),
                filter(Show::Unanswered, Some(0)),
                filter(Show::Decided, None),
            ],
            kinds: std::iter::once(None)
                .chain(Kind::ALL.iter().copied().map(Some))
                .map(|kind| (kind, "/console/requests?kind=x".to_owned()))
                .collect(),
            rows,
            first: true,
            begin: "/console/requests".to_owned(),
            next: Some("/console/requests?after=x".to_owned()),
        };
        let decided = Queue {
            show: Show::Decided,
            kind: Some(Kind::Reorder),
            rows: vec![
                row("Halvorsen Marine", "2 × Pump 40-160", Kind::Reorder, State::Accepted, false, -5000),
                row("Halvorsen Marine", "1 × Seal kit", Kind::Reorder, State::Rejected, false, -9000),
            ],
            first: false,
            next: None,
            ..open.clone()
        };
        let calm = Queue { rows: Vec::new(), next: None, ..open.clone() };
        let nothing = Queue { show: Show::Decided, rows: Vec::new(), next: None, ..open.clone() };
        vec![
            Sample::new("open", open),
            Sample::new("decided", decided),
            Sample::new("calm", calm),
            Sample::new("nothing", nothing),
        ]
    }
}

impl Page for Item {
    const TEMPLATE: &'static str = "console/request.html";

    fn samples() -> Vec<Sample<Self>> {
        let happened = |state, by: &str, who: Option<&str>, minutes| Happened {
            at: samples::minutes(minutes),
            state,
            by: by.to_owned(),
            who: who.map(str::to_owned),
            number: (state == State::Accepted).then(|| "SO-48001".to_owned()),
            reason: (state == State::Rejected).then(|| "Sold out until spring".to_owned()),
        };
        let reorder = Detail::samples().into_iter().next().map(|sample| sample.page.request);
        let asked = happened(State::Submitted, "contact", Some("Maya Okafor"), -300);
        let stuck = Item {
            id: ID.to_owned(),
            kind: Kind::Reorder,
            state: State::Submitted,
            summary: "12 × Flange gasket set DN 80 +2".to_owned(),
            customer: "Brightwater Utilities".to_owned(),
            customer_id: ID.to_owned(),
            account: Some("BRW-1042".to_owned()),
            who: "Maya Okafor".to_owned(),
            email: "maya.okafor@brightwater.example".to_owned(),
            at: samples::minutes(-300),
            number: None,
            reason: None,
            attempts: 7,
            trouble: Some("the inbox refuses the connection: connect ECONNREFUSED 10.2.0.4:5432".to_owned()),
            reorder,
            changes: Vec::new(),
            story: vec![asked.clone()],
            can_approve: true,
            can_reject: true,
            can_hand_over: true,
            approval: Field::default(),
            rejection: Field::default(),
            problems: Problems::default(),
        };
        let wrong = Item {
            rejection: Field::wrong("", "console.request.wrong.reason"),
            problems: Problems::of_one("reason", "console.request.wrong.reason"),
            ..stuck.clone()
        };
        let change = |field: &str, before: &str, after: &str| Change {
            field: field.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        };
        let moved = Item {
            kind: Kind::AddressChange,
            state: State::Rejected,
            summary: "Delivery address Harbour Road 12".to_owned(),
            reason: Some("Sold out until spring".to_owned()),
            reorder: None,
            changes: vec![
                change("street", "Harbour Road 11", "Harbour Road 12"),
                change("country", "DE", "NO"),
                change("is_default", "", "yes"),
            ],
            trouble: None,
            story: vec![
                happened(State::Rejected, "staff", Some("Casey Park"), -2),
                happened(State::HandedOver, "system", None, -290),
                asked,
            ],
            can_approve: false,
            can_reject: false,
            can_hand_over: false,
            ..stuck.clone()
        };
        vec![Sample::new("stuck", stuck), Sample::new("wrong", wrong), Sample::new("decided-change", moved)]
    }
}
