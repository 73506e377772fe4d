//! Templates carry no code of their own: the content security policy would refuse it, and a browser shows that late.

use house_rules::{demand, sources};

#[test]
fn pages_have_no_inline_code_or_style() {
    let mut faults = Vec::new();
    // A mail has no stylesheet: its readers drop <style>, so mails are styled in place.
    for file in sources(&[".html", ".svg"])
        .iter()
        .filter(|f| !f.path.contains("/mail") && !f.path.contains("/vendor/"))
    {
        for (at, line) in file.text.lines().enumerate() {
            if let Some(what) = fault(&line.to_ascii_lowercase()) {
                faults.push(format!("{}:{}: {what}: {}", file.path, at + 1, line.trim()));
            }
        }
    }
    demand("a page's template carries code or style:", &faults);
}

fn fault(line: &str) -> Option<&'static str> {
    for tag in line.split("<script").skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        // `type="application/json"` is data and never runs
        if !tag.contains("src=") && !tag.contains("application/json") {
            return Some("a script without src");
        }
    }
    if line.contains("<style") && !line.contains("nonce=") {
        return Some("a style element without nonce");
    }
    if line.contains("javascript:") {
        return Some("a javascript: address");
    }
    let attributes = line.match_indices(|c: char| c.is_ascii_whitespace()).map(|(at, _)| &line[at + 1..]);
    for attribute in attributes {
        if attribute.starts_with("style=") {
            return Some("a style attribute");
        }
        let name = attribute.split('=').next().unwrap_or_default();
        let handler =
            name.len() > 3 && name.starts_with("on") && name.bytes().all(|b| b.is_ascii_lowercase());
        if handler && attribute[name.len()..].starts_with("=\"") {
            return Some("an event handler");
        }
    }
    None
}

#[test]
fn faults_are_seen() {
    assert_eq!(fault("<script nonce=\"{{ nonce }}\">go()</script>"), Some("a script without src"));
    assert_eq!(fault("<script type=\"module\" src=\"{{ asset('x.js') }}\"></script>"), None);
    assert_eq!(fault("<p style=\"color:red\">"), Some("a style attribute"));
    assert_eq!(fault("<button onclick=\"x()\">"), Some("an event handler"));
    assert_eq!(fault("<p>once = \"x\"</p>"), None);
    assert_eq!(fault("<a href=\"javascript:x()\">"), Some("a javascript: address"));
}
