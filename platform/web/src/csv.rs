//! Lines of CSV (RFC 4180) that a spreadsheet opens as text and never as a formula.

/// What a file begins with, so that spreadsheets read its letters right.
pub const MARK: &str = "\u{feff}";

/// One field of a line.
#[derive(Debug, Clone, Copy)]
pub enum Field<'a> {
    /// Somebody's words: what a spreadsheet would take for a formula gets an apostrophe before it.
    Text(&'a str),
    /// A number or a date that we wrote ourselves.
    Plain(&'a str),
}

/// One line with its end.
#[must_use]
pub fn line(fields: &[Field]) -> String {
    let mut out = String::with_capacity(fields.len() * 16);
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        match field {
            Field::Text(text) if is_formula(text) => push(&mut out, &format!("'{text}")),
            Field::Text(text) | Field::Plain(text) => push(&mut out, text),
        }
    }
    out.push_str("\r\n");
    out
}

/// By OWASP's list: what begins with one of these is calculated, after blanks too, and in its wide form as well.
fn is_formula(text: &str) -> bool {
    let begins = |letter: char| {
        matches!(
            letter,
            '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'
        )
    };
    text.starts_with(begins) || text.trim_start().starts_with(begins)
}

fn push(out: &mut String, text: &str) {
    if text.contains([',', '"', ';', '\t', '\r', '\n', '\'']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, line};

    #[test]
    fn formulas_become_text_and_numbers_stay_numbers() {
        let row = line(&[
            Field::Text("=cmd|' /C calc'!A0"),
            Field::Text(" @SUM(1)"),
            Field::Text("INV-1"),
            Field::Plain("-12.50"),
            Field::Text("say \"hi\", you"),
        ]);
        assert_eq!(row, "\"'=cmd|' /C calc'!A0\",\"' @SUM(1)\",INV-1,-12.50,\"say \"\"hi\"\", you\"\r\n");
    }
}
