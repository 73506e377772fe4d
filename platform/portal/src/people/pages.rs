//! Pages of the slice: the list, and the form of one person.

use chrono::{DateTime, Utc};
use platform_identity::Role;
use platform_web::pages::Field;
use platform_web::{Capability, Problems};
use serde::Serialize;
use themes::{Page, Registry, Sample};

use super::person::{Show, Standing, Typed};
use super::samples;
use super::store::PersonRow;

/// Adds the slice's pages.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry
        .partial("people/roles.html", include_str!("roles.html"))
        .page::<People>(include_str!("list.html"))
        .page::<Invite>(include_str!("invite.html"))
        .page::<Somebody>(include_str!("person.html"))
        .keys(&[
            "nav.people",
            "flash.person_invited",
            "flash.person_invited_again",
            "flash.person_deactivated",
            "flash.person_activated",
            "people.wrong.name",
            "people.wrong.role",
            "people.wrong.taken",
            "people.wrong.last",
        ])
}

/// `GET /people`.
#[derive(Debug, Clone, Serialize)]
pub struct People {
    pub show: Show,
    pub query: String,
    pub filters: Vec<FilterLink>,
    pub rows: Vec<Row>,
    pub newer: Option<String>,
    pub older: Option<String>,
    pub csv: String,
}

/// One filter of the list.
#[derive(Debug, Clone, Serialize)]
pub struct FilterLink {
    pub show: Show,
    pub href: String,
    pub count: u32,
}

/// Somebody.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub id: String,
    pub name: String,
    /// One or two letters for the picture.
    pub initials: String,
    pub email: String,
    pub role: Role,
    pub standing: Standing,
    pub last_seen_at: Option<DateTime<Utc>>,
    pub invited_at: DateTime<Utc>,
    /// The reader.
    pub me: bool,
}

impl Row {
    #[must_use]
    pub fn new(row: &PersonRow, me: bool) -> Self {
        Self {
            id: row.id.to_string(),
            initials: initials(&row.name),
            name: row.name.clone(),
            email: row.email.clone(),
            // What a newer version may have stored may least.
            role: Role::parse(&row.role).unwrap_or(Role::User),
            standing: row.standing(),
            last_seen_at: row.last_seen_at,
            invited_at: row.created_at,
            me,
        }
    }
}

/// First letters of the first and the last name.
fn initials(name: &str) -> String {
    let mut words =
        name.split_whitespace().filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()));
    let first = words.next();
    first.into_iter().chain(words.next_back()).flat_map(char::to_uppercase).collect()
}

/// `GET /people/new`; posts to `/people`.
#[derive(Debug, Clone, Serialize)]
pub struct Invite {
    pub name: Field,
    pub email: Field,
    pub roles: Roles,
    pub problems: Problems,
}

impl Invite {
    #[must_use]
    pub fn new(typed: &Typed, problems: Problems) -> Self {
        Self {
            name: field(&typed.name, "name", &problems),
            email: field(&typed.email, "email", &problems),
            roles: Roles::new(&typed.role, &problems, false),
            problems,
        }
    }
}

/// `GET /people/{id}`; posts to `/people/{id}/change`, and to `.../deactivation`, `.../activation`, `.../invitation`.
#[derive(Debug, Clone, Serialize)]
pub struct Somebody {
    pub person: Row,
    pub name: Field,
    pub roles: Roles,
    pub problems: Problems,
}

impl Somebody {
    #[must_use]
    pub fn new(person: Row, typed: &Typed, problems: Problems) -> Self {
        Self {
            name: field(&typed.name, "name", &problems),
            roles: Roles::new(&typed.role, &problems, person.me),
            person,
            problems,
        }
    }
}

/// The choice of a role, with what each may do.
#[derive(Debug, Clone, Serialize)]
pub struct Roles {
    /// The chosen word; it may be none of the list.
    pub chosen: String,
    pub wrong: Option<String>,
    /// One's own role is another administrator's to change.
    pub fixed: bool,
    pub list: Vec<RoleChoice>,
    /// What the columns of the table are about.
    pub capabilities: Vec<Capability>,
}

/// One role.
#[derive(Debug, Clone, Serialize)]
pub struct RoleChoice {
    pub role: Role,
    /// For each capability of the table.
    pub may: Vec<bool>,
}

/// Capabilities that there are pages for.
const SHOWN: [Capability; 5] =
    [Capability::Orders, Capability::Reorder, Capability::Finance, Capability::Company, Capability::People];

impl Roles {
    fn new(chosen: &str, problems: &Problems, fixed: bool) -> Self {
        let choice =
            |role: Role| RoleChoice { role, may: SHOWN.map(|one| role.capabilities().has(one)).to_vec() };
        Self {
            chosen: chosen.to_owned(),
            wrong: problems.of("role").map(str::to_owned),
            fixed,
            list: Role::ALL.map(choice).to_vec(),
            capabilities: SHOWN.to_vec(),
        }
    }
}

fn field(value: &str, name: &str, problems: &Problems) -> Field {
    let error = problems.of(name).map(|message| message.to_owned().into());
    Field { value: value.to_owned(), error }
}

impl Page for People {
    const TEMPLATE: &'static str = "people/list.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::lists()
    }
}

impl Page for Invite {
    const TEMPLATE: &'static str = "people/invite.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::invites()
    }
}

impl Page for Somebody {
    const TEMPLATE: &'static str = "people/person.html";

    fn samples() -> Vec<Sample<Self>> {
        samples::people()
    }
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_are_of_the_first_and_the_last_name() {
        for (name, letters) in [
            ("Maya Okafor", "MO"),
            ("ada", "A"),
            ("Jean-Luc de la Tour", "JT"),
            ("«élodie» b", "ÉB"),
            ("—", ""),
        ] {
            assert_eq!(initials(name), letters);
        }
    }
}
