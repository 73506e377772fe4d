//! The HTTP client towards a certificate authority: no Nagle delay, time limits over every part, answers capped, and
//! `Retry-After` heard. The ACME library has none of these; its default client stalls 40 ms a request and may wait for ever.

use std::cell::Cell;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};
use platform_core::clock::Clock;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::tls;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// A chain with its intermediates is below 20 kB.
const BODY_LIMIT: usize = 1 << 20;

tokio::task_local! {
    /// What the authority said about waiting, in the step that runs now.
    static RETRY_AFTER: Cell<Option<Duration>>;
}

/// Runs one step and gives, beside its result, the longest `Retry-After` that an error answer carried meanwhile.
pub(crate) async fn listening<F: Future>(step: F) -> (F::Output, Option<Duration>) {
    RETRY_AFTER
        .scope(Cell::new(None), async {
            let output = step.await;
            (output, RETRY_AFTER.with(Cell::get))
        })
        .await
}

/// Carries one request to an authority and its whole answer back. The network is one; a simulated authority another.
pub trait Transport: Send + Sync {
    /// Sends a request.
    fn carry(&self, request: Request<BodyWrapper<Bytes>>) -> Carried;
}

/// An answer on its way.
pub type Carried = Pin<Box<dyn Future<Output = Result<Response<Bytes>, CarryError>> + Send>>;

/// Why no answer came; the text is for people.
pub type CarryError = Box<dyn std::error::Error + Send + Sync>;

/// The authority does not work: unreachable, silent, or a page of its load balancer instead of an answer. Whatever was
/// asked, everybody who asks now meets the same.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Away(pub(crate) String);

/// The client; cheap to clone, keeps its connections.
#[derive(Clone)]
pub struct Wire {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    /// A client that trusts the system's authorities or, when a PEM file is given, only the roots in that file.
    ///
    /// # Errors
    /// The file cannot be read or holds no certificate, or the system has no trust store.
    pub fn new(ca_file: Option<&Path>, clock: Arc<dyn Clock>) -> Result<Self, WireError> {
        Ok(Self::over(Arc::new(Network::new(ca_file)?), clock))
    }

    /// A client over another transport than the network.
    #[must_use]
    pub fn over(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { transport, clock }
    }

    /// Sends a request and gives the whole answer, whatever its status, unless it is a page.
    ///
    /// # Errors
    /// No answer, or one that is not the authority's own.
    pub(crate) async fn send(
        self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<Response<Bytes>, instant_acme::Error> {
        let answer = tokio::time::timeout(REQUEST_LIMIT, self.transport.carry(request));
        let response = match answer.await {
            Ok(response) => response.map_err(|error| away(reason(&*error)))?,
            Err(_) => return Err(away("the authority did not answer within 30 s".to_owned())),
        };
        self.hear(response.status(), response.headers());
        refuse_pages(&response)?;
        Ok(response)
    }

    fn hear(&self, status: http::StatusCode, headers: &HeaderMap) {
        if !status.is_client_error() && !status.is_server_error() {
            return;
        }
        let Some(wait) = retry_after(headers, self.clock.as_ref()) else { return };
        // Outside a step (creating the account at start) nobody listens.
        let _ = RETRY_AFTER.try_with(|cell| cell.set(Some(cell.get().map_or(wait, |known| known.max(wait)))));
    }
}

impl HttpClient for Wire {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let wire = self.clone();
        Box::pin(async move {
            let (parts, body) = wire.send(request).await?.into_parts();
            Ok(BytesResponse { parts, body: Box::new(body) })
        })
    }
}

/// HTTPS over TCP.
struct Network(Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>);

impl Network {
    fn new(ca_file: Option<&Path>) -> Result<Self, WireError> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_LIMIT));
        tcp.enforce_http(false);
        let builder = match ca_file {
            Some(path) => HttpsConnectorBuilder::new().with_tls_config(private_roots(path)?),
            None => HttpsConnectorBuilder::new()
                .with_provider_and_platform_verifier(tls::provider())
                .map_err(|error| WireError::TrustStore(error.to_string()))?,
        };
        let connector = builder.https_only().enable_http1().enable_http2().wrap_connector(tcp);
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the client with limits that the ban points to"
        )]
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .build(connector);
        Ok(Self(client))
    }
}

impl Transport for Network {
    fn carry(&self, request: Request<BodyWrapper<Bytes>>) -> Carried {
        let answer = self.0.request(request);
        Box::pin(async move {
            let (parts, body) = answer.await?.into_parts();
            let body = Limited::new(body, BODY_LIMIT).collect().await?.to_bytes();
            Ok(Response::from_parts(parts, body))
        })
    }
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the certificate file {path} is not readable: {reason}")]
    CaFile { path: String, reason: String },
    #[error("the system's trust store is not usable: {0}")]
    TrustStore(String),
}

fn private_roots(path: &Path) -> Result<ClientConfig, WireError> {
    let fault = |reason: String| WireError::CaFile { path: path.display().to_string(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| fault(e.to_string()))? {
        let certificate = certificate.map_err(|e| fault(e.to_string()))?;
        roots.add(certificate).map_err(|e| fault(e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(fault("it holds no certificate".to_owned()));
    }
    let config = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| fault(e.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Load balancers answer 5xx with a page; the library would call that a JSON fault and hide the status. A gateway's 502 to
/// 504 is an outage also when it is written in JSON.
fn refuse_pages(response: &Response<Bytes>) -> Result<(), instant_acme::Error> {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let failed = status.is_client_error() || status.is_server_error();
    if (failed && !kind.contains("json")) || (502..=504).contains(&status.as_u16()) {
        return Err(away(format!("the authority answered {status}")));
    }
    Ok(())
}

fn away(text: String) -> instant_acme::Error {
    instant_acme::Error::Other(Box::new(Away(text)))
}

/// An error with what caused it, which is where a refused connection is named.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// `Retry-After` as seconds or as an HTTP date, at most one day.
fn retry_after(headers: &HeaderMap, clock: &dyn Clock) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let at = chrono::DateTime::parse_from_rfc2822(text).ok()?;
            u64::try_from((at.to_utc() - clock.now()).num_seconds()).unwrap_or(0)
        }
    };
    Some(Duration::from_secs(seconds.min(24 * 60 * 60)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform_core::clock::SystemClock;

    fn headers(value: &str) -> HeaderMap {
        let mut map = HeaderMap::new();
        map.insert(header::RETRY_AFTER, value.parse().unwrap());
        map
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_capped() {
        let clock = SystemClock;
        let wait = |text: &str| retry_after(&headers(text), &clock);
        assert_eq!(wait("36"), Some(Duration::from_secs(36)));
        assert_eq!(wait("999999999"), Some(Duration::from_secs(86_400)));
        assert_eq!(wait("soon"), None);
        let soon =
            (clock.now() + chrono::TimeDelta::seconds(90)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        assert!(wait(&soon).is_some_and(|w| (85..=90).contains(&w.as_secs())), "{soon}");
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
    }

    #[tokio::test]
    async fn the_longest_wait_of_a_step_is_kept() {
        let wire = |text: &str| {
            let value = Duration::from_secs(text.parse().unwrap());
            let _ = RETRY_AFTER
                .try_with(|cell| cell.set(Some(cell.get().map_or(value, |known| known.max(value)))));
        };
        let ((), heard) = listening(async { ["5", "60", "7"].into_iter().for_each(wire) }).await;
        assert_eq!(heard, Some(Duration::from_secs(60)));
        assert_eq!(listening(async {}).await.1, None);
    }

    #[test]
    fn pages_are_not_taken_for_json() {
        let page =
            Response::builder().status(503).header("content-type", "text/html").body(Bytes::new()).unwrap();
        assert!(refuse_pages(&page).unwrap_err().to_string().contains("503"));
        let problem = Response::builder()
            .status(429)
            .header("content-type", "application/problem+json")
            .body(Bytes::new())
            .unwrap();
        assert!(refuse_pages(&problem).is_ok());
    }

    #[test]
    fn a_wrong_root_file_is_named() {
        let error = Wire::new(Some(Path::new("no-such-file.pem")), Arc::new(SystemClock)).unwrap_err();
        assert!(error.to_string().contains("no-such-file.pem"));
    }
}
