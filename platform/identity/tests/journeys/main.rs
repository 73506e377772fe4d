//! What people and attackers do with sign-in and sessions, through the whole stack on a real database.

mod browser;
mod codes;
mod limits;
mod links;
mod portal;
mod privacy;
mod sessions;
mod staff;
