//! Addresses of lists: what was asked for, and the pages beside this one ([`platform_core::paging`]).

pub use platform_core::paging::{Beside, ById, Cursor, From, Key};
use serde::Deserialize;

/// `?before=&after=`, for lists that are asked for nothing else.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    before: String,
    #[serde(default)]
    after: String,
}

impl Asked {
    /// Where the page begins.
    #[must_use]
    pub fn from<K: Key>(&self) -> From<K> {
        From::asked(&self.before, &self.after)
    }
}

/// The addresses of the newer and the older page, with what else the list was asked for.
#[must_use]
pub fn addresses<K: Key>(
    beside: Beside<K>,
    path: &str,
    asked: &[(&str, &str)],
) -> (Option<String>, Option<String>) {
    let to = |way: &str, cursor: Cursor<K>| {
        address(path, &[asked, &[(way, cursor.to_string().as_str())]].concat())
    };
    (beside.newer.map(|cursor| to("after", cursor)), beside.older.map(|cursor| to("before", cursor)))
}

/// An address with what was asked for, each part only when it says something.
#[must_use]
pub fn address(path: &str, asked: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in asked.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_address_says_only_what_is_asked_and_breaks_on_nothing() {
        assert_eq!(address("/orders", &[("show", ""), ("q", "")]), "/orders");
        assert_eq!(
            address("/orders", &[("show", "late"), ("q", "a&b=c ü")]),
            "/orders?show=late&q=a%26b%3Dc+%C3%BC"
        );
        let place =
            Cursor { at: NaiveDate::from_ymd_opt(2026, 11, 21).expect("a day"), id: Uuid::from_u128(7) };
        let beside = Beside { newer: None, older: Some(place) };
        let older = format!("/orders?q=x&before={place}");
        assert_eq!(addresses(beside, "/orders", &[("q", "x")]), (None, Some(older)));
    }
}
