//! A person with a browser's memory, in front of the router: cookies, forms with their token, one peer address a request.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use platform_core::mail::Outbox;
use platform_core::{Db, id::TenantId};
use tenant_router::{Conn, Host, Tenant};
use tower::ServiceExt as _;

use crate::ground::BASE;

#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) router: Router,
    pub(crate) tenant: Tenant,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) agent: String,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The value of the first hidden field of this name.
    pub(crate) fn hidden(&self, name: &str) -> Option<String> {
        let rest = self.body.split_once(&format!("name=\"{name}\" value=\""))?.1;
        Some(rest.split_once('"')?.0.to_owned())
    }

    /// Everything that left, for looking for what should not have.
    pub(crate) fn all(&self) -> String {
        format!("{:?}\n{}", self.headers, self.body).to_lowercase()
    }
}

/// What the route table says of `<slug>.<base>`.
pub(crate) fn tenant(id: TenantId, slug: &str) -> Tenant {
    let host = Host::parse(&format!("{slug}.{BASE}")).expect("a host");
    Tenant { id, slug: slug.into(), host, domain: None }
}

impl Browser {
    pub(crate) fn at(router: &Router, tenant: &Tenant) -> Self {
        let (router, tenant) = (router.clone(), tenant.clone());
        Self { router, tenant, cookies: BTreeMap::new(), agent: String::new() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, None, &[]).await
    }

    /// Sends a form as a page of ours would, token included.
    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf().await;
        let mut fields = form.to_vec();
        fields.push(("csrf", &csrf));
        self.ask("POST", path, Some(&fields), &[]).await
    }

    /// The token of this browser's forms; nonsense where no page has a form.
    pub(crate) async fn csrf(&mut self) -> String {
        let staff = ["/console/security", "/console/second-factor/enrolment", "/console/sign-in"];
        let contacts = ["/sign-in", "/devices"];
        // A form of either audience is sent with the token of that browser's own session.
        let paths = if self.cookies.contains_key("__Host-staff") { &staff[..] } else { &contacts[..] };
        for path in paths {
            if let Some(token) = self.get(path).await.hidden("csrf") {
                return token;
            }
        }
        "none".to_owned()
    }

    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        form: Option<&[(&str, &str)]>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let (parts, body) = self.send(method, path, form, headers).await.into_parts();
        Answer { status: parts.status, body: text(body, &parts.headers).await, headers: parts.headers }
    }

    /// The answer as it comes, for streams.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        form: Option<&[(&str, &str)]>,
        headers: &[(&str, &str)],
    ) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        let mut known = vec![("accept", "text/html"), ("user-agent", &self.agent)];
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (cookies, origin) = (cookies.join("; "), format!("https://{}", self.tenant.host));
        known.extend([("cookie", cookies.as_str()), ("origin", &origin)]);
        if form.is_some() {
            known.push(("content-type", "application/x-www-form-urlencoded"));
        }
        known.retain(|(name, _)| headers.iter().all(|(other, _)| other != name));
        for (name, value) in known.iter().chain(headers).filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let body = form.map(encoded).unwrap_or_default();
        let mut request = request.body(Body::from(body)).expect("a request");
        request.extensions_mut().insert(self.tenant.clone());
        request.extensions_mut().insert(Conn { peer: peer(), sni: None, cert_names: [].into() });
        let Ok(response) = self.router.clone().oneshot(request).await;
        for line in response.headers().get_all(header::SET_COOKIE) {
            self.remember(line.to_str().expect("a readable cookie"));
        }
        response
    }

    fn remember(&mut self, line: &str) {
        let pair = line.split(';').next().unwrap_or_default();
        let (name, value) = pair.split_once('=').expect("a cookie");
        if value.is_empty() || line.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Asks for a mail, opens its link, presses the button.
    pub(crate) async fn sign_in(&mut self, db: &Db, outbox: &Outbox, email: &str) {
        let token = self.ask_for_link(db, outbox, email).await;
        self.use_link(&token).await;
    }

    pub(crate) async fn use_link(&mut self, token: &str) {
        let landing = self.get(&format!("/sign-in/{token}")).await;
        assert_eq!(landing.status, StatusCode::OK, "{}", landing.body);
        let done = self.post("/sign-in/link", &[("token", token)]).await;
        assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/"), "{}", done.body);
        assert!(self.cookies.contains_key("__Host-session"), "a session was given");
    }

    /// Comes in at the console, and sets an authenticator up.
    pub(crate) async fn sign_in_as_staff(&mut self, db: &Db, outbox: &Outbox, email: &str) {
        const ENROLMENT: &str = "/console/second-factor/enrolment";
        let token = self.link_at("/console/sign-in", db, outbox, email).await;
        let done = self.post("/console/sign-in/link", &[("token", &token)]).await;
        assert!(
            done.status == StatusCode::SEE_OTHER && self.cookies.contains_key("__Host-staff"),
            "{}",
            done.body
        );
        self.post(ENROLMENT, &[]).await;
        let page = self.get(ENROLMENT).await.body;
        let secret = page.split_once("<code dir=\"ltr\">").and_then(|(_, rest)| rest.split_once("</code>"));
        let (secret, _) = secret.unwrap_or_else(|| panic!("no secret in {page}"));
        let done =
            self.post(&format!("{ENROLMENT}/confirmation"), &[("code", &authenticator_code(secret))]).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    }

    /// Gives the secret of the mailed link.
    pub(crate) async fn ask_for_link(&mut self, db: &Db, outbox: &Outbox, email: &str) -> String {
        self.link_at("/sign-in", db, outbox, email).await
    }

    /// The same for either way in.
    pub(crate) async fn link_at(&mut self, path: &str, db: &Db, outbox: &Outbox, email: &str) -> String {
        let asked = self.post(path, &[("email", email)]).await;
        assert_eq!(asked.location(), format!("{path}/code"), "{} {}", asked.status, asked.body);
        let mut tx = db.operator("test", "reads its mail").await.expect("an operator");
        // The newest with a link: mails about other things may have come in between.
        let mails = outbox.recent(&mut tx, Some(email), 50).await.expect("mails");
        let link = |text: &str| {
            Some(text.split_whitespace().find_map(|word| word.split_once("/sign-in/"))?.1.to_owned())
        };
        let mut links = mails.into_iter().filter_map(|mail| link(&mail.body?.text));
        links.next().expect("a mail with a link was written")
    }
}

/// What an authenticator shows now for a secret as the page writes it: RFC 6238, written once more.
fn authenticator_code(secret: &str) -> String {
    let letters = secret.bytes().filter(|letter| *letter != b' ');
    let values = letters.map(|letter| if letter >= b'A' { letter - b'A' } else { letter - b'2' + 26 });
    let bits: Vec<u8> = values.flat_map(|value| (0..5).rev().map(move |bit| value >> bit & 1)).collect();
    let secret: Vec<u8> =
        bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit)).collect();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = aws_lc_rs::hmac::sign(
        &key,
        &(platform_core::clock::Clock::now(&platform_core::clock::SystemClock).timestamp() / 30)
            .to_be_bytes(),
    );
    let at = usize::from(tag.as_ref()[19] & 15);
    let word = tag.as_ref()[at..at + 4].iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

/// Streams have no end: what came within a moment is taken for all.
async fn text(mut body: Body, headers: &HeaderMap) -> String {
    let stream =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event"));
    if !stream {
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    let mut text = String::new();
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(Duration::from_millis(100), body.frame()).await {
        text += &String::from_utf8_lossy(frame.data_ref().map(|data| &data[..]).unwrap_or_default());
    }
    text
}

pub(crate) fn encoded(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

/// Another address each time, so that the limits of one peer stay out of the way.
fn peer() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0x0a00_0001);
    SocketAddr::from((Ipv4Addr::from(NEXT.fetch_add(1, Ordering::Relaxed)), 40_000))
}
