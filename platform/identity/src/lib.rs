//! Who is there: signing in, sessions, devices.

pub mod pages;
