//! One translated message: text with `{argument}` and `{@term}` holes, in one form or in plural forms.

use std::fmt;

use minijinja::Value;

/// A plural category of CLDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Plural {
    Zero,
    One,
    Two,
    Few,
    Many,
    Other,
}

impl Plural {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "zero" => Self::Zero,
            "one" => Self::One,
            "two" => Self::Two,
            "few" => Self::Few,
            "many" => Self::Many,
            "other" => Self::Other,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Argument(String),
    Term(String),
}

/// A parsed message. `forms` always holds `Other`.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    forms: Vec<(Plural, Vec<Piece>)>,
    /// As markup, when it is the same for everybody: most messages are, and a page shows a hundred.
    ready: Option<Value>,
}

impl Message {
    /// Parses plain text; `None` when a brace is left open.
    pub(crate) fn plain(text: &str) -> Option<Self> {
        let pieces = pieces(text)?;
        let ready = match pieces.as_slice() {
            [Piece::Text(text)] => Some(markup(text)),
            _ => None,
        };
        Some(Self { forms: vec![(Plural::Other, pieces)], ready })
    }

    /// Parses plural forms; `None` without `other` or with a broken form.
    pub(crate) fn plural<'a>(forms: impl Iterator<Item = (Plural, &'a str)>) -> Option<Self> {
        let forms = forms.map(|(form, text)| Some((form, pieces(text)?))).collect::<Option<Vec<_>>>()?;
        forms.iter().any(|(form, _)| *form == Plural::Other).then_some(Self { forms, ready: None })
    }

    /// The whole message as markup, if it has no holes and one form.
    pub(crate) fn ready(&self) -> Option<&Value> {
        self.ready.as_ref()
    }

    pub(crate) fn is_plural(&self) -> bool {
        self.forms.len() > 1
    }

    pub(crate) fn form(&self, form: Plural) -> &[Piece] {
        let wanted = self.forms.iter().find(|(known, _)| *known == form);
        let other = || self.forms.iter().find(|(known, _)| *known == Plural::Other);
        wanted.or_else(other).map_or(&[], |(_, pieces)| pieces)
    }

    /// Every argument and term named in any form, sorted, each once.
    pub(crate) fn holes(&self) -> Vec<String> {
        let mut holes: Vec<String> =
            self.forms.iter().flat_map(|(_, pieces)| pieces).filter_map(Piece::hole).collect();
        holes.sort();
        holes.dedup();
        holes
    }
}

impl Piece {
    fn hole(&self) -> Option<String> {
        match self {
            Piece::Text(_) => None,
            Piece::Argument(name) => Some(name.clone()),
            Piece::Term(name) => Some(format!("@{name}")),
        }
    }
}

fn markup(text: &str) -> Value {
    let mut out = String::with_capacity(text.len() + 8);
    escape_into(&mut out, text);
    Value::from_safe_string(out)
}

fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        if start > 0 {
            out.push(Piece::Text(rest[..start].to_owned()));
        }
        let end = rest[start..].find('}')? + start;
        let name = rest[start + 1..end].trim();
        out.push(match name.strip_prefix('@') {
            Some(term) => Piece::Term(term.to_owned()),
            None => Piece::Argument(name.to_owned()),
        });
        rest = &rest[end + 1..];
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest.to_owned()));
    }
    Some(out)
}

/// Writes `text` so that it is text in HTML, in element content and in quoted attributes.
pub(crate) fn escape_into(out: &mut String, text: &str) {
    // A String takes everything.
    let _ = escape(out, text);
}

/// [`escape_into`] for whatever takes text.
///
/// # Errors
/// What `out` says.
pub(crate) fn escape(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let mut last = 0;
    for (at, byte) in text.bytes().enumerate() {
        let entity = match byte {
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'&' => "&amp;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            _ => continue,
        };
        out.write_str(&text[last..at])?;
        out.write_str(entity)?;
        last = at + 1;
    }
    out.write_str(&text[last..])
}
