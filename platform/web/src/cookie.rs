//! Cookies: `__Host-` and nothing else, so that neither a sibling host nor plain HTTP can set or read one.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

/// The signed-in session. Its value is a secret that only its SHA-256 is stored of.
pub const SESSION: &str = "__Host-session";
/// The same for a person of the tenant. A browser may have both, and neither opens what is the other's.
pub const STAFF: &str = "__Host-staff";
/// The browser before anybody signed in: binds forms and sign-in links to it.
pub const BROWSER: &str = "__Host-browser";
/// One message for the page after a redirect.
pub const FLASH: &str = "__Host-flash";
/// The language the reader chose.
pub const LOCALE: &str = "__Host-locale";

/// A cookie to be set: `Path=/; Secure; HttpOnly; SameSite=Lax`, no domain.
#[derive(Debug, Clone)]
pub struct Cookie {
    name: &'static str,
    value: String,
    max_age: Option<Duration>,
}

impl Cookie {
    /// Gone when the browser ends.
    #[must_use]
    pub fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), max_age: None }
    }

    #[must_use]
    pub fn max_age(self, age: Duration) -> Self {
        Self { max_age: Some(age), ..self }
    }

    /// Takes the cookie away.
    #[must_use]
    pub fn removal(name: &'static str) -> Self {
        Self::new(name, "").max_age(Duration::ZERO)
    }

    /// None when the value is not one: a control character or a separator in it.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let clean = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"' | b'\\');
        if !self.value.bytes().all(clean) {
            return None;
        }
        let age = self.max_age.map_or_else(String::new, |age| format!("; Max-Age={}", age.as_secs()));
        let text = format!("{}={}; Path=/; Secure; HttpOnly; SameSite=Lax{age}", self.name, self.value);
        HeaderValue::from_str(&text).ok()
    }
}

/// The value of a cookie of the request. The first one counts: `__Host-` names cannot be there twice.
#[must_use]
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, value)| *known == name && !value.is_empty()).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cookie_is_locked_to_its_host() {
        let header = Cookie::new(SESSION, "abc").max_age(Duration::from_secs(60)).header().unwrap();
        assert_eq!(header, "__Host-session=abc; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60");
        assert!(Cookie::new(SESSION, "a;Domain=evil").header().is_none());
        assert!(Cookie::new(SESSION, "a\r\nx: y").header().is_none());
        for name in [SESSION, STAFF, BROWSER, FLASH, LOCALE] {
            assert!(name.starts_with("__Host-"));
        }
    }

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; __Host-session=xyz; b"));
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-browser=q"));
        assert_eq!(read(&headers, SESSION), Some("xyz"));
        assert_eq!(read(&headers, BROWSER), Some("q"));
        assert_eq!(read(&headers, "b"), None);
    }
}
