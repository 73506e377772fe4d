//! Locale files: messages, plural rules, names of days and months, number habits. Pure data, no templates.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    sync::Arc,
};

use crate::message::{Message, Piece, Plural, escape_into};

/// Direction of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    LeftToRight,
    RightToLeft,
}

impl Direction {
    /// As in the `dir` attribute.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Direction::LeftToRight => "ltr",
            Direction::RightToLeft => "rtl",
        }
    }
}

/// One language, loaded and parsed.
#[derive(Debug)]
pub struct Locale {
    pub(crate) tag: String,
    pub(crate) direction: Direction,
    pub(crate) formats: Formats,
    /// Looked up some hundred times a page.
    messages: HashMap<String, Message>,
    plural: fn(u64) -> Plural,
}

/// How a locale writes dates and numbers. Patterns have holes like messages do.
#[derive(Debug, Clone)]
pub(crate) struct Formats {
    pub(crate) days: [Vec<String>; 2],
    pub(crate) months: [Vec<String>; 2],
    pub(crate) group: String,
    pub(crate) decimal: String,
    pub(crate) day: String,
    pub(crate) day_year: String,
    pub(crate) long_day: String,
    pub(crate) moment: String,
    pub(crate) money: String,
}

/// A fault in a locale file: the key and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("locale {tag}: {key}: {problem}")]
pub struct LocaleFault {
    pub tag: String,
    pub key: String,
    pub problem: String,
}

impl Locale {
    /// Parses a locale file.
    ///
    /// # Errors
    /// The first fault found.
    pub fn parse(tag: &str, source: &str) -> Result<Self, LocaleFault> {
        let fault = |key: &str, problem: &str| LocaleFault {
            tag: tag.into(),
            key: key.into(),
            problem: problem.into(),
        };
        let mut root: toml::Table =
            source.parse().map_err(|error: toml::de::Error| fault("", &error.to_string()))?;
        let Some(toml::Value::Table(meta)) = root.remove("meta") else {
            return Err(fault("meta", "is missing"));
        };
        let formats = Formats::read(&meta)
            .map_err(|key| fault(&format!("meta.{key}"), "is missing or has the wrong shape"))?;
        let direction = match meta.get("dir").and_then(toml::Value::as_str) {
            Some("ltr") => Direction::LeftToRight,
            Some("rtl") => Direction::RightToLeft,
            _ => return Err(fault("meta.dir", "is ltr or rtl")),
        };
        let mut messages = HashMap::new();
        collect("", &root, &mut messages).map_err(|key| fault(&key, "is not a message"))?;
        let plural = if tag.starts_with("ar") { arabic } else { germanic };
        Ok(Self { tag: tag.into(), direction, formats, messages, plural })
    }

    /// BCP 47 tag, e.g. `en`.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Every message key, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.messages.keys().map(String::as_str).collect::<BTreeSet<_>>().into_iter()
    }

    /// Argument and term names of a message, sorted; used to hold locales against each other.
    #[must_use]
    pub fn holes(&self, key: &str) -> Option<Vec<String>> {
        self.messages.get(key).map(Message::holes)
    }

    pub(crate) fn message(&self, key: &str) -> Option<&Message> {
        self.messages.get(key)
    }

    pub(crate) fn plural(&self, count: u64) -> Plural {
        (self.plural)(count)
    }

    /// A copy with every letter replaced by an accented one and a third more length: shows text that escaped the
    /// locale files, and layouts that only fit English.
    #[must_use]
    pub fn pseudo(source: &Arc<Locale>) -> Self {
        let messages =
            source.messages.iter().map(|(key, message)| (key.clone(), pseudo_message(message))).collect();
        Self {
            tag: "en-XA".into(),
            direction: source.direction,
            formats: source.formats.clone(),
            messages,
            plural: source.plural,
        }
    }
}

impl Formats {
    fn read(meta: &toml::Table) -> Result<Self, &'static str> {
        let list = |key: &'static str, length: usize| {
            let values = meta.get(key).and_then(toml::Value::as_array).ok_or(key)?;
            let names: Vec<String> =
                values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect();
            if names.len() == length { Ok(names) } else { Err(key) }
        };
        let text =
            |key: &'static str| meta.get(key).and_then(toml::Value::as_str).map(str::to_owned).ok_or(key);
        Ok(Self {
            days: [list("days", 7)?, list("days_short", 7)?],
            months: [list("months", 12)?, list("months_short", 12)?],
            group: text("group")?,
            decimal: text("decimal")?,
            day: text("day")?,
            day_year: text("day_year")?,
            long_day: text("long_day")?,
            moment: text("moment")?,
            money: text("money")?,
        })
    }
}

fn collect(prefix: &str, table: &toml::Table, out: &mut HashMap<String, Message>) -> Result<(), String> {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::String(text) => {
                out.insert(key.clone(), Message::plain(text).ok_or(key)?);
            }
            toml::Value::Table(inner) if is_plural(inner) => {
                let forms: Option<Vec<_>> =
                    inner.iter().map(|(form, text)| Some((Plural::parse(form)?, text.as_str()?))).collect();
                let message = forms.and_then(|forms| Message::plural(forms.into_iter()));
                out.insert(key.clone(), message.ok_or(key)?);
            }
            toml::Value::Table(inner) => collect(&key, inner, out)?,
            _ => return Err(key),
        }
    }
    Ok(())
}

/// Plural forms and nothing else; an area may have a message called `other`.
fn is_plural(table: &toml::Table) -> bool {
    table.contains_key("other") && table.keys().all(|name| Plural::parse(name).is_some())
}

fn germanic(count: u64) -> Plural {
    if count == 1 { Plural::One } else { Plural::Other }
}

fn arabic(count: u64) -> Plural {
    match (count, count % 100) {
        (0, _) => Plural::Zero,
        (1, _) => Plural::One,
        (2, _) => Plural::Two,
        (_, 3..=10) => Plural::Few,
        (_, 11..=99) => Plural::Many,
        _ => Plural::Other,
    }
}

/// Writes `pieces`, looking up each hole; `escape` says that literal text goes into HTML.
pub(crate) fn fill<E>(
    out: &mut String,
    pieces: &[Piece],
    escape: bool,
    mut hole: impl FnMut(&mut String, &Piece) -> Result<(), E>,
) -> Result<(), E> {
    for piece in pieces {
        match piece {
            Piece::Text(text) if escape => escape_into(out, text),
            Piece::Text(text) => out.push_str(text),
            other => hole(out, other)?,
        }
    }
    Ok(())
}

fn pseudo_message(message: &Message) -> Message {
    let text: Vec<(Plural, String)> =
        [Plural::Zero, Plural::One, Plural::Two, Plural::Few, Plural::Many, Plural::Other]
            .into_iter()
            .filter(|form| *form == Plural::Other || message.is_plural())
            .map(|form| (form, pseudo_text(message.form(form))))
            .collect();
    Message::plural(text.iter().map(|(form, text)| (*form, text.as_str()))).unwrap_or_else(|| message.clone())
}

fn pseudo_text(pieces: &[Piece]) -> String {
    let mut out = String::from("[");
    let mut letters = 0;
    for piece in pieces {
        match piece {
            Piece::Text(text) => {
                letters += text.chars().count();
                out.extend(text.chars().map(accented));
            }
            Piece::Argument(name) => _ = write!(out, "{{{name}}}"),
            Piece::Term(name) => _ = write!(out, "{{@{name}}}"),
        }
    }
    out.extend(std::iter::repeat_n('~', letters / 3));
    out.push(']');
    out
}

fn accented(letter: char) -> char {
    match letter {
        'a' => 'á',
        'e' => 'é',
        'i' => 'í',
        'o' => 'ö',
        'u' => 'ü',
        'y' => 'ÿ',
        'c' => 'ç',
        'n' => 'ñ',
        's' => 'š',
        'A' => 'Å',
        'E' => 'É',
        'O' => 'Ö',
        'S' => 'Š',
        other => other,
    }
}
