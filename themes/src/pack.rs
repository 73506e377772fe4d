//! Ready-made packs: a character each (type, shape, header, rows), as template overrides and a stylesheet of their own.

use serde::{Deserialize, Serialize};

/// A ready-made look. A pack may override any template by name; the base version stays reachable as `base/<name>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pack {
    /// Editorial and airy, with serif headings.
    Quiet,
    /// Dense and industrial, with strong numerals.
    Workshop,
    /// Round and friendly.
    Bright,
}

impl Pack {
    pub const ALL: [Pack; 3] = [Pack::Quiet, Pack::Workshop, Pack::Bright];

    /// Lower-case name, as stored and as in file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Pack::Quiet => "quiet",
            Pack::Workshop => "workshop",
            Pack::Bright => "bright",
        }
    }

    /// Templates that stand in for base templates of the same name.
    pub(crate) const fn overrides(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Pack::Quiet => &[],
            Pack::Workshop => &[("shell/hero.html", include_str!("../packs/workshop/shell/hero.html"))],
            Pack::Bright => &[("shell/hero.html", include_str!("../packs/bright/shell/hero.html"))],
        }
    }
}
