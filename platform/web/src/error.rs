//! What a handler may fail with. Converted purely here, logged once and rendered once in [`crate::faults`]; the cause
//! is never shown.

use std::borrow::Cow;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no page.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    cause: Option<Cause>,
}

/// What the reader is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Absent, or not for this reader: both look the same.
    NotFound,
    /// Nobody is signed in. Pages lead to `/sign-in` and back; everything else is told 401.
    SignIn,
    /// A program that did not prove itself: told 401, whatever it accepts.
    Unproved,
    /// The form was sent from elsewhere, or its page was open for too long. Nothing was done.
    StaleForm,
    /// The request makes no sense to us.
    BadRequest,
    /// The address knows no such method.
    MethodNotAllowed,
    TooLarge,
    /// Seconds until it is worth trying again.
    TooMany(u64),
    /// A part we need does not answer.
    Unavailable,
    /// A fault of the program.
    Internal,
}

impl Error {
    #[must_use]
    pub fn not_found() -> Self {
        Kind::NotFound.into()
    }

    #[must_use]
    pub fn sign_in() -> Self {
        Kind::SignIn.into()
    }

    /// `retry_after` in seconds.
    #[must_use]
    pub fn too_many(retry_after: u64) -> Self {
        Kind::TooMany(retry_after).into()
    }

    #[must_use]
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self { kind: Kind::Unavailable, cause: Some(cause.into()) }
    }

    #[must_use]
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self { kind: Kind::Internal, cause: Some(cause.into()) }
    }

    /// With what the log should say.
    #[must_use]
    pub fn because(kind: Kind, cause: impl Into<Cause>) -> Self {
        Self { kind, cause: Some(cause.into()) }
    }

    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.kind {
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::SignIn | Kind::Unproved => StatusCode::UNAUTHORIZED,
            Kind::StaleForm => StatusCode::FORBIDDEN,
            Kind::BadRequest => StatusCode::BAD_REQUEST,
            Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// For the log: the cause and what caused it.
    pub(crate) fn story(&self) -> Cow<'static, str> {
        let Some(cause) = &self.cause else { return Cow::Borrowed("") };
        let mut story = cause.to_string();
        let mut next = cause.source();
        while let Some(source) = next {
            story.push_str(": ");
            story.push_str(&source.to_string());
            next = source.source();
        }
        Cow::Owned(story)
    }

    /// For answers that others made without a page (a missing route, a body over its limit).
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let kind = match status {
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Kind::NotFound,
            StatusCode::UNAUTHORIZED => Kind::SignIn,
            StatusCode::METHOD_NOT_ALLOWED => Kind::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
            StatusCode::TOO_MANY_REQUESTS => Kind::TooMany(1),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT => {
                Kind::Unavailable
            }
            other if other.is_client_error() => Kind::BadRequest,
            _ => Kind::Internal,
        };
        kind.into()
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self { kind, cause: None }
    }
}

impl From<platform_core::Error> for Error {
    /// A database that is away is no fault of the program: the reader is asked to try again.
    fn from(error: platform_core::Error) -> Self {
        if error.is_outage() { Self::unavailable(error) } else { Self::internal(error) }
    }
}

impl From<themes::RenderError> for Error {
    fn from(error: themes::RenderError) -> Self {
        Self::internal(error)
    }
}

/// The mark by which the rendering layer finds an error in a response.
#[derive(Debug, Clone)]
pub(crate) struct Fault(pub(crate) Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Fault(Arc::new(self)));
        response
    }
}
