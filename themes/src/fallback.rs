//! Pages of last resort: no template, no brand, no asset. They cannot fail.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::message::escape_into;

/// All the look that a page without assets has. Its hash is in [`neutral_policy`].
const STYLE: &str = ":root{color-scheme:light dark}*{margin:0}body{min-height:100vh;display:grid;place-content:center;\
    padding:2rem;font:1.0625rem/1.6 system-ui,sans-serif;background:light-dark(#f6f7f8,#0f1214);color:light-dark(#1d242b,#e6eaee)}\
    main{max-width:34rem;padding:2.5rem;border-radius:1rem;background:light-dark(#fff,#171b1f);\
    box-shadow:0 1px 2px light-dark(#1d242b1f,#0000)}h1{font-size:1.375rem;line-height:1.35;letter-spacing:-.01em;text-wrap:balance}";

/// A page that says one sentence and names nobody: for hosts that are nobody's. Send it with [`neutral_policy`].
#[must_use]
pub fn neutral(sentence: &str) -> String {
    let mut words = String::with_capacity(100);
    escape_into(&mut words, sentence);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
         <title>{words}</title><style>{STYLE}</style></head><body><main><h1>{words}</h1></main></body></html>"
    )
}

/// The content security policy under which [`neutral`] keeps its look and nothing else can happen.
#[must_use]
pub fn neutral_policy() -> String {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

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
    fn a_neutral_page_has_nothing_but_its_sentence() {
        let page = super::neutral("There is no <site> here.");
        assert!(page.contains("no &lt;site&gt; here") && !page.contains("<site>") && !page.contains("src="));
        assert!(super::neutral_policy().contains("'sha256-"));
    }

    #[test]
    fn it_escapes_what_it_shows() {
        let page = super::page(Some("<b>"));
        assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"));
    }
}
