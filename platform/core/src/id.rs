//! Typed ids. UUIDv7, so that new rows lie together in an index; never a secret and never an order of events.

use uuid::{Builder, Uuid};

use crate::clock::Clock;
use crate::random::{Random, bytes};

/// A new UUIDv7 from the given clock and randomness.
#[must_use]
pub fn uuid(clock: &dyn Clock, random: &dyn Random) -> Uuid {
    let millis = u64::try_from(clock.now().timestamp_millis()).unwrap_or_default();
    Builder::from_unix_timestamp_millis(millis, &bytes(random)).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id.
            #[must_use]
            pub fn new(clock: &dyn Clock, random: &dyn Random) -> Self {
                Self(uuid(clock, random))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// A vendor that rents a portal.
    TenantId,
    /// A company that buys from the tenant.
    CustomerId,
    /// A person of a customer.
    ContactId,
    /// A person of the tenant.
    StaffId,
    /// A host together with who owns it.
    DomainId,
    /// A tenant's link to a system we do not own.
    ConnectorId,
    /// Our copy of an order.
    OrderId,
    /// Our copy of a shipment.
    ShipmentId,
    /// A signed-in browser.
    SessionId,
    /// A second factor of a person of the tenant.
    FactorId,
    /// A mailed sign-in link.
    AuthTokenId,
    /// A piece of work to be done later.
    JobId,
    /// A mail in the outbox.
    MailId,
    /// A line of the audit log.
    AuditId,
    /// What a customer asks of the tenant's own system.
    RequestId,
    /// How a tenant's requests of one kind are handed over.
    DoorId,
}
