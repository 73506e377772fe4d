//! What every request may lean on: themes, brands, clock, randomness, the database, and the frame around pages.

use std::fmt;
use std::sync::Arc;

use platform_core::Db;
use platform_core::clock::Clock;
use platform_core::random::Random;
use themes::{Shell, Skin, Themes};

use crate::brands::Brands;
use crate::keep::Keep;
use crate::limits::Rate;
use crate::visit::Visit;

/// Fills the frame around a page: navigation, search. The portal's shell does it; without one a frame is bare.
pub trait Frame: Send + Sync {
    fn fill(&self, visit: &Visit, shell: &mut Shell);
}

/// The parts of a [`Site`].
pub struct Parts {
    pub db: Db,
    pub themes: Arc<Themes>,
    pub brands: Brands,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub frame: Option<Arc<dyn Frame>>,
    pub keep: Keep,
    pub config: Config,
}

/// What the operator configures.
#[derive(Debug, Clone)]
pub struct Config {
    /// Hosts `<slug>.<base_domain>` belong to tenants.
    pub base_domain: String,
    /// Demo mode may show mails and fault details; never in production.
    pub demo: bool,
    /// Requests of one peer, all methods.
    pub requests: Rate,
    /// Forms of one peer.
    pub forms: Rate,
}

impl Config {
    /// 100 requests/s with bursts of 400, and 5 forms/s with bursts of 40: a whole office behind one address.
    #[must_use]
    pub fn new(base_domain: impl Into<String>) -> Self {
        Self {
            base_domain: base_domain.into(),
            demo: false,
            requests: Rate { per_second: 100, burst: 400 },
            forms: Rate { per_second: 5, burst: 40 },
        }
    }
}

/// The parts, shared. Cheap to clone.
#[derive(Clone)]
pub struct Site(Arc<Shared>);

struct Shared {
    parts: Parts,
    neutral: Skin,
}

impl Site {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Shared { parts, neutral: Skin::neutral() }))
    }

    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.parts.db
    }

    #[must_use]
    pub fn themes(&self) -> &Themes {
        &self.0.parts.themes
    }

    #[must_use]
    pub fn brands(&self) -> &Brands {
        &self.0.parts.brands
    }

    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.parts.clock
    }

    #[must_use]
    pub fn random(&self) -> &dyn Random {
        &*self.0.parts.random
    }

    /// Pages made a moment ago.
    #[must_use]
    pub fn keep(&self) -> &Keep {
        &self.0.parts.keep
    }

    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.parts.config
    }

    /// The look of hosts that belong to nobody.
    pub(crate) fn neutral(&self) -> &Skin {
        &self.0.neutral
    }

    pub(crate) fn frame(&self) -> Option<&dyn Frame> {
        self.0.parts.frame.as_deref()
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("config", &self.0.parts.config).finish_non_exhaustive()
    }
}
