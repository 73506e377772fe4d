//! What a failure means: who can mend it, whether the order survives it, and whether another authority would do better. The
//! authority's own words are kept.

use chrono::{DateTime, Utc};
use instant_acme::Problem;
use serde::{Deserialize, Serialize};

use crate::key;
use crate::order::Step;
use crate::wire::Away;

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
    /// The host of the authority's directory; empty when no authority was asked.
    #[serde(default)]
    pub authority: String,
    /// The authority's own words where it gave any.
    pub text: String,
}

/// What an authority held against a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It could not reach the host; another kind of challenge may do.
    Connection,
    /// It looked and was not satisfied.
    Validation,
    /// It never looked.
    Refusal,
}

/// Why a step failed, by what has to happen next.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// Repeat the step at once.
    #[error("the authority refused the nonce")]
    BadNonce,
    /// The authority does not work; every order would meet the same.
    #[error("{0}")]
    Away(String),
    /// The authority's limit. `paused` is the one that only people can end.
    #[error("{text}")]
    Limited { text: String, paused: bool },
    /// Repeat the step later; the order stands.
    #[error("{1}")]
    Later(Who, String),
    /// The order is lost; a new one later.
    #[error("{1}")]
    Verdict(Who, String, Cause),
    /// The authority was not asked, because our own look says that it would be in vain.
    #[error("{1}")]
    Unready(Who, String),
    /// A budget is empty. None: the order's place in its lane stands, and it goes on when a token is there.
    #[error("no token is left")]
    Wait(Option<DateTime<Utc>>),
    /// The account is gone; register again, then a new order.
    #[error("the authority does not know our account")]
    NoAccount,
    /// Another worker has the order.
    #[error("another worker has taken the order")]
    Lost,
}

impl StepError {
    /// A verdict that nobody but us can do anything about.
    pub(crate) fn ours(text: impl Into<String>) -> Self {
        Self::Verdict(Who::Us, text.into(), Cause::Refusal)
    }

    /// The same failure, of an order that is lost.
    pub(crate) fn final_word(self) -> Self {
        match self {
            Self::Later(who, text) | Self::Unready(who, text) => Self::Verdict(who, text, Cause::Refusal),
            Self::Away(text) | Self::Limited { text, .. } => {
                Self::Verdict(Who::Authority, text, Cause::Refusal)
            }
            verdict @ Self::Verdict(..) => verdict,
            other => Self::Verdict(Who::Authority, other.to_string(), Cause::Refusal),
        }
    }
}

impl From<instant_acme::Error> for StepError {
    fn from(error: instant_acme::Error) -> Self {
        match error {
            instant_acme::Error::Api(problem) => judge(&problem),
            instant_acme::Error::Other(other) if other.is::<Away>() => Self::Away(other.to_string()),
            instant_acme::Error::Json(error) => {
                Self::Away(format!("the authority's answer is not ACME: {error}"))
            }
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

/// The last part of a problem's type.
pub(crate) fn kind(problem: &Problem) -> &str {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind)
}

/// Sorts the authority's problems; RFC 8555 section 6.7 names them.
pub(crate) fn judge(problem: &Problem) -> StepError {
    let text = problem.to_string();
    match kind(problem) {
        "badNonce" => StepError::BadNonce,
        "accountDoesNotExist" => StepError::NoAccount,
        "rateLimited" => {
            let paused = text.to_ascii_lowercase().contains("paused");
            StepError::Limited { text, paused }
        }
        "serverInternal" | "orderNotReady" => StepError::Later(Who::Authority, text),
        "connection" => StepError::Verdict(Who::Customer, text, Cause::Connection),
        "dns" | "unauthorized" | "caa" | "tls" | "incorrectResponse" => {
            StepError::Verdict(Who::Customer, text, Cause::Validation)
        }
        _ if problem.status == Some(429) => StepError::Limited { text, paused: false },
        _ if problem.status.is_some_and(|status| status >= 500) => StepError::Later(Who::Authority, text),
        _ => StepError::ours(text),
    }
}

/// Whether `replaces` may be the reason why an order was refused: any objection that is not about limits, the nonce or
/// the account.
pub(crate) fn blames_replaces(error: &instant_acme::Error) -> bool {
    match error {
        instant_acme::Error::Api(problem) => {
            problem.status.is_none_or(|status| status < 500 && status != 429)
                && !matches!(
                    kind(problem),
                    "badNonce" | "rateLimited" | "accountDoesNotExist" | "serverInternal"
                )
        }
        instant_acme::Error::Unsupported(_) => true,
        // The library's own check that the authority repeats the field.
        instant_acme::Error::Other(error) => error.to_string().starts_with("replaces field"),
        _ => false,
    }
}
