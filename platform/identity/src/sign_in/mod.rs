//! Signing in by mail: a link for the browser that asked, or six digits typed into it. Contacts do so at `/sign-in`, the
//! tenant's own people at `/console/sign-in`; which of them a link is for is kept with it.
//!
//! Owns `portal_auth_tokens` and `identity_settings`. Asking writes a row and a mail in one transaction ([`ask`]);
//! opening a link shows a button and changes nothing, the button or the code uses the row up ([`redeem`]).
//! Unknown addresses are answered like known ones, at the same cost, and count towards the same limits.

mod ask;
mod present;
mod redeem;
mod routes;
pub(crate) mod store;

use platform_core::{Error, TenantTx, tenants};
use platform_web::Audience;

pub(crate) use routes::{digits, routes};

/// How long the six digits can be typed.
const CODE_MINUTES: i32 = 10;
/// How often.
const CODE_TRIES: i32 = 5;

/// How often a sign-in mail may be asked for. Counted in the database: restarts and other nodes know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Mails to one address in a quarter of an hour.
    pub address_quarter: i64,
    /// Mails to one address in a day.
    pub address_day: i64,
    /// Mails asked for from one network in a quarter of an hour. The cap of a whole tenant is the tenant's setting.
    pub peer_quarter: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { address_quarter: 3, address_day: 10, peer_quarter: 20 }
    }
}

/// Whoever owns an address now, and may come.
#[derive(Debug)]
pub(crate) enum Owner {
    Contact(tenants::Contact),
    Staff(crate::staff::store::Staff),
}

impl Owner {
    async fn find(tx: &mut TenantTx, audience: Audience, address: &str) -> Result<Option<Self>, Error> {
        Ok(match audience {
            Audience::Contacts => {
                tenants::contacts_by_email(tx, address).await?.into_iter().next().map(Self::Contact)
            }
            Audience::Staff => crate::staff::store::by_email(tx, address).await?.map(Self::Staff),
        })
    }

    fn email(&self) -> &str {
        match self {
            Self::Contact(contact) => &contact.email,
            Self::Staff(staff) => &staff.email,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Contact(contact) => &contact.name,
            Self::Staff(staff) => &staff.name,
        }
    }

    fn locale(&self) -> Option<&str> {
        match self {
            Self::Contact(contact) => contact.locale.as_deref(),
            Self::Staff(_) => None,
        }
    }
}

/// As stored in `portal_auth_tokens.audience`.
const fn stored(audience: Audience) -> &'static str {
    match audience {
        Audience::Contacts => "contacts",
        Audience::Staff => "staff",
    }
}
