//! The statements that read a mapped entity. Everything in them is a quoted name, an escaped literal or a parameter, and
//! nothing is younger than PostgreSQL 9.4.

use std::fmt::Write as _;

use crate::mapping::Entity;
use crate::mapping::expression::{ColumnRef, Expression};

use super::books::BookStatements;
use super::catalogue::Catalogue;

/// The statements of one mapping against one database.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) order: Walks,
    pub(super) line: Option<String>,
    pub(super) shipment: Option<String>,
    pub(super) shipment_line: Option<String>,
    pub(super) event: Option<String>,
    pub(super) books: BookStatements,
}

/// The ways through a table of orders or invoices.
#[derive(Debug)]
pub(super) struct Walks {
    pub(super) entity: &'static str,
    pub(super) open: Paged,
    pub(super) all: Paged,
    pub(super) changed: Option<Paged>,
    pub(super) keys: String,
    pub(super) present: String,
}

/// A keyset walk: its first page and the pages after a cursor.
#[derive(Debug)]
pub(super) struct Paged {
    pub(super) first: String,
    pub(super) next: String,
}

impl Statements {
    /// Writes them all. The catalogue has checked that tables and columns exist.
    pub(super) fn new(mapping: &crate::mapping::Mapping, catalogue: &Catalogue) -> Self {
        let order = &mapping.order;
        let key_type = catalogue.type_of(order, &column(order, "key"));
        let child = |entity: &Option<Entity>| {
            entity.as_ref().map(|entity| child(entity, "order", &key_type, catalogue))
        };
        Self {
            order: Walks::new(order, catalogue),
            line: child(&mapping.line),
            shipment: child(&mapping.shipment),
            shipment_line: child(&mapping.shipment_line),
            event: child(&mapping.event),
            books: BookStatements::new(&mapping.books, catalogue),
        }
    }
}

impl Walks {
    /// For an entity with `key`, `open` and perhaps `updated_at`.
    pub(super) fn new(entity: &Entity, catalogue: &Catalogue) -> Self {
        let encoding = catalogue.wire_encoding();
        let select = select(entity, encoding, None);
        let key = column(entity, "key");
        let key_type = catalogue.type_of(entity, &key);
        let open = entity.field("open").map_or("true", Expression::sql);
        let key = key.sql();
        Self {
            entity: entity.name,
            open: Paged {
                first: format!("{select} and ({open}) order by {key} limit $1"),
                next: format!("{select} and ({open}) and {key} > $2::{key_type} order by {key} limit $1"),
            },
            all: Paged {
                first: format!("{select} order by {key} desc limit $1"),
                next: format!("{select} and {key} < $2::{key_type} order by {key} desc limit $1"),
            },
            changed: changed(entity, &select, &key, &key_type, catalogue),
            keys: format!("{select} and {key} = any($1::text[]::{key_type}[])"),
            present: format!(
                "select convert_to({key}::text, {encoding}) from {} and {key} = any($1::text[]::{key_type}[])",
                from(entity)
            ),
        }
    }
}

/// The upper bound keeps a row that is stamped in the far future from being all that is ever new.
fn changed(entity: &Entity, select: &str, key: &str, key_type: &str, catalogue: &Catalogue) -> Option<Paged> {
    let stamp = entity.field("updated_at")?.plain()?.clone();
    let stamp_type = catalogue.type_of(entity, &stamp);
    let stamp = stamp.sql();
    let range = format!("{stamp} >= $2::{stamp_type} and {stamp} <= $3::{stamp_type}");
    Some(Paged {
        first: format!("{select} and {range} order by {stamp}, {key} limit $1"),
        next: format!(
            "{select} and {range} and ({stamp}, {key}) > ($4::{stamp_type}, $5::{key_type}) order by {stamp}, {key} limit $1"
        ),
    })
}

/// Rows of a page of parents. The parent's key comes back in its own table's type, so that 47585 and 47585.0 meet.
pub(super) fn child(entity: &Entity, parent: &str, key_type: &str, catalogue: &Catalogue) -> String {
    let of = column(entity, parent);
    let own_type = catalogue.type_of(entity, &of);
    let key = column(entity, "key").sql();
    let select = select(entity, catalogue.wire_encoding(), Some((parent, key_type)));
    format!("{select} and {of} = any($1::text[]::{own_type}[]) order by {of}, {key}", of = of.sql())
}

/// `select` with every field as bytes of its text, up to a filter that is always there.
pub(super) fn select(entity: &Entity, encoding: &str, parent: Option<(&str, &str)>) -> String {
    let mut sql = String::from("select ");
    for (index, (field, expression)) in entity.fields.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let value = match (*field, parent) {
            // a question, not a value
            ("open" | "document" | "on_hold" | "default" | "discontinued", _) => {
                format!("case when {} then 'yes' end", expression.sql())
            }
            // documents are fetched one by one
            ("bytes", _) => format!("octet_length({})::text", expression.sql()),
            (field, Some((parent, key_type))) if field == parent => {
                format!("({})::{key_type}::text", expression.sql())
            }
            _ => format!("({})::text", expression.sql()),
        };
        let _ = write!(sql, "{separator}convert_to({value}, {encoding})");
    }
    let _ = write!(sql, " from {}", from(entity));
    sql
}

/// The tables and the filter.
pub(super) fn from(entity: &Entity) -> String {
    let mut sql = format!("{} t", entity.table.sql());
    for join in &entity.joins {
        let alias = crate::mapping::expression::quoted(&join.alias);
        let _ = write!(sql, " left join {} {alias} on {}", join.table.sql(), join.on.sql());
    }
    let _ = write!(sql, " where {}", entity.filter.as_ref().map_or("true", Expression::sql));
    sql
}

/// A key of the entity; the mapping made sure that it is there and bare.
pub(super) fn column(entity: &Entity, field: &str) -> ColumnRef {
    let known = entity.field(field).and_then(Expression::plain);
    known.cloned().unwrap_or(ColumnRef { alias: None, column: field.to_owned() })
}
