//! Errors become pages here, once, and are logged here, once. What the reader sees says what happened and what to do,
//! with the request's id as its reference; what caused it is for the log.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use themes::{Page, Scheme, Shell, View};

use crate::error::{Error, Fault, Kind};
use crate::next;
use crate::pages::{ErrorKind, ErrorPage, Neutral, NeutralWhy};
use crate::render::{Rendered, html_response};
use crate::site::Site;
use crate::visit::Visit;

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

/// Why a request has no tenant. The server's composition puts it into the extensions of a request instead of a
/// [`crate::Host`]; a request with neither is of an unknown host.
#[derive(Debug, Clone, Copy)]
pub struct NoTenant(pub NeutralWhy);

/// The page of a request without a tenant. Names nobody.
pub(crate) fn neutral(site: &Site, request: &Parts, why: NeutralWhy) -> Response {
    let status = match why {
        NeutralWhy::BadAuthority => StatusCode::BAD_REQUEST,
        NeutralWhy::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        NeutralWhy::Unknown => StatusCode::NOT_FOUND,
        NeutralWhy::Waiting | NeutralWhy::Suspended => StatusCode::SERVICE_UNAVAILABLE,
    };
    nobodys(site, request, status, &Neutral { why }, None)
}

/// The tenant could not be looked up.
pub(crate) fn blind(site: &Site, request: &Parts, error: &Error) -> Response {
    let reference = crate::visit::request_id(site.random());
    tracing::error!(request_id = reference, cause = %error.story(), "the tenant could not be looked up");
    let page = error_page(error.kind(), &reference);
    nobodys(site, request, error.status(), &page, Some(&reference))
}

fn nobodys<P: Page>(
    site: &Site,
    request: &Parts,
    status: StatusCode,
    page: &P,
    reference: Option<&str>,
) -> Response {
    let accepted = request.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let scheme = crate::cookie::read(&request.headers, Scheme::COOKIE).map(Scheme::parse).unwrap_or_default();
    let shell = Shell { path: request.uri.path().to_owned(), scheme, ..Shell::default() };
    let locale = site.themes().locales().negotiate(None, None, accepted);
    let view =
        View { skin: site.neutral(), locale, zone: chrono_tz::UTC, now: site.clock().now(), shell: &shell };
    html_response(status, site.themes().render_error(&view, page, reference))
}

fn error_page(kind: &Kind, reference: &str) -> ErrorPage {
    let (kind, wait_minutes) = match kind {
        // Machines and scripts are told 401; a page leads to sign-in instead.
        Kind::NotFound | Kind::MethodNotAllowed | Kind::SignIn | Kind::Unproved => {
            (ErrorKind::NotFound, None)
        }
        Kind::StaleForm => (ErrorKind::StaleForm, None),
        Kind::BadRequest => (ErrorKind::BadRequest, None),
        Kind::TooLarge => (ErrorKind::TooLarge, None),
        Kind::TooMany(seconds) => (ErrorKind::TooMany, Some(seconds.div_ceil(60).max(1))),
        Kind::Unavailable => (ErrorKind::Unavailable, Some(1)),
        Kind::Internal => (ErrorKind::Internal, None),
    };
    // Only faults of ours are worth a call, and only then a number is of use.
    let ours = matches!(kind, ErrorKind::Internal | ErrorKind::Unavailable);
    ErrorPage { kind, reference: ours.then(|| reference.to_owned()), wait_minutes }
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
        if !self.page || *error.kind() == Kind::Unproved {
            return plain(visit, error.status());
        }
        if *error.kind() == Kind::SignIn {
            return Redirect::to(&sign_in_path(visit.audience().base(), self.next.as_ref())).into_response();
        }
        visit.render_error(error.status(), &error_page(error.kind(), visit.request_id()))
    }
}

/// `/sign-in`, or the console's, and back again afterwards.
fn sign_in_path(base: &str, next: Option<&next::Next>) -> String {
    match next.filter(|next| !next.is_home() && next.as_str() != base) {
        Some(next) => format!("{base}/sign-in?next={}", next.encoded()),
        None => format!("{base}/sign-in"),
    }
}

fn plain(visit: &Visit, status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    (status, format!("{reason}. Reference {}.\n", visit.request_id())).into_response()
}
