//! Orders against a real PostgreSQL that plays the ERP, and a real one of ours.

mod erp;
mod mappings;
mod reading;
mod syncing;
mod trouble;
mod world;
