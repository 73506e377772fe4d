//! Screens of tenant staff and operators.

pub mod console;
pub mod operator;

use themes::Registry;

/// Every page and mail of the program, of all rooms. The server, the gallery and the test that renders them all share it.
#[must_use]
pub fn registry() -> Registry {
    Registry::new()
        .with(platform_web::pages::register)
        .with(platform_identity::pages::register)
        .with(platform_portal::shell::register)
        .with(platform_portal::orders::register)
        .with(platform_portal::reorder::register)
        .with(platform_portal::invoices::register)
        .with(platform_portal::account::register)
        .with(platform_portal::people::register)
        .with(console::register)
        .with(operator::outbox::pages::register)
}
