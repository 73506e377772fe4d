//! The statement of account: what was issued in a period and what is still unpaid from before, as PDF and as CSV. Currencies
//! stand apart, each with its own sums.

use axum::body::Body;
use axum::extract::Query as QueryString;
use axum::response::Response;
use chrono::{Datelike, Days, NaiveDate};
use http::StatusCode;
use platform_core::audit::{self, Actor, Entry};
use platform_web::csv::{self, Field};
use platform_web::{Download, Error, Problems};
use rust_decimal::Decimal;
use serde::Deserialize;
use themes::paper::{self, Column, Row, Sheet, Size, Table};
use themes::{Money, Registry, Words};

use super::pages::StatementForm;
use super::routes::{Accountant, Reader, today};
use super::standing::{self, Ageing};
use super::store::{self, StatementRow};

/// Lines of one statement; a longer one is asked for in parts.
const LONGEST: i64 = 5000;

const KEYS: [&str; 25] = [
    "account.statement.heading",
    "account.statement.period",
    "account.statement.note",
    "account.statement.for",
    "account.statement.number",
    "account.statement.date",
    "account.statement.due",
    "account.statement.kind",
    "account.statement.po",
    "account.statement.amount",
    "account.statement.paid",
    "account.statement.open",
    "account.statement.currency",
    "account.statement.in_currency",
    "account.statement.empty",
    "account.statement.invoiced",
    "account.statement.credited",
    "account.statement.balance",
    "account.statement.ageing",
    "account.statement.made",
    "account.statement.customer",
    "account.statement.order_reversed",
    "account.statement.bad_day",
    "account.statement.future",
    "account.statement.too_much",
];

/// Names the words of the paper and of the file.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry.keys(&KEYS).keys(&["invoices.kind.invoice", "invoices.kind.credit_note"])
}

/// `?from=&to=`, both days included.
#[derive(Debug, Default, Clone, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

impl Asked {
    /// The period, or what is wrong with it. Nothing typed is this year so far.
    fn period(&self, today: NaiveDate) -> Result<(NaiveDate, NaiveDate), Problems> {
        let first = NaiveDate::from_ymd_opt(today.year(), 1, 1).unwrap_or(today);
        let day = |text: &str, otherwise: NaiveDate| {
            if text.is_empty() { Some(otherwise) } else { text.parse().ok() }
        };
        let mut problems = Problems::default();
        let (from, to) = (day(&self.from, first), day(&self.to, today));
        for (field, day) in [("from", from), ("to", to)] {
            if day.is_none() {
                problems.add(field, "account.statement.bad_day");
            }
        }
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            problems.add("to", "account.statement.order_reversed");
        }
        if to.is_some_and(|to| to > today) {
            problems.add("to", "account.statement.future");
        }
        match (from, to) {
            (Some(from), Some(to)) if problems.is_empty() => Ok((from, to)),
            _ => Err(problems),
        }
    }
}

pub(super) async fn form(
    Accountant(reader): Accountant,
    QueryString(asked): QueryString<Asked>,
) -> Result<Response, Error> {
    let problems = asked.period(today(&reader.visit)).err().unwrap_or_default();
    show(&reader, &asked, problems)
}

/// The form, with ready-made periods beside it.
fn show(reader: &Reader, asked: &Asked, problems: Problems) -> Result<Response, Error> {
    let today = today(&reader.visit);
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let first = |year, month| NaiveDate::from_ymd_opt(year, month, 1).unwrap_or(today);
    let month = first(today.year(), today.month());
    let last_month = month - Days::new(1);
    let ready = [
        ("this_month", month, today),
        ("last_month", first(last_month.year(), last_month.month()), last_month),
        ("this_year", first(today.year(), 1), today),
        ("last_year", first(today.year() - 1, 1), first(today.year(), 1) - Days::new(1)),
    ];
    let text = |typed: &str, otherwise: NaiveDate| {
        if typed.is_empty() { otherwise.to_string() } else { typed.to_owned() }
    };
    let (from, to) = (text(&asked.from, first(today.year(), 1)), text(&asked.to, today));
    reader.visit.render_as(status, &StatementForm::new(&from, &to, today, &ready, problems))
}

/// What a statement says.
struct Told {
    company: store::Company,
    from: NaiveDate,
    to: NaiveDate,
    rows: Vec<StatementRow>,
    ageing: Vec<Ageing>,
}

/// Reads the statement and writes down that it was given, in one transaction; or says what is wrong with the question.
async fn read(reader: &Reader, asked: &Asked, form: &'static str) -> Result<Result<Told, Problems>, Error> {
    let (visit, person) = (&reader.visit, &reader.person);
    let (from, to) = match asked.period(today(visit)) {
        Ok(period) => period,
        Err(problems) => return Ok(Err(problems)),
    };
    let site = visit.site();
    let mut tx = person.tx(site.db()).await?;
    let company = store::company(&mut tx).await?.ok_or_else(Error::not_found)?;
    let rows = store::statement(&mut tx, from, to, LONGEST + 1).await?;
    if rows.len() > usize::try_from(LONGEST).unwrap_or(usize::MAX) {
        return Ok(Err(Problems::of_one("from", "account.statement.too_much")));
    }
    let ageing = standing::ageing(&store::unpaid(&mut tx).await?, today(visit));
    let entry = Entry {
        actor: Actor::Contact(person.contact.id),
        customer: Some(person.contact.customer),
        action: "downloaded",
        object_kind: "statement",
        object_id: form,
        detail: serde_json::json!({ "from": from, "to": to }),
    };
    audit::record(&mut tx, site.clock(), site.random(), &entry).await?;
    tx.commit().await?;
    Ok(Ok(Told { company, from, to, rows, ageing }))
}

pub(super) async fn pdf(
    Accountant(reader): Accountant,
    QueryString(asked): QueryString<Asked>,
) -> Result<Response, Error> {
    let told = match read(&reader, &asked, "pdf").await? {
        Ok(told) => told,
        Err(problems) => return show(&reader, &asked, problems),
    };
    let name = name(&reader.visit.words(), &told);
    let visit = reader.visit.clone();
    let printed = tokio::task::spawn_blocking(move || {
        let (words, look, made_at) = (visit.words(), visit.look(), visit.now());
        let vendor = look.skin.brand().name.clone();
        let closing =
            words.say("account.statement.made", &[("moment", &words.exact(made_at)), ("name", &vendor)]);
        let sheet = sheet(&told, Size::of_zone(look.zone), closing, &words);
        paper::print(&sheet, &words, &look.skin, made_at)
    });
    let bytes = printed.await.map_err(Error::internal)?.map_err(Error::internal)?;
    Ok(Download::new(&name, "pdf", "application/pdf").response(Body::from(bytes)))
}

fn name(words: &Words, told: &Told) -> String {
    format!("{} {} {}", words.say("account.statement.heading", &[]), told.from, told.to)
}

fn sheet(told: &Told, size: Size, closing: String, words: &Words) -> Sheet {
    let say = |key: &str| words.say(key, &[]);
    let (from, to) = (words.day(told.from), words.day(told.to));
    let mut currencies: Vec<&str> = told.rows.iter().map(|row| row.currency.as_str()).collect();
    currencies.dedup();
    let mut tables: Vec<Table> = currencies
        .iter()
        .map(|currency| {
            let rows: Vec<_> = told.rows.iter().filter(|row| row.currency == *currency).collect();
            let heading = words.say("account.statement.in_currency", &[("currency", currency)]);
            table(&rows, Some(heading).filter(|_| currencies.len() > 1), words)
        })
        .collect();
    if tables.is_empty() {
        tables.push(table(&[], None, words));
    }
    tables.extend(told.ageing.iter().map(|ageing| ages(ageing, words)));
    let mut facts = vec![(say("account.statement.period"), format!("{from} – {to}"))];
    facts.extend(told.company.external_key.clone().map(|key| (say("account.statement.customer"), key)));
    Sheet {
        size,
        title: say("account.statement.heading"),
        stamp: None,
        note: Some(say("account.statement.note")),
        party: Some((say("account.statement.for"), vec![told.company.name.clone()])),
        facts,
        tables,
        closing: vec![closing],
    }
}

/// A row's amounts as they count: credit notes take away.
fn amounts(row: &StatementRow) -> [Decimal; 3] {
    let open = if row.status == "paid" { Decimal::ZERO } else { (row.total - row.paid).max(Decimal::ZERO) };
    let sign = if row.kind == "credit_note" { -Decimal::ONE } else { Decimal::ONE };
    [row.total, row.paid, open].map(|amount| amount * sign)
}

fn table(rows: &[&StatementRow], heading: Option<String>, words: &Words) -> Table {
    let say = |key: &str| words.say(key, &[]);
    let cells = |row: &&&StatementRow| {
        let money = |amount| words.money(&Money::new(amount, &row.currency));
        let [total, paid, open] = amounts(row).map(money);
        let due =
            row.due_on.filter(|_| row.kind != "credit_note").map(|day| words.day(day)).unwrap_or_default();
        let kind = say(&format!("invoices.kind.{}", row.kind));
        let number = paper::Cell { text: row.number.clone(), under: Some(kind) };
        Row {
            cells: vec![
                words.day(row.issued_on).into(),
                number,
                due.into(),
                total.into(),
                paid.into(),
                open.into(),
            ],
            strong: false,
        }
    };
    let sum = |kind: &str, at: usize| {
        let of = rows.iter().filter(|row| kind.is_empty() || row.kind == kind).map(|row| amounts(row)[at]);
        words.money(&Money::new(of.sum(), rows.first().map_or("", |row| row.currency.as_str())))
    };
    let sums = match rows.is_empty() {
        true => Vec::new(),
        false => vec![
            (say("account.statement.invoiced"), sum("invoice", 0)),
            (say("account.statement.credited"), sum("credit_note", 0)),
            (say("account.statement.paid"), sum("", 1)),
            (say("account.statement.balance"), sum("", 2)),
        ],
    };
    Table {
        heading,
        columns: vec![
            Column::text(say("account.statement.date"), 0.18),
            Column::text(say("account.statement.number"), 0.18),
            Column::text(say("account.statement.due"), 0.18),
            Column::number(say("account.statement.amount"), 0.16),
            Column::number(say("account.statement.paid"), 0.15),
            Column::number(say("account.statement.open"), 0.15),
        ],
        rows: rows.iter().map(|row| cells(&row)).collect(),
        empty: Some(say("account.statement.empty")),
        sums,
    }
}

fn ages(ageing: &Ageing, words: &Words) -> Table {
    let names = ["current", "d30", "d60", "d90", "older"];
    let columns =
        names.iter().map(|name| Column::number(words.say(&format!("account.age.{name}"), &[]), 0.2));
    let cells = ageing.buckets.iter().map(|money| words.money(money).into()).collect();
    Table {
        heading: Some(words.say("account.statement.ageing", &[])),
        columns: columns.collect(),
        rows: vec![Row { cells, strong: false }],
        empty: None,
        sums: Vec::new(),
    }
}

pub(super) async fn csv(
    Accountant(reader): Accountant,
    QueryString(asked): QueryString<Asked>,
) -> Result<Response, Error> {
    let told = match read(&reader, &asked, "csv").await? {
        Ok(told) => told,
        Err(problems) => return show(&reader, &asked, problems),
    };
    let words = reader.visit.words();
    let heads = ["date", "number", "kind", "po", "due", "amount", "paid", "open", "currency"]
        .map(|name| words.say(&format!("account.statement.{name}"), &[]));
    let mut text = csv::MARK.to_owned();
    text.push_str(&csv::line(&heads.each_ref().map(|head| Field::Text(head))));
    for row in &told.rows {
        let [total, paid, open] = amounts(row).map(|amount| amount.normalize().to_string());
        text.push_str(&csv::line(&[
            Field::Plain(&row.issued_on.to_string()),
            Field::Text(&row.number),
            Field::Text(&words.say(&format!("invoices.kind.{}", row.kind), &[])),
            Field::Text(row.purchase_order.as_deref().unwrap_or_default()),
            Field::Plain(&row.due_on.map(|day| day.to_string()).unwrap_or_default()),
            Field::Plain(&total),
            Field::Plain(&paid),
            Field::Plain(&open),
            Field::Text(&row.currency),
        ]));
    }
    Ok(Download::new(&name(&words, &told), "csv", "text/csv; charset=utf-8").response(Body::from(text)))
}
