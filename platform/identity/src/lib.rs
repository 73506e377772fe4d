//! Who is there: signing in by mail, sessions and devices, and what each role may do.
//!
//! A slice takes [`Allowed`] (or [`Person`]) in a handler's signature and opens its transaction with [`Person::tx`];
//! the server merges [`routes`] into its list and puts [`Sessions::layer`] around it.

mod capability;
pub mod pages;
mod person;
mod secret;
mod sessions;
mod sign_in;

use std::sync::Arc;

use platform_core::mail::Outbox;
use platform_web::Routes;

pub use capability::{Allowed, Need, Role, need};
pub use person::{Contact, Known, Person};
pub use sessions::Sessions;
pub use sign_in::Limits;

/// What signing in needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Identity(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    sessions: Sessions,
    outbox: Outbox,
    limits: Limits,
}

impl Identity {
    #[must_use]
    pub fn new(sessions: Sessions, outbox: Outbox, limits: Limits) -> Self {
        Self(Arc::new(Parts { sessions, outbox, limits }))
    }

    /// For the layer of `Stack::new`.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    fn outbox(&self) -> &Outbox {
        &self.0.outbox
    }

    fn limits(&self) -> &Limits {
        &self.0.limits
    }
}

/// `/sign-in`, `/sign-out`, `/devices`.
#[must_use]
pub fn routes(identity: &Identity) -> Routes {
    sign_in::routes(identity.clone()).merge(sessions::routes(identity.sessions().clone()))
}
