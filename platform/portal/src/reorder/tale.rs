//! What mails about requests say of a reorder.

use platform_connectors::requests::{Kind, Request};
use platform_identity::Person;
use platform_web::{Capability, Visit};

use super::answers;
use super::routes::MODULE;
use crate::shell::telling::{Reach, Tale, Told, Topic};

/// Reorders, as the shell's mails know them.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReorderTale;

impl Tale for ReorderTale {
    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Reorder]
    }

    fn reach(&self, visit: &Visit, person: &Person) -> Reach {
        let seen = visit.look().has_module(MODULE) && person.capabilities.has(Capability::Reorder);
        if seen { Reach::Company } else { Reach::Nobodys }
    }

    fn list(&self) -> &'static str {
        "/reorders"
    }

    fn told(&self, request: &Request) -> Told {
        Told {
            topic: Topic::Reorder,
            path: format!("/reorders/{}", request.id),
            summary: Some(request.summary.clone()),
            total: answers::total(&request.payload),
            changes: Vec::new(),
        }
    }
}
