//! The look before an order: whether the authority would find what it needs. An order that is bound to fail costs one of
//! 300 in three hours and one of five failures in an hour; our own look costs nothing.

use std::future::Future;
use std::pin::Pin;

use crate::challenges::Kind;
use crate::verdict::Who;

/// Why an order would be in vain now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    pub who: Who,
    /// For people: what was seen, and what should be there.
    pub text: String,
}

/// Looks at a host as the authority will.
pub trait Precheck: Send + Sync {
    /// Whether an order may be placed for `host`, proven by `kind`. When it cannot tell it says yes.
    fn look<'a>(
        &'a self,
        host: &'a str,
        kind: Kind,
    ) -> Pin<Box<dyn Future<Output = Result<(), Objection>> + Send + 'a>>;
}

/// Objects to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPrecheck;

impl Precheck for NoPrecheck {
    fn look<'a>(
        &'a self,
        _: &'a str,
        _: Kind,
    ) -> Pin<Box<dyn Future<Output = Result<(), Objection>> + Send + 'a>> {
        Box::pin(async { Ok(()) })
    }
}
