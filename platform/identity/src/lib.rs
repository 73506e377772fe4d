//! Who is there: signing in by mail, sessions and devices, and what each role may do; for customers' contacts, and for
//! the tenant's own people at the console.
//!
//! A slice takes [`Allowed`] (or [`Person`]) in a handler's signature and opens its transaction with [`Person::tx`]; a screen
//! of the console takes [`Staffed`] (or [`Member`]). The server merges [`routes`] into its list and puts [`Sessions::layer`] around it.

mod capability;
pub mod pages;
mod person;
mod secret;
mod sessions;
mod sign_in;
mod staff;

use std::sync::Arc;

use platform_core::mail::Outbox;
use platform_core::secrets::Sealer;
use platform_web::Routes;

pub use capability::{Allowed, Need, Role, need};
pub use person::{Contact, Known, Person};
pub use sessions::Sessions;
pub use sign_in::Limits;
use staff::StaffSessions;
pub use staff::{
    Arrival, Deed, KnownStaff, Member, Qr, StaffNeed, StaffRole, Staffed, Standing, may, roster,
};

/// What signing in needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Identity(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    sessions: Sessions,
    outbox: Outbox,
    limits: Limits,
    sealer: Sealer,
}

impl Identity {
    #[must_use]
    pub fn new(sessions: Sessions, outbox: Outbox, limits: Limits, sealer: Sealer) -> Self {
        Self(Arc::new(Parts { sessions, outbox, limits, sealer }))
    }

    /// For the layer of `Stack::new`.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    fn outbox(&self) -> &Outbox {
        &self.0.outbox
    }

    /// Opens the secrets of second factors.
    fn sealer(&self) -> &Sealer {
        &self.0.sealer
    }

    fn staff(&self) -> &StaffSessions {
        self.0.sessions.staff()
    }

    fn limits(&self) -> &Limits {
        &self.0.limits
    }
}

/// `/sign-in`, `/sign-out`, `/devices`, and the same below `/console` with `/console/second-factor` and `/console/security`.
#[must_use]
pub fn routes(identity: &Identity) -> Routes {
    sign_in::routes(identity.clone())
        .merge(sessions::routes(identity.sessions().clone()))
        .merge(staff::routes(identity))
}
