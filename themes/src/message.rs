//! One translated message: text with `{argument}` and `{@term}` holes, in one form or in plural forms.

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
}

impl Message {
    /// Parses plain text; `None` when a brace is left open.
    pub(crate) fn plain(text: &str) -> Option<Self> {
        Some(Self { forms: vec![(Plural::Other, pieces(text)?)] })
    }

    /// Parses plural forms; `None` without `other` or with a broken form.
    pub(crate) fn plural<'a>(forms: impl Iterator<Item = (Plural, &'a str)>) -> Option<Self> {
        let forms = forms.map(|(form, text)| Some((form, pieces(text)?))).collect::<Option<Vec<_>>>()?;
        forms.iter().any(|(form, _)| *form == Plural::Other).then_some(Self { forms })
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

/// Whether `text` holds a character that means something in HTML; most texts do not.
pub(crate) fn needs_escape(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\''))
}

/// Writes `text` so that it is text in HTML, in element content and in quoted attributes.
pub(crate) fn escape_into(out: &mut String, text: &str) {
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
        out.push_str(&text[last..at]);
        out.push_str(entity);
        last = at + 1;
    }
    out.push_str(&text[last..]);
}
