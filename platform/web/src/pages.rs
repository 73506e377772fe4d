//! Pages of no feature: what a reader sees instead of the page they asked for.

use serde::Serialize;
use themes::{Page, Registry, Sample};

use crate::error::Kind;

/// Something went wrong: what happened, what is safe, what to do, a reference.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    pub kind: &'static str,
    pub reference: String,
}

impl Failure {
    /// The page of an error.
    #[must_use]
    pub fn of(kind: &Kind, reference: &str) -> Self {
        let kind = match kind {
            Kind::NotFound | Kind::MethodNotAllowed => "not_found",
            Kind::SignIn => "sign_in",
            Kind::StaleForm => "stale_form",
            Kind::BadRequest => "bad_request",
            Kind::TooLarge => "too_large",
            Kind::TooMany(_) => "too_many",
            Kind::Unavailable => "unavailable",
            Kind::Internal => "internal",
        };
        Self { kind, reference: reference.to_owned() }
    }
}

impl Page for Failure {
    const TEMPLATE: &'static str = "web/failure.html";

    fn samples() -> Vec<Sample<Self>> {
        vec![Sample::new("not_found", Self::of(&Kind::NotFound, "7K2QD-M9XAT"))]
    }
}

/// Adds the pages of this room.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    registry.page::<Failure>("{% extends \"layout/focus.html\" %}{% block title %}{{ page.kind }}{% endblock %}{% block content %}<h1>{{ page.kind }}</h1><p>{{ page.reference }}</p>{% endblock %}")
}
