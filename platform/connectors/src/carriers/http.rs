//! Asking a tracking provider over HTTP: time limits, answers capped, `Retry-After` heard, no redirect followed.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::provider::AskError;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(15);
const LARGEST: usize = 4 * 1024 * 1024;
/// Where no time is named with "too often".
const PAUSE: u64 = 60;
/// No provider keeps us away for longer than this by one word.
const LONGEST_PAUSE: u64 = 6 * 60 * 60;

/// The body of a successful answer. A client a question: one is asked every few minutes.
///
/// # Errors
/// What went wrong, without the key that was sent.
pub(super) async fn get(url: &str, headers: &[(&str, &str)]) -> Result<Bytes, AskError> {
    let unreachable = |error: &dyn std::fmt::Display| AskError::Unreachable(error.to_string());
    let mut request = Request::get(url).header(header::USER_AGENT, "portal/1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|_| AskError::Refused("a key or address that cannot be sent".into()))?;
    let tls = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_platform_verifier())
        .map_err(|error| unreachable(&error))?
        .with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_LIMIT));
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
    let connector = builder.https_or_http().enable_http1().wrap_connector(tcp);
    #[expect(
        clippy::disallowed_methods,
        reason = "a client with limits of its own: over the connection, the answer and its size"
    )]
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let answer = async {
        let response = client.request(request).await.map_err(|error| unreachable(&error))?;
        let (parts, body) = response.into_parts();
        let body =
            Limited::new(body, LARGEST).collect().await.map_err(|error| unreachable(&error))?.to_bytes();
        Ok::<_, AskError>((parts, body))
    };
    let answered = tokio::time::timeout(LIMIT, answer).await;
    let (parts, body) =
        answered.map_err(|_| AskError::Unreachable(format!("no answer within {LIMIT:?}")))??;
    match parts.status {
        StatusCode::OK => Ok(body),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Err(AskError::TooOften(pause(&parts.headers)))
        }
        status => Err(AskError::Refused(format!("answered {status}"))),
    }
}

/// Seconds of `Retry-After`.
fn pause(headers: &HeaderMap) -> u64 {
    let said = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    said.unwrap_or(PAUSE).clamp(1, LONGEST_PAUSE)
}
