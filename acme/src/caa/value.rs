//! The value of an `issue` or `issuewild` property: an issuer and its parameters (RFC 8659 section 4.2, RFC 8657).

/// What the value says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IssueValue {
    /// Lower case; empty: nobody.
    pub(super) issuer: String,
    /// Tags in lower case, values as they are.
    pub(super) parameters: Vec<(String, String)>,
}

impl IssueValue {
    /// Reads it; none when it breaks the grammar, which forbids every issuer.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(|part| part.trim_matches([' ', '\t']));
        let issuer = parts.next().unwrap_or_default().to_ascii_lowercase();
        if !issuer.is_empty() && !issuer.split('.').all(is_label) {
            return None;
        }
        let mut parameters = Vec::new();
        for part in parts {
            // The grammar lets a list end with its separator.
            if part.is_empty() {
                continue;
            }
            let (tag, value) = part.split_once('=')?;
            let (tag, value) = (tag.trim_end_matches([' ', '\t']), value.trim_start_matches([' ', '\t']));
            let printable = |b: u8| matches!(b, 0x21..=0x3a | 0x3c..=0x7e);
            if !is_label(tag) || !value.bytes().all(printable) {
                return None;
            }
            parameters.push((tag.to_ascii_lowercase(), value.to_owned()));
        }
        Some(Self { issuer, parameters })
    }

    /// The values of a parameter.
    pub(super) fn of(&self, tag: &str) -> Vec<&str> {
        self.parameters.iter().filter(|(known, _)| known == tag).map(|(_, value)| value.as_str()).collect()
    }
}

/// Letters and digits, hyphens only between them.
fn is_label(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(ends)
        && text.ends_with(ends)
        && text.chars().all(|c| c == '-' || c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, usize)> {
        IssueValue::read(text).map(|value| (value.issuer, value.parameters.len()))
    }

    #[test]
    fn the_grammar() {
        assert_eq!(read("ca1.example.net"), Some(("ca1.example.net".into(), 0)));
        assert_eq!(read("CA1.Example.NET"), Some(("ca1.example.net".into(), 0)));
        assert_eq!(read(" ca1.example.net ; account=230123 "), Some(("ca1.example.net".into(), 1)));
        assert_eq!(read("ca1.example.net; a = 1; b=2;"), Some(("ca1.example.net".into(), 2)));
        assert_eq!(read(";"), Some((String::new(), 0)));
        assert_eq!(read(""), Some((String::new(), 0)));
        assert_eq!(read("; a=1"), Some((String::new(), 1)));
        for bad in [
            "%%%%%",
            "ca1..example",
            "-ca.example",
            "ca.example.",
            "ca.example; account",
            "ca.example; a=b c",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let value = IssueValue::read("ca.example; accounturi=https://a.example/1;accounturi=x").unwrap();
        assert_eq!(value.of("accounturi"), ["https://a.example/1", "x"]);
    }
}
