//! Screens of the people who run the platform.

pub mod outbox;
