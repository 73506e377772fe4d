//! Who did something to a connector: a person of the staff, or an operator at the command line.

use platform_core::audit::Actor;
use platform_core::id::StaffId;

/// A person, with the name that others will read.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    pub staff: Option<StaffId>,
    /// Up to 200 characters.
    pub name: &'a str,
}

impl<'a> Author<'a> {
    /// Somebody at the command line.
    #[must_use]
    pub fn operator(name: &'a str) -> Self {
        Self { staff: None, name }
    }

    /// Somebody of the tenant's staff.
    #[must_use]
    pub fn staff(id: StaffId, name: &'a str) -> Self {
        Self { staff: Some(id), name }
    }

    pub(crate) fn actor(self) -> Actor {
        self.staff.map_or(Actor::System, Actor::Staff)
    }

    /// As it is stored: never empty, never too long.
    pub(crate) fn stored(self) -> String {
        let name: String = self.name.trim().chars().take(200).collect();
        if name.is_empty() { "operator".into() } else { name }
    }
}
