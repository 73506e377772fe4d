//! One kind of row of the source: its table, its joins and where each of our fields comes from.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::expression::{ColumnRef, Expression, quoted};
use super::reader::{Fault, Section};
use crate::orders::{EventKind, OrderStatus, ShipmentStatus};

/// The table or view of an entity or a join.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct TableName {
    pub schema: String,
    pub name: String,
}

impl TableName {
    /// Reads `table` or `schema.table`; names keep their case.
    fn parse(text: &str) -> Option<Self> {
        let (schema, name) = text.split_once('.').unwrap_or(("public", text));
        let valid = |part: &str| !part.is_empty() && part.len() < 64 && !part.contains(['\0', '"', '.', ';']);
        (valid(schema) && valid(name)).then(|| Self { schema: schema.to_owned(), name: name.to_owned() })
    }

    /// The quoted name.
    #[must_use]
    pub fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// A table joined on the left: a row of ours stays when there is no partner.
#[derive(Debug, Clone)]
pub struct Join {
    pub table: TableName,
    pub alias: String,
    pub on: Expression,
}

/// One mapped entity.
#[derive(Debug, Clone)]
pub struct Entity {
    /// Its section in the mapping, such as `order`.
    pub name: &'static str,
    pub table: TableName,
    pub joins: Vec<Join>,
    pub filter: Option<Expression>,
    /// Our field and its source, in a fixed order.
    pub fields: Vec<(&'static str, Expression)>,
    /// Each code table's keys and words, already checked.
    pub(super) codes: Vec<(&'static str, Vec<(String, String)>)>,
}

impl Entity {
    /// A code table: the source's codes and what they mean.
    pub(super) fn words<T>(&self, table: &str, read: impl Fn(&str) -> Option<T>) -> BTreeMap<String, T> {
        let codes = self.codes.iter().filter(|(name, _)| *name == table).flat_map(|(_, codes)| codes);
        codes.filter_map(|(code, word)| Some((code.clone(), read(word)?))).collect()
    }

    /// Where a field comes from, when it is mapped.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Expression> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, expression)| expression)
    }

    /// Every expression with its key in the mapping.
    pub fn expressions(&self) -> impl Iterator<Item = (String, &Expression)> {
        let own = self.fields.iter().map(|(field, e)| (format!("{}.{field}", self.name), e));
        let filter = self.filter.iter().map(|e| (format!("{}.where", self.name), e));
        let joins = self.joins.iter().map(|j| (format!("{}.joins.{}", self.name, j.alias), &j.on));
        own.chain(filter).chain(joins)
    }

    /// The table that a column reference means.
    #[must_use]
    pub fn table_of(&self, column: &ColumnRef) -> Option<&TableName> {
        match &column.alias {
            None => Some(&self.table),
            Some(alias) => self.joins.iter().find(|j| j.alias == *alias).map(|j| &j.table),
        }
    }
}

/// A table of codes.
pub(super) struct Codes {
    pub(super) key: &'static str,
    pub(super) is_known: fn(&str) -> bool,
    /// The known words, for a message.
    pub(super) words: &'static str,
    pub(super) required: bool,
}

/// What an entity may say.
pub(super) struct Spec {
    pub(super) name: &'static str,
    /// Must be bare columns: they are compared, sorted and looked up by index.
    pub(super) keys: &'static [&'static str],
    pub(super) required: &'static [&'static str],
    pub(super) optional: &'static [&'static str],
    pub(super) codes: &'static [Codes],
    /// Pages walk the table by its keys, so these cannot come from a join.
    pub(super) walked: bool,
}

pub(super) const ORDER: Spec = Spec {
    name: "order",
    keys: &["key"],
    required: &["number", "account", "status", "open"],
    optional: &[
        "purchase_order",
        "hold_reason",
        "ordered_at",
        "requested_on",
        "promised_on",
        "expected_on",
        "total",
        "currency",
        "ship_to",
        "contact",
        "carrier",
        "note",
        "reason",
        "updated_at",
    ],
    codes: &[Codes {
        key: "statuses",
        is_known: |word| OrderStatus::from_word(word).is_some(),
        words: OrderStatus::WORDS,
        required: true,
    }],
    walked: true,
};
pub(super) const LINE: Spec = Spec {
    name: "line",
    keys: &["order", "key"],
    required: &[],
    optional: &[
        "position",
        "sku",
        "description",
        "unit",
        "quantity",
        "shipped",
        "backordered",
        "cancelled",
        "unit_price",
        "amount",
        "promised_on",
        "expected_on",
    ],
    codes: &[],
    walked: false,
};
pub(super) const SHIPMENT: Spec = Spec {
    name: "shipment",
    keys: &["order", "key"],
    required: &[],
    optional: &[
        "number",
        "status",
        "carrier",
        "tracking_number",
        "tracking_url",
        "shipped_at",
        "expected_on",
        "delivered_at",
        "signed_by",
    ],
    codes: &[Codes {
        key: "statuses",
        is_known: |word| ShipmentStatus::from_word(word).is_some(),
        words: ShipmentStatus::WORDS,
        required: false,
    }],
    walked: false,
};
pub(super) const SHIPMENT_LINE: Spec = Spec {
    name: "shipment_line",
    keys: &["order", "shipment", "key"],
    required: &[],
    optional: &["line", "quantity"],
    codes: &[],
    walked: false,
};
pub(super) const EVENT: Spec = Spec {
    name: "event",
    keys: &["order", "key"],
    required: &["kind", "at"],
    optional: &["old", "new", "reason"],
    codes: &[Codes {
        key: "kinds",
        is_known: |word| EventKind::from_word(word).is_some(),
        words: EventKind::WORDS,
        required: true,
    }],
    walked: false,
};
pub(super) const CUSTOMER: Spec =
    Spec { name: "customer", keys: &["key"], required: &["name"], optional: &[], codes: &[], walked: false };

/// Reads one section, when the file has it.
pub(super) fn read(root: &mut Section<'_>, spec: &'static Spec, faults: &mut Vec<Fault>) -> Option<Entity> {
    let table = root.sub_table(spec.name)?;
    let mut section = Section::new(spec.name, table);
    let name = section.required_text("table").and_then(|text| table_name(&mut section, "table", text));
    let joins = joins(&mut section);
    let filter = section.expression("where");
    let mut fields = Vec::new();
    for field in spec.keys.iter().chain(spec.required) {
        if section.value(field).is_none() {
            section.fault(field, "is missing");
        }
    }
    for field in spec.keys.iter().chain(spec.required).chain(spec.optional) {
        if let Some(expression) = section.expression(field) {
            if (spec.keys.contains(field) || *field == "updated_at") && expression.plain().is_none() {
                section.fault(field, "must be a bare column, because rows are looked up by it");
            }
            fields.push((*field, expression));
        }
    }
    let codes = spec.codes.iter().map(|table| (table.key, codes(&mut section, table))).collect();
    let entity = name.map(|table| Entity { name: spec.name, table, joins, filter, fields, codes });
    if let Some(entity) = &entity {
        check_aliases(entity, &mut section);
        if spec.walked {
            check_walked_keys(entity, spec, &mut section);
        }
    }
    faults.append(&mut section.finish());
    entity
}

fn table_name(section: &mut Section<'_>, key: &str, text: &str) -> Option<TableName> {
    let name = TableName::parse(text);
    if name.is_none() {
        section.fault(key, format!("is no name of a table: {text:?} (write `table` or `schema.table`)"));
    }
    name
}

fn joins(section: &mut Section<'_>) -> Vec<Join> {
    let Some(value) = section.value("joins") else { return Vec::new() };
    let Some(list) = value.as_array() else {
        section.fault("joins", "must be a list of { table, as, on }");
        return Vec::new();
    };
    list.iter().filter_map(|join| one_join(section, join)).collect()
}

fn one_join(section: &mut Section<'_>, join: &Value) -> Option<Join> {
    let empty = Table::new();
    let table = join.as_table().unwrap_or(&empty);
    let text = |key: &str| table.get(key).and_then(Value::as_str);
    let (Some(name), Some(alias), Some(on)) = (text("table"), text("as"), text("on")) else {
        section.fault("joins", "each needs `table`, `as` and `on`, all text");
        return None;
    };
    let simple = alias.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if alias == "t" || alias.is_empty() || !simple {
        section.fault("joins", format!("`as` must be a short lower-case name other than `t`, not {alias:?}"));
    }
    for key in table.keys().filter(|key| !["table", "as", "on"].contains(&key.as_str())) {
        section.fault("joins", format!("{alias}: `{key}` is not known; there are `table`, `as` and `on`"));
    }
    let on = Expression::parse(on).map_err(|what| section.fault(&format!("joins.{alias}"), what)).ok()?;
    Some(Join { table: table_name(section, "joins", name)?, alias: alias.to_owned(), on })
}

fn codes(section: &mut Section<'_>, table: &Codes) -> Vec<(String, String)> {
    let read = |word: &str| (table.is_known)(word).then(|| word.to_owned());
    let codes = section.codes(table.key, read, table.words);
    if codes.is_empty() && table.required {
        section.fault(table.key, format!("is missing: say which code means which of {}", table.words));
    }
    codes
}

fn check_aliases(entity: &Entity, section: &mut Section<'_>) {
    let mut seen: BTreeMap<&str, ()> = BTreeMap::new();
    for join in &entity.joins {
        if seen.insert(&join.alias, ()).is_some() {
            section.fault("joins", format!("{} is there twice", join.alias));
        }
    }
    let loose: Vec<_> = entity
        .expressions()
        .flat_map(|(key, e)| e.columns().iter().map(move |c| (key.clone(), c)))
        .filter(|(_, column)| entity.table_of(column).is_none())
        .map(|(key, column)| (key, column.alias.clone().unwrap_or_default()))
        .collect();
    for (key, alias) in loose {
        let key = key.split_once('.').map_or(key.as_str(), |(_, rest)| rest).to_owned();
        section.fault(&key, format!("uses `{alias}`, but joins declare no such name"));
    }
}

/// Pages walk the table by its keys and by its stamp.
fn check_walked_keys(entity: &Entity, spec: &Spec, section: &mut Section<'_>) {
    for field in spec.keys.iter().chain(&["updated_at"]) {
        let joined = entity.field(field).and_then(Expression::plain).is_some_and(|c| c.alias.is_some());
        if joined {
            section.fault(field, "must be a column of the table itself, not of a join");
        }
    }
}
