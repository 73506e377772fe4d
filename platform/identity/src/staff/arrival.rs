//! A person of the tenant, proved by their session, and how far they have got.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use chrono::{DateTime, Utc};
use http::request::Parts;
use platform_core::audit::{self, Actor, Entry};
use platform_core::id::{CustomerId, SessionId, StaffId, TenantId};
use platform_core::{Db, Error as CoreError, Scope, TenantTx};
use platform_web::{Access, Error, Next, Proof, StaffCapabilities, Visit};
use serde_json::Value;

use super::role::StaffRole;

/// For so long after showing the second factor it need not be shown again, whatever is done.
const RECENT: Duration = Duration::from_secs(10 * 60);

/// What a session of the console tells.
#[derive(Debug, Clone)]
pub struct KnownStaff {
    pub tenant: TenantId,
    pub session: SessionId,
    pub id: StaffId,
    pub name: String,
    pub email: String,
    pub role: StaffRole,
    pub capabilities: StaffCapabilities,
    /// A second factor is set up.
    pub has_factor: bool,
    /// When it was shown last.
    pub proved_at: Option<DateTime<Utc>>,
    pub standing: Standing,
}

/// What a session still lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing: the console is open.
    Whole,
    /// The second factor has to be shown.
    Prove,
    /// The role demands a second factor, and there is none yet.
    Enrol,
}

impl Standing {
    pub(super) fn of(role: StaffRole, has_factor: bool, proved: bool) -> Self {
        match (has_factor, proved) {
            (true, false) => Self::Prove,
            (false, _) if role.needs_second_factor() => Self::Enrol,
            (true, true) | (false, _) => Self::Whole,
        }
    }

    /// Where to go on to, with `next` as the aim.
    #[must_use]
    pub fn onward(self, next: &Next) -> Next {
        let step = match self {
            Self::Whole => return next.clone(),
            Self::Prove => "/console/second-factor",
            Self::Enrol => "/console/second-factor/enrolment",
        };
        Next::parse(&format!("{step}?next={}", next.encoded()))
    }
}

/// Somebody who has signed in by mail and may still owe a second factor. Only the pages of that step take it; all others
/// take a [`Member`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Arrival(Arc<KnownStaff>);

impl Arrival {
    pub(super) fn new(known: Arc<KnownStaff>) -> Self {
        Self(known)
    }

    /// A transaction that sees all customers of the tenant.
    ///
    /// # Errors
    /// When no connection can be had within five seconds.
    pub async fn tx(&self, db: &Db) -> Result<TenantTx, CoreError> {
        db.tenant(Scope::tenant(self.tenant)).await
    }

    /// Whether the second factor was shown a moment ago.
    #[must_use]
    pub fn is_recent(&self, now: DateTime<Utc>) -> bool {
        let age = self.proved_at.map(|proved| now.signed_duration_since(proved));
        age.is_some_and(|age| age.to_std().is_ok_and(|age| age < RECENT) || age < chrono::Duration::zero())
    }

    /// Where to go before a dangerous deed: none when the second factor was shown within ten minutes. The deed is not
    /// done meanwhile; `back` is the page that offers it.
    #[must_use]
    pub fn before_danger(&self, visit: &Visit, back: &str) -> Option<Next> {
        let ask = if self.has_factor { Standing::Prove } else { Standing::Enrol };
        (!self.is_recent(visit.now())).then(|| ask.onward(&Next::parse(back)))
    }

    /// Writes a line of the audit log under this person's name, in the caller's transaction.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn note(&self, tx: &mut TenantTx, visit: &Visit, deed: Deed<'_>) -> Result<(), CoreError> {
        let entry = Entry {
            actor: Actor::Staff(self.id),
            customer: deed.customer,
            action: deed.action,
            object_kind: deed.object_kind,
            object_id: deed.object_id,
            detail: deed.detail,
        };
        audit::record(tx, visit.site().clock(), visit.site().random(), &entry).await
    }
}

/// What somebody did, for the audit log. `action` is a past verb.
#[derive(Debug)]
pub struct Deed<'a> {
    pub customer: Option<CustomerId>,
    pub action: &'static str,
    pub object_kind: &'static str,
    pub object_id: &'a str,
    pub detail: Value,
}

impl Deref for Arrival {
    type Target = KnownStaff;

    fn deref(&self) -> &KnownStaff {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Arrival {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let arrival = parts.extensions.get::<Self>().cloned().ok_or_else(Error::sign_in)?;
        if let Some(proof) = parts.extensions.get::<Proof>() {
            proof.prove(Access::Arriving);
        }
        Ok(arrival)
    }
}

/// A person of the tenant who is in. In a handler's signature it demands one. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Member(Arrival);

impl Member {
    /// A transaction that sees one customer of the tenant, as that customer's own people do.
    ///
    /// # Errors
    /// When no connection can be had within five seconds.
    pub async fn tx_of(&self, db: &Db, customer: CustomerId) -> Result<TenantTx, CoreError> {
        db.tenant(Scope::customer(self.tenant, customer)).await
    }
}

impl Deref for Member {
    type Target = Arrival;

    fn deref(&self) -> &Arrival {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Member {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let arrival = Arrival::from_request_parts(parts, state).await?;
        if arrival.standing != Standing::Whole {
            // Sign-in knows which step is left.
            return Err(Error::sign_in());
        }
        if let Some(proof) = parts.extensions.get::<Proof>() {
            proof.prove(Access::AnyStaff);
        }
        Ok(Self(arrival))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_that_is_there_is_asked_for_whatever_the_role() {
        for role in [StaffRole::CsAdmin, StaffRole::Csm, StaffRole::Agent] {
            assert_eq!(Standing::of(role, true, false), Standing::Prove);
            assert_eq!(Standing::of(role, true, true), Standing::Whole);
        }
        for proved in [false, true] {
            assert_eq!(Standing::of(StaffRole::CsAdmin, false, proved), Standing::Enrol);
            assert_eq!(Standing::of(StaffRole::Agent, false, proved), Standing::Whole);
        }
    }

    #[test]
    fn the_aim_is_carried_along() {
        let next = Next::parse("/console/requests?state=open");
        assert_eq!(Standing::Whole.onward(&next), next);
        assert_eq!(
            Standing::Prove.onward(&next).as_str(),
            "/console/second-factor?next=/console/requests%3Fstate%3Dopen"
        );
    }
}
