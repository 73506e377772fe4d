//! Mails about reorders: to the person who asked when the state changes, and to the customer's admins when one needs a yes.
//!
//! Written by a worker, which serves no page: look, language and address come from the tenant's row.

use std::time::Duration;

use platform_connectors::requests::{Kind, Request, State, Teller, Telling};
use platform_core::TenantTx;
use platform_core::mail::NewMail;
use platform_core::tenants::Contact;
use platform_web::{Addressee, Letters, Look};
use serde::Serialize;
use themes::{MailPage, Registry, Sample};

use super::{answers, samples, store};

/// There is no secret in these mails.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// Adds the slice's mails.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry.mail::<ReorderMail>(
        include_str!("mail/reorder.subject.txt"),
        include_str!("mail/reorder.txt"),
        include_str!("mail/reorder.html"),
    )
}

/// The mail about a reorder.
#[derive(Debug, Clone, Serialize)]
pub struct ReorderMail {
    /// What happened; `AwaitingApproval` is for those who can say yes.
    pub state: State,
    pub summary: String,
    pub who: String,
    pub total: Option<themes::Money>,
    /// The vendor's number.
    pub number: Option<String>,
    pub reason: Option<String>,
    pub approver: Option<String>,
    /// Absolute address of the request.
    pub link: String,
    pub host: String,
}

impl MailPage for ReorderMail {
    const NAME: &'static str = "reorder/mail/reorder";

    fn samples() -> Vec<Sample<Self>> {
        samples::mails()
    }
}

/// Finds words for reorders.
#[derive(Debug)]
pub struct ReorderTeller {
    pub letters: Letters,
}

impl Teller for ReorderTeller {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Reorder]
    }

    fn mails<'a>(&'a self, tx: &'a mut TenantTx, request: &'a Request, state: State) -> Telling<'a> {
        Box::pin(async move {
            let readers = match state {
                State::HandedOver | State::Withdrawn => Vec::new(),
                State::AwaitingApproval => store::admins(tx, request.customer_id).await?,
                _ => store::contact(tx, request.contact_id).await?.into_iter().collect(),
            };
            let Some(look) = self.letters.look(tx.tenant()).await? else { return Ok(Vec::new()) };
            let readers = readers.iter().filter(|reader| reader.active);
            readers.map(|reader| self.compose(&look, request, state, reader)).collect()
        })
    }
}

impl ReorderTeller {
    fn compose(
        &self,
        look: &Look,
        request: &Request,
        state: State,
        reader: &Contact,
    ) -> Result<NewMail, platform_core::Error> {
        let host = self.letters.host(look);
        let page = ReorderMail {
            state,
            summary: request.summary.clone(),
            who: request.contact_name.clone(),
            total: answers::total(&request.payload),
            number: request.erp_number.clone(),
            reason: request.reason.clone(),
            approver: request.approver_name.clone(),
            link: format!("{}/reorders/{}", self.letters.origin(&host), request.id),
            host,
        };
        let to = Addressee { email: &reader.email, name: &reader.name, locale: reader.locale.as_deref() };
        self.letters.write(look, to, &page, KEEP)
    }
}
