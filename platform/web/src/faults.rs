//! Errors become pages here, once, and are logged here, once. What the reader sees says what happened and what to do,
//! with the request's id as its reference; what caused it is for the log.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use themes::{Scheme, Shell, View};

use crate::error::{Error, Fault, Kind};
use crate::next;
use crate::pages::Failure;
use crate::site::Site;
use crate::visit::{Rendered, Visit, html_response};

/// Replaces errors, and bare statuses that others made, by pages.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let Some(visit) = request.extensions().get::<Visit>().cloned() else { return next.run(request).await };
    let asks = Asks::of(&request);
    let mut response = next.run(request).await;
    let fault = response.extensions_mut().remove::<Fault>();
    let Some(error) = fault.map(|fault| fault.0).or_else(|| bare(&response)) else { return response };
    note(&visit, &error);
    let mut page = asks.answer(&visit, &error);
    for name in [header::ALLOW, header::SET_COOKIE] {
        for value in response.headers().get_all(&name) {
            page.headers_mut().append(&name, value.clone());
        }
    }
    let patience = match error.kind() {
        Kind::TooMany(seconds) => Some(*seconds),
        Kind::Unavailable => Some(5),
        _ => None,
    };
    if let Some(seconds) = patience {
        page.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    page
}

/// A page of an unknown host. Names nobody.
pub(crate) fn neutral(site: &Site, headers: &HeaderMap, path: &str, error: &Error) -> Response {
    let reference = crate::visit::request_id(site.random());
    tracing::info!(request_id = reference, status = error.status().as_u16(), cause = %error.story(), "no tenant here");
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let scheme = crate::cookie::read(headers, Scheme::COOKIE).map(Scheme::parse).unwrap_or_default();
    let shell = Shell { path: path.to_owned(), scheme, ..Shell::default() };
    let locale = site.themes().locales().negotiate(None, None, accepted);
    let view =
        View { skin: site.neutral(), locale, zone: chrono_tz::UTC, now: site.clock().now(), shell: &shell };
    let page = Failure::of(error.kind(), &reference);
    html_response(error.status(), site.themes().render_error(&view, &page, Some(&reference)))
}

/// A status without a page: from axum (no such method), from a limit, from a handler in a hurry.
fn bare(response: &Response) -> Option<Arc<Error>> {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let deliberate = response.extensions().get::<Rendered>().is_some()
        || kind.is_some_and(|kind| !kind.starts_with(b"text/plain"));
    (failed && !deliberate).then(|| Arc::new(Error::of_status(status)))
}

fn note(visit: &Visit, error: &Error) {
    let (id, tenant, status, cause) =
        (visit.request_id(), visit.tenant(), error.status().as_u16(), error.story());
    if error.status().is_server_error() {
        tracing::error!(request_id = id, %tenant, status, %cause, "the request failed");
    } else if !cause.is_empty() {
        tracing::info!(request_id = id, %tenant, status, %cause, "the request was refused");
    }
}

/// What kind of answer the other side can use.
struct Asks {
    page: bool,
    /// Where to come back to after signing in.
    next: Option<next::Next>,
}

impl Asks {
    fn of(request: &Request) -> Self {
        let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let page = match text("sec-fetch-mode") {
            Some(mode) => mode == "navigate",
            None => {
                text("accept").is_none_or(|accept| accept.contains("text/html") || accept.contains("*/*"))
            }
        };
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        Self { page, next: reads.then(|| next::Next::parse(path)) }
    }

    fn answer(&self, visit: &Visit, error: &Error) -> Response {
        if !self.page {
            return plain(visit, error.status());
        }
        if *error.kind() == Kind::SignIn {
            return Redirect::to(&sign_in_path(self.next.as_ref())).into_response();
        }
        visit.render_error(error.status(), &Failure::of(error.kind(), visit.request_id()))
    }
}

/// `/sign-in`, and back again afterwards.
fn sign_in_path(next: Option<&next::Next>) -> String {
    match next.filter(|next| !next.is_home()) {
        Some(next) => format!("/sign-in?next={}", next.encoded()),
        None => "/sign-in".to_owned(),
    }
}

fn plain(visit: &Visit, status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    (status, format!("{reason}. Reference {}.\n", visit.request_id())).into_response()
}
