//! What a reader chooses on this device: light or dark, and the language. Works signed in or not.

use std::time::Duration;

use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use themes::Scheme;

use crate::access::Access;
use crate::cookie::{self, Cookie};
use crate::error::Error;
use crate::next::Next;
use crate::posted::Posted;
use crate::route::Routes;
use crate::visit::Visit;

const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// `POST /preferences`: `scheme` or `locale`, and `back`.
#[must_use]
pub(crate) fn routes() -> Routes {
    Routes::new().post("/preferences", Access::Public, set)
}

async fn set(visit: Visit, form: Posted) -> Result<Response, Error> {
    let mut response = visit.redirect(Next::parse(form.text("back")).as_str());
    if form.ticked("scheme") {
        set_scheme(response.headers_mut(), Scheme::parse(form.text("scheme")));
    }
    let wanted = form.text("locale");
    if visit.site().themes().locales().iter().any(|locale| locale.tag() == wanted) {
        visit.set_cookie(&Cookie::new(cookie::LOCALE, wanted).max_age(A_YEAR));
    }
    Ok(response)
}

/// The one cookie that scripts may write: it decides nothing but colours, and must be right in the first byte.
fn set_scheme(headers: &mut HeaderMap, scheme: Scheme) {
    let (value, age) = match scheme {
        Scheme::Light => ("light", A_YEAR.as_secs()),
        Scheme::Dark => ("dark", A_YEAR.as_secs()),
        Scheme::System => ("system", 0),
    };
    let text = format!("{}={value}; Path=/; Secure; SameSite=Lax; Max-Age={age}", Scheme::COOKIE);
    if let Ok(cookie) = HeaderValue::from_str(&text) {
        headers.append(header::SET_COOKIE, cookie);
    }
}
