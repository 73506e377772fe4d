//! Answers that name no tenant: to unknown hosts, to requests without a usable host, to hosts whose certificate has not
//! come. The page itself is the server's, through [`NeutralPages`]; status and headers are decided here.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, Version, header};

/// Why a request does not reach a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 400: no usable host.
    BadAuthority,
    /// 421: the certificate of this connection does not cover the host.
    Misdirected,
    /// 404: nobody's host, or one that was released.
    Unknown,
    /// 503: the host is known, its certificate has not come.
    Waiting,
    /// 503: the tenant is suspended.
    Suspended,
}

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadAuthority => StatusCode::BAD_REQUEST,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Waiting | Self::Suspended => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// One sentence for a person.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::BadAuthority => "This request does not say which site it is for.",
            Self::Misdirected => "This connection belongs to another site. Open the address in a new window.",
            Self::Unknown => "There is no site at this address.",
            Self::Waiting => "This site is being prepared. Try again in a minute.",
            Self::Suspended => "This site is not available at present.",
        }
    }
}

/// Draws the neutral page. It must show no tenant's name, and nothing of the request.
pub trait NeutralPages: Send + Sync + std::fmt::Debug {
    /// The body and its content type.
    fn page(&self, refusal: Refusal) -> (Body, HeaderValue);

    /// The content security policy of the page.
    fn policy(&self) -> HeaderValue {
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )
    }
}

/// The page when the server brings none: one sentence of plain text.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainPages;

impl NeutralPages for PlainPages {
    fn page(&self, refusal: Refusal) -> (Body, HeaderValue) {
        let text = format!("{}\n", refusal.sentence());
        (Body::from(text), HeaderValue::from_static("text/plain; charset=utf-8"))
    }
}

/// The whole answer to a request of this version.
pub(crate) fn answer(pages: &dyn NeutralPages, refusal: Refusal, version: Version) -> Response<Body> {
    let (body, kind) = pages.page(refusal);
    let mut response = Response::new(body);
    *response.status_mut() = refusal.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONTENT_SECURITY_POLICY, pages.policy());
    match refusal {
        // Nothing good can come on this connection. HTTP/2 knows no such header.
        Refusal::BadAuthority | Refusal::Misdirected if version < Version::HTTP_2 => {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Refusal::Waiting | Refusal::Suspended => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        Refusal::BadAuthority | Refusal::Misdirected | Refusal::Unknown => {}
    }
    response
}
