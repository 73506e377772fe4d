//! Asking for a sign-in mail.

use std::time::Duration;

use platform_core::id::AuthTokenId;
use platform_core::mail::NewMail;
use platform_core::{Scope, TenantTx, random};
use platform_web::{Error, Next, Visit};

use super::store::{self, Count, Settings};
use super::{CODE_MINUTES, Limits, Owner, stored};
use crate::Identity;
use crate::pages::SignInMail;
use crate::secret;
use crate::sessions::Agent;

const QUARTER: f64 = 15.0 * 60.0;
const DAY: f64 = 24.0 * 60.0 * 60.0;

/// A well-formed request for a mail.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    /// Lower case.
    pub(super) address: String,
    pub(super) remember: bool,
    pub(super) next: Next,
    pub(super) user_agent: &'a str,
}

/// Looks like an address: something, an at sign, something; no blanks. More is the mail server's to say.
pub(super) fn address(typed: &str) -> Option<String> {
    let (left, right) = typed.rsplit_once('@')?;
    let shaped = !left.is_empty()
        && right.contains('.')
        && !right.starts_with('.')
        && !right.ends_with('.')
        && !left.contains('@')
        && !typed.chars().any(|character| character.is_whitespace() || character.is_control());
    let address = typed.to_lowercase();
    (shaped && address.len() <= 254).then_some(address)
}

/// What came of it. The same for addresses that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A mail is on its way, if the address is known. `again`: this browser had asked for this address before.
    Sent { again: bool },
    /// Too often. Seconds until the next try.
    Limited(u64),
}

/// Writes a link and its mail. For an unknown address the mail is written and taken back in the same transaction: the
/// work is the same, and so is the time it takes.
pub(super) async fn send(identity: &Identity, visit: &Visit, asking: &Asking<'_>) -> Result<Asked, Error> {
    let mut tx = visit.site().db().tenant(Scope::tenant(visit.tenant())).await?;
    let peer = visit.host().peer_network().to_string();
    store::queue_up(&mut tx, &asking.address, &peer).await?;
    let settings = store::settings(&mut tx).await?;
    let counts = store::counts(&mut tx, &asking.address, &peer).await?;
    if let Some(wait) = wait(&counts, identity.limits(), settings) {
        tracing::info!(tenant = %visit.tenant(), peer, "sign-in mails were asked for too often");
        return Ok(Asked::Limited(wait));
    }
    let browser = secret::hash("browser", visit.browser());
    let before = store::pending(&mut tx, &store::Place::of(visit), &browser).await?;
    let letter = write_link(&mut tx, visit, asking, settings, &peer).await?;
    let owner = Owner::find(&mut tx, visit.audience(), &asking.address).await?;
    let mail = compose(visit, asking, settings, owner.as_ref(), &letter)?;
    store::savepoint(&mut tx).await?;
    identity.outbox().enqueue(&mut tx, &mail).await?;
    store::settle(&mut tx, owner.is_some()).await?;
    tx.commit().await?;
    Ok(Asked::Sent { again: before.is_some_and(|before| before.address == asking.address) })
}

/// Seconds to wait, when a limit is reached.
fn wait(counts: &[Count], limits: &Limits, settings: Settings) -> Option<u64> {
    let most = [
        (limits.address_quarter, QUARTER),
        (limits.address_day, DAY),
        (limits.peer_quarter, QUARTER),
        (i64::from(settings.mail_cap), QUARTER),
    ];
    let reached = counts.iter().zip(most).filter(|(count, (most, _))| count.asked >= *most);
    let waits = reached
        .map(|(count, (_, window))| Duration::from_secs_f64((window - count.oldest).max(1.0)).as_secs());
    waits.max()
}

/// What only the mail says.
struct Letter {
    link: String,
    code: String,
}

async fn write_link(
    tx: &mut TenantTx,
    visit: &Visit,
    asking: &Asking<'_>,
    settings: Settings,
    peer: &str,
) -> Result<Letter, Error> {
    let (clock, random) = (visit.site().clock(), visit.site().random());
    let id = AuthTokenId::new(clock, random);
    let (token, code) = (random::token(random), secret::code(random));
    let new = store::New {
        id,
        token: secret::hash("link", &token),
        code: secret::code_hash(id, visit.browser(), &code),
        browser: secret::hash("browser", visit.browser()),
        audience: stored(visit.audience()),
        host: &visit.host().host,
        address: &asking.address,
        peer,
        next: asking.next.as_str(),
        remember: asking.remember,
        link_hours: settings.link_hours,
        code_minutes: CODE_MINUTES,
    };
    store::insert(tx, &new).await?;
    // The origin is the route table's, whatever the request's headers say.
    let link = format!("{}{}/sign-in/{token}", visit.host().origin, visit.audience().base());
    Ok(Letter { link, code })
}

fn compose(
    visit: &Visit,
    asking: &Asking<'_>,
    settings: Settings,
    owner: Option<&Owner>,
    letter: &Letter,
) -> Result<NewMail, Error> {
    let to_address = owner.map_or(asking.address.as_str(), Owner::email);
    let page = SignInMail {
        audience: visit.audience(),
        link: letter.link.clone(),
        code: letter.code.clone(),
        link_hours: settings.link_hours.unsigned_abs(),
        code_minutes: CODE_MINUTES.unsigned_abs(),
        email: to_address.to_owned(),
        host: visit.host().host.clone(),
        asked_at: visit.now(),
        asked_from: Agent::read(asking.user_agent).name(),
    };
    let mail = visit.mail(owner.and_then(Owner::locale), &page)?;
    Ok(NewMail {
        to_address: to_address.to_owned(),
        to_name: owner.map_or_else(String::new, |owner| owner.name().to_owned()),
        from_name: visit.look().name.clone(),
        reply_to: None,
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        keep_body: Duration::from_secs(u64::from(settings.link_hours.unsigned_abs()) * 60 * 60),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_shape() {
        assert_eq!(
            address("Maya.Okafor@Brightwater.example").as_deref(),
            Some("maya.okafor@brightwater.example")
        );
        for wrong in [
            "",
            "maya",
            "@b.example",
            "maya@",
            "maya@b",
            "ma ya@b.example",
            "a@b@c.example",
            "a@.example",
            "a@b.\n",
        ] {
            assert_eq!(address(wrong), None, "{wrong:?}");
        }
        assert_eq!(address(&format!("{}@b.example", "a".repeat(300))), None);
    }

    #[test]
    fn the_longest_wait_counts() {
        let count = |asked, oldest| Count { asked, oldest };
        let limits = Limits::default();
        let none = [count(2, 10.0), count(9, 10.0), count(19, 10.0), count(1999, 10.0)];
        assert_eq!(wait(&none, &limits, Settings::default()), None);
        let two = [count(3, 300.0), count(10, 80_000.0), count(0, 0.0), count(3, 300.0)];
        assert_eq!(wait(&two, &limits, Settings::default()), Some(6400));
    }
}
