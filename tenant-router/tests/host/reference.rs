//! What a host is, once more, slowly and by other means: rule by rule over characters, no shortcut for plain names, and
//! Punycode on its own instead of UTS-46. Shared by the property test and the fuzz target.

use idna::punycode;

/// A canonical name and the port that stood behind it.
pub(crate) type Parsed = Option<(String, Option<u16>)>;

/// Asserts that a parser's answer for a text is the one that the rules ask for.
pub(crate) fn agree(text: &str, parse: impl Fn(&str) -> Parsed) {
    let answer = parse(text);
    if let Some((name, _)) = &answer {
        assert_eq!(plain(name), Some(name.clone()), "{text:?}: the canonical name breaks a rule");
        assert_eq!(parse(name), Some((name.clone(), None)), "{text:?}: the canonical name is not its own");
        assert!(name.split('.').all(punycode_is_honest), "{text:?}: {name}");
        let shouted = format!("{}.:1", name.to_ascii_uppercase());
        assert_eq!(parse(&shouted), Some((name.clone(), Some(1))), "{text:?}: case, dot or port matter");
        let unicode = unicode(name);
        let same = parse(&unicode).map(|(name, _)| name);
        // The Unicode form of a few odd names is too long to be looked at; it must never be another host.
        assert!(same.is_none() || same.as_ref() == Some(name), "{text:?}: {unicode} is {same:?}");
    }
    let (before, port) = match split_port(text) {
        Ok(parts) => parts,
        Err(()) => return assert_eq!(answer, None, "{text:?}: an address, or a port that is none"),
    };
    if before.is_ascii() && !before.to_ascii_lowercase().contains("xn--") {
        let expected = plain(&before.to_ascii_lowercase()).map(|name| (name, port));
        assert_eq!(answer, expected, "{text:?}");
    }
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), ()> {
    let parts: Vec<&str> = text.split(':').collect();
    match parts[..] {
        _ if text.starts_with('[') => Err(()),
        [name] => Ok((name, None)),
        [name, port] => {
            let digits = (1..=5).contains(&port.len()) && port.chars().all(|c| c.is_ascii_digit());
            let number: u32 = if digits { port.parse().map_err(|_| ())? } else { 0 };
            if (1..=65535).contains(&number) { Ok((name, Some(number as u16))) } else { Err(()) }
        }
        _ => Err(()),
    }
}

/// A lower-case ASCII name, without its final dot, if every rule holds.
fn plain(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let labels: Vec<&str> = name.split('.').collect();
    let letters =
        |label: &str| label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let label = |label: &&str| {
        !label.is_empty()
            && label.len() <= 63
            && letters(label)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = labels.last()?;
    let number = last.chars().all(|c| c.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_hexdigit()));
    let good = labels.iter().all(label) && labels.len() <= 10 && name.len() <= 253 && !number;
    good.then(|| name.to_owned())
}

/// An `xn--` label stands for a text that is not ASCII and that Punycode writes exactly so.
fn punycode_is_honest(label: &str) -> bool {
    let Some(code) = label.strip_prefix("xn--") else { return true };
    punycode::decode_to_string(code)
        .is_some_and(|text| !text.is_ascii() && punycode::encode_str(&text).as_deref() == Some(code))
}

fn unicode(name: &str) -> String {
    let one = |label: &str| match label.strip_prefix("xn--").and_then(punycode::decode_to_string) {
        Some(text) => text,
        None => label.to_owned(),
    };
    name.split('.').map(one).collect::<Vec<_>>().join(".")
}
