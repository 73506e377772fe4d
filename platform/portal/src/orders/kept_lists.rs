//! Lists that a contact keeps under a name: a filter and what was searched, shown above the list.

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use platform_core::id;
use platform_web::pages::Field;
use platform_web::{Access, Capability, Error, Posted, Problems, Routes};
use themes::Tone;
use uuid::Uuid;

use super::order;
use super::pages::{KeepForm, ViewLink};
use super::routes::{Asked, Orders, Reader, address, list_page};
use super::store::views::{self, ViewRow};

/// Letters of a name.
const LONGEST: usize = 40;
const LONGEST_SEARCH: usize = 120;

/// The routes of this file.
pub(super) fn routes() -> Routes<Orders> {
    let access = Access::Contact(Capability::Orders);
    Routes::new().post("/orders/views", access, keep).post("/orders/views/{view}/removal", access, remove)
}

async fn keep(reader: Reader, form: Posted) -> Result<Response, Error> {
    let (visit, person) = (&reader.visit, &reader.person);
    let name: String = form.text("name").chars().filter(|c| !c.is_control()).collect();
    let query: String = form.text("q").chars().take(LONGEST_SEARCH).collect();
    let show = order::show(form.text("show"));
    let problem = match name.chars().count() {
        0 => Some("form.required"),
        length if length > LONGEST => Some("orders.views.too_long"),
        _ => None,
    };
    let mut problem = problem;
    if problem.is_none() {
        let id = id::uuid(visit.site().clock(), visit.site().random());
        let view =
            ViewRow { id, name: name.clone(), filter: order::word(show).to_owned(), query: query.clone() };
        let mut tx = person.tx(visit.site().db()).await?;
        if views::keep(&mut tx, person.contact.id, &view, visit.now()).await? {
            tx.commit().await?;
            visit.site().keep().forget(person.tenant, Some(person.contact.customer));
            visit.flash(Tone::Success, "flash.list_kept");
            return Ok(visit.redirect(&address(show, &query)));
        }
        problem = Some("orders.views.too_many");
    }
    let message = problem.unwrap_or("form.required");
    let form = KeepForm {
        name: Field::wrong(name, message),
        problems: Problems::of_one("name", message),
        open: true,
    };
    let asked = Asked::of(show, query);
    let page = list_page(&reader, asked, form).await?;
    visit.render_as(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

async fn remove(Reader { visit, person }: Reader, Path(view): Path<String>) -> Result<Response, Error> {
    let view: Uuid = view.parse().map_err(|_| Error::not_found())?;
    let mut tx = person.tx(visit.site().db()).await?;
    if !views::forget(&mut tx, person.contact.id, view).await? {
        return Err(Error::not_found());
    }
    tx.commit().await?;
    visit.site().keep().forget(person.tenant, Some(person.contact.customer));
    visit.flash(Tone::Neutral, "flash.list_forgotten");
    Ok(visit.redirect("/orders"))
}

/// A kept list as a link; `shown` is the address of the list that is on the page.
pub(super) fn link(view: ViewRow, shown: &str) -> ViewLink {
    let href = address(order::show(&view.filter), &view.query);
    ViewLink { id: view.id.to_string(), name: view.name, current: href == shown, href }
}
