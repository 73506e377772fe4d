//! The first, cheap limit: requests a peer may send, counted in memory before anything is done for them. What must
//! survive a restart or hold across nodes (sign-in mails, codes) is counted in the database by `identity`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use governor::middleware::NoOpMiddleware;
use http::Method;
use tower_governor::governor::{GovernorConfig, GovernorConfigBuilder};
use tower_governor::key_extractor::KeyExtractor;
use tower_governor::{GovernorError, GovernorLayer};

use crate::error::Error;
use crate::host::Host;

/// A bucket of `burst` requests that fills by `per_second`. Zero counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub per_second: u32,
    pub burst: u32,
}

/// Counts by the other end of the connection, a whole /64 for IPv6. Forwarding headers are ignored: anybody can write one.
#[derive(Debug, Clone, Copy)]
struct Peer;

impl KeyExtractor for Peer {
    type Key = IpAddr;

    fn extract<T>(&self, request: &http::Request<T>) -> Result<IpAddr, GovernorError> {
        request.extensions().get::<Host>().map(Host::peer_network).ok_or(GovernorError::UnableToExtractKey)
    }
}

type Config = GovernorConfig<Peer, NoOpMiddleware<governor::clock::QuantaInstant>>;

/// Both limits of the stack.
#[derive(Clone)]
pub(crate) struct Limits {
    requests: Arc<Config>,
    forms: Arc<Config>,
}

impl Limits {
    pub(crate) fn new(requests: Rate, forms: Rate) -> Self {
        Self {
            requests: Arc::new(config(requests, None)),
            forms: Arc::new(config(forms, Some(vec![Method::POST]))),
        }
    }

    pub(crate) fn guard(&self, router: Router) -> Router {
        [&self.requests, &self.forms].into_iter().fold(router, |router, config| {
            let layer: GovernorLayer<Peer, _, Body> = GovernorLayer::new(Arc::clone(config));
            router.layer(layer.error_handler(refuse))
        })
    }

    /// Forgets peers whose bucket is full again. Never returns; the composition drops it.
    pub(crate) async fn keep_small(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(30)).await;
            self.requests.limiter().retain_recent();
            self.forms.limiter().retain_recent();
        }
    }
}

fn config(rate: Rate, methods: Option<Vec<Method>>) -> Config {
    let mut builder = GovernorConfigBuilder::default().key_extractor(Peer);
    builder.period(Duration::from_secs(1) / rate.per_second.max(1)).burst_size(rate.burst.max(1));
    if let Some(methods) = methods {
        builder.methods(methods);
    }
    builder.finish().expect("period and burst are above zero")
}

fn refuse(error: GovernorError) -> Response {
    match error {
        // The crate rounds down, and "in 0 seconds" invites the next refusal.
        GovernorError::TooManyRequests { wait_time, .. } => Error::too_many(wait_time + 1),
        other => Error::internal(other),
    }
    .into_response()
}
