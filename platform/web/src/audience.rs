//! For whom a page is: customers' contacts, or the tenant's own people at the console.

use serde::Serialize;

/// The console's first path. Everything below it is for the tenant's own people, and nothing else is.
pub const CONSOLE: &str = "/console";

/// For whom a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    Contacts,
    Staff,
}

impl Audience {
    /// By the path of a request, or of a route's pattern, without its query.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match path.strip_prefix(CONSOLE) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Self::Staff,
            _ => Self::Contacts,
        }
    }

    /// What stands before the paths of signing in: nothing, or the console's first path.
    #[must_use]
    pub const fn base(self) -> &'static str {
        match self {
            Self::Contacts => "",
            Self::Staff => CONSOLE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Audience::{self, Contacts, Staff};

    #[test]
    fn the_console_is_one_folder() {
        for path in ["/console", "/console/", "/console/sign-in", "/console/customers/x"] {
            assert_eq!(Audience::of(path), Staff, "{path}");
        }
        for path in [
            "/",
            "",
            "/orders",
            "/consoles",
            "/console.css",
            "//console",
            "/a/console",
            "/Console",
            "/%63onsole",
        ] {
            assert_eq!(Audience::of(path), Contacts, "{path}");
        }
    }
}
