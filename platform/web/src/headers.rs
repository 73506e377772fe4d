//! Security headers, on every response that leaves, errors and assets included. Nothing here names the platform.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::visit::Visit;

/// The same for every response.
const FIXED: [(HeaderName, &str); 8] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("origin-agent-cluster"), "?1"),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), display-capture=(), encrypted-media=(), \
         fullscreen=(self), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), \
         picture-in-picture=(), publickey-credentials-get=(self), screen-wake-lock=(), sync-xhr=(), usb=(), \
         xr-spatial-tracking=()",
    ),
];

/// Two years, as Mozilla and testssl ask. Without includeSubDomains: the domain is the customer's, its other hosts
/// are not ours to bind.
const HSTS: &str = "max-age=63072000";

/// The policy of a response without a page: nothing may load.
const NO_PAGE: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Adds what is missing; a handler that sets a header itself (a stricter referrer policy, a cache rule) keeps it.
pub(crate) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let visit = response.extensions_mut().remove::<Visit>();
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HeaderValue::from_static(HSTS));
    // `no-referrer` would make browsers send `Origin: null` with our own forms.
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy(is_html(headers), visit.as_ref()));
    }
    if let Some(visit) = visit {
        if let Ok(id) = HeaderValue::from_str(visit.request_id()) {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        for cookie in visit.take_cookies() {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    response
}

fn is_html(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn policy(html: bool, visit: Option<&Visit>) -> HeaderValue {
    let page = || {
        // Pages without a visit (unknown hosts) have no script, and their stylesheets are our own.
        let (script, style) = match visit {
            Some(visit) => {
                let nonce = visit.nonce();
                (format!("'nonce-{nonce}' 'strict-dynamic'"), format!("'nonce-{nonce}'"))
            }
            None => ("'none'".to_owned(), "'self'".to_owned()),
        };
        let text = format!(
            "default-src 'none'; script-src {script}; style-src {style}; img-src 'self' data:; font-src 'self'; \
             connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
             object-src 'none'"
        );
        HeaderValue::from_str(&text).ok()
    };
    html.then(page).flatten().unwrap_or(HeaderValue::from_static(NO_PAGE))
}
