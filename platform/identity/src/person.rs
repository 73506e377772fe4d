//! Who is signed in, proved by their session.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use platform_core::id::{ContactId, CustomerId, SessionId, TenantId};
use platform_core::{Db, Error as CoreError, Scope, TenantTx};
use platform_web::{Access, Capabilities, Error, Proof};

use crate::capability::Role;
use crate::sessions::{Key, Sessions};

/// A signed-in contact. In a handler's signature it demands one: pages lead to sign-in, everything else gets 401.
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Person {
    known: Arc<Known>,
    sessions: Sessions,
    key: Key,
}

/// What a session tells.
#[derive(Debug, Clone)]
pub struct Known {
    pub tenant: TenantId,
    pub session: SessionId,
    pub contact: Contact,
    /// The company they act for.
    pub customer_name: String,
    pub capabilities: Capabilities,
}

/// The contact of a session.
#[derive(Debug, Clone)]
pub struct Contact {
    pub id: ContactId,
    pub customer: CustomerId,
    pub name: String,
    pub email: String,
    pub role: Role,
}

impl Person {
    pub(crate) fn new(known: Arc<Known>, sessions: Sessions, key: Key) -> Self {
        Self { known, sessions, key }
    }

    /// A transaction that sees this person's company and nothing else.
    ///
    /// # Errors
    /// When no connection can be had within five seconds.
    pub async fn tx(&self, db: &Db) -> Result<TenantTx, CoreError> {
        db.tenant(Scope::customer(self.tenant, self.contact.customer)).await
    }

    /// The same person, looked up again; none when the session has ended or the person may no longer come. A database
    /// that does not answer counts as an end.
    pub async fn again(&self) -> Option<Self> {
        match self.sessions.find(&self.key).await {
            Ok(found) => found.map(|found| Self::new(found.known, self.sessions.clone(), self.key.clone())),
            Err(error) => {
                tracing::warn!(%error, "a session could not be looked up again");
                None
            }
        }
    }
}

impl Deref for Person {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.known
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Person {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let person = parts.extensions.get::<Self>().cloned().ok_or_else(Error::sign_in)?;
        if let Some(proof) = parts.extensions.get::<Proof>() {
            proof.prove(Access::SignedIn);
        }
        Ok(person)
    }
}

/// For pages that anybody may see and that greet those who are known. Proves nothing.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Person {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Error> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}
