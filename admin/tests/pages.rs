//! Every page of the portal and the console, in every sample, pack, locale and scheme, strictly.

use themes::Themes;

fn themes() -> Themes {
    Themes::build(admin::registry()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

#[test]
fn every_page_renders_and_every_message_is_used() {
    let report = themes().check(None);
    assert!(report.faults.is_empty(), "{:#?}", report.faults);
    assert!(report.rendered > 500, "{} rendered", report.rendered);
}
