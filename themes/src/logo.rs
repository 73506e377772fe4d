//! A tenant's SVG mark, rebuilt from an allow-list: shapes, numbers and colours survive, everything else is refused.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// An SVG mark that is safe to inline: at most 8 KiB, only shapes. Shapes may carry `class="mark-1"` or `"mark-2"`,
/// which the stylesheet fills with the brand's primary and secondary colour so that the mark fits both schemes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mark(String);

/// Why an SVG was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMark {
    #[error("a mark is at most 8 KiB")]
    TooLarge,
    #[error("a mark starts with <svg viewBox=\"...\"> and ends with </svg>")]
    NotSvg,
    #[error("<{0}> is not allowed in a mark")]
    Element(String),
    #[error("attribute {0} is not allowed in a mark")]
    Attribute(String),
    #[error("the mark's markup is broken")]
    Broken,
}

const ELEMENTS: [&str; 9] = ["svg", "g", "path", "circle", "ellipse", "rect", "line", "polyline", "polygon"];
const ATTRIBUTES: [&str; 27] = [
    "viewBox",
    "d",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "x",
    "y",
    "x1",
    "y1",
    "x2",
    "y2",
    "width",
    "height",
    "points",
    "transform",
    "fill",
    "stroke",
    "stroke-width",
    "stroke-linecap",
    "stroke-linejoin",
    "fill-rule",
    "clip-rule",
    "opacity",
    "fill-opacity",
    "class",
];

impl Mark {
    /// The rebuilt markup.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        mark.0
    }
}

impl TryFrom<String> for Mark {
    type Error = BadMark;

    fn try_from(source: String) -> Result<Self, BadMark> {
        if source.len() > 8 * 1024 {
            return Err(BadMark::TooLarge);
        }
        let mut out = String::with_capacity(source.len());
        let mut open: Vec<&str> = Vec::new();
        let mut rest = source.trim();
        while !rest.is_empty() {
            rest = rest.strip_prefix('<').ok_or(BadMark::Broken)?;
            let end = rest.find('>').ok_or(BadMark::Broken)?;
            let (tag, after) = (&rest[..end], rest[end + 1..].trim_start());
            if let Some(name) = tag.strip_prefix('/') {
                if open.pop() != Some(name.trim()) {
                    return Err(BadMark::Broken);
                }
                let _ = write!(out, "</{}>", name.trim());
            } else {
                element(tag, &mut open, &mut out)?;
            }
            if open.is_empty() && !after.is_empty() {
                return Err(BadMark::NotSvg);
            }
            rest = after;
        }
        if open.is_empty() && out.contains("viewBox") { Ok(Self(out)) } else { Err(BadMark::NotSvg) }
    }
}

fn element<'a>(tag: &'a str, open: &mut Vec<&'a str>, out: &mut String) -> Result<(), BadMark> {
    let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
    let (name, mut attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    if !ELEMENTS.contains(&name) {
        return Err(BadMark::Element(name.chars().take(40).collect()));
    }
    if (name == "svg") != open.is_empty() {
        return Err(BadMark::NotSvg);
    }
    let _ = write!(out, "<{name}");
    if name == "svg" {
        out.push_str(" aria-hidden=\"true\" focusable=\"false\"");
    }
    loop {
        attributes = attributes.trim_start();
        if attributes.is_empty() {
            break;
        }
        let (key, after) = attributes.split_once("=\"").ok_or(BadMark::Broken)?;
        let (value, after) = after.split_once('"').ok_or(BadMark::Broken)?;
        attributes = after;
        // The name space is implied when the mark is inlined; the other two are written anew above, so that what we
        // stored can be read again.
        if matches!(key, "xmlns" | "aria-hidden" | "focusable") {
            continue;
        }
        if !ATTRIBUTES.contains(&key) || !harmless(key, value) {
            return Err(BadMark::Attribute(key.chars().take(40).collect()));
        }
        let _ = write!(out, " {key}=\"{value}\"");
    }
    out.push_str(if closed { "/>" } else { ">" });
    if !closed {
        open.push(name);
    }
    Ok(())
}

fn harmless(key: &str, value: &str) -> bool {
    match key {
        "class" => matches!(value, "mark-1" | "mark-2"),
        "fill" | "stroke" => {
            matches!(value, "none" | "currentColor") || value.parse::<crate::colour::Rgb>().is_ok()
        }
        _ => value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" .,-+()".contains(&byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(source: &str) -> Result<Mark, BadMark> {
        Mark::try_from(source.to_owned())
    }

    #[test]
    fn what_was_stored_is_read_again() {
        for brand in crate::samples::brands() {
            let stored = serde_json::to_value(&brand).unwrap();
            assert_eq!(serde_json::from_value::<crate::Brand>(stored).unwrap(), brand);
        }
    }

    #[test]
    fn shapes_survive() {
        let kept = mark(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><g><path class="mark-1" d="M1 2l3-4z"/></g></svg>"##,
        );
        assert_eq!(
            kept.unwrap().as_str(),
            r##"<svg aria-hidden="true" focusable="false" viewBox="0 0 24 24"><g><path class="mark-1" d="M1 2l3-4z"/></g></svg>"##
        );
    }

    #[test]
    fn script_does_not() {
        for bad in [
            r##"<svg viewBox="0 0 1 1"><script>alert(1)</script></svg>"##,
            r##"<svg viewBox="0 0 1 1" onload="alert(1)"></svg>"##,
            r##"<svg viewBox="0 0 1 1"><path fill="url(https://evil.example)"/></svg>"##,
            r##"<svg viewBox="0 0 1 1"><path style="x"/></svg>"##,
            r##"<svg viewBox="0 0 1 1"><a href="javascript:x"><path/></a></svg>"##,
            r##"<svg viewBox="0 0 1 1"><image href="https://evil.example/x.png"/></svg>"##,
            r##"<svg viewBox="0 0 1 1"><foreignObject></foreignObject></svg>"##,
            r##"<svg viewBox="0 0 1 1"><use href="#x"/></svg>"##,
            r##"<svg viewBox="0 0 1 1"></svg><script>alert(1)</script>"##,
            r##"<svg viewBox="0 0 1 1"><path d='M0'/></svg>"##,
            r##"<svg viewBox="0 0 1 1"><!-- x --></svg>"##,
            r##"<!DOCTYPE svg><svg viewBox="0 0 1 1"></svg>"##,
            r##"<svg viewBox="0 0 1 1"><g></svg></g>"##,
            r##"<svg viewBox="0 0 1 1">text</svg>"##,
            r##"<svg viewBox="0 0 1 1">"##,
            "",
        ] {
            assert!(mark(bad).is_err(), "{bad}");
        }
        assert_eq!(mark(&"x".repeat(9000)), Err(BadMark::TooLarge));
    }
}
