//! The page of last resort: no template, no brand, no asset. It cannot fail.

use crate::message::escape_into;

/// A neutral "something went wrong" page with an optional reference number.
#[must_use]
pub fn page(reference: Option<&str>) -> String {
    let mut out = String::with_capacity(700);
    out.push_str(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
         <meta name=\"robots\" content=\"noindex\"><title>Something went wrong</title></head><body><main>\
         <h1>Something went wrong on our side</h1>\
         <p>Nothing you did caused this, and nothing was lost. Please try again in a minute.</p>",
    );
    if let Some(reference) = reference {
        out.push_str("<p>If you contact us, mention reference <strong>");
        escape_into(&mut out, reference);
        out.push_str("</strong>.</p>");
    }
    out.push_str("</main></body></html>");
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_escapes_what_it_shows() {
        let page = super::page(Some("<b>"));
        assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"));
    }
}
