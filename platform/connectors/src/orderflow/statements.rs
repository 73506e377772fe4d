//! The statements that read a mapped entity. Everything in them is a quoted name, an escaped literal or a parameter, and
//! nothing is younger than PostgreSQL 9.4.

use std::fmt::Write as _;

use crate::mapping::Entity;
use crate::mapping::expression::{ColumnRef, Expression};

use super::catalogue::Catalogue;

/// The statements of one mapping against one database.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) open: Paged,
    pub(super) all: Paged,
    pub(super) changed: Option<Paged>,
    pub(super) keys: String,
    pub(super) present: String,
    pub(super) line: Option<String>,
    pub(super) shipment: Option<String>,
    pub(super) shipment_line: Option<String>,
    pub(super) event: Option<String>,
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
        let encoding = catalogue.wire_encoding();
        let select = select(order, encoding, None);
        let key = column(order, "key");
        let key_type = catalogue.type_of(order, &key);
        let open = order.field("open").map_or("true", Expression::sql);
        let key = key.sql();
        let child = |entity: &Option<Entity>| {
            entity.as_ref().map(|entity| child(entity, encoding, &key_type, catalogue))
        };
        Self {
            open: Paged {
                first: format!("{select} and ({open}) order by {key} limit $1"),
                next: format!("{select} and ({open}) and {key} > $2::{key_type} order by {key} limit $1"),
            },
            all: Paged {
                first: format!("{select} order by {key} desc limit $1"),
                next: format!("{select} and {key} < $2::{key_type} order by {key} desc limit $1"),
            },
            changed: changed(order, &select, &key, &key_type, catalogue),
            keys: format!("{select} and {key} = any($1::text[]::{key_type}[])"),
            present: format!(
                "select convert_to({key}::text, {encoding}) from {} and {key} = any($1::text[]::{key_type}[])",
                from(order)
            ),
            line: child(&mapping.line),
            shipment: child(&mapping.shipment),
            shipment_line: child(&mapping.shipment_line),
            event: child(&mapping.event),
        }
    }
}

/// The upper bound keeps a row that is stamped in the far future from being all that is ever new.
fn changed(order: &Entity, select: &str, key: &str, key_type: &str, catalogue: &Catalogue) -> Option<Paged> {
    let stamp = order.field("updated_at")?.plain()?.clone();
    let stamp_type = catalogue.type_of(order, &stamp);
    let stamp = stamp.sql();
    let range = format!("{stamp} >= $2::{stamp_type} and {stamp} <= $3::{stamp_type}");
    Some(Paged {
        first: format!("{select} and {range} order by {stamp}, {key} limit $1"),
        next: format!(
            "{select} and {range} and ({stamp}, {key}) > ($4::{stamp_type}, $5::{key_type}) order by {stamp}, {key} limit $1"
        ),
    })
}

/// Rows of a page of orders. The order's key comes back in the order table's own type, so that 47585 and 47585.0 meet.
fn child(entity: &Entity, encoding: &str, key_type: &str, catalogue: &Catalogue) -> String {
    let order = column(entity, "order");
    let own_type = catalogue.type_of(entity, &order);
    let key = column(entity, "key").sql();
    let select = select(entity, encoding, Some(key_type));
    format!(
        "{select} and {order} = any($1::text[]::{own_type}[]) order by {order}, {key}",
        order = order.sql()
    )
}

/// `select` with every field as bytes of its text, up to a filter that is always there.
pub(super) fn select(entity: &Entity, encoding: &str, order_type: Option<&str>) -> String {
    let mut sql = String::from("select ");
    for (index, (field, expression)) in entity.fields.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let value = match (*field, order_type) {
            // a question, not a value
            ("open", _) => format!("case when {} then 'yes' end", expression.sql()),
            ("order", Some(order_type)) => format!("({})::{order_type}::text", expression.sql()),
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
