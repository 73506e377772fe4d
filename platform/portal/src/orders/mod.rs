//! Orders as customers see them.

pub mod pages;
mod sample_orders;
