//! What mails about requests say of a change of an address or of one's own data.

use platform_connectors::requests::{Kind, Request};
use platform_identity::Person;
use platform_web::{Capability, Visit};

use super::requested::changes;
use super::routes::MODULE;
use crate::shell::telling::{Reach, Tale, Told, Topic};

/// Changes, as the shell's mails know them.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChangeTale;

impl Tale for ChangeTale {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::AddressChange, Kind::ContactChange]
    }

    fn reach(&self, visit: &Visit, person: &Person) -> Reach {
        match (visit.look().has_module(MODULE), person.capabilities.has(Capability::Company)) {
            (false, _) => Reach::Nobodys,
            (true, false) => Reach::Own,
            (true, true) => Reach::Company,
        }
    }

    fn list(&self) -> &'static str {
        "/account/requests"
    }

    fn told(&self, request: &Request) -> Told {
        Told {
            topic: if request.kind == Kind::AddressChange { Topic::Address } else { Topic::Contact },
            path: "/account#requests".to_owned(),
            // It is in the language of whoever asked; the changes are told in the reader's.
            summary: None,
            total: None,
            changes: changes(&request.payload),
        }
    }
}
