//! What customers see: one folder a feature, and `shell` where they meet.

pub mod account;
pub mod invoices;
pub mod orders;
pub mod people;
pub mod reorder;
pub mod shell;
