//! What a tracking provider is to us, whichever it is: the capability and its words.

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::future::BoxFuture;

use super::accounts::Account;
use super::aftership::AfterShip;
use super::asking::Asking;

/// Where a parcel was seen, in our words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointKind {
    /// The carrier has the papers and not the parcel.
    Announced,
    InTransit,
    OutForDelivery,
    /// The carrier stood before a closed door.
    Attempted,
    ReadyForPickup,
    Delivered,
    /// Damaged, lost, held by customs, or nothing heard for long.
    Exception,
    Returned,
    /// The carrier names another day.
    Estimate,
}

impl CheckpointKind {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Announced, "announced"),
        (Self::InTransit, "in_transit"),
        (Self::OutForDelivery, "out_for_delivery"),
        (Self::Attempted, "attempted"),
        (Self::ReadyForPickup, "ready_for_pickup"),
        (Self::Delivered, "delivered"),
        (Self::Exception, "exception"),
        (Self::Returned, "returned"),
        (Self::Estimate, "estimate"),
    ];

    /// The stored word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("in_transit", |(_, word)| word)
    }

    /// The value of a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }
}

/// One sight of a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The provider's own id, or one made of everything that it says.
    pub key: String,
    pub kind: CheckpointKind,
    /// In the carrier's words; short.
    pub message: String,
    pub place: String,
    pub at: DateTime<Utc>,
    pub signed_by: Option<String>,
}

/// Everything that is known of a parcel now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    pub number: String,
    pub checkpoints: Vec<Checkpoint>,
    /// The day that the carrier names.
    pub expected_on: Option<NaiveDate>,
}

/// A message that was proved to come from the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Unique among the provider's messages.
    pub key: String,
    pub parcel: Parcel,
}

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the signature is missing or wrong")]
    Signature,
    #[error("too old, or from the future")]
    Stale,
    #[error("not the shape that was agreed")]
    Shape,
}

/// Why nothing was answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Not before so many seconds.
    #[error("asked too often; again in {0} s")]
    TooOften(u64),
    #[error("{0}")]
    Refused(String),
    #[error("not reachable: {0}")]
    Unreachable(String),
}

/// Somebody who asks the carriers for us.
pub trait Provider: Send + Sync {
    /// Believes a message, or not. `header` gives a request's header by its lower-case name; `body` is what came over the
    /// wire, before anybody read it.
    ///
    /// # Errors
    /// Why not. Nothing of an unproved message is in the reason.
    fn read(
        &self,
        secret: &[u8],
        header: &dyn Fn(&str) -> Option<String>,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Message, Refused>;

    /// What is known of these numbers. Unknown ones are left out.
    fn ask<'a>(
        &'a self,
        asking: &'a Asking,
        account: &'a Account,
        key: &'a str,
        numbers: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Parcel>, AskError>>;
}

/// The provider of a stored kind.
#[must_use]
pub fn provider(kind: &str) -> Option<&'static dyn Provider> {
    match kind {
        "aftership" => Some(&AfterShip),
        _ => None,
    }
}
