//! The web layer that every slice stands on.

pub mod pages;
