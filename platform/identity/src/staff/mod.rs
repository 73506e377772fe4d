//! People of the tenant at the console: who they are, what each role may do, their second factor and their sessions.
//!
//! Owns `staff_factors`, `staff_recovery_codes` and `staff_sessions`. Signing in by mail is [`crate::sign_in`]'s, for them as for
//! contacts; what it opens is an [`Arrival`], which reaches the pages of the second factor alone where one is due. A
//! handler of the console takes [`Staffed`] (or [`Member`]) in its signature. Screens are `admin`'s.

mod arrival;
mod factor;
mod opening;
mod qr;
mod recovery;
mod role;
pub mod roster;
mod second_factor;
mod security;
mod sessions;
pub(crate) mod store;
mod totp;

use platform_web::Routes;

pub use arrival::{Arrival, Deed, KnownStaff, Member, Standing};
pub(crate) use opening::open;
pub use qr::Qr;
pub use role::{StaffNeed, StaffRole, Staffed, may};
pub(crate) use sessions::StaffSessions;

use crate::Identity;

/// `/console/second-factor`, `/console/security`, `/console/sign-out`.
pub(crate) fn routes(identity: &Identity) -> Routes {
    second_factor::routes(identity.clone()).merge(security::routes(identity.clone()))
}
