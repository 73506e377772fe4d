//! What people and attackers do with sign-in and sessions, through the whole stack on a real database.

mod portal;
mod sessions;
mod sign_in;
