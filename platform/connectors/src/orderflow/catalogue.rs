//! What the foreign database says of itself: version, encoding, tables, columns, indexes, and what our role may do.
//!
//! Only `pg_catalog` as PostgreSQL 9.4 has it. Nothing here takes a transaction id or a lock worth the name.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::link::{Bind, Link};
use crate::mapping::expression::{ColumnRef, Expression};
use crate::mapping::{Entity, Fault, Mapping, TableName, nearest};
use crate::orders::SourceError;

/// The answer for all tables of one mapping.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Catalogue {
    pub server: Server,
    pub tables: BTreeMap<String, TableFacts>,
}

/// The server and the role we are there.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Server {
    pub version: String,
    pub encoding: String,
    pub time_zone: String,
    pub role: String,
    pub superuser: bool,
    pub may_create: bool,
    pub standby: bool,
}

/// One table or view.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct TableFacts {
    /// As PostgreSQL names it: `r` table, `v` view, `m` materialised view, `f` foreign table, `p` partitioned.
    pub kind: String,
    /// The planner's estimate; views have none.
    pub estimated_rows: Option<i64>,
    /// Column and its type, such as `character(12)`.
    pub columns: BTreeMap<String, String>,
    /// Columns our role may not read.
    pub hidden: BTreeSet<String>,
    /// The columns of each index, in order.
    pub indexes: Vec<Vec<String>>,
    /// Rights that a reader should not have, such as `insert`.
    pub writable: Vec<String>,
}

const SERVER: &str = "select current_setting('server_version'), current_setting('server_encoding'), \
    coalesce((select setting from pg_settings where name = 'TimeZone' and source <> 'session'), \
             (select reset_val from pg_settings where name = 'TimeZone'), ''), current_user::text, \
    (select rolsuper from pg_roles where rolname = current_user), \
    has_database_privilege(current_database(), 'create'), pg_is_in_recovery()";

const COLUMNS: &str = "select c.relkind::text, c.reltuples::bigint, a.attname::text, \
           format_type(a.atttypid, a.atttypmod), has_column_privilege(c.oid, a.attnum, 'select'), \
           array_to_string(array[ \
               case when has_any_column_privilege(c.oid, 'insert') then 'insert' end, \
               case when has_any_column_privilege(c.oid, 'update') then 'update' end, \
               case when has_table_privilege(c.oid, 'delete') then 'delete' end, \
               case when has_table_privilege(c.oid, 'truncate') then 'truncate' end], ',') \
      from pg_class c join pg_namespace n on n.oid = c.relnamespace \
           join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
     where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'v', 'm', 'f', 'p') order by a.attnum";

const INDEXES: &str = "select i.indexrelid::bigint, a.attname::text \
      from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace \
           join generate_series(0, 31) k on k < array_length(i.indkey::int2[], 1) \
           join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[k] \
     where n.nspname = $1 and c.relname = $2 and i.indisvalid order by 1, k";

/// What its questions are counted as.
const CATALOGUE: &str = "catalogue";

impl Catalogue {
    /// Asks.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn read(link: &Link, mapping: &Mapping) -> Result<Self, SourceError> {
        let rows = link.fetch(CATALOGUE, SERVER, &[]).await?;
        let row = rows.first().ok_or_else(|| SourceError::Refused("no answer about the server".into()))?;
        let server = Server {
            version: cell(row, 0)?,
            encoding: cell(row, 1)?,
            time_zone: cell(row, 2)?,
            role: cell(row, 3)?,
            superuser: cell(row, 4)?,
            may_create: cell(row, 5)?,
            standby: cell(row, 6)?,
        };
        let mut tables = BTreeMap::new();
        for table in tables_of(mapping) {
            if let Some(facts) = read_table(link, table).await? {
                tables.insert(table.to_string(), facts);
            }
        }
        Ok(Self { server, tables })
    }

    /// Every table and column that the mapping names and the database lacks or hides, with the mapping's key.
    #[must_use]
    pub fn faults(&self, mapping: &Mapping) -> Vec<Fault> {
        let mut faults = Vec::new();
        for entity in mapping.entities() {
            self.check_table(&entity.table, format!("{}.table", entity.name), &mut faults);
            for join in &entity.joins {
                self.check_table(&join.table, format!("{}.joins.{}", entity.name, join.alias), &mut faults);
            }
            for (key, expression) in entity.expressions() {
                for column in expression.columns() {
                    self.check_column(entity, &key, column, &mut faults);
                }
            }
        }
        faults.extend(self.unusable_stamp(&mapping.order));
        faults.extend(mapping.books.invoice.as_ref().and_then(|invoice| self.unusable_stamp(invoice)));
        faults.extend(mapping.books.invoice_document.as_ref().and_then(|document| self.no_bytes(document)));
        faults
    }

    /// Changes are asked for by a range of moments.
    fn unusable_stamp(&self, order: &Entity) -> Option<Fault> {
        let column = order.field("updated_at").and_then(Expression::plain)?;
        let facts = self.tables.get(&order.table.to_string())?;
        let kind = facts.columns.get(&column.column)?;
        let usable = kind.starts_with("timestamp") || kind == "date";
        let what = format!("`{}` is of type {kind}; it must be a timestamp or a date", column.column);
        (!usable).then(|| Fault { key: format!("{}.updated_at", order.name), what })
    }

    /// Text that holds a document would need an encoding that nobody told us.
    fn no_bytes(&self, document: &Entity) -> Option<Fault> {
        let column = document.field("bytes").and_then(Expression::plain)?;
        let kind = self.type_of(document, column);
        let what = format!("`{}` is of type {kind}; it must be bytea", column.column);
        (kind != "bytea").then(|| Fault { key: format!("{}.bytes", document.name), what })
    }

    fn check_table(&self, table: &TableName, key: String, faults: &mut Vec<Fault>) {
        if !self.tables.contains_key(&table.to_string()) {
            faults.push(Fault {
                key,
                what: format!("there is no table or view {table} that the role may see"),
            });
        }
    }

    fn check_column(&self, entity: &Entity, key: &str, column: &ColumnRef, faults: &mut Vec<Fault>) {
        let Some(table) = entity.table_of(column) else { return };
        let Some(facts) = self.tables.get(&table.to_string()) else { return };
        let name = &column.column;
        if facts.hidden.contains(name) {
            let what = format!("the role may not read {table}.{name}");
            faults.push(Fault { key: key.to_owned(), what });
        } else if !facts.columns.contains_key(name) {
            let near = nearest(name, facts.columns.keys().map(String::as_str));
            let hint = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            faults.push(Fault { key: key.to_owned(), what: format!("{table} has no column `{name}`{hint}") });
        }
    }

    /// The type of a column, for casting a parameter to it, so that an index can serve the comparison.
    #[must_use]
    pub fn type_of(&self, entity: &Entity, column: &ColumnRef) -> String {
        let facts = entity.table_of(column).and_then(|table| self.tables.get(&table.to_string()));
        facts
            .and_then(|facts| facts.columns.get(&column.column))
            .cloned()
            .unwrap_or_else(|| "text".to_owned())
    }

    /// Walks that no index serves: each scans its table every time.
    #[must_use]
    pub fn missing_indexes(&self, mapping: &Mapping) -> Vec<Fault> {
        let mut wanted: Vec<(&Entity, &str, Vec<&str>)> = vec![(&mapping.order, "key", vec!["key"])];
        wanted.push((&mapping.order, "updated_at", vec!["updated_at"]));
        wanted.push((&mapping.order, "account", vec!["account"]));
        let children = [&mapping.line, &mapping.shipment, &mapping.shipment_line, &mapping.event];
        wanted.extend(children.into_iter().flatten().map(|child| (child, "order", vec!["order"])));
        let books = &mapping.books;
        let walked = [
            (&books.invoice, "key"),
            (&books.invoice, "updated_at"),
            (&books.invoice_line, "invoice"),
            (&books.invoice_document, "invoice"),
            (&books.credit, "account"),
            (&books.address, "account"),
            (&books.product, "key"),
        ];
        wanted
            .extend(walked.into_iter().filter_map(|(entity, key)| Some((entity.as_ref()?, key, vec![key]))));
        wanted
            .into_iter()
            .filter_map(|(entity, key, fields)| self.missing_index(entity, key, &fields))
            .collect()
    }

    fn missing_index(&self, entity: &Entity, key: &str, fields: &[&str]) -> Option<Fault> {
        let columns: Vec<&ColumnRef> =
            fields.iter().filter_map(|field| entity.field(field).and_then(Expression::plain)).collect();
        let first = *columns.first()?;
        let table = entity.table_of(first)?;
        let facts = self.tables.get(&table.to_string())?;
        if facts.kind == "v" || facts.kind == "f" {
            return None;
        }
        let served = facts.indexes.iter().any(|index| index.first() == Some(&first.column));
        let what =
            format!("{table} has no index that begins with `{}`: each pass reads all of it", first.column);
        (!served).then(|| Fault { key: format!("{}.{key}", entity.name), what })
    }

    /// The encoding to ask values in, as a literal. Single-byte databases are decoded by us: the server's own
    /// conversion stops at the first byte that it does not know.
    pub(super) fn wire_encoding(&self) -> &'static str {
        match self.server.encoding.as_str() {
            "SQL_ASCII" => "'SQL_ASCII'",
            "LATIN1" => "'LATIN1'",
            "WIN1252" => "'WIN1252'",
            _ => "'UTF8'",
        }
    }
}

fn tables_of(mapping: &Mapping) -> BTreeSet<&TableName> {
    mapping
        .entities()
        .flat_map(|e| std::iter::once(&e.table).chain(e.joins.iter().map(|j| &j.table)))
        .collect()
}

async fn read_table(link: &Link, table: &TableName) -> Result<Option<TableFacts>, SourceError> {
    let name = [Bind::Text(&table.schema), Bind::Text(&table.name)];
    let rows = link.fetch(CATALOGUE, COLUMNS, &name).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let kind: String = cell(first, 0)?;
    let estimate: i64 = cell(first, 1)?;
    let rights: String = cell(first, 5)?;
    let mut facts = TableFacts {
        estimated_rows: (kind != "v" && estimate >= 0).then_some(estimate),
        kind,
        writable: rights.split(',').filter(|right| !right.is_empty()).map(str::to_owned).collect(),
        ..TableFacts::default()
    };
    for row in &rows {
        let column: String = cell(row, 2)?;
        if !cell::<bool>(row, 4)? {
            facts.hidden.insert(column.clone());
        }
        facts.columns.insert(column, cell(row, 3)?);
    }
    let mut indexes: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for row in &link.fetch(CATALOGUE, INDEXES, &name).await? {
        indexes.entry(cell(row, 0)?).or_default().push(cell(row, 1)?);
    }
    facts.indexes = indexes.into_values().collect();
    Ok(Some(facts))
}

/// A cell of one of the statements above, whose types are known.
fn cell<'r, T>(row: &'r PgRow, index: usize) -> Result<T, SourceError>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(index).map_err(|error| SourceError::Refused(format!("the catalogue: {error}")))
}
