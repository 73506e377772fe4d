//! The mail outbox: a mail is a row written in the transaction that causes it, and a job delivers it by SMTP.
//!
//! Bodies are sealed, because they hold live sign-in links, and erased when they are of no more use. How a mail looks
//! is `themes`' affair; which mails exist is each slice's.

mod stopping;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lettre::message::header::ContentType;
use lettre::message::{Attachment as Part, Mailbox, MultiPart};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::db::{Db, Error, OperatorTx, Scope, System, TenantTx};
use crate::id::{MailId, TenantId};
use crate::jobs::{self, Failure, Job, Worker};
use crate::random::{self, Random};
use crate::secrets::{Binding, Sealer};

/// A mail to be sent.
#[derive(Debug, Clone)]
pub struct NewMail {
    pub to_address: String,
    pub to_name: String,
    /// The tenant's name: no reader sees the platform's.
    pub from_name: String,
    pub reply_to: Option<String>,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// How long the body may be kept; a sign-in mail's as long as its link lives.
    pub keep_body: Duration,
}

/// A mail of the outbox, body opened.
#[derive(Debug, Clone)]
pub struct StoredMail {
    pub tenant: TenantId,
    pub id: MailId,
    pub to_address: String,
    pub to_name: String,
    pub from_name: String,
    pub reply_to: Option<String>,
    pub subject: String,
    /// None once erased.
    pub body: Option<Body>,
    pub message_id: String,
    pub created_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
    pub failed_at: Option<DateTime<Utc>>,
    pub attempts: i32,
    pub last_error: Option<String>,
}

/// Both forms of a mail's body.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Body {
    pub text: String,
    pub html: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A small text file beside a mail; sealed and erased with its body.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attachment {
    pub name: String,
    /// As in `application/json`.
    pub media_type: String,
    pub text: String,
}

/// Delivers one mail.
#[derive(Debug, Serialize, Deserialize)]
pub struct SendMail {
    id: MailId,
}

impl Job for SendMail {
    const KIND: &'static str = "send_mail";
    // With pauses of up to an hour: about a day and a half.
    const MAX_ATTEMPTS: i32 = 48;
}

/// The outbox: writes, reads and delivers.
#[derive(Debug, Clone)]
pub struct Outbox {
    sealer: Sealer,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Outbox {
    /// An outbox whose bodies are sealed with `sealer`.
    #[must_use]
    pub fn new(sealer: Sealer, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { sealer, clock, random }
    }

    /// Writes a mail and its delivery into the caller's transaction.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn enqueue(&self, tx: &mut TenantTx, mail: &NewMail) -> Result<MailId, Error> {
        let id = MailId::new(&*self.clock, &*self.random);
        self.enqueue_once(tx, id, mail, Vec::new()).await?;
        Ok(id)
    }

    /// The same with files beside it, under an id that the cause gives: a second mail of this id is the first, so what
    /// runs twice mails once. Returns whether it is new.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn enqueue_once(
        &self,
        tx: &mut TenantTx,
        id: MailId,
        mail: &NewMail,
        attachments: Vec<Attachment>,
    ) -> Result<bool, Error> {
        let body = Body { text: mail.text.clone(), html: mail.html.clone(), attachments };
        let body =
            serde_json::to_vec(&body).map_err(|e| Error::Corrupt { what: "mail", reason: e.to_string() })?;
        let tenant = tx.tenant();
        let sealed = self.sealer.seal(&binding(tenant, id), &body);
        // The right-hand side is the envelope domain's at delivery; readers compare the left.
        let message_id = format!("{}@mail.invalid", random::token(&*self.random));
        let added = sqlx::query(
            "insert into mail_outbox (tenant_id, id, to_address, to_name, from_name, reply_to, subject, body, message_id,
                                      erase_body_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(secs => $10))
             on conflict (tenant_id, id) do nothing",
        )
        .bind(tenant)
        .bind(id)
        .bind(&mail.to_address)
        .bind(&mail.to_name)
        .bind(&mail.from_name)
        .bind(&mail.reply_to)
        .bind(&mail.subject)
        .bind(sealed)
        .bind(message_id)
        .bind(mail.keep_body.as_secs_f64())
        .execute(tx.conn())
        .await?;
        if added.rows_affected() == 1 {
            jobs::enqueue(tx, &*self.clock, &*self.random, &SendMail { id }, Some(&id.to_string())).await?;
        }
        Ok(added.rows_affected() == 1)
    }

    /// The newest mails of all tenants, or those to one address, bodies opened. For people of the platform.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn recent(
        &self,
        tx: &mut OperatorTx,
        to: Option<&str>,
        limit: i64,
    ) -> Result<Vec<StoredMail>, Error> {
        let rows: Vec<Row> = sqlx::query_as(
            "select tenant_id, id, to_address, to_name, from_name, reply_to, subject, body, message_id, created_at, sent_at,
                    failed_at, attempts, last_error
               from mail_outbox where $1::text is null or lower(to_address) = lower($1)
              order by created_at desc, id desc limit $2",
        )
        .bind(to)
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
        rows.into_iter().map(|row| self.open(row)).collect()
    }

    async fn find(&self, tx: &mut TenantTx, id: MailId) -> Result<Option<StoredMail>, Error> {
        let tenant = tx.tenant();
        let row: Option<Row> = sqlx::query_as(
            "select tenant_id, id, to_address, to_name, from_name, reply_to, subject, body, message_id, created_at, sent_at,
                    failed_at, attempts, last_error
               from mail_outbox where tenant_id = $1 and id = $2",
        )
        .bind(tenant)
        .bind(id)
        .fetch_optional(tx.conn())
        .await?;
        row.map(|row| self.open(row)).transpose()
    }

    fn open(&self, row: Row) -> Result<StoredMail, Error> {
        let body = match row.body {
            None => None,
            Some(sealed) => {
                let plain = self.sealer.open(&binding(row.tenant_id, row.id), &sealed)?;
                let body = serde_json::from_slice(&plain)
                    .map_err(|e| Error::Corrupt { what: "mail", reason: e.to_string() })?;
                Some(body)
            }
        };
        Ok(StoredMail {
            tenant: row.tenant_id,
            id: row.id,
            to_address: row.to_address,
            to_name: row.to_name,
            from_name: row.from_name,
            reply_to: row.reply_to,
            subject: row.subject,
            body,
            message_id: row.message_id,
            created_at: row.created_at,
            sent_at: row.sent_at,
            failed_at: row.failed_at,
            attempts: row.attempts,
            last_error: row.last_error,
        })
    }
}

fn binding(tenant: TenantId, id: MailId) -> Binding {
    Binding { table: "mail_outbox", column: "body", tenant: Some(tenant), row: id.0 }
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant_id: TenantId,
    id: MailId,
    to_address: String,
    to_name: String,
    from_name: String,
    reply_to: Option<String>,
    subject: String,
    body: Option<Vec<u8>>,
    message_id: String,
    created_at: DateTime<Utc>,
    sent_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
    attempts: i32,
    last_error: Option<String>,
}

/// Carries mails from the outbox to the SMTP server.
#[derive(Clone)]
pub struct Courier {
    db: Db,
    outbox: Outbox,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    /// The address in `From`; the name beside it is the tenant's.
    from: Address,
}

impl Courier {
    /// `smtp_url` as lettre reads it: `smtp://host:port`, `smtps://user:password@host`, `?tls=required`.
    ///
    /// # Errors
    /// When the URL or the address cannot be read; the message holds no password.
    pub fn new(db: Db, outbox: Outbox, smtp_url: &str, from: &str) -> Result<Self, String> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(smtp_url)
            .map_err(|error| format!("smtp.url: {error}"))?
            .timeout(Some(Duration::from_secs(20)))
            .build();
        let from = from.parse().map_err(|error| format!("smtp.from: {error}"))?;
        Ok(Self { db, outbox, transport, from })
    }

    /// Teaches a worker to deliver.
    #[must_use]
    pub fn register(self, worker: Worker) -> Worker {
        worker.on(move |tenant, job: SendMail, attempts| {
            let courier = self.clone();
            async move { courier.deliver(tenant, job.id, attempts).await }
        })
    }

    async fn deliver(&self, tenant: TenantId, id: MailId, attempts: i32) -> Result<(), Failure> {
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await?;
        let Some(mail) = self.outbox.find(&mut tx, id).await? else { return Ok(()) };
        let stop = stopping::address(&mut tx, id).await?;
        drop(tx);
        let Some(body) = mail.body.clone().filter(|_| mail.sent_at.is_none()) else { return Ok(()) };
        let message = self.compose(&mail, body, stop.as_deref()).map_err(Failure::Fail)?;
        let outcome = match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(Failure::Fail(error.to_string())),
            Err(error) => Err(Failure::Retry(error.to_string())),
        };
        self.record(tenant, id, attempts, &outcome).await?;
        outcome
    }

    fn compose(&self, mail: &StoredMail, body: Body, stop: Option<&str>) -> Result<Message, String> {
        let address: Address = mail.to_address.parse().map_err(|error| format!("to: {error}"))?;
        let domain = self.from.domain();
        let left = mail.message_id.split('@').next().unwrap_or_default();
        let mut builder = Message::builder()
            .from(Mailbox::new(one_line(&mail.from_name), self.from.clone()))
            .to(Mailbox::new(one_line(&mail.to_name), address))
            .subject(one_line(&mail.subject).unwrap_or_default())
            .date(mail.created_at.into())
            .message_id(Some(format!("<{left}@{domain}>")));
        if let Some(reply_to) = mail.reply_to.as_deref() {
            builder = builder.reply_to(reply_to.parse().map_err(|error| format!("reply to: {error}"))?);
        }
        if let Some(stop) = stop {
            builder = stopping::told(builder, stop);
        }
        let words = MultiPart::alternative_plain_html(body.text, body.html);
        if body.attachments.is_empty() {
            return builder.multipart(words).map_err(|error| error.to_string());
        }
        let mut parts = MultiPart::mixed().multipart(words);
        for file in body.attachments {
            let media: ContentType =
                file.media_type.parse().map_err(|_| format!("media type {:?}", file.media_type))?;
            parts =
                parts.singlepart(Part::new(one_line(&file.name).unwrap_or_default()).body(file.text, media));
        }
        builder.multipart(parts).map_err(|error| error.to_string())
    }

    async fn record(
        &self,
        tenant: TenantId,
        id: MailId,
        attempts: i32,
        outcome: &Result<(), Failure>,
    ) -> Result<(), Error> {
        let (sent, failed, reason) = match outcome {
            Ok(()) => (true, false, None),
            Err(Failure::Retry(reason)) => (false, attempts >= SendMail::MAX_ATTEMPTS, Some(reason)),
            Err(Failure::Fail(reason)) => (false, true, Some(reason)),
        };
        let mut tx = self.db.tenant(Scope::tenant(tenant)).await?;
        sqlx::query(
            "update mail_outbox set attempts = $3, last_error = $4,
                    sent_at = case when $5 then now() end, failed_at = case when $6 then now() end
              where tenant_id = $1 and id = $2 and sent_at is null",
        )
        .bind(tenant)
        .bind(id)
        .bind(attempts)
        .bind(reason)
        .bind(sent)
        .bind(failed)
        .execute(tx.conn())
        .await?;
        tx.commit().await
    }
}

/// A header's text without control characters: a name with a line break would be a header of its own, and lettre
/// panics on it.
fn one_line(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    Some(text).filter(|text| !text.is_empty())
}

/// Erases bodies that are of no more use. Returns how many.
///
/// # Errors
/// The database's answer.
pub async fn erase_old_bodies(db: &Db) -> Result<u64, Error> {
    let mut tx = db.system(System::Mail).await?;
    let done =
        sqlx::query("update mail_outbox set body = null where body is not null and erase_body_at < now()")
            .execute(tx.conn())
            .await?;
    tx.commit().await?;
    Ok(done.rows_affected())
}
