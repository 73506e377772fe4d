//! The whole program on trial: its real routes and middleware over real databases, who may see what, and what becomes of
//! it when the things it leans on fail.

mod books;
mod commands;
mod domains;
mod erp;
mod ground;
mod isolation;
mod kept;
mod links;
mod live;
mod money;
mod node;
mod nodes;
mod outage;
mod person;
mod planted;
mod pooler;
mod reorders;
mod rights;
mod tracking;
