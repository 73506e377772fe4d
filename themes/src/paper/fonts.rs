//! The type of papers: the brand's own families first, then what else the program has for other scripts. Fonts are kept
//! as WOFF2 and unpacked once.

use std::sync::LazyLock;

use krilla::text::{Font, Tag};
use rustybuzz::ttf_parser;

use super::PrintFault;
use crate::{brand::Brand, sources, typeface};

static UNPACKED: LazyLock<Vec<(&'static str, Vec<u8>)>> = LazyLock::new(|| {
    let files = sources::FONTS.iter().chain(sources::PAPER_FONTS);
    files.filter_map(|(name, woff2)| Some((*name, wuff::decompress_woff2(woff2).ok()?))).collect()
});

/// Scripts that no brand's family has, in the order of asking.
const OTHERS: [&str; 8] = [
    "paper/noto-sans-latin",
    "paper/noto-sans-vietnamese",
    "readex-pro-arabic",
    "paper/noto-sans-cyrillic",
    "paper/noto-sans-greek",
    "paper/noto-sans-hebrew",
    "paper/noto-sans-devanagari",
    "paper/noto-sans-thai",
];

/// One font at one weight: as the shaper sees it and as the PDF embeds it.
pub(super) struct Face {
    pub(super) shaper: rustybuzz::Face<'static>,
    pub(super) font: Font,
}

impl Face {
    fn load(name: &str, weight: f32) -> Option<Self> {
        let file = format!("{name}.woff2");
        let data: &'static [u8] =
            UNPACKED.iter().find(|(known, _)| *known == file).map(|(_, data)| data.as_slice())?;
        let mut shaper = rustybuzz::Face::from_slice(data, 0)?;
        shaper.set_variation(ttf_parser::Tag::from_bytes(b"wght"), weight);
        let font = Font::new_variable(data.into(), 0, &[(Tag::new(b"wght"), weight)])?;
        Some(Self { shaper, font })
    }

    pub(super) fn has(&self, letter: char) -> bool {
        self.shaper.glyph_index(letter).is_some_and(|glyph| glyph.0 != 0)
    }
}

/// A family and those that stand in for it, best first. Never empty.
pub(super) struct Family(Vec<Face>);

impl Family {
    fn load(name: &str, weight: f32) -> Result<Self, PrintFault> {
        let own = [format!("{name}-latin"), format!("{name}-latin-ext")];
        let names = own.iter().map(String::as_str).chain(OTHERS);
        let faces: Vec<Face> = names.filter_map(|name| Face::load(name, weight)).collect();
        if faces.len() == OTHERS.len() + own.len() {
            Ok(Self(faces))
        } else {
            Err(PrintFault(format!("{} of the fonts of {name} load", faces.len())))
        }
    }

    pub(super) fn face(&self, at: usize) -> &Face {
        &self.0[at]
    }

    /// The first face that has a letter.
    pub(super) fn with(&self, letter: char) -> Option<usize> {
        self.0.iter().position(|face| face.has(letter))
    }
}

/// The three voices of a paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Plain,
    Strong,
    Heading,
}

/// What a paper is set with.
pub(super) struct TypeCase {
    plain: Family,
    strong: Family,
    heading: Family,
}

impl TypeCase {
    pub(super) fn of(brand: &Brand) -> Result<Self, PrintFault> {
        let (text, headings) = typeface::printed(brand.pack, brand.typeface);
        Ok(Self {
            plain: Family::load(text, 400.0)?,
            strong: Family::load(text, 600.0)?,
            heading: Family::load(headings, if headings == "newsreader" { 460.0 } else { 650.0 })?,
        })
    }

    pub(super) fn family(&self, voice: Voice) -> &Family {
        match voice {
            Voice::Plain => &self.plain,
            Voice::Strong => &self.strong,
            Voice::Heading => &self.heading,
        }
    }
}
