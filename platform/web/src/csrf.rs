//! Forms that were sent from elsewhere are refused: by where the browser says they come from, and by a token that only
//! our own pages carry.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA256};
use axum::body::Body;
use axum::extract::Request;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, header};

use crate::error::{Error, Kind};
use crate::posted::Posted;
use crate::visit::Visit;

/// Name of the hidden field.
pub(crate) const FIELD: &str = "csrf";
/// For scripts that send no form.
pub(crate) const HEADER: &str = "x-csrf";
/// Forms are small; files have a road of their own.
const LARGEST_FORM: usize = 64 * 1024;

/// The token that belongs to a cookie's secret. It tells nothing about the secret, and without the secret nobody can
/// make it.
pub(crate) fn token(secret: &str) -> String {
    let mut hash = Context::new(&SHA256);
    hash.update(b"portico form token\0");
    hash.update(secret.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.finish())
}

pub(crate) fn verify(given: &str, secret: &str) -> bool {
    verify_slices_are_equal(given.as_bytes(), token(secret).as_bytes()).is_ok()
}

/// Reads the form, checks it, and gives the request back with [`Posted`] among its extensions.
pub(crate) async fn check(request: Request) -> Result<Request, Error> {
    let (mut parts, body) = request.into_parts();
    let visit = parts
        .extensions
        .get::<Visit>()
        .cloned()
        .ok_or_else(|| Error::internal("no visit: the route is outside of web::stack"))?;
    check_origin(&parts.headers, &visit.host().origin)?;
    let (body, posted) = if is_form(&parts.headers) {
        let limited = http_body_util::Limited::new(body, LARGEST_FORM);
        let collected = http_body_util::BodyExt::collect(limited).await;
        let bytes =
            collected.map_err(|error| Error::because(too_large_or_broken(&*error), error))?.to_bytes();
        (Body::empty(), Some(Posted::decode(&bytes)))
    } else {
        (body, None)
    };
    let in_header = parts.headers.get(HEADER).and_then(|value| value.to_str().ok());
    let token = posted.as_ref().map(|form| form.text(FIELD)).filter(|token| !token.is_empty()).or(in_header);
    if !token.is_some_and(|token| visit.accepts_csrf(token)) {
        return Err(Error::because(
            Kind::StaleForm,
            "the form token is missing or belongs to another browser",
        ));
    }
    parts.extensions.insert(posted.unwrap_or_default());
    Ok(Request::from_parts(parts, body))
}

/// Browsers send `Sec-Fetch-Site`; the few that do not send `Origin` with every form.
fn check_origin(headers: &HeaderMap, own: &str) -> Result<(), Error> {
    let text =
        |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    let origin = text(header::ORIGIN);
    let fair = match (site, origin) {
        // `Origin: null` is sent by pages that ask for no referrer, ours with a link's secret in their address among them.
        (Some("same-origin"), None | Some("null")) => true,
        (Some("same-origin") | None, Some(origin)) => origin == own,
        _ => false,
    };
    if fair {
        return Ok(());
    }
    Err(Error::because(
        Kind::StaleForm,
        format!("a form from elsewhere: Sec-Fetch-Site {site:?}, Origin {origin:?}"),
    ))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn too_large_or_broken(error: &(dyn std::error::Error + 'static)) -> Kind {
    if error.is::<http_body_util::LengthLimitError>() { Kind::TooLarge } else { Kind::BadRequest }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn came(site: Option<&'static str>, origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(site) = site {
            headers.insert("sec-fetch-site", HeaderValue::from_static(site));
        }
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        check_origin(&headers, "https://success.example:8443").is_ok()
    }

    #[test]
    fn only_our_own_pages_may_send_forms() {
        let own = Some("https://success.example:8443");
        for (site, origin) in [
            (Some("same-origin"), own),
            (Some("same-origin"), None),
            (None, own),
            (Some("same-origin"), Some("null")),
        ] {
            assert!(came(site, origin), "{site:?} {origin:?}");
        }
        let elsewhere = [
            (Some("cross-site"), own),
            (Some("same-site"), own),
            (Some("none"), None),
            (None, None),
            (None, Some("null")),
            (None, Some("https://success.example")),
            (None, Some("http://success.example:8443")),
            (None, Some("https://evil.example")),
            (Some("same-origin"), Some("https://evil.example")),
            (Some(""), own),
        ];
        for (site, origin) in elsewhere {
            assert!(!came(site, origin), "{site:?} {origin:?}");
        }
    }

    #[test]
    fn tokens_belong_to_one_secret() {
        assert!(verify(&token("a"), "a"));
        assert!(!verify(&token("a"), "b") && !verify("", "a") && !verify("a", "a"));
    }
}
