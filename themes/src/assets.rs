//! Stylesheets, scripts, fonts and icons: embedded, fingerprinted, compressed once at start.

use std::{borrow::Cow, collections::BTreeMap, io::Write as _};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::GzEncoder};

use crate::{pack::Pack, sources};

/// Address prefix of every asset.
pub const PREFIX: &str = "/assets/";
/// `Cache-Control` of every asset: the address changes with the content.
pub const CACHE: &str = "public, max-age=31536000, immutable";

/// One asset, ready to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Asset<'a> {
    pub bytes: &'a [u8],
    pub content_type: &'static str,
    /// `Some("gzip")` when `bytes` are compressed. Send `Vary: Accept-Encoding` either way.
    pub encoding: Option<&'static str>,
    /// Quoted, strong for these bytes.
    pub etag: &'a str,
}

/// A file with its compressed twin.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) path: String,
    bytes: Cow<'static, [u8]>,
    gzip: Option<Vec<u8>>,
    content_type: &'static str,
    etags: [String; 2],
}

impl Stored {
    /// `stem-<hash>.ext` below [`PREFIX`]; text is compressed, fonts already are.
    pub(crate) fn new(name: &str, bytes: Cow<'static, [u8]>) -> Self {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let hash = fingerprint(&bytes);
        let (content_type, compress) = kind(extension);
        let gzip = if compress { gzip(&bytes) } else { None };
        let etags = [format!("\"{hash}\""), format!("\"{hash}-gz\"")];
        Self { path: format!("{PREFIX}{stem}-{hash}.{extension}"), bytes, gzip, content_type, etags }
    }

    pub(crate) fn asset(&self, accepts_gzip: bool) -> Asset<'_> {
        let content_type = self.content_type;
        match &self.gzip {
            Some(bytes) if accepts_gzip => {
                Asset { bytes, content_type, encoding: Some("gzip"), etag: &self.etags[1] }
            }
            _ => Asset { bytes: &self.bytes, content_type, encoding: None, etag: &self.etags[0] },
        }
    }
}

/// Every asset of the program. A brand's own stylesheet is with its `Skin`.
#[derive(Debug)]
pub struct Assets {
    by_path: BTreeMap<String, Stored>,
    urls: BTreeMap<String, String>,
    icons: Vec<String>,
}

impl Assets {
    /// Embeds, fingerprints and compresses. Takes some ten milliseconds; do it once.
    #[must_use]
    pub fn build() -> Self {
        let mut assets =
            Self { by_path: BTreeMap::new(), urls: BTreeMap::new(), icons: icon_names(sources::ICONS) };
        for (name, bytes) in sources::FONTS {
            assets.add(name, Cow::Borrowed(*bytes));
        }
        assets.add("icons.svg", Cow::Borrowed(sources::ICONS.as_bytes()));
        for (name, source) in sources::SCRIPTS {
            assets.add(name, Cow::Owned(squeeze(source).into_bytes()));
        }
        assets.add("console.css", Cow::Owned(squeeze_css(sources::CONSOLE_STYLE).into_bytes()));
        for pack in Pack::ALL {
            let css = assets.stylesheet(pack);
            assets.add(&format!("app-{}.css", pack.name()), Cow::Owned(css.into_bytes()));
        }
        assets
    }

    /// The asset at a request path, e.g. `/assets/app-quiet-x1y2z3.css`.
    #[must_use]
    pub fn get(&self, path: &str, accepts_gzip: bool) -> Option<Asset<'_>> {
        Some(self.by_path.get(path)?.asset(accepts_gzip))
    }

    /// The address of a source file name, e.g. `icons.svg`.
    #[must_use]
    pub fn url(&self, name: &str) -> Option<&str> {
        self.urls.get(name).map(String::as_str)
    }

    /// Every address, for writing them all to a folder.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.by_path.keys().map(String::as_str)
    }

    pub(crate) fn icons(&self) -> &[String] {
        &self.icons
    }

    fn add(&mut self, name: &str, bytes: Cow<'static, [u8]>) {
        let stored = Stored::new(name, bytes);
        self.urls.insert(name.to_owned(), stored.path.clone());
        self.by_path.insert(stored.path.clone(), stored);
    }

    /// The base layers and one pack's, with `asset:name` turned into addresses.
    fn stylesheet(&self, pack: Pack) -> String {
        let pack_source =
            sources::PACK_STYLES.iter().find(|(name, _)| *name == pack.name()).map_or("", |(_, css)| css);
        let source: String = sources::STYLES.iter().copied().chain([pack_source]).collect();
        let mut css = squeeze_css(&source);
        for (name, url) in &self.urls {
            css = css.replace(&format!("asset:{name}"), url);
        }
        css
    }
}

/// Ten characters of the SHA-256 in base64url.
fn fingerprint(bytes: &[u8]) -> String {
    let mut hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes));
    hash.truncate(10);
    hash
}

fn kind(extension: &str) -> (&'static str, bool) {
    match extension {
        "css" => ("text/css; charset=utf-8", true),
        "js" => ("text/javascript; charset=utf-8", true),
        "svg" => ("image/svg+xml", true),
        "woff2" => ("font/woff2", false),
        _ => ("application/octet-stream", false),
    }
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().filter(|packed| packed.len() < bytes.len())
}

fn icon_names(sprite: &str) -> Vec<String> {
    sprite
        .split("<symbol id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

/// Drops indentation, blank lines and whole-line comments of a script.
fn squeeze(source: &str) -> String {
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Drops comments, line breaks and the blanks around punctuation of a stylesheet.
fn squeeze_css(source: &str) -> String {
    let mut plain = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("/*") {
        plain.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    let mut out = String::with_capacity(plain.len());
    for word in plain.split_whitespace() {
        let tight = out.ends_with(['{', '}', ';', ',', '>']) || word.starts_with(['{', '}', ';', ',', '>']);
        if !out.is_empty() && !tight {
            out.push(' ');
        }
        out.push_str(word);
    }
    out.replace(": ", ":").replace(";}", "}")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn assets_are_found_by_their_fingerprint() {
        let assets = Assets::build();
        let path = assets.url("app-quiet.css").unwrap();
        let plain = assets.get(path, false).unwrap();
        let packed = assets.get(path, true).unwrap();
        assert_eq!((plain.encoding, packed.encoding), (None, Some("gzip")));
        assert_ne!(plain.etag, packed.etag);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(packed.bytes).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.bytes);
        assert!(assets.get("/assets/../Cargo.toml", true).is_none());
        let css = std::str::from_utf8(plain.bytes).unwrap();
        assert!(!css.contains("asset:"), "an asset: address was left in the stylesheet");
        assert_eq!(css.matches('{').count(), css.matches('}').count());
    }

    #[test]
    fn a_first_view_is_light() {
        let assets = Assets::build();
        for pack in Pack::ALL {
            let size = |name: &str| assets.get(assets.url(name).unwrap(), true).unwrap().bytes.len();
            let fonts: usize = crate::typeface::preloaded(pack).iter().map(|font| size(font)).sum();
            let total =
                size(&format!("app-{}.css", pack.name())) + size("icons.svg") + size("app.js") + fonts;
            // The page itself and the brand's colours take some 6 kB more.
            assert!(total < 50_000, "{}: {total} bytes before the page", pack.name());
        }
    }

    #[test]
    fn stylesheets_keep_their_meaning() {
        assert_eq!(
            squeeze_css("/* x */\na , b > c {\n  width: calc(1px + 2px);\n}\n"),
            "a,b>c{width:calc(1px + 2px)}"
        );
        assert_eq!(squeeze_css("a :hover { b: c }"), "a :hover{b:c }".replace(" }", "}"));
    }
}
