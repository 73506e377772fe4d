//! The files of this crate, embedded: templates, stylesheets, scripts, fonts, icons.

macro_rules! templates {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../templates/", $name)))),*] };
}

macro_rules! styles {
    ($($name:literal),* $(,)?) => { [$(include_str!(concat!("../assets/css/", $name))),*] };
}

macro_rules! fonts {
    ($($name:literal),* $(,)?) => { &[$(($name, include_bytes!(concat!("../assets/fonts/", $name)).as_slice())),*] };
}

pub(crate) const TEMPLATES: &[(&str, &str)] = templates![
    "layout/base.html",
    "layout/portal.html",
    "layout/focus.html",
    "layout/console.html",
    "part/brand.html",
    "part/header.html",
    "part/person.html",
    "part/scheme.html",
    "part/flash.html",
    "part/footer.html",
    "mail/frame.html",
];

/// In cascade order; `tokens.css` names the layers.
pub(crate) const STYLES: [&str; 9] = styles![
    "tokens.css",
    "reset.css",
    "base.css",
    "layout.css",
    "components.css",
    "pages.css",
    "reorder.css",
    "money.css",
    "print.css"
];

/// Beside the others, on pages of the tenant's own people alone: customers need not load it.
pub(crate) const CONSOLE_STYLE: &str = include_str!("../assets/css/console.css");

pub(crate) const PACK_STYLES: [(&str, &str); 3] = [
    ("quiet", include_str!("../packs/quiet/pack.css")),
    ("workshop", include_str!("../packs/workshop/pack.css")),
    ("bright", include_str!("../packs/bright/pack.css")),
];

pub(crate) const SCRIPTS: [(&str, &str); 2] =
    [("app.js", include_str!("../assets/js/app.js")), ("live.js", include_str!("../assets/js/live.js"))];

pub(crate) const FONTS: &[(&str, &[u8])] = fonts![
    "archivo-latin.woff2",
    "archivo-latin-ext.woff2",
    "figtree-latin.woff2",
    "figtree-latin-ext.woff2",
    "instrument-sans-latin.woff2",
    "instrument-sans-latin-ext.woff2",
    "newsreader-latin.woff2",
    "newsreader-latin-ext.woff2",
    "readex-pro-arabic.woff2",
];

/// For papers alone, never sent to a browser: scripts that the brands' own fonts do not have.
pub(crate) const PAPER_FONTS: &[(&str, &[u8])] = fonts![
    "paper/noto-sans-latin.woff2",
    "paper/noto-sans-vietnamese.woff2",
    "paper/noto-sans-cyrillic.woff2",
    "paper/noto-sans-greek.woff2",
    "paper/noto-sans-hebrew.woff2",
    "paper/noto-sans-devanagari.woff2",
    "paper/noto-sans-thai.woff2",
];

pub(crate) const ICONS: &str = include_str!("../assets/icons/icons.svg");
