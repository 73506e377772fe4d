//! Links to systems that are not ours: what Portico needs of them (capabilities), how each is read (clients and
//! mappings), and the sync that copies orders and books into our own tables. No pages here.

mod author;
pub mod books;
pub mod carriers;
pub mod doors;
pub mod editing;
pub mod health;
pub mod mapping;
pub mod orderflow;
pub mod orders;
mod outbound;
pub mod registry;
pub mod requests;
pub mod stops;
pub mod sync;
pub mod usage;

pub use author::Author;
