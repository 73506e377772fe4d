//! Using a link or a code up: one row, one session.

use platform_core::audit::{self, Actor, Entry};
use platform_core::id::SessionId;
use platform_core::{Scope, TenantTx};
use platform_web::{Audience, Error, Next, Visit};
use serde_json::json;

use super::Owner;
use super::store::{self, Consumed, Link, Place, Settings};
use crate::pages::LinkFault;
use crate::secret::{self, Hash};
use crate::sessions::{self, Opening};
use crate::staff;

/// A link, looked at.
#[derive(Debug)]
pub(super) enum Seen {
    /// A button may use it up.
    Ready(Link),
    Refused(Refusal),
}

/// Why not, with what the page may tell to somebody who holds the link.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) fault: LinkFault,
    pub(super) link: Option<Link>,
}

/// Looks at a link. Changes nothing, however often.
pub(super) async fn look(visit: &Visit, token: &str) -> Result<Seen, Error> {
    if !secret::is_secret(token) {
        return Ok(Seen::Refused(Refusal { fault: LinkFault::Unknown, link: None }));
    }
    let mut tx = visit.site().db().tenant(Scope::tenant(visit.tenant())).await?;
    let anywhere = may_open_elsewhere(visit, store::settings(&mut tx).await?);
    let found = store::link(&mut tx, &Place::of(visit), &secret::hash("link", token)).await?;
    Ok(judge(visit, found, anywhere))
}

/// What a tenant allows its customers it does not allow its own people.
fn may_open_elsewhere(visit: &Visit, settings: Settings) -> bool {
    settings.open_elsewhere && visit.audience() == Audience::Contacts
}

fn judge(visit: &Visit, found: Option<Link>, anywhere: bool) -> Seen {
    let Some(link) = found else { return Seen::Refused(Refusal { fault: LinkFault::Unknown, link: None }) };
    let asked_here = browser(visit).is_some_and(|browser| secret::same(&browser, &link.browser_hash));
    let fault = if link.host != visit.host().host {
        LinkFault::OtherHost
    } else if link.used {
        LinkFault::Used
    } else if link.expired {
        LinkFault::Expired
    } else if !asked_here && !anywhere {
        LinkFault::OtherBrowser
    } else {
        return Seen::Ready(link);
    };
    Seen::Refused(Refusal { fault, link: Some(link) })
}

/// Uses a link up and opens a session. Returns where to go.
pub(super) async fn by_link(
    visit: &Visit,
    token: &str,
    user_agent: &str,
) -> Result<Result<Next, Refusal>, Error> {
    if !secret::is_secret(token) {
        return Ok(Err(Refusal { fault: LinkFault::Unknown, link: None }));
    }
    let (hash, place) = (secret::hash("link", token), Place::of(visit));
    let mut tx = visit.site().db().tenant(Scope::tenant(visit.tenant())).await?;
    let anywhere = may_open_elsewhere(visit, store::settings(&mut tx).await?);
    let consumed = store::consume(&mut tx, &place, &hash, browser(visit).as_ref(), anywhere).await?;
    if let Some(consumed) = consumed
        && let Some(next) = open(&mut tx, visit, &consumed, "link", user_agent).await?
    {
        tx.commit().await?;
        return Ok(Ok(next));
    }
    let refusal = match judge(visit, store::link(&mut tx, &place, &hash).await?, anywhere) {
        Seen::Refused(refusal) => refusal,
        // Between the two statements nothing can make a link ready that was not.
        Seen::Ready(link) => Refusal { fault: LinkFault::Used, link: Some(link) },
    };
    note_refusal(&mut tx, visit, &refusal).await?;
    tx.commit().await?;
    Ok(Err(refusal))
}

/// What came of a typed code.
#[derive(Debug)]
pub(super) enum Typed {
    SignedIn(Next),
    Wrong,
    /// Too many were wrong: only a new mail helps.
    Spent,
    Expired,
    /// This browser has not asked for a mail.
    Nothing,
}

/// Compares a code with those this browser could type, and opens a session for the one that fits. Each call costs each
/// of them a try.
pub(super) async fn by_code(visit: &Visit, code: &str, user_agent: &str) -> Result<Typed, Error> {
    let Some(secret) = visit.known_browser() else { return Ok(Typed::Nothing) };
    let (hash, place) = (secret::hash("browser", secret), Place::of(visit));
    let mut tx = visit.site().db().tenant(Scope::tenant(visit.tenant())).await?;
    let codes = store::try_codes(&mut tx, &place, &hash).await?;
    let fits =
        |tried: &&store::Code| secret::same(&tried.code_hash, &secret::code_hash(tried.id, secret, code));
    let found = codes.iter().find(fits).map(|tried| tried.id);
    if let Some(id) = found
        && let Some(consumed) = store::consume_by_code(&mut tx, id).await?
        && let Some(next) = open(&mut tx, visit, &consumed, "code", user_agent).await?
    {
        tx.commit().await?;
        return Ok(Typed::SignedIn(next));
    }
    let outcome = match store::pending(&mut tx, &place, &hash).await? {
        None => Typed::Nothing,
        Some(pending) if pending.spent => Typed::Spent,
        Some(_) if codes.is_empty() => Typed::Expired,
        Some(_) => Typed::Wrong,
    };
    // The tries stay counted.
    tx.commit().await?;
    Ok(outcome)
}

fn browser(visit: &Visit) -> Option<Hash> {
    visit.known_browser().map(|secret| secret::hash("browser", secret))
}

/// Opens the session of whoever owns the address now; none when nobody may come any more.
async fn open(
    tx: &mut TenantTx,
    visit: &Visit,
    consumed: &Consumed,
    by: &'static str,
    user_agent: &str,
) -> Result<Option<Next>, Error> {
    store::kill_siblings(tx, &Place::of(visit), &consumed.address).await?;
    let next = Next::parse(&consumed.next).within(visit.audience());
    let (session, actor, customer, next): (SessionId, _, _, _) =
        match Owner::find(tx, visit.audience(), &consumed.address).await? {
            None => return Ok(None),
            Some(Owner::Contact(contact)) => {
                let opening = Opening {
                    customer: contact.customer_id,
                    contact: contact.id,
                    remember: consumed.remember,
                    user_agent,
                };
                let session = sessions::open(tx, visit, &opening).await?;
                (session, Actor::Contact(contact.id), Some(contact.customer_id), next)
            }
            Some(Owner::Staff(staff)) => {
                let opened = staff::open(tx, visit, &staff, user_agent).await?;
                (opened.session, Actor::Staff(staff.id), None, opened.onward(&next))
            }
        };
    let entry = Entry {
        actor,
        customer,
        action: "signed_in",
        object_kind: "session",
        object_id: &session.to_string(),
        detail: json!({ "by": by, "link": consumed.id, "host": visit.host().host, "network": visit.host().peer_network() }),
    };
    audit::record(tx, visit.site().clock(), visit.site().random(), &entry).await?;
    Ok(Some(next))
}

/// A pressed button that did not sign in is worth a line; noise that names no link of ours is not.
async fn note_refusal(tx: &mut TenantTx, visit: &Visit, refusal: &Refusal) -> Result<(), Error> {
    let Some(link) = &refusal.link else { return Ok(()) };
    let entry = Entry {
        actor: Actor::System,
        customer: None,
        action: "link_refused",
        object_kind: "sign_in_link",
        object_id: &link.id.to_string(),
        detail: json!({ "why": refusal.fault, "host": visit.host().host, "network": visit.host().peer_network() }),
    };
    audit::record(tx, visit.site().clock(), visit.site().random(), &entry).await?;
    Ok(())
}
