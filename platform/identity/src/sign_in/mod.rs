//! Signing in by mail: a link for the browser that asked, or six digits typed into it.
//!
//! Owns `portal_auth_tokens` and `identity_settings`. Asking writes a row and a mail in one transaction ([`ask`]);
//! opening a link shows a button and changes nothing, the button or the code uses the row up ([`redeem`]).
//! Unknown addresses are answered like known ones, at the same cost, and count towards the same limits.

mod ask;
mod redeem;
mod routes;
pub(crate) mod store;

pub(crate) use routes::routes;

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
