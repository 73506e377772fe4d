//! Requests and the doors through which they leave, against a real database and real other sides.

mod calls;
mod ground;
mod leaving;
mod mails;
mod taking;
