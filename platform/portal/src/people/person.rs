//! People by our own rules: what may be typed, and which filter somebody belongs to. Pure.

use chrono::{DateTime, Utc};
use platform_identity::Role;
use platform_web::{Problems, paging};
use serde::Serialize;

/// Longest name, in characters.
const LONGEST_NAME: usize = 120;
/// Longest mail address, in bytes (RFC 5321).
const LONGEST_ADDRESS: usize = 254;

/// Which way a page of the list goes from whom. The list is by name, which the store finds by the person.
pub type From = paging::From<paging::ById>;

/// A filter of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Show {
    All,
    Administrators,
    /// Invited, and never here.
    Invited,
    Deactivated,
}

impl Show {
    pub const ALL: [Self; 4] = [Self::All, Self::Administrators, Self::Invited, Self::Deactivated];

    /// In addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Administrators => "administrators",
            Self::Invited => "invited",
            Self::Deactivated => "deactivated",
        }
    }

    /// The filter that a word in an address means; an unknown word is no filter.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|show| show.word() == text).unwrap_or(Self::All)
    }
}

/// Whether somebody can come, and has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Active,
    Invited,
    Deactivated,
}

impl Standing {
    #[must_use]
    pub fn of(active: bool, last_seen: Option<DateTime<Utc>>) -> Self {
        match (active, last_seen) {
            (false, _) => Self::Deactivated,
            (true, None) => Self::Invited,
            (true, Some(_)) => Self::Active,
        }
    }
}

/// What was typed about somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    pub name: String,
    pub email: String,
    pub role: String,
}

impl Typed {
    /// Blanks run together are one.
    #[must_use]
    pub fn new(name: &str, email: &str, role: &str) -> Self {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { name, email: email.trim().to_owned(), role: role.to_owned() }
    }

    /// The role that was chosen, when it is one.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        Role::parse(&self.role).ok()
    }

    /// What is wrong with it. `invited`: the address is typed, too.
    #[must_use]
    pub fn problems(&self, invited: bool) -> Problems {
        let mut problems = Problems::default();
        if self.name.is_empty() {
            problems.add("name", "form.required");
        }
        if self.name.chars().count() > LONGEST_NAME || self.name.chars().any(char::is_control) {
            problems.add("name", "people.wrong.name");
        }
        if invited && !is_address(&self.email) {
            problems.add("email", "form.email");
        }
        if self.role().is_none() {
            problems.add("role", "people.wrong.role");
        }
        problems
    }
}

/// As strict as the database, and a dot in the host: nobody is invited to a machine of our own network.
fn is_address(text: &str) -> bool {
    let shape = text.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty()
            && host.contains('.')
            && !host.contains('@')
            && !host.starts_with('.')
            && !host.ends_with('.')
    });
    shape && text.len() <= LONGEST_ADDRESS && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_beside_its_field() {
        let fields = |name: &str, email: &str, role: &str| -> Vec<String> {
            let problems = Typed::new(name, email, role).problems(true);
            ["name", "email", "role"]
                .into_iter()
                .filter(|field| problems.of(field).is_some())
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(fields(" Ada   King ", " ada@brightwater.example ", "user"), [""; 0]);
        assert_eq!(fields("", "", ""), ["name", "email", "role"]);
        for address in
            ["ada", "ada@host", "@b.example", "a b@c.example", "a@b@c.example", "a@.example", "a@b.example."]
        {
            assert_eq!(fields("Ada", address, "user"), ["email"], "{address}");
        }
        assert_eq!(fields(&"a".repeat(121), "ada@b.example", "root"), ["name", "role"]);
        assert_eq!(Typed::new(" Ada   King ", "", "").name, "Ada King");
    }

    #[test]
    fn nobody_is_active_who_was_never_here() {
        assert_eq!(Standing::of(true, None), Standing::Invited);
        assert_eq!(Standing::of(false, None), Standing::Deactivated);
    }
}
