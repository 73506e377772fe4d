//! Every page of the portal and the console, in every sample, pack, locale and scheme, strictly.

use themes::{Registry, Themes};

fn themes() -> Themes {
    let registry = Registry::new()
        .with(platform_web::pages::register)
        .with(platform_identity::pages::register)
        .with(platform_portal::shell::register)
        .with(platform_portal::orders::register)
        .with(platform_portal::invoices::register)
        .with(platform_portal::account::register)
        .with(admin::operator::outbox::pages::register);
    Themes::build(registry).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

#[test]
fn every_page_renders_and_every_message_is_used() {
    let report = themes().check(None);
    assert!(report.faults.is_empty(), "{:#?}", report.faults);
    assert!(report.rendered > 500, "{} rendered", report.rendered);
}
