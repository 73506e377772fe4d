//! What a failure means: who can mend it, and whether the order survives it. The authority's own words are kept.

use chrono::{DateTime, Utc};
use instant_acme::Problem;
use serde::{Deserialize, Serialize};

use crate::key;
use crate::order::Step;

/// Who can do something about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// The platform: network, database, configuration.
    Us,
    /// Whoever runs the host's DNS.
    Customer,
    /// The certificate authority: its limits and outages.
    Authority,
}

/// A failure, kept with the order for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub at: DateTime<Utc>,
    pub step: Step,
    pub who: Who,
    /// The authority's own words where it gave any.
    pub text: String,
}

/// Why a step failed, by what has to happen next.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// Repeat the step at once.
    #[error("the authority refused the nonce")]
    BadNonce,
    /// Repeat the step later; the order stands.
    #[error("{1}")]
    Later(Who, String),
    /// The order is lost; a new one later.
    #[error("{1}")]
    Verdict(Who, String),
    /// The account is gone; register again, then a new order.
    #[error("the authority does not know our account")]
    NoAccount,
    /// Another worker has the order.
    #[error("another worker has taken the order")]
    Lost,
}

impl From<instant_acme::Error> for StepError {
    fn from(error: instant_acme::Error) -> Self {
        match error {
            instant_acme::Error::Api(problem) => judge(&problem),
            other => Self::Later(Who::Us, other.to_string()),
        }
    }
}

macro_rules! ours {
    ($($error:ty),+) => {$(
        impl From<$error> for StepError {
            fn from(error: $error) -> Self {
                Self::Later(Who::Us, error.to_string())
            }
        }
    )+};
}

ours!(platform_core::db::Error, platform_core::secrets::Error, key::KeyError);

/// Sorts the authority's problems; RFC 8555 section 6.7 names them.
pub(crate) fn judge(problem: &Problem) -> StepError {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind);
    let text = problem.to_string();
    match kind {
        "badNonce" => StepError::BadNonce,
        "accountDoesNotExist" => StepError::NoAccount,
        "rateLimited" | "serverInternal" => StepError::Later(Who::Authority, text),
        "orderNotReady" => StepError::Later(Who::Authority, text),
        "dns" | "connection" | "unauthorized" | "caa" | "tls" | "incorrectResponse" => {
            StepError::Verdict(Who::Customer, text)
        }
        _ if problem.status.is_some_and(|status| status >= 500) => StepError::Later(Who::Authority, text),
        _ => StepError::Verdict(Who::Us, text),
    }
}
