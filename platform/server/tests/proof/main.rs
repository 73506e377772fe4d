//! The whole program on trial: its real routes and middleware over real databases, who may see what, and what becomes of
//! it when the things it leans on fail.

mod books;
mod changes;
mod commands;
mod console;
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
mod people;
mod person;
mod planted;
mod pooler;
mod reorders;
mod rights;
mod tracking;
