//! The demo's outbox: mails that the platform would send, so that a sign-in link can be followed without a mail server.

pub mod pages;
pub mod routes;
