//! Papers: a typed sheet (letterhead, facts, one table, sums) in the tenant's look, as a tagged PDF/A.
//!
//! A slice says what stands on the sheet; this room says where and how it looks. `fonts` are the program's own files,
//! `text` shapes lines of any script, `pages` lays them out, `print` writes the PDF and its structure for screen readers.

mod fonts;
mod pages;
mod print;
pub mod samples;
mod text;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::{skin::Skin, words::Words};

/// What a page is cut to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    A4,
    Letter,
}

/// Where paper is Letter, by CLDR's `paperSize` (supplemental measurement data).
const LETTER: [&str; 15] =
    ["BZ", "CA", "CL", "CO", "CR", "GT", "MX", "NI", "PA", "PH", "PR", "SV", "US", "VE", "UM"];

impl Size {
    /// By an ISO 3166 code of two letters.
    #[must_use]
    pub fn of_country(country: &str) -> Self {
        if LETTER.contains(&country) { Self::Letter } else { Self::A4 }
    }

    /// By a time zone, where no country is known: the United States' and Canada's are Letter.
    #[must_use]
    pub fn of_zone(zone: Tz) -> Self {
        let name = zone.name();
        let north = [
            "New_York",
            "Chicago",
            "Denver",
            "Los_Angeles",
            "Phoenix",
            "Anchorage",
            "Detroit",
            "Toronto",
            "Vancouver",
            "Winnipeg",
            "Edmonton",
            "Halifax",
            "Montreal",
            "Mexico_City",
        ];
        let letter = name.starts_with("US/")
            || name.starts_with("Canada/")
            || name.strip_prefix("America/").is_some_and(|city| north.contains(&city));
        if letter { Self::Letter } else { Self::A4 }
    }

    /// Points.
    fn points(self) -> (f32, f32) {
        match self {
            Self::A4 => (595.28, 841.89),
            Self::Letter => (612.0, 792.0),
        }
    }
}

/// Everything on a paper, in the reader's words.
#[derive(Debug, Clone)]
pub struct Sheet {
    pub size: Size,
    /// "Invoice INV-2041": the heading, and the document's title.
    pub title: String,
    /// "Copy", beside the heading.
    pub stamp: Option<String>,
    /// What this paper is and is not, below the heading.
    pub note: Option<String>,
    /// Whom it is for: a label and lines.
    pub party: Option<(String, Vec<String>)>,
    /// Numbers and dates, label and value.
    pub facts: Vec<(String, String)>,
    pub tables: Vec<Table>,
    /// Small print at the end.
    pub closing: Vec<String>,
}

/// A table with its sums. Its head is repeated on every page that it reaches.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pub heading: Option<String>,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    /// Said instead of rows.
    pub empty: Option<String>,
    /// Label and amount; the last one is the one that matters.
    pub sums: Vec<(String, String)>,
}

/// A column: its head, and its share of the width.
#[derive(Debug, Clone)]
pub struct Column {
    pub head: String,
    pub share: f32,
    /// Numbers stand at the end of their column.
    pub number: bool,
}

impl Column {
    #[must_use]
    pub fn text(head: String, share: f32) -> Self {
        Self { head, share, number: false }
    }

    #[must_use]
    pub fn number(head: String, share: f32) -> Self {
        Self { head, share, number: true }
    }
}

/// A row: as many cells as columns.
#[derive(Debug, Clone)]
pub struct Row {
    pub cells: Vec<Cell>,
    /// Carries over or adds up.
    pub strong: bool,
}

/// What stands in a cell.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    pub text: String,
    /// A second, quieter line.
    pub under: Option<String>,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, under: None }
    }
}

/// The PDF could not be written: a font of ours that does not load, or a rule of PDF/A that the outcome breaks.
#[derive(Debug, thiserror::Error)]
#[error("the paper could not be printed: {0}")]
pub struct PrintFault(String);

/// Writes the sheet as a PDF. Takes some ten milliseconds of one core; `made_at` stands in the document's data.
///
/// # Errors
/// A fault of the program: see [`PrintFault`].
pub fn print(
    sheet: &Sheet,
    words: &Words,
    skin: &Skin,
    made_at: DateTime<Utc>,
) -> Result<Vec<u8>, PrintFault> {
    let type_case = fonts::TypeCase::of(skin.brand())?;
    let laid_out = pages::lay_out(sheet, words, skin, &type_case);
    print::print(&laid_out, words, skin, made_at)
}
