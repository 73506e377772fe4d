//! Any text at all is refused by the host parser or canonical after it, as the slow reference says.

#![no_main]

// The file alone and not the crate: the database and TLS beneath it would have to be built with the sanitizer for nothing.
#[path = "../../src/host.rs"]
#[expect(dead_code, reason = "the parser alone is looked at")]
mod host;
#[path = "../../tests/host/reference.rs"]
mod reference;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    reference::agree(text, |text| {
        host::Host::parse_with_port(text).ok().map(|(host, port)| (host.to_string(), port))
    });
});
