//! A request and its states: pure types, and which state may follow which.

use chrono::{DateTime, Utc};
use platform_core::audit::Actor;
use platform_core::id::{ContactId, CustomerId, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As stored.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = platform_core::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|known| known.word() == text).ok_or_else(|| {
                    platform_core::Error::Corrupt { what: $what, reason: format!("no such word: {text}") }
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = platform_core::Error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}

words! {
    /// What is asked.
    Kind, "kind of request" {
        Reorder = "reorder",
        ContactChange = "contact_change",
        AddressChange = "address_change",
    }
}

words! {
    /// How far it has got.
    State, "state of a request" {
        /// Somebody of the customer must say yes first.
        AwaitingApproval = "awaiting_approval",
        /// Ours to hand over; waits here while no door is open.
        Submitted = "submitted",
        /// The other side has it.
        HandedOver = "handed_over",
        /// The other side took it, and gave a number where it gives numbers.
        Accepted = "accepted",
        /// The other side, or the customer's own admin, said no.
        Rejected = "rejected",
        /// Taken back before it left.
        Withdrawn = "withdrawn",
    }
}

impl State {
    /// Whether nothing more can happen to it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Accepted | Self::Rejected | Self::Withdrawn)
    }

    /// Whether `next` may follow. The other side may answer before we have noted that it has the request: a crash
    /// between the two must not lose the answer.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::AwaitingApproval => matches!(next, Self::Submitted | Self::Rejected | Self::Withdrawn),
            Self::Submitted => {
                matches!(next, Self::HandedOver | Self::Accepted | Self::Rejected | Self::Withdrawn)
            }
            Self::HandedOver => matches!(next, Self::Accepted | Self::Rejected),
            Self::Accepted | Self::Rejected | Self::Withdrawn => false,
        }
    }
}

/// What a form asks for.
#[derive(Debug, Clone)]
pub struct NewRequest<'a> {
    pub kind: Kind,
    pub customer: CustomerId,
    pub contact: ContactId,
    /// Lines of a reorder; for changes `{"before": .., "after": ..}`.
    pub payload: Value,
    /// One sentence for lists, 300 characters at most.
    pub summary: String,
    /// From the form, 8 to 200 characters: the same key with the same payload is the same request.
    pub idempotency_key: &'a str,
    /// Somebody of the customer must say yes first.
    pub approval: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submitted {
    pub id: RequestId,
    /// False when this very request was there already.
    pub new: bool,
}

/// A stored request.
#[derive(Debug, Clone, sqlx::FromRow, Serialize)]
pub struct Request {
    pub id: RequestId,
    pub customer_id: CustomerId,
    pub customer_name: String,
    /// The account number in the tenant's own systems.
    pub customer_key: Option<String>,
    pub contact_id: ContactId,
    pub contact_name: String,
    pub contact_email: String,
    #[sqlx(try_from = "String")]
    pub kind: Kind,
    #[sqlx(try_from = "String")]
    pub state: State,
    pub payload: Value,
    pub summary: String,
    pub approver_id: Option<ContactId>,
    pub approver_name: Option<String>,
    /// The number that the tenant's system gave it.
    pub erp_number: Option<String>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// How often the hand-over was begun.
    pub attempts: i32,
    /// What went wrong last, for staff.
    pub last_error: Option<String>,
    pub handed_over_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
}

/// A change of state to be made.
#[derive(Debug, Clone)]
pub struct Step {
    pub to: State,
    pub actor: Actor,
    pub erp_number: Option<String>,
    pub reason: Option<String>,
}

impl Step {
    /// A step without words.
    #[must_use]
    pub fn to(to: State, actor: Actor) -> Self {
        Self { to, actor, erp_number: None, reason: None }
    }
}

/// A line of a request's history.
#[derive(Debug, Clone, sqlx::FromRow, Serialize)]
pub struct Event {
    pub at: DateTime<Utc>,
    #[sqlx(try_from = "String")]
    pub state: State,
    /// `contact`, `staff` or `system`.
    pub actor_kind: String,
    /// The contact's name; none for others.
    pub actor_name: Option<String>,
    pub erp_number: Option<String>,
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::{Kind, State};

    #[test]
    fn only_lawful_steps() {
        use State::{Accepted, AwaitingApproval, HandedOver, Rejected, Submitted, Withdrawn};
        let lawful = [
            (AwaitingApproval, Submitted),
            (AwaitingApproval, Rejected),
            (AwaitingApproval, Withdrawn),
            (Submitted, HandedOver),
            (Submitted, Accepted),
            (Submitted, Rejected),
            (Submitted, Withdrawn),
            (HandedOver, Accepted),
            (HandedOver, Rejected),
        ];
        for from in State::ALL {
            for to in State::ALL {
                assert_eq!(from.may_become(*to), lawful.contains(&(*from, *to)), "{from} -> {to}");
            }
            let stuck = State::ALL.iter().all(|to| !from.may_become(*to));
            assert_eq!(from.is_final(), stuck, "{from}");
        }
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for state in State::ALL {
            assert_eq!(state.word().parse::<State>().ok(), Some(*state));
            assert_eq!(serde_json::to_value(state).ok(), Some(state.word().into()));
        }
        for kind in Kind::ALL {
            assert_eq!(kind.word().parse::<Kind>().ok(), Some(*kind));
        }
        assert!("lost".parse::<State>().is_err());
    }
}
