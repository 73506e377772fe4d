//! `GET /people` and `GET /people/list.csv`: everybody of the company, by name.

use axum::body::Body;
use axum::extract::Query as QueryString;
use axum::response::Response;
use platform_web::csv::{self, Field};
use platform_web::paging::{address, addresses};
use platform_web::{Download, Error};
use serde::Deserialize;
use themes::Registry;

use super::pages::{FilterLink, People, Row};
use super::person::{From, Show};
use super::routes::{Manager, note};
use super::store::{self, Overview, PAGE, PersonRow, Query};

const LIST: &str = "/people";
/// People in one file; a company has a few hundred.
const FILE: usize = 20_000;

/// The head of the file, in its order.
const KEYS: [&str; 6] = [
    "people.csv.name",
    "people.csv.email",
    "people.csv.role",
    "people.csv.standing",
    "people.csv.last_seen",
    "people.csv.invited",
];
const ROLES: [&str; 3] = ["people.role.admin.name", "people.role.champion.name", "people.role.user.name"];
const STANDINGS: [&str; 3] =
    ["people.standing.active", "people.standing.invited", "people.standing.deactivated"];

/// Names the words of the file.
#[must_use]
pub(super) fn register(registry: Registry) -> Registry {
    registry.keys(&KEYS).keys(&ROLES).keys(&STANDINGS)
}

/// `?show=&q=&before=&after=`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    show: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    before: String,
    #[serde(default)]
    after: String,
}

pub(super) async fn list(reader: Manager, QueryString(asked): QueryString<Asked>) -> Result<Response, Error> {
    let Manager { visit, person } = &reader;
    let (show, search) = (Show::parse(&asked.show), asked.q.trim());
    let from = From::asked(&asked.before, &asked.after);
    let query = Query { show, search, from, limit: PAGE + 1 };
    let mut tx = person.tx(visit.site().db()).await?;
    let mut rows = store::list(&mut tx, person.contact.customer, &query).await?;
    let overview = store::overview(&mut tx, person.contact.customer).await?;
    drop(tx);
    let beside = from.cut(&mut rows, PAGE, PersonRow::place);
    let (newer, older) = addresses(beside, LIST, &shown(show, search));
    visit.render(&People {
        show,
        filters: Show::ALL.into_iter().map(|show| filter(show, search, &overview)).collect(),
        rows: rows.iter().map(|row| Row::new(row, row.id == person.contact.id)).collect(),
        newer,
        older,
        csv: address("/people/list.csv", &shown(show, search)),
        query: search.to_owned(),
    })
}

fn filter(show: Show, search: &str, overview: &Overview) -> FilterLink {
    let count = match show {
        Show::All => overview.all,
        Show::Administrators => overview.administrators,
        Show::Invited => overview.invited,
        Show::Deactivated => overview.deactivated,
    };
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    FilterLink { show, href: address(LIST, &shown(show, search)), count }
}

/// What the addresses of the list keep.
fn shown(show: Show, search: &str) -> [(&'static str, &str); 2] {
    [("show", if show == Show::All { "" } else { show.word() }), ("q", search)]
}

/// The filter as a file.
pub(super) async fn file(reader: Manager, QueryString(asked): QueryString<Asked>) -> Result<Response, Error> {
    let Manager { visit, person } = &reader;
    let query =
        Query { show: Show::parse(&asked.show), search: asked.q.trim(), from: From::Newest, limit: FILE };
    let mut tx = person.tx(visit.site().db()).await?;
    let rows = store::list(&mut tx, person.contact.customer, &query).await?;
    note(&mut tx, &reader, "exported", "list", serde_json::json!({ "people": rows.len() })).await?;
    tx.commit().await?;
    let (words, zone) = (visit.words(), visit.look().zone);
    let say = |key: &str| words.say(key, &[]);
    let names = KEYS.map(say);
    let mut text = [csv::MARK, &csv::line(&names.each_ref().map(|name| Field::Text(name)))].concat();
    for row in &rows {
        let day = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&zone).date_naive().to_string();
        let standing = format!("people.standing.{}", word(row));
        text.push_str(&csv::line(&[
            Field::Text(&row.name),
            Field::Text(&row.email),
            Field::Text(&say(&format!("people.role.{}.name", row.role))),
            Field::Text(&say(&standing)),
            Field::Plain(&row.last_seen_at.map(day).unwrap_or_default()),
            Field::Plain(&day(row.created_at)),
        ]));
    }
    let name = say("nav.people");
    Ok(Download::new(&name, "csv", "text/csv; charset=utf-8").response(Body::from(text)))
}

fn word(row: &PersonRow) -> &'static str {
    use super::person::Standing;
    match row.standing() {
        Standing::Active => "active",
        Standing::Invited => "invited",
        Standing::Deactivated => "deactivated",
    }
}
