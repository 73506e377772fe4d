//! The core against a real database, as the application role. One binary, so that one private PostgreSQL serves all.

mod ground;
mod jobs;
mod mail;
mod wall;
