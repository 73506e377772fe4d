//! One request, as handlers see it: the tenant's look, the reader's language, who is signed in, and how to answer.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use platform_core::id::TenantId;
use platform_core::random;
use themes::{Flash, Locale, Scheme, Tone};

use crate::access::{Capabilities, StaffCapabilities};
use crate::audience::Audience;
use crate::brands::Look;
use crate::cookie::{self, Cookie};
use crate::error::Error;
use crate::host::Host;
use crate::site::Site;
use crate::{csrf, flash};

/// How long a browser is known before anybody signs in: as long as the longest-lived sign-in link.
const BROWSER_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Who is signed in, as far as pages show it. Rights are proved by `identity`'s extractors, never read from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    pub person: themes::Person,
    pub locale: Option<String>,
    /// The customer's own time zone.
    pub zone: Option<Tz>,
    /// For showing navigation.
    pub capabilities: Capabilities,
    /// The same for a person of the tenant, on the console's pages.
    pub staff: StaffCapabilities,
}

/// One request. Cheap to clone; opened by the outermost layer and closed by it too.
#[derive(Debug, Clone)]
pub struct Visit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    site: Site,
    host: Host,
    look: Arc<Look>,
    request_id: String,
    nonce: String,
    /// Path and query.
    path: String,
    audience: Audience,
    headers: Known,
    viewer: OnceLock<Viewer>,
    /// Made when first asked for, if the browser brought none.
    new_browser: OnceLock<String>,
    cookies: Mutex<Vec<HeaderValue>>,
}

/// What pages need of the request's headers.
#[derive(Debug)]
struct Known {
    session: Option<String>,
    staff: Option<String>,
    browser: Option<String>,
    locale: Option<String>,
    scheme: Scheme,
    flash: Option<Flash>,
    accept_language: Option<String>,
}

impl Known {
    fn read(headers: &HeaderMap) -> Self {
        let cookie = |name| cookie::read(headers, name).map(str::to_owned);
        Self {
            session: cookie(cookie::SESSION),
            staff: cookie(cookie::STAFF),
            browser: cookie(cookie::BROWSER).filter(|value| value.len() == 43),
            locale: cookie(cookie::LOCALE),
            scheme: cookie::read(headers, Scheme::COOKIE).map(Scheme::parse).unwrap_or_default(),
            flash: cookie::read(headers, cookie::FLASH).and_then(flash::decode),
            accept_language: headers
                .get(header::ACCEPT_LANGUAGE)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
        }
    }
}

impl Visit {
    pub(crate) fn open(site: &Site, host: Host, look: Arc<Look>, request: &http::request::Parts) -> Self {
        let path = request.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Self(Arc::new(Inner {
            host,
            look,
            request_id: request_id(site.random()),
            nonce: nonce(site.random()),
            audience: Audience::of(request.uri.path()),
            path,
            headers: Known::read(&request.headers),
            viewer: OnceLock::new(),
            new_browser: OnceLock::new(),
            cookies: Mutex::default(),
            site: site.clone(),
        }))
    }

    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.0.host.tenant
    }

    #[must_use]
    pub fn site(&self) -> &Site {
        &self.0.site
    }

    #[must_use]
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    #[must_use]
    pub fn look(&self) -> &Look {
        &self.0.look
    }

    /// The very look in memory, to tell whether it is still the same.
    pub(crate) fn look_shared(&self) -> &Arc<Look> {
        &self.0.look
    }

    /// Shown to the reader on error pages, written on every log line of the request.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.0.nonce
    }

    /// Path and query of the request.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The moment of asking.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.0.site.clock().now()
    }

    /// For whom the page is: decided by its path alone, so that a contact's session is never looked for on a page of
    /// the console and the other way round.
    #[must_use]
    pub fn audience(&self) -> Audience {
        self.0.audience
    }

    /// The value of the session cookie of this page's audience, for `identity`. Not a proof of anything.
    #[must_use]
    pub fn session_cookie(&self) -> Option<&str> {
        match self.0.audience {
            Audience::Contacts => self.0.headers.session.as_deref(),
            Audience::Staff => self.0.headers.staff.as_deref(),
        }
    }

    #[must_use]
    pub fn viewer(&self) -> Option<&Viewer> {
        self.0.viewer.get()
    }

    /// Said by `identity` once it has recognised the session; pages and error pages of this request show it.
    pub fn recognise(&self, viewer: Viewer) {
        let _ = self.0.viewer.set(viewer);
    }

    /// The reader's language: their own choice on this device, then in their profile, then the tenant's, then the
    /// browser's.
    #[must_use]
    pub fn locale(&self) -> &Arc<Locale> {
        let profile = self.viewer().and_then(|viewer| viewer.locale.as_deref());
        let own = self.0.headers.locale.as_deref().or(profile);
        let locales = self.0.site.themes().locales();
        locales.negotiate(own, Some(&self.0.look.locale), self.0.headers.accept_language.as_deref())
    }

    /// The secret by which this browser is known before anybody signed in. Made and sent with the answer if it brought none.
    #[must_use]
    pub fn browser(&self) -> &str {
        match &self.0.headers.browser {
            Some(known) => known,
            None => self.0.new_browser.get_or_init(|| random::token(self.0.site.random())),
        }
    }

    /// Sees to it that the browser has its secret from this answer on.
    pub fn mark_browser(&self) {
        let _ = self.browser();
    }

    /// The browser's secret if it brought one.
    #[must_use]
    pub fn known_browser(&self) -> Option<&str> {
        self.0.headers.browser.as_deref()
    }

    /// The token every form sends as `csrf`: bound to the session, or to the browser before there is one.
    #[must_use]
    pub fn csrf(&self) -> String {
        csrf::token(self.session_cookie().unwrap_or_else(|| self.browser()))
    }

    /// Whether `token` is one that this browser's pages carry. A form of the console may go to an address that all pages
    /// share (`/preferences`), so a token bound to either session is as good: both secrets are this browser's own.
    pub(crate) fn accepts_csrf(&self, token: &str) -> bool {
        let headers = &self.0.headers;
        let own = self.session_cookie().or_else(|| self.known_browser());
        let sessions = [own, headers.session.as_deref(), headers.staff.as_deref()];
        sessions.into_iter().flatten().any(|secret| csrf::verify(token, secret))
    }

    /// Sends a cookie with the answer, whatever the answer is.
    pub fn set_cookie(&self, cookie: &Cookie) {
        match cookie.header() {
            Some(header) => self.cookies().push(header),
            None => tracing::warn!("a cookie with an unclean value was not sent"),
        }
    }

    /// Shows one message on the page after the next redirect. `key` is a message key below `flash.`.
    pub fn flash(&self, tone: Tone, key: &'static str) {
        self.set_cookie(&flash::cookie(tone, key));
    }

    /// 303 to a path of this host.
    #[must_use]
    pub fn redirect(&self, path: &str) -> Response {
        Redirect::to(path).into_response()
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.0.headers.scheme
    }

    /// The message that the last page left for this one.
    pub(crate) fn flashed(&self) -> Option<&Flash> {
        self.0.headers.flash.as_ref()
    }

    /// Cookies for the answer.
    pub(crate) fn take_cookies(&self) -> Vec<HeaderValue> {
        let mut cookies = std::mem::take(&mut *self.cookies());
        let new_browser = self.0.new_browser.get();
        cookies.extend(
            new_browser.and_then(|secret| Cookie::new(cookie::BROWSER, secret).max_age(BROWSER_AGE).header()),
        );
        cookies
    }

    fn cookies(&self) -> std::sync::MutexGuard<'_, Vec<HeaderValue>> {
        // A panic while pushing leaves a list that is still whole.
        self.0.cookies.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Error::internal("no visit: the route is outside of web::stack"))
    }
}

impl<S: Sync> axum::extract::OptionalFromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

fn nonce(random: &dyn random::Random) -> String {
    URL_SAFE_NO_PAD.encode(random::bytes::<16>(random))
}

/// Eight letters and digits that can be read out over a telephone: no I, L, O, U.
pub(crate) fn request_id(random: &dyn random::Random) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut text: String =
        random::bytes::<8>(random).iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect();
    text.insert(4, '-');
    text
}
