//! Reads the books from a mapped database: invoices by the same walks as orders, the rest by walks along their keys.

mod accounts;
mod documents;
mod invoices;

use super::catalogue::Catalogue;
use super::statements::{Paged, Walks, child, column, select};
use crate::mapping::{Books, Entity};

/// The statements of the books.
#[derive(Debug)]
pub(super) struct BookStatements {
    pub(super) invoice: Option<Walks>,
    pub(super) line: Option<String>,
    /// One invoice's document; its parameter is the invoice's key.
    pub(super) document: Option<String>,
    pub(super) credit: Option<Paged>,
    pub(super) address: Option<Paged>,
    pub(super) product: Option<Paged>,
}

impl BookStatements {
    pub(super) fn new(books: &Books, catalogue: &Catalogue) -> Self {
        let invoice = books.invoice.as_ref();
        let key_type = invoice.map(|invoice| catalogue.type_of(invoice, &column(invoice, "key")));
        let line = books.invoice_line.as_ref().zip(key_type);
        let document = invoice.zip(books.invoice_document.as_ref());
        let along = |entity: &Option<Entity>, keys: &[&str]| {
            entity.as_ref().map(|entity| along(entity, keys, catalogue))
        };
        Self {
            invoice: invoice.map(|invoice| Walks::new(invoice, catalogue)),
            line: line.map(|(line, key_type)| child(line, "invoice", &key_type, catalogue)),
            document: document.map(|(invoice, document)| documents::statement(invoice, document, catalogue)),
            credit: along(&books.credit, &["account"]),
            address: along(&books.address, &["account", "key"]),
            product: along(&books.product, &["key"]),
        }
    }
}

/// A walk along one or two keys, smallest first.
fn along(entity: &Entity, keys: &[&str], catalogue: &Catalogue) -> Paged {
    let select = select(entity, catalogue.wire_encoding(), None);
    let columns: Vec<_> = keys.iter().map(|key| column(entity, key)).collect();
    let order = columns.iter().map(|c| c.sql()).collect::<Vec<_>>().join(", ");
    let after: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, c)| format!("${}::text::{}", at + 2, catalogue.type_of(entity, c)))
        .collect();
    Paged {
        first: format!("{select} order by {order} limit $1"),
        next: format!("{select} and ({order}) > ({}) order by {order} limit $1", after.join(", ")),
    }
}
