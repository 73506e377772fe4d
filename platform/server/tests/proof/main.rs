//! The whole program on trial: its real routes and middleware over real databases, who may see what, and what becomes of
//! it when the things it leans on fail.

mod erp;
mod ground;
mod isolation;
mod person;
mod planted;
mod pooler;
mod rights;
