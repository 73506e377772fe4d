//! What each role may do: the one table.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use platform_core::Error as CoreError;
use platform_web::{Access, Capabilities, Capability, Error, Proof};
use serde::Serialize;

use crate::person::Person;

/// A contact's role inside their own company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything the company has here, people included.
    Admin,
    /// Drives the success plan; no invoices, no people.
    Champion,
    /// Learns, asks, and sees orders.
    User,
}

impl Role {
    /// From what may least to what may most.
    pub const ALL: [Self; 3] = [Self::User, Self::Champion, Self::Admin];

    /// As stored in `contacts.role`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Champion => "champion",
            Self::User => "user",
        }
    }

    /// As stored in `contacts.role`.
    ///
    /// # Errors
    /// For a word that is no role.
    pub fn parse(stored: &str) -> Result<Self, CoreError> {
        match stored {
            "admin" => Ok(Self::Admin),
            "champion" => Ok(Self::Champion),
            "user" => Ok(Self::User),
            other => Err(CoreError::Corrupt { what: "role", reason: format!("no such role: {other}") }),
        }
    }

    /// The table. A capability that is in no row below is nobody's.
    #[must_use]
    pub const fn capabilities(self) -> Capabilities {
        use Capability::{
            Company, CompanyTickets, Documents, Knowledge, Orders, Plan, Reorder, Tickets, Training, Usage,
        };
        match self {
            Self::Admin => Capabilities::of(&Capability::ALL),
            Self::Champion => Capabilities::of(&[
                Orders,
                Reorder,
                Tickets,
                CompanyTickets,
                Plan,
                Usage,
                Documents,
                Training,
                Knowledge,
                Company,
            ]),
            Self::User => Capabilities::of(&[Orders, Tickets, Training, Knowledge]),
        }
    }
}

/// Names a capability in a handler's signature.
pub trait Need: Send + Sync + 'static {
    const CAPABILITY: Capability;
}

macro_rules! needs {
    ($($name:ident),+ $(,)?) => {$(
        #[doc = concat!("[`Capability::", stringify!($name), "`] in a handler's signature.")]
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl Need for $name {
            const CAPABILITY: Capability = Capability::$name;
        }
    )+};
}

/// One type a capability, for `Allowed<Orders>`.
pub mod need {
    use super::{Capability, Need};

    needs!(
        Orders,
        Finance,
        Reorder,
        Tickets,
        CompanyTickets,
        Plan,
        Usage,
        Documents,
        Training,
        Knowledge,
        People,
        Company
    );
}

/// A person who holds `C`. Without a session: sign in first. Without the capability: not found, for what one may not
/// use one need not know of.
#[derive(Debug, Clone)]
pub struct Allowed<C: Need> {
    person: Person,
    need: PhantomData<C>,
}

impl<C: Need> Allowed<C> {
    /// Whether the person may still do this: asks again, at most a second late. For handlers that stay open.
    pub async fn still(&self) -> bool {
        self.person.again().await.is_some_and(|person| person.capabilities.has(C::CAPABILITY))
    }

    #[must_use]
    pub fn person(&self) -> &Person {
        &self.person
    }
}

impl<C: Need> Deref for Allowed<C> {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.person
    }
}

impl<C: Need, S: Send + Sync> FromRequestParts<S> for Allowed<C> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let person = Person::from_request_parts(parts, state).await?;
        if !person.capabilities.has(C::CAPABILITY) {
            return Err(Error::not_found());
        }
        if let Some(proof) = parts.extensions.get::<Proof>() {
            proof.prove(Access::Contact(C::CAPABILITY));
        }
        Ok(Self { person, need: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use platform_web::Capability;

    use super::Role;

    #[test]
    fn each_role_holds_no_more_than_the_one_above() {
        let held = |role: Role| {
            Capability::ALL.into_iter().filter(move |c| role.capabilities().has(*c)).collect::<Vec<_>>()
        };
        assert_eq!(held(Role::Admin).len(), Capability::ALL.len());
        assert!(held(Role::User).iter().all(|capability| held(Role::Champion).contains(capability)));
        assert!(
            !held(Role::Champion).contains(&Capability::Finance)
                && !held(Role::User).contains(&Capability::Plan)
        );
    }

    #[test]
    fn only_known_roles_are_read() {
        assert!(Role::parse("user").is_ok() && Role::parse("root").is_err() && Role::parse("").is_err());
    }
}
