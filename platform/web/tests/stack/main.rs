//! The stack from outside, on a real database.

mod answers;
mod edge;
mod hosts;
mod requests;
