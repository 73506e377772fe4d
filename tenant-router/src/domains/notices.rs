//! Tells a tenant what happened to its domains: a line in its log, and a mail to its administrators where they should know
//! soon. Deeds wait in `domain_events` until they are told, so that nothing is lost between the deed and the mail.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use platform_core::audit::{self, Actor, Entry};
use platform_core::clock::Clock;
use platform_core::db::{Db, Error, Scope, System, TenantTx};
use platform_core::id::{DomainId, TenantId};
use platform_core::mail::{NewMail, Outbox};
use platform_core::random::Random;
use serde_json::Value;

use super::What;

const AT_ONCE: i64 = 50;
/// How long a deed that was told is kept for the list of a domain's own history.
const MEMORY: TimeDelta = TimeDelta::days(400);
/// There is no secret in these mails; a week is for whoever looks into the outbox.
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);

/// Tells.
#[derive(Clone)]
pub struct Notices {
    outbox: Outbox,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl std::fmt::Debug for Notices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Notices")
    }
}

#[derive(sqlx::FromRow)]
struct Untold {
    id: i64,
    domain_id: DomainId,
    host: String,
    what: What,
    detail: Value,
}

impl Notices {
    /// Mails go into `outbox`.
    #[must_use]
    pub fn new(outbox: Outbox, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { outbox, clock, random }
    }

    /// Tells everything that was not told yet, and forgets what was told to the same tenants long ago: their logs have it.
    ///
    /// # Errors
    /// The database's answer; what was told until then stays told.
    pub async fn tell(&self, db: &Db) -> Result<(), Error> {
        let mut tx = db.system(System::Routes).await?;
        let tenants: Vec<TenantId> = sqlx::query_scalar(
            "select distinct tenant_id from domain_events where told_at is null limit 100",
        )
        .fetch_all(tx.conn())
        .await?;
        drop(tx);
        for tenant in tenants {
            let mut tx = db.tenant(Scope::tenant(tenant)).await?;
            self.tell_tenant(&mut tx).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn tell_tenant(&self, tx: &mut TenantTx) -> Result<(), Error> {
        let untold: Vec<Untold> = sqlx::query_as(
            "select id, domain_id, host, what, detail from domain_events where told_at is null
              order by id limit $1 for update skip locked",
        )
        .bind(AT_ONCE)
        .fetch_all(tx.conn())
        .await?;
        for event in &untold {
            let object_id = event.domain_id.to_string();
            let mut detail = event.detail.clone();
            if let Value::Object(fields) = &mut detail {
                fields.insert("host".into(), event.host.clone().into());
            }
            let entry = Entry {
                actor: Actor::System,
                customer: None,
                action: action(event.what),
                object_kind: "domain",
                object_id: &object_id,
                detail,
            };
            audit::record(tx, &*self.clock, &*self.random, &entry).await?;
            if let Some((subject, text)) = letter(event) {
                self.mail(tx, &subject, &text).await?;
            }
        }
        forget(tx, self.clock.now() - MEMORY).await?;
        let told: Vec<i64> = untold.iter().map(|event| event.id).collect();
        sqlx::query("update domain_events set told_at = $2 where id = any ($1)")
            .bind(told)
            .bind(self.clock.now())
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    /// To every administrator of the tenant.
    async fn mail(&self, tx: &mut TenantTx, subject: &str, text: &str) -> Result<(), Error> {
        let administrators: Vec<(String, String, String)> = sqlx::query_as(
            "select s.email, s.name, t.name from staff s join tenants t on t.id = s.tenant_id
              where s.role = 'cs_admin' and s.active",
        )
        .fetch_all(tx.conn())
        .await?;
        for (to_address, to_name, from_name) in administrators {
            let mail = NewMail {
                to_address,
                to_name,
                from_name,
                reply_to: None,
                subject: subject.to_owned(),
                text: text.to_owned(),
                html: html(text),
                keep_body: KEEP,
            };
            self.outbox.enqueue(tx, &mail).await?;
        }
        Ok(())
    }
}

async fn forget(tx: &mut TenantTx, before: DateTime<Utc>) -> Result<(), Error> {
    let tenant = tx.tenant();
    sqlx::query("delete from domain_events where tenant_id = $1 and told_at < $2")
        .bind(tenant)
        .bind(before)
        .execute(tx.conn())
        .await?;
    Ok(())
}

fn action(what: What) -> &'static str {
    match what {
        What::Claimed => "claimed",
        What::Verified => "verified",
        What::Took => "took_over",
        What::Live => "went_live",
        What::Troubled => "warned",
        What::Recovered => "recovered",
        What::Moved => "moved_away",
        What::Returned => "returned",
        What::Released => "released",
        What::Taken => "lost",
        What::Expired => "expired",
        What::StillPoints => "still_points",
    }
}

/// Subject and text, where a mail is due.
fn letter(event: &Untold) -> Option<(String, String)> {
    let host = &event.host;
    let let_go = event.detail.get("why").and_then(Value::as_str) == Some("moved");
    let (subject, text) = match event.what {
        What::Troubled => (
            format!("{host} needs a change in its DNS"),
            format!(
                "{host} works today, but its next certificate would be refused:\n\n{}\n\nIt is looked at again every day.",
                faults(&event.detail)
            ),
        ),
        What::Moved => (
            format!("{host} no longer points at your portal"),
            format!(
                "The DNS of {host} has turned away from your portal. It is kept for seven days: set its record again and \
                 nothing is lost. After that the host is given up."
            ),
        ),
        What::Released if let_go => (
            format!("{host} was given up"),
            format!(
                "{host} has not pointed at your portal for seven days, so it was given up and its certificate is not \
                 renewed. To serve it again, claim it again: it gets a new record."
            ),
        ),
        What::Taken => (
            format!("{host} is no longer yours here"),
            format!(
                "Somebody else has proven with a record in its DNS that {host} is theirs, so it was moved to their portal. \
                 If that is wrong, claim the host again and set the TXT record that you are shown: the newest proof wins. \
                 Then find out who may change your DNS."
            ),
        ),
        What::StillPoints => (
            format!("{host} still points here"),
            format!(
                "{host} was given up here, but its DNS record still leads to this platform. Nobody else can ever use that \
                 record's target; visitors of {host} find a page that says nothing is there.\n\nDelete the record, or claim \
                 the host again to serve it: it gets a new record then. You are reminded once a week for three months."
            ),
        ),
        _ => return None,
    };
    Some((subject, text))
}

fn faults(detail: &Value) -> String {
    let all = detail.get("faults").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let line = |fault: &Value| {
        let text = |key: &str| fault.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        format!("{}\n{}", text("says"), text("fix"))
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n\n")
}

/// The same text for readers of HTML.
fn html(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let paragraphs: Vec<String> =
        escaped.split("\n\n").map(|part| format!("<p>{}</p>", part.replace('\n', "<br>"))).collect();
    paragraphs.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_carries_no_markup_of_strangers() {
        // A CAA record's text comes from a stranger's DNS.
        assert_eq!(html("a <b>\n\nc & \"d\"\ne"), "<p>a &lt;b&gt;</p><p>c &amp; &quot;d&quot;<br>e</p>");
    }
}
