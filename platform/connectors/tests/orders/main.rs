//! Orders and books against a real PostgreSQL that plays the ERP, and a real one of ours.

mod books_reading;
mod books_syncing;
mod books_trouble;
mod editing;
mod erp;
mod health;
mod mappings;
mod missed;
mod month;
mod reading;
mod stopping;
mod swallowing;
mod syncing;
mod trouble;
mod world;
