//! Customers: the list, one customer with its people, and its orders as its own people see them.
//!
//! Who holds `customers` sees the list and the people, who holds `orders` the orders. A customer's orders are read in a
//! transaction of that customer alone.

pub mod orders;
pub mod pages;
pub mod routes;
mod store;
