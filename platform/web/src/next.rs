//! Where to go after signing in: a path on this very host, or home.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::audience::{Audience, CONSOLE};

const LONGEST: usize = 1024;
/// What a query needs no escape for; slashes are left to be read.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// A path (and query) on this host that is safe to redirect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next(String);

impl Next {
    /// Home.
    #[must_use]
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    /// `text` if every reading of it stays on this host, else home. Browsers read `\` as `/`, drop tabs and line
    /// breaks, and some proxies decode once more, so each of these readings counts.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if is_local(text) { Self(text.to_owned()) } else { Self::home() }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_home(&self) -> bool {
        self.0 == "/"
    }

    /// The same path if it is a page for `audience`, else that audience's own first page.
    #[must_use]
    pub fn within(self, audience: Audience) -> Self {
        let path = self.0.split(['?', '#']).next().unwrap_or_default();
        match audience {
            _ if Audience::of(path) == audience => self,
            Audience::Contacts => Self::home(),
            Audience::Staff => Self(CONSOLE.to_owned()),
        }
    }

    /// As the value of a query parameter.
    #[must_use]
    pub fn encoded(&self) -> String {
        utf8_percent_encode(&self.0, ESCAPED).to_string()
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_local(text: &str) -> bool {
    let mut reading = text.to_owned();
    for _ in 0..4 {
        if !stays(&reading) {
            return false;
        }
        let decoded = percent_decode_str(&reading).decode_utf8_lossy();
        if decoded == reading {
            break;
        }
        reading = decoded.into_owned();
    }
    // Signing in again after signing in would go round in circles.
    text.len() <= LONGEST
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && !text.starts_with("/sign-in")
        && !text.starts_with("/console/sign-in")
}

fn stays(reading: &str) -> bool {
    let path = reading.split(['?', '#']).next().unwrap_or_default();
    path.starts_with('/')
        && !path.contains("//")
        && !reading.contains('\\')
        && !reading.chars().any(|character| character.is_control() || character == '\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::Next;
    use crate::audience::Audience;

    #[test]
    fn paths_of_this_host_are_kept() {
        for path in
            ["/", "/orders", "/orders?q=SO-1%20x&page=2", "/orders/SO-1004#lines", "/a%2Fb", "/o?back=/x//y"]
        {
            assert_eq!(Next::parse(path).as_str(), path);
        }
    }

    #[test]
    fn every_way_out_leads_home() {
        let ways_out = [
            "",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "/%2f%2fevil.example",
            "%2f%2fevil.example",
            "/%2fevil.example",
            "/%5cevil.example",
            "/%252f%252fevil.example",
            "///evil.example",
            "https://evil.example",
            "HTTPS:evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/%09/evil.example",
            "/%0d%0aLocation:%20//evil.example",
            " //evil.example",
            "/ /evil.example",
            "/.//evil.example",
            "/..//evil.example",
            "/a/%2e%2e//evil.example",
            "/\u{2028}/evil.example",
            "/\u{0}",
            "http:evil.example",
            "//user@evil.example",
            "/%ff%fe//evil.example",
            "?next=//evil",
            "#//evil",
            "/sign-in?next=/",
            "/console/sign-in?next=/",
            "/é",
            "@evil.example",
            ":80/",
        ];
        for way in ways_out {
            assert_eq!(Next::parse(way).as_str(), "/", "{way:?}");
        }
        assert!(Next::parse(&format!("/{}", "a".repeat(2000))).is_home());
    }

    #[test]
    fn nobody_is_led_to_the_others_pages() {
        let within = |path: &str, audience| Next::parse(path).within(audience).to_string();
        assert_eq!(within("/console/requests?state=open", Audience::Staff), "/console/requests?state=open");
        assert_eq!(within("/orders", Audience::Staff), "/console");
        assert_eq!(within("/console", Audience::Contacts), "/");
        assert_eq!(within("/orders?q=/console", Audience::Contacts), "/orders?q=/console");
    }

    #[test]
    fn it_survives_a_query() {
        assert_eq!(Next::parse("/orders?q=a&b=%20").encoded(), "/orders%3Fq%3Da%26b%3D%2520");
    }
}
