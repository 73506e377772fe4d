//! Files that leave as files: a name that no system misreads, and headers that let no browser run or keep them.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A file's name and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    name: String,
    media_type: HeaderValue,
}

const LONGEST: usize = 80;
/// What RFC 8187 lets stand as it is, as far as names have it.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

impl Download {
    /// `name` is made safe by [`safe_name`]; an unreadable media type becomes plain bytes.
    #[must_use]
    pub fn new(name: &str, extension: &str, media_type: &str) -> Self {
        let media_type =
            HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
        Self { name: format!("{}.{extension}", safe_name(name)), media_type }
    }

    /// The whole name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An attachment: not sniffed, not kept, and in a sandbox if somebody opens it all the same.
    #[must_use]
    pub fn response(&self, body: Body) -> Response {
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.media_type.clone());
        if let Ok(value) = HeaderValue::from_str(&self.disposition()) {
            headers.insert(header::CONTENT_DISPOSITION, value);
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        let sandbox =
            "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(sandbox));
        response
    }

    /// By RFC 6266: plain letters for old programs, all letters for the others.
    fn disposition(&self) -> String {
        let plain: String = self.name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
        let encoded = utf8_percent_encode(&self.name, ESCAPED);
        format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
    }
}

/// A file's name without its extension: letters, digits, dashes; nothing that is a path, a device or an option.
#[must_use]
pub fn safe_name(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars().take(4 * LONGEST) {
        if letter.is_alphanumeric() || letter == '_' {
            out.push(letter);
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
        if out.len() >= LONGEST {
            break;
        }
    }
    let name = out.trim_end_matches('-');
    let device = ["con", "prn", "aux", "nul", "com1", "lpt1"].contains(&name.to_lowercase().as_str());
    if name.is_empty() || device {
        format!("file-{name}").trim_end_matches('-').to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names() {
        for (typed, name) in [
            ("INV-2041", "INV-2041"),
            ("../../etc/passwd", "etc-passwd"),
            ("a\"; filename=evil.exe\r\nX: y", "a-filename-evil-exe-X-y"),
            ("-rf", "rf"),
            ("...", "file"),
            ("nul", "file-nul"),
            ("فاتورة 7", "فاتورة-7"),
        ] {
            assert_eq!(safe_name(typed), name, "{typed:?}");
        }
        assert!(safe_name(&"x".repeat(5000)).len() <= LONGEST + 4);
        let headers = Download::new("فاتورة 7", "pdf", "application/pdf").response(Body::empty());
        let disposition = headers.headers()[header::CONTENT_DISPOSITION].to_str().unwrap();
        assert!(
            disposition.starts_with("attachment; filename=\"______-7.pdf\"; filename*=UTF-8''%D9%81"),
            "{disposition}"
        );
    }
}
