//! Browsers that keep cookies and send forms as browsers do.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use platform_core::id::TenantId;
use platform_web::{Host, Stack};
use tower::ServiceExt as _;

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are text"))
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    fn csrf(&self) -> Option<String> {
        let (_, rest) = self.body.split_once("name=\"csrf\" value=\"")?;
        Some(rest.split('"').next()?.to_owned())
    }
}

/// Keeps cookies, sends what browsers send.
#[derive(Clone)]
pub(crate) struct Browser {
    stack: Stack,
    host: Host,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) agent: &'static str,
    /// The token of the page it looks at.
    pub(crate) csrf: Arc<Mutex<String>>,
}

impl Browser {
    pub(crate) fn new(stack: Stack, tenant: TenantId, host: &'static str) -> Self {
        let peer = "192.0.2.7".parse().expect("an address");
        let host = place(tenant, host, peer);
        let agent = "Mozilla/5.0 (Windows NT 10.0; rv:142.0) Gecko/20100101 Firefox/142.0";
        Self { stack, host, cookies: BTreeMap::new(), agent, csrf: Arc::default() }
    }

    /// A text of the page, between two marks.
    pub(crate) async fn read(&mut self, path: &str, before: &str, after: &str) -> String {
        let page = self.get(path).await;
        let (_, rest) =
            page.body.split_once(before).unwrap_or_else(|| panic!("no {before} in {}", page.body));
        rest.split(after).next().unwrap_or_default().to_owned()
    }

    #[must_use]
    pub(crate) fn behind(mut self, stack: Stack) -> Self {
        self.stack = stack;
        self
    }

    #[must_use]
    pub(crate) fn from(mut self, peer: &str) -> Self {
        self.host.peer = peer.parse::<IpAddr>().expect("an address");
        self
    }

    /// The same cookies on another host: what no browser does, and an attacker with a stolen cookie would.
    #[must_use]
    pub(crate) fn at(mut self, tenant: TenantId, host: &str) -> Self {
        self.host = place(tenant, host, self.host.peer);
        self
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).header("sec-fetch-mode", "navigate");
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn head(&mut self, path: &str) -> Answer {
        let request = self.request(Method::HEAD, path);
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// Sends a form of the page it looks at.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.lock().expect("no test panics here").clone();
        let mut fields = fields.to_vec();
        fields.push(("csrf", &csrf));
        let origin = self.host.origin.clone();
        self.post_raw(path, &fields, &[("origin", &origin), ("sec-fetch-site", "same-origin")]).await
    }

    /// Sends exactly these fields and headers.
    pub(crate) async fn post_raw(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-mode", "navigate");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(request.body(Body::from(body)).expect("a request")).await
    }

    /// Fills in the sign-in form.
    pub(crate) async fn ask(&mut self, email: &str) -> Answer {
        self.ask_at("/sign-in", email).await
    }

    pub(crate) async fn ask_at(&mut self, path: &str, email: &str) -> Answer {
        self.get(path).await;
        self.post(path, &[("email", email)]).await
    }

    /// Follows a mailed link and presses its button.
    pub(crate) async fn press(&mut self, link: &str) -> Answer {
        let token = token_of(link);
        let base = if link.contains("/console/") { "/console" } else { "" };
        self.get(&format!("{base}/sign-in/{token}")).await;
        self.post(&format!("{base}/sign-in/link"), &[("token", &token)]).await
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::USER_AGENT, self.agent)
            .header(header::ACCEPT, "text/html,*/*;q=0.8")
            .extension(self.host.clone());
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        request
    }

    pub(crate) async fn send(&mut self, request: Request<Body>) -> Answer {
        let response = self.stack.router.clone().oneshot(request).await.expect("the stack always answers");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body is whole").to_bytes();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        };
        self.keep_cookies(&answer);
        if let Some(csrf) = answer.csrf() {
            *self.csrf.lock().expect("no test panics here") = csrf;
        }
        answer
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().expect("cookies are text");
            let (pair, attributes) = line.split_once(';').expect("cookies have attributes");
            let (name, value) = pair.split_once('=').expect("cookies have a value");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// The tenant's people work on its own host, and on no other.
fn place(tenant: TenantId, host: &str, peer: IpAddr) -> Host {
    let console = host.ends_with(".portico.localhost");
    Host { tenant, host: host.to_owned(), console, origin: format!("https://{host}:8443"), peer }
}

pub(crate) fn token_of(link: &str) -> String {
    link.rsplit('/').next().expect("a link has a path").to_owned()
}
