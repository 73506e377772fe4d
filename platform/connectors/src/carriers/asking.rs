//! Asking a tracking provider: what its answers mean for when it is asked again.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use platform_core::guard::Guard;

use super::provider::AskError;
use crate::outbound::{Call, Outbound, Target};

/// Forty parcels with two hundred checkpoints each.
const LARGEST: usize = 4 * 1024 * 1024;
/// Where no time is named with "too often".
const PAUSE: u64 = 60;
/// No provider keeps us away for longer than this by one word.
const LONGEST_PAUSE: u64 = 6 * 60 * 60;

/// The way out to providers.
#[derive(Debug)]
pub struct Asking {
    outbound: Outbound,
    loopback: bool,
}

impl Asking {
    /// `loopback`: a provider on this very machine is asked too, in the demo and in tests.
    ///
    /// # Errors
    /// When the system's authorities cannot be read.
    pub fn new(loopback: bool) -> Result<Self, AskError> {
        let outbound = Outbound::new(Guard::Public, loopback, None).map_err(AskError::Unreachable)?;
        Ok(Self { outbound, loopback })
    }

    /// The body of a successful answer; `key` is the header that proves who asks.
    pub(super) async fn get(&self, url: &str, key: (HeaderName, &str)) -> Result<Bytes, AskError> {
        let target = Target::read(url, self.loopback).map_err(AskError::Refused)?;
        let headers = [(key.0, key.1.to_owned()), (header::ACCEPT, "application/json".to_owned())];
        let call = Call { method: Method::GET, headers: &headers, body: Bytes::new(), largest: LARGEST };
        let reply = self.outbound.call(&target, call).await.map_err(AskError::Unreachable)?;
        match reply.status {
            StatusCode::OK => Ok(reply.body),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Err(AskError::TooOften(pause(&reply.headers)))
            }
            status => Err(AskError::Refused(format!("answered {status}"))),
        }
    }
}

/// Seconds of `Retry-After`.
fn pause(headers: &HeaderMap) -> u64 {
    let said = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    said.unwrap_or(PAUSE).clamp(1, LONGEST_PAUSE)
}
