//! Requests and the doors through which they leave, against a real database and real other sides.

mod ground;
mod taking;
