//! What each role of the tenant's people may do: the one table.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use platform_core::Error as CoreError;
use platform_web::{Access, Error, Proof, StaffCapabilities, StaffCapability};
use serde::Serialize;

use super::arrival::Member;

/// A person's role at the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffRole {
    /// Runs the portal: everything.
    CsAdmin,
    /// Looks after customers: their orders, what they ask for, figures.
    Csm,
    /// Answers questions: customers and their orders.
    Agent,
}

impl StaffRole {
    /// As stored in `staff.role`.
    pub(crate) fn parse(stored: &str) -> Result<Self, CoreError> {
        match stored {
            "cs_admin" => Ok(Self::CsAdmin),
            "csm" => Ok(Self::Csm),
            "agent" => Ok(Self::Agent),
            other => Err(CoreError::Corrupt { what: "staff role", reason: format!("no such role: {other}") }),
        }
    }

    /// The table. A capability that is in no row below is the admins' alone.
    #[must_use]
    pub const fn capabilities(self) -> StaffCapabilities {
        use StaffCapability::{Customers, Orders, Reports, Requests};
        match self {
            Self::CsAdmin => StaffCapabilities::of(&StaffCapability::ALL),
            Self::Csm => StaffCapabilities::of(&[Customers, Orders, Requests, Reports]),
            Self::Agent => StaffCapabilities::of(&[Customers, Orders]),
        }
    }

    /// Whether nobody of this role comes in without a second factor.
    #[must_use]
    pub const fn needs_second_factor(self) -> bool {
        matches!(self, Self::CsAdmin)
    }
}

/// Names a staff capability in a handler's signature.
pub trait StaffNeed: Send + Sync + 'static {
    const CAPABILITY: StaffCapability;
}

macro_rules! needs {
    ($($name:ident),+ $(,)?) => {$(
        #[doc = concat!("[`StaffCapability::", stringify!($name), "`] in a handler's signature.")]
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl StaffNeed for $name {
            const CAPABILITY: StaffCapability = StaffCapability::$name;
        }
    )+};
}

/// One type a capability, for `Staffed<may::Requests>`.
pub mod may {
    use super::{StaffCapability, StaffNeed};

    needs!(Customers, Orders, Requests, Reports, Connectors, Domains, Team);
}

/// A person of the tenant who holds `C`. Without a whole session: sign in first. Without the capability: not found, for
/// what one may not use one need not know of.
#[derive(Debug, Clone)]
pub struct Staffed<C: StaffNeed> {
    member: Member,
    need: PhantomData<C>,
}

impl<C: StaffNeed> Staffed<C> {
    #[must_use]
    pub fn member(&self) -> &Member {
        &self.member
    }
}

impl<C: StaffNeed> Deref for Staffed<C> {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.member
    }
}

impl<C: StaffNeed, S: Send + Sync> FromRequestParts<S> for Staffed<C> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let member = Member::from_request_parts(parts, state).await?;
        if !member.capabilities.has(C::CAPABILITY) {
            return Err(Error::not_found());
        }
        if let Some(proof) = parts.extensions.get::<Proof>() {
            proof.prove(Access::Staff(C::CAPABILITY));
        }
        Ok(Self { member, need: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use platform_web::StaffCapability;

    use super::StaffRole;

    #[test]
    fn each_role_holds_no_more_than_the_one_above() {
        let held = |role: StaffRole| {
            StaffCapability::ALL.into_iter().filter(move |c| role.capabilities().has(*c)).collect::<Vec<_>>()
        };
        use StaffCapability::{Customers, Orders, Reports, Requests};
        assert_eq!(held(StaffRole::CsAdmin), StaffCapability::ALL);
        assert_eq!(held(StaffRole::Csm), [Customers, Orders, Requests, Reports]);
        assert_eq!(held(StaffRole::Agent), [Customers, Orders]);
    }

    #[test]
    fn only_known_roles_are_read() {
        assert!(StaffRole::parse("agent").is_ok());
        assert!(StaffRole::parse("admin").is_err() && StaffRole::parse("").is_err());
    }
}
