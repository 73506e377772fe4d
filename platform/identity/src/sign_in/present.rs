//! Who has signed in already: somebody of the audience that a page of signing in is for.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use platform_web::Next;

use crate::person::Person;
use crate::staff::Arrival;

/// Whoever the browser's session of this audience belongs to. Proves nothing.
#[derive(Debug)]
pub(super) enum Present {
    Nobody,
    Contact(Box<Person>),
    Staff(Arrival),
}

impl Present {
    /// Where to go on to, when there is nothing left to do here.
    pub(super) fn onward(&self, next: &Next) -> Option<Next> {
        match self {
            Self::Nobody => None,
            Self::Contact(_) => Some(next.clone()),
            Self::Staff(arrival) => Some(arrival.standing.onward(next)),
        }
    }

    /// Whether the address is theirs.
    pub(super) fn is(&self, address: &str) -> bool {
        match self {
            Self::Nobody => false,
            Self::Contact(person) => person.contact.email.eq_ignore_ascii_case(address),
            Self::Staff(arrival) => arrival.email.eq_ignore_ascii_case(address),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Present {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let person = parts.extensions.get::<Person>().cloned().map(|person| Self::Contact(Box::new(person)));
        let staff = || parts.extensions.get::<Arrival>().cloned().map(Self::Staff);
        Ok(person.or_else(staff).unwrap_or(Self::Nobody))
    }
}
