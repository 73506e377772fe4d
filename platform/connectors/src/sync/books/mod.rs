//! Keeps our copy of the books: one page a step, between the passes of the orders, so that these never wait longer than
//! for a page.
//!
//! Invoices are read as orders are: unpaid ones often, stamped ones by a watermark, all of them by a sweep that goes on
//! after a restart. Credit, addresses and products have no stamps: each is walked whole at its pace, and what a whole walk
//! did not meet is gone. Trouble of one of them is written down and stops none of the others.

mod accounts;
mod documents;
mod invoices;
mod plan;
mod progress;
mod statements;
mod tasks;
mod walks;

pub(super) use plan::BooksPlan;
pub(super) use tasks::Desk;

/// Raised when rows are made in another way, so that every row is written anew once.
const EDITION: u8 = 1;

/// What writing a page did.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Written {
    pub(super) changed: usize,
    /// Rows of accounts that no customer has.
    pub(super) unknown: u64,
}
