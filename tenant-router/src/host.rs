//! `Host`: the one canonical spelling of a DNS name. Whatever compares, stores or looks up a name takes this type, so
//! mixed case, a final dot, a port or an IDN can never make two names out of one. `parse` is the only constructor.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use rustls_pki_types::DnsName;
use serde::{Deserialize, Serialize};

/// Longest name in octets, without the final dot.
pub const MAX_LENGTH: usize = 253;
/// Most labels: certificate authorities refuse deeper names.
pub const MAX_LABELS: usize = 10;

/// A canonical host: A-labels, lower case, no final dot, no port, at most 253 octets and 10 labels, never an address.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(Arc<str>);

/// Why a text is not a host. The text is meant for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    #[error("the name is empty")]
    Empty,
    #[error("the name is longer than 253 characters")]
    TooLong,
    #[error("the name has more than 10 parts")]
    TooDeep,
    #[error("a part of the name is empty or longer than 63 characters")]
    LabelLength,
    #[error("the name has an underscore, which host names must not have")]
    Underscore,
    #[error("the name has a character that host names must not have")]
    Character,
    #[error("a part of the name starts or ends with a hyphen")]
    Hyphen,
    #[error("this is an IP address, not a name")]
    Address,
    #[error("the port is not a number between 1 and 65535")]
    Port,
    #[error("the name is not a valid internationalised name")]
    Idn,
}

impl Host {
    /// Reads a name as people and protocols write it: any case, one final dot, `:port`, Unicode or `xn--`.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        Ok(Self::parse_with_port(text)?.0)
    }

    /// As `parse`, and gives the port that stood behind the name.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse_with_port(text: &str) -> Result<(Self, Option<u16>), HostError> {
        if text.starts_with('[') {
            return Err(HostError::Address);
        }
        let (name, port) = match text.split_once(':') {
            // More colons than one: a bare IPv6 address.
            Some((_, rest)) if rest.contains(':') => return Err(HostError::Address),
            Some((name, port)) => (name, Some(parse_port(port)?)),
            None => (text, None),
        };
        Ok((Self::from_name(name)?, port))
    }

    fn from_name(name: &str) -> Result<Self, HostError> {
        Ok(Self(Arc::from(&*canonical(name)?)))
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as TLS clients send it.
    #[must_use]
    pub fn sni(&self) -> DnsName<'static> {
        DnsName::try_from(self.0.to_string()).expect("a Host is a DNS name")
    }

    /// The authority for a URL of this host: the port is left out where it is the scheme's own.
    #[must_use]
    pub fn authority(&self, port: u16, default_port: u16) -> String {
        if port == default_port { self.0.to_string() } else { format!("{}:{port}", self.0) }
    }

    /// The name without its first label, or `None` for a single label.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.0.split_once('.').map(|(_, rest)| rest)
    }

    /// The host one label below this one.
    ///
    /// # Errors
    /// The joined name breaks a rule, for example by its length.
    pub fn child(&self, label: &str) -> Result<Self, HostError> {
        if label.contains(['.', ':']) {
            return Err(HostError::Character);
        }
        Self::parse(&format!("{label}.{}", self.0))
    }

    /// Whether this is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &Host) -> bool {
        match self.0.strip_suffix(other.as_str()) {
            Some(rest) => rest.is_empty() || rest.ends_with('.'),
            None => false,
        }
    }

    /// The labels, leftmost first.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }
}

/// The canonical spelling of a name without port; a name that is spelt so already is borrowed.
pub(crate) fn canonical(name: &str) -> Result<Cow<'_, str>, HostError> {
    // Most names by far: one walk over the octets, and nothing else.
    if let Some(bare) = plain(name) {
        return Ok(Cow::Borrowed(bare));
    }
    // Longer than any name even when every octet were a three-octet character: refuse before any work.
    if name.len() > 4 * MAX_LENGTH {
        return Err(HostError::TooLong);
    }
    let bare = match to_ascii(name)? {
        Cow::Borrowed(ascii) => Cow::Borrowed(ascii.strip_suffix('.').unwrap_or(ascii)),
        Cow::Owned(mut ascii) => {
            ascii.truncate(ascii.strip_suffix('.').unwrap_or(&ascii).len());
            Cow::Owned(ascii)
        }
    };
    check(&bare)?;
    Ok(bare)
}

/// The name without its final dot if it keeps every rule as it stands; otherwise the slower way says which it breaks, or
/// mends it. An A-label is left to that way: what it stands for has to be read.
fn plain(name: &str) -> Option<&str> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    let bytes = bare.as_bytes();
    // No way out of this loop before its end, so that it goes over many octets at once.
    let mut good = true;
    for byte in bytes {
        good &= byte.is_ascii_lowercase() | byte.is_ascii_digit() | (*byte == b'-') | (*byte == b'.');
    }
    if !good || bytes.len() > MAX_LENGTH {
        return None;
    }
    let (mut labels, mut last) = (0, bytes);
    for label in bytes.split(|byte| *byte == b'.') {
        let ends_well = matches!(label, [first, .., last] if *first != b'-' && *last != b'-')
            || matches!(label, [only] if *only != b'-');
        if !ends_well || label.len() > 63 || label.starts_with(b"xn--") {
            return None;
        }
        (labels, last) = (labels + 1, label);
    }
    // What may be an address begins with a digit; the slower way knows.
    (labels <= MAX_LABELS && !last[0].is_ascii_digit()).then_some(bare)
}

fn parse_port(text: &str) -> Result<u16, HostError> {
    let digits = !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(HostError::Port),
    }
}

/// Plain lower-case names pass untouched; everything else goes through UTS-46 (non-transitional).
fn to_ascii(name: &str) -> Result<Cow<'_, str>, HostError> {
    let plain = name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
    if plain && !name.contains("xn--") {
        return Ok(Cow::Borrowed(name));
    }
    if name.contains('_') {
        return Err(HostError::Underscore);
    }
    let refused = |b: u8| !matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.');
    if name.is_ascii() && name.bytes().any(refused) {
        return Err(HostError::Character);
    }
    Uts46::new()
        .to_ascii(name.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Ignore)
        .map_err(|_| HostError::Idn)
}

fn check(name: &str) -> Result<(), HostError> {
    if name.is_empty() {
        return Err(HostError::Empty);
    }
    if name.len() > MAX_LENGTH {
        return Err(HostError::TooLong);
    }
    let mut labels = 0;
    for label in name.split('.') {
        labels += 1;
        if label.is_empty() || label.len() > 63 {
            return Err(HostError::LabelLength);
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(HostError::Hyphen);
        }
    }
    if labels > MAX_LABELS {
        return Err(HostError::TooDeep);
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    if is_number(last) {
        return Err(HostError::Address);
    }
    Ok(())
}

/// A name that ends in a number is an address to URL parsers (`1.2.3.4`, `127.1`, `0x7f.1`), so it is one here too.
fn is_number(label: &str) -> bool {
    let hexadecimal =
        label.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
    hexadecimal || label.bytes().all(|b| b.is_ascii_digit())
}

impl FromStr for Host {
    type Err = HostError;
    fn from_str(text: &str) -> Result<Self, HostError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Host {
    type Error = HostError;
    fn try_from(text: String) -> Result<Self, HostError> {
        Self::parse(&text)
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.0.to_string()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host({})", self.0)
    }
}

// The derived hash of `Arc<str>` equals that of `str`, so maps can be asked with a borrowed text.
impl Borrow<str> for Host {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(text: &str, canonical: &str) {
        assert_eq!(Host::parse(text).map(|h| h.to_string()), Ok(canonical.to_owned()), "{text:?}");
    }

    #[track_caller]
    fn refused(text: &str, error: HostError) {
        assert_eq!(Host::parse(text), Err(error), "{text:?}");
    }

    #[test]
    fn spellings_of_one_name_are_one_host() {
        for text in [
            "success.brightwater.example",
            "Success.BrightWater.EXAMPLE",
            "success.brightwater.example.",
            "success.brightwater.example:443",
            "SUCCESS.brightwater.example.:8443",
        ] {
            same(text, "success.brightwater.example");
        }
    }

    #[test]
    fn internationalised_names_become_a_labels() {
        same("faß.de", "xn--fa-hia.de");
        same("MÜNCHEN.example", "xn--mnchen-3ya.example");
        same("xn--mnchen-3ya.example", "xn--mnchen-3ya.example");
        same("XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example");
        same("例え。jp", "xn--r8jz45g.jp");
        refused("xn--a.example", HostError::Idn);
        refused("xn--zzzzzzz999999999.example", HostError::Idn);
        refused("a\u{200d}b.example", HostError::Idn);
    }

    #[test]
    fn what_is_not_a_name_is_refused_with_its_reason() {
        refused("", HostError::Empty);
        refused(".", HostError::Empty);
        refused("a..b", HostError::LabelLength);
        refused("a.b..", HostError::LabelLength);
        refused(".a.b", HostError::LabelLength);
        refused("_acme-challenge.a.example", HostError::Underscore);
        refused("a_b.example", HostError::Underscore);
        refused("a b.example", HostError::Character);
        refused("a.example/path", HostError::Character);
        refused("user@a.example", HostError::Character);
        refused("a.example\r\nX y", HostError::Character);
        refused("*.example.com", HostError::Character);
        refused("a%2eexample", HostError::Character);
        refused("a\0.example", HostError::Character);
        refused("-a.example", HostError::Hyphen);
        refused("a-.example", HostError::Hyphen);
        refused(&format!("{}.example", "a".repeat(64)), HostError::LabelLength);
        refused(&"a.".repeat(10).to_string().replace("a.a.a.", "a.a.a.b."), HostError::TooDeep);
    }

    #[test]
    fn length_counts_without_the_final_dot() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        assert_eq!(longest.len(), MAX_LENGTH);
        same(&format!("{longest}."), &longest);
        refused(&format!("{longest}a"), HostError::TooLong);
        refused(&"a".repeat(100_000), HostError::TooLong);
    }

    #[test]
    fn addresses_are_not_names() {
        for text in [
            "127.0.0.1",
            "127.0.0.1:443",
            "127.1",
            "0x7f.1",
            "1.2.3.0x4",
            "a.0x",
            "::1",
            "[::1]",
            "[::1]:443",
            "8",
        ] {
            refused(text, HostError::Address);
        }
        same("127.0.0.1.example", "127.0.0.1.example");
    }

    #[test]
    fn ports_are_numbers_in_range() {
        for text in [
            "a.example:",
            "a.example:0",
            "a.example:65536",
            "a.example:+80",
            "a.example:8o",
            "a.example:080443",
        ] {
            refused(text, HostError::Port);
        }
        let (_, port) = Host::parse_with_port("a.example:65535").unwrap();
        assert_eq!(port, Some(65535));
    }

    #[test]
    fn helpers_on_a_host() {
        let host = Host::parse("techflow.portico.localhost").unwrap();
        let base = Host::parse("portico.localhost").unwrap();
        assert_eq!(host.parent(), Some("portico.localhost"));
        assert!(host.is_within(&base) && base.is_within(&base));
        assert!(!Host::parse("evilportico.localhost").unwrap().is_within(&base));
        assert_eq!(base.child("lumen").unwrap().as_str(), "lumen.portico.localhost");
        assert_eq!(base.child("a.b"), Err(HostError::Character));
        assert_eq!(host.authority(443, 443), "techflow.portico.localhost");
        assert_eq!(host.authority(8443, 443), "techflow.portico.localhost:8443");
        assert_eq!(host.sni().as_ref(), "techflow.portico.localhost");
    }
}
