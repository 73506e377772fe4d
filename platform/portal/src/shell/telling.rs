//! Mails about requests of every kind: to the person who asked when the state changes, to the customer's admins when one
//! needs a yes, and to the admins too where what changes is the company's own.
//!
//! What a request is about is its slice's to say, as a [`Tale`]; who reads of it and in which words is said here, once.
//! Written by a worker, which serves no page: look, language and address come from the tenant's row and the reader's own.

use std::sync::Arc;
use std::time::Duration;

use platform_connectors::requests::{Kind, Request, State, Teller, Telling};
use platform_core::mail::NewMail;
use platform_core::tenants::Contact;
use platform_core::{Error, TenantTx};
use platform_identity::Person;
use platform_web::{Addressee, Letters, Look, Visit};
use serde::Serialize;
use themes::{MailPage, Money, Registry, Sample};

use super::store;

/// There is no secret in these mails.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// Adds the mail.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry.mail::<RequestMail>(
        include_str!("mail/request.subject.txt"),
        include_str!("mail/request.txt"),
        include_str!("mail/request.html"),
    )
}

/// What a slice says of the requests that are its own.
pub trait Tale: Send + Sync + std::fmt::Debug {
    /// The kinds it knows.
    fn kinds(&self) -> &'static [Kind];

    /// Whose of them somebody sees.
    fn reach(&self, visit: &Visit, person: &Person) -> Reach;

    /// Path of their list.
    fn list(&self) -> &'static str;

    /// What one is about.
    fn told(&self, request: &Request) -> Told;
}

/// Whose requests somebody sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Nobodys,
    Own,
    Company,
}

/// All of them, one a slice.
pub type Tales = Arc<[Arc<dyn Tale>]>;

/// What a request is about.
#[derive(Debug, Clone)]
pub struct Told {
    pub topic: Topic,
    /// Path of the page that shows it.
    pub path: String,
    /// What stands on one line beside a heading, where the request's own sentence is in the words of whoever asked.
    pub summary: Option<String>,
    pub total: Option<Money>,
    pub changes: Vec<Change>,
}

/// What mails call a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    Reorder,
    /// One's own data.
    Contact,
    /// An address of the company.
    Address,
}

impl Topic {
    pub const ALL: [Self; 3] = [Self::Reorder, Self::Contact, Self::Address];

    /// Whether it is the company's own affair, and not of the person alone who asked.
    const fn is_of_company(self) -> bool {
        matches!(self, Self::Address)
    }
}

/// One field, before and after. Either may be empty; a tick is `yes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// A message below `account.field.`.
    pub field: String,
    pub before: String,
    pub after: String,
}

/// The mail about a request.
#[derive(Debug, Clone, Serialize)]
pub struct RequestMail {
    pub topic: Topic,
    /// What happened; `AwaitingApproval` is for those who can say yes.
    pub state: State,
    /// Empty where the changes say it all.
    pub summary: String,
    pub who: String,
    /// The reader asked for it.
    pub own: bool,
    pub total: Option<Money>,
    pub changes: Vec<Change>,
    /// The vendor's number.
    pub number: Option<String>,
    pub reason: Option<String>,
    pub approver: Option<String>,
    /// Absolute address of the request.
    pub link: String,
    pub host: String,
}

impl MailPage for RequestMail {
    const NAME: &'static str = "shell/mail/request";

    fn samples() -> Vec<Sample<Self>> {
        let mails = Topic::ALL.into_iter().flat_map(|topic| {
            let states = [State::AwaitingApproval, State::Submitted, State::Accepted, State::Rejected];
            states
                .into_iter()
                .filter(move |state| topic == Topic::Reorder || *state != State::AwaitingApproval)
                .map(move |state| sample(topic, state))
        });
        mails.collect()
    }
}

fn sample(topic: Topic, state: State) -> Sample<RequestMail> {
    let text = str::to_owned;
    let change = |field: &str, before: &str, after: &str| Change {
        field: text(field),
        before: text(before),
        after: text(after),
    };
    let ordered = topic == Topic::Reorder;
    let changes = match topic {
        Topic::Reorder => Vec::new(),
        Topic::Contact => vec![change("name", "Maya Okafor", "Maya Okafor-Lindqvist")],
        Topic::Address => vec![
            change("street", "12 Harbour Road", "14 Harbour Road, gate 3"),
            change("country", "", "SE"),
            change("is_default", "", "yes"),
        ],
    };
    let path = if ordered { "reorders/0192f0c1" } else { "account#requests" };
    let mail = RequestMail {
        topic,
        state,
        summary: if ordered { text("Centrifugal pump 50 Hz and 4 more lines") } else { String::new() },
        who: text("Maya Okafor"),
        own: topic != Topic::Address,
        total: ordered.then(|| Money::new(rust_decimal::Decimal::new(312_480, 2), "EUR")),
        changes,
        number: (ordered && state == State::Accepted).then(|| text("SO-102233")),
        reason: (state == State::Rejected).then(|| text("We do not deliver to post boxes.")),
        approver: (ordered && state == State::Submitted).then(|| text("Noor Haddad")),
        link: format!("https://techflow.portico.example/{path}"),
        host: text("techflow.portico.example"),
    };
    let word = format!("{topic:?}-{state}").to_lowercase();
    Sample::new(Box::leak(word.into_boxed_str()), mail)
}

/// Finds readers and words for requests.
#[derive(Debug)]
pub struct RequestTeller {
    pub letters: Letters,
    /// One of each slice that has requests.
    pub tales: Tales,
}

impl Teller for RequestTeller {
    fn kinds(&self) -> &'static [Kind] {
        Kind::ALL
    }

    fn mails<'a>(&'a self, tx: &'a mut TenantTx, request: &'a Request, state: State) -> Telling<'a> {
        Box::pin(async move {
            let tale = self.tales.iter().find(|tale| tale.kinds().contains(&request.kind));
            let Some(told) = tale.map(|tale| tale.told(request)) else { return Ok(Vec::new()) };
            let readers = readers(tx, request, state, told.topic).await?;
            let Some(look) = self.letters.look(tx.tenant()).await? else { return Ok(Vec::new()) };
            readers.iter().map(|reader| self.compose(&look, (request, state), &told, reader)).collect()
        })
    }
}

/// Who is told, each once; nobody who left.
async fn readers(
    tx: &mut TenantTx,
    request: &Request,
    state: State,
    topic: Topic,
) -> Result<Vec<Contact>, Error> {
    if matches!(state, State::HandedOver | State::Withdrawn) {
        return Ok(Vec::new());
    }
    let mut readers = Vec::new();
    if state != State::AwaitingApproval {
        readers.extend(store::contact(tx, request.contact_id).await?);
    }
    if state == State::AwaitingApproval || topic.is_of_company() {
        let admins = store::admins(tx, request.customer_id).await?;
        let asker = readers.first().map(|asker| asker.id);
        readers.extend(admins.into_iter().filter(|admin| Some(admin.id) != asker));
    }
    readers.retain(|reader| reader.active);
    Ok(readers)
}

impl RequestTeller {
    fn compose(
        &self,
        look: &Look,
        (request, state): (&Request, State),
        told: &Told,
        reader: &Contact,
    ) -> Result<NewMail, Error> {
        let host = self.letters.host(look);
        let page = RequestMail {
            topic: told.topic,
            state,
            summary: told.summary.clone().unwrap_or_default(),
            who: request.contact_name.clone(),
            own: reader.id == request.contact_id,
            total: told.total.clone(),
            changes: told.changes.clone(),
            number: request.erp_number.clone(),
            reason: request.reason.clone(),
            approver: request.approver_name.clone(),
            link: format!("{}{}", self.letters.origin(&host), told.path),
            host,
        };
        let to = Addressee { email: &reader.email, name: &reader.name, locale: reader.locale.as_deref() };
        self.letters.write(look, to, &page, KEEP)
    }
}
