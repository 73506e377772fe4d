//! Handlers of the demo's outbox. Registered in demo mode only: the page shows everybody's sign-in links.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderValue, header};
use platform_core::mail::{Outbox as Mails, StoredMail};
use platform_web::{Access, Error, Routes, Visit};
use serde::Deserialize;

use super::pages::{MailState, OpenMail, Outbox, OutboxMail};

const SHOWN: i64 = 50;

/// The page's routes.
#[must_use]
pub fn routes(mails: Mails) -> Routes {
    Routes::new()
        .get("/demo/outbox", Access::Public, newest)
        .get("/demo/outbox/{id}", Access::Public, one)
        .get("/demo/outbox/{id}/html", Access::Public, html)
        .with_state(Arc::new(mails))
}

/// `?to=` shows one person's mails.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    to: Option<String>,
}

async fn newest(
    visit: Visit,
    State(mails): State<Arc<Mails>>,
    Query(asked): Query<Asked>,
) -> Result<Response, Error> {
    let list = read(&visit, &mails, asked.to.as_deref()).await?;
    let open = list.first().cloned();
    visit.render(&page(&list, open))
}

async fn one(
    visit: Visit,
    State(mails): State<Arc<Mails>>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let list = read(&visit, &mails, None).await?;
    let open = find(&list, &id)?.clone();
    visit.render(&page(&list, Some(open)))
}

/// The HTML part as its reader sees it: on its own, with its own inline styles and nothing else.
async fn html(
    visit: Visit,
    State(mails): State<Arc<Mails>>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let list = read(&visit, &mails, None).await?;
    let body = find(&list, &id)?.body.clone().ok_or_else(Error::not_found)?;
    let mut response = Response::new(body.html.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'none'; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    Ok(response)
}

async fn read(visit: &Visit, mails: &Mails, to: Option<&str>) -> Result<Vec<StoredMail>, Error> {
    let mut tx = visit.site().db().operator("demo", "outbox page").await?;
    let list = mails.recent(&mut tx, to, SHOWN).await?;
    tx.commit().await?;
    Ok(list)
}

fn find<'a>(list: &'a [StoredMail], id: &str) -> Result<&'a StoredMail, Error> {
    list.iter().find(|mail| mail.id.to_string() == id).ok_or_else(Error::not_found)
}

fn page(list: &[StoredMail], open: Option<StoredMail>) -> Outbox {
    Outbox { mails: list.iter().map(line).collect(), open: open.map(opened) }
}

fn line(mail: &StoredMail) -> OutboxMail {
    OutboxMail {
        id: mail.id.to_string(),
        tenant: mail.from_name.clone(),
        to: mail.to_address.clone(),
        subject: mail.subject.clone(),
        state: state(mail),
        queued_at: mail.created_at,
        attempts: u32::try_from(mail.attempts).unwrap_or_default(),
    }
}

fn state(mail: &StoredMail) -> MailState {
    match (mail.sent_at, mail.failed_at, mail.last_error.as_ref()) {
        (Some(_), _, _) => MailState::Sent,
        (None, Some(_), _) => MailState::Failed,
        (None, None, Some(_)) => MailState::Retrying,
        (None, None, None) => MailState::Queued,
    }
}

fn opened(mail: StoredMail) -> OpenMail {
    let text = mail.body.map(|body| body.text);
    OpenMail {
        link: text.as_deref().and_then(first_link),
        html_href: text.as_ref().map(|_| format!("/demo/outbox/{}/html", mail.id)),
        id: mail.id.to_string(),
        from: mail.from_name,
        to: mail.to_address,
        subject: mail.subject,
        queued_at: mail.created_at,
        sent_at: mail.sent_at,
        text,
        error: mail.last_error.filter(|_| mail.sent_at.is_none()),
    }
}

fn first_link(text: &str) -> Option<String> {
    text.split_whitespace().find(|word| word.starts_with("https://")).map(str::to_owned)
}
