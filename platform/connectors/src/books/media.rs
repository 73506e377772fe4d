//! What kind of file a document is, by its first bytes: a name proves nothing.

/// The media type that a document is served with; what is not known is bytes and no more.
#[must_use]
pub fn media_type(bytes: &[u8]) -> &'static str {
    const KNOWN: &[(&[u8], &str)] = &[
        (b"%PDF-", "application/pdf"),
        (b"<?xml", "application/xml"),
        (b"\xef\xbb\xbf<?xml", "application/xml"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
    ];
    let known = KNOWN.iter().find(|(start, _)| bytes.starts_with(start));
    known.map_or("application/octet-stream", |(_, media)| media)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        assert_eq!(media_type(b"%PDF-1.4\n"), "application/pdf");
        assert_eq!(media_type(b"<?xml version=\"1.0\"?>"), "application/xml");
        assert_eq!(media_type(b"<html><script>"), "application/octet-stream");
        assert_eq!(media_type(b""), "application/octet-stream");
    }
}
