//! Posted forms: what was typed, and what is wrong with it, field by field.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;

use crate::error::{Error, Kind};

/// The fields of a posted form, in their order. Its CSRF token has been checked.
#[derive(Debug, Clone, Default)]
pub struct Posted(Arc<[(String, String)]>);

impl Posted {
    /// Reads `application/x-www-form-urlencoded`. Never fails: what cannot be decoded stays as it is.
    pub(crate) fn decode(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// What was typed into a field, without blanks around it; empty when the field is absent.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// Every value of a field that may be there several times.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a box was ticked.
    #[must_use]
    pub fn ticked(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }
}

impl<S: Sync> FromRequestParts<S> for Posted {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let form = parts.extensions.get::<Self>().cloned();
        form.ok_or_else(|| {
            Error::because(Kind::BadRequest, "not a form: application/x-www-form-urlencoded is expected")
        })
    }
}

/// What is wrong with a form: at most one message a field, in the order of the page, for the summary on top and for the
/// text beside each field.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

/// One fault of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Name and id of the field.
    pub field: Cow<'static, str>,
    /// Message key.
    pub message: Cow<'static, str>,
}

impl Problems {
    /// One message of one field.
    #[must_use]
    pub fn of_one(field: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let mut problems = Self::default();
        problems.add(field, message);
        problems
    }

    /// Adds a message, unless the field has one already.
    pub fn add(&mut self, field: &'static str, message: impl Into<Cow<'static, str>>) {
        if self.of(field).is_none() {
            self.0.push(Problem { field: field.into(), message: message.into() });
        }
    }

    /// Turns a violated constraint into the message of its field. `table` holds (constraint, field, message key).
    ///
    /// # Errors
    /// The database's answer, when no constraint of the table caused it.
    pub fn add_constraint(
        &mut self,
        error: platform_core::Error,
        table: &[(&str, &'static str, &'static str)],
    ) -> Result<(), Error> {
        let known =
            error.constraint().and_then(|name| table.iter().find(|(constraint, ..)| *constraint == name));
        match known {
            Some((_, field, message)) => {
                self.add(field, *message);
                Ok(())
            }
            None => Err(error.into()),
        }
    }

    /// The message beside a field.
    #[must_use]
    pub fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|problem| problem.field == field).map(|problem| &*problem.message)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{Posted, Problems};

    #[test]
    fn forms_are_read_whatever_they_hold() {
        let form = Posted::decode(b"email=+maya%40b.example+&tag=1&tag=2&remember&%zz=%4&bad=%ff&&");
        assert_eq!(form.text("email"), "maya@b.example");
        assert_eq!(form.all("tag").collect::<Vec<_>>(), ["1", "2"]);
        assert!(form.ticked("remember") && !form.ticked("other"));
        assert_eq!((form.text("%zz"), form.text("bad"), form.text("other")), ("%4", "\u{fffd}", ""));
    }

    #[test]
    fn a_field_has_one_message() {
        let mut problems = Problems::default();
        problems.add("email", "first");
        problems.add("email", "second");
        assert_eq!(problems.of("email"), Some("first"));
        assert_eq!(serde_json::to_string(&problems).unwrap(), r#"[{"field":"email","message":"first"}]"#);
    }
}
