//! Orders as customers see them.

pub mod pages;
mod sample_details;
mod sample_lists;
