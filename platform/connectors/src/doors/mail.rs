//! Mail to the tenant's operations: the request in words, as a file for their system, and a link to answer it.
//!
//! The mail's id is the request's, so a hand-over that runs twice mails once. English, as every mail to staff is.

use std::time::Duration;

use platform_core::clock::Clock;
use platform_core::id::{DoorId, MailId, RequestId, TenantId};
use platform_core::mail::{Attachment, NewMail, Outbox};
use platform_core::{Db, Scope};
use serde_json::Value;
use std::sync::Arc;

use super::answer::link_token;
use super::{Attached, Doing, Door, Message, Verdict};

/// As long as its links act.
const KEEP: Duration = Duration::from_secs(60 * 24 * 3600);

/// Mails of one tenant to one address.
#[derive(Debug)]
pub(super) struct Operations {
    pub(super) db: Db,
    pub(super) outbox: Outbox,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tenant: TenantId,
    pub(super) door: DoorId,
    pub(super) secret: String,
    pub(super) to: String,
    pub(super) attach: Attached,
    /// The tenant's own portal, as in `https://techflow.portico.example`.
    pub(super) origin: String,
    pub(super) tenant_name: String,
}

impl Operations {
    async fn write(&self, message: &Message) -> Result<(), platform_core::Error> {
        let token = link_token(self.door.0, &self.secret, message.id, self.clock.now());
        let link = format!("{}/answers/{token}", self.origin);
        let text = words(message, &link);
        let mail = NewMail {
            to_address: self.to.clone(),
            to_name: String::new(),
            from_name: self.tenant_name.clone(),
            reply_to: Some(message.person.email.clone()),
            subject: subject(message),
            html: format!("<pre>{}</pre>", escaped(&text)),
            text,
            keep_body: KEEP,
        };
        let mut tx = self.db.tenant(Scope::tenant(self.tenant)).await?;
        self.outbox
            .enqueue_once(&mut tx, MailId(message.id.0), &mail, vec![self.attachment(message)])
            .await?;
        tx.commit().await
    }

    fn attachment(&self, message: &Message) -> Attachment {
        match self.attach {
            Attached::Csv if !message.lines().is_empty() => Attachment {
                name: format!("{}.csv", message.id),
                media_type: "text/csv; charset=utf-8".to_owned(),
                text: csv(message),
            },
            _ => Attachment {
                name: format!("{}.json", message.id),
                media_type: "application/json".to_owned(),
                text: message.json(),
            },
        }
    }
}

impl Door for Operations {
    fn hand_over<'a>(&'a self, message: &'a Message) -> Doing<'a, Option<Verdict>> {
        Box::pin(async move {
            self.write(message).await.map_err(|error| error.to_string())?;
            Ok(None)
        })
    }

    /// People answer by the link.
    fn answers<'a>(&'a self, _open: &'a [RequestId]) -> Doing<'a, Option<Vec<(RequestId, Verdict)>>> {
        Box::pin(async { Ok(None) })
    }

    fn test(&self) -> Doing<'_, String> {
        Box::pin(async move { Ok(format!("mails go to {}", self.to)) })
    }
}

fn subject(message: &Message) -> String {
    let what = match message.kind {
        crate::requests::Kind::Reorder => "Reorder",
        crate::requests::Kind::ContactChange => "Change of contact data",
        crate::requests::Kind::AddressChange => "Change of address",
    };
    format!("{what}: {} ({})", message.customer_name, message.summary)
}

fn words(message: &Message, link: &str) -> String {
    let mut text = format!(
        "{}\n\nCustomer: {} ({})\nAsked by: {} <{}>\nAt: {}\nRequest: {}\n",
        message.summary,
        message.customer_name,
        message.customer.as_deref().unwrap_or("no account number"),
        message.person.name,
        message.person.email,
        message.submitted_at.format("%F %T UTC"),
        message.id,
    );
    for (name, label) in [("purchase_order", "Purchase order"), ("note", "Note")] {
        if let Some(word) = message.word(name) {
            text += &format!("{label}: {word}\n");
        }
    }
    for line in message.lines() {
        let word = |name: &str| shown(line.get(name));
        text += &format!(
            "\n  {} x {}  {}  {} {}",
            word("quantity"),
            word("sku"),
            word("description"),
            word("unit_price"),
            word("currency")
        );
    }
    text += &format!("\n\nAccept or reject it here (the customer is told at once):\n{link}\n");
    text
}

fn csv(message: &Message) -> String {
    const COLUMNS: [&str; 7] =
        ["sku", "description", "quantity", "unit", "unit_price", "currency", "replaces"];
    let mut text = format!("request,customer,purchase_order,{}\r\n", COLUMNS.join(","));
    for line in message.lines() {
        let mut cells = vec![
            message.id.to_string(),
            message.customer.clone().unwrap_or_default(),
            message.word("purchase_order").unwrap_or_default().to_owned(),
        ];
        cells.extend(COLUMNS.iter().map(|name| shown(line.get(*name))));
        text += &cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",");
        text += "\r\n";
    }
    text
}

/// A cell that a spreadsheet reads as text: quotes doubled, and nothing that begins a formula.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

fn shown(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
