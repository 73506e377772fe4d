//! Font families: which stacks a brand's type choice means, and which files are worth loading early.

use crate::{brand::Typeface, pack::Pack};

/// `(text, headings)` as CSS font stacks.
pub(crate) fn stacks(pack: Pack, choice: Typeface) -> (&'static str, &'static str) {
    const SYSTEM: &str =
        "system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"Readex Pro\",sans-serif";
    const SANS: &str = "\"Instrument Sans\",\"Readex Pro\",system-ui,sans-serif";
    const SERIF: &str = "Newsreader,\"Readex Pro\",Georgia,serif";
    const GROTESK: &str = "Archivo,\"Readex Pro\",system-ui,sans-serif";
    const ROUND: &str = "Figtree,\"Readex Pro\",system-ui,sans-serif";
    match resolve(pack, choice) {
        Typeface::Grotesk => (GROTESK, GROTESK),
        Typeface::Round => (ROUND, ROUND),
        Typeface::Sans => (SANS, SANS),
        Typeface::Serif => (SANS, SERIF),
        Typeface::System | Typeface::Pack => (SYSTEM, SYSTEM),
    }
}

/// Font files that the first view needs.
pub(crate) fn files(pack: Pack, choice: Typeface) -> &'static [&'static str] {
    match resolve(pack, choice) {
        Typeface::Grotesk => &["archivo-latin.woff2"],
        Typeface::Round => &["figtree-latin.woff2"],
        Typeface::Sans => &["instrument-sans-latin.woff2"],
        Typeface::Serif => &["instrument-sans-latin.woff2", "newsreader-latin.woff2"],
        Typeface::System | Typeface::Pack => &[],
    }
}

/// `(text, headings)` as file names without `-latin.woff2`, for papers; the device has no fonts of its own there.
pub(crate) fn printed(pack: Pack, choice: Typeface) -> (&'static str, &'static str) {
    match resolve(pack, choice) {
        Typeface::Grotesk => ("archivo", "archivo"),
        Typeface::Round => ("figtree", "figtree"),
        Typeface::Serif => ("instrument-sans", "newsreader"),
        Typeface::Sans | Typeface::System | Typeface::Pack => ("instrument-sans", "instrument-sans"),
    }
}

#[cfg(test)]
pub(crate) fn preloaded(pack: Pack) -> &'static [&'static str] {
    files(pack, Typeface::Pack)
}

fn resolve(pack: Pack, choice: Typeface) -> Typeface {
    match (choice, pack) {
        (Typeface::Pack, Pack::Quiet) => Typeface::Serif,
        (Typeface::Pack, Pack::Workshop) => Typeface::Grotesk,
        (Typeface::Pack, Pack::Bright) => Typeface::Round,
        (chosen, _) => chosen,
    }
}
