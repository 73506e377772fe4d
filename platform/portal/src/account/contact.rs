//! One's own data: name and address belong to the tenant's system and change by request, the language is ours.

use axum::response::Response;
use http::StatusCode;
use platform_connectors::requests::Kind;
use platform_web::{Error, Posted, Problems};
use serde_json::json;
use themes::Tone;

use super::changes::{ask, fresh_key, key_of};
use super::pages::ContactForm;
use super::routes::Reader;
use super::store;

pub(super) async fn form(reader: Reader) -> Result<Response, Error> {
    let mut tx = reader.person.tx(reader.visit.site().db()).await?;
    let locale = store::locale(&mut tx, reader.person.contact.id).await?.unwrap_or_default();
    drop(tx);
    let contact = &reader.person.contact;
    let (name, email) = (contact.name.clone(), contact.email.clone());
    show(&reader, (name, email, locale), Problems::default(), fresh_key(&reader))
}

fn show(
    reader: &Reader,
    (name, email, locale): (String, String, String),
    problems: Problems,
    key: String,
) -> Result<Response, Error> {
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let languages = reader.visit.site().themes().locales().iter().map(|locale| locale.tag().to_owned());
    let languages = languages.filter(|tag| !tag.ends_with("-XA")).collect();
    reader.visit.render_as(status, &ContactForm::new(&name, &email, locale, languages, problems, key))
}

pub(super) async fn change(reader: Reader, form: Posted) -> Result<Response, Error> {
    let (name, email) =
        (form.text("name").split_whitespace().collect::<Vec<_>>().join(" "), form.text("email").to_owned());
    let locale = form.text("locale").to_owned();
    let problems = problems(&reader, &name, &email, &locale);
    if !problems.is_empty() {
        return show(&reader, (name, email, locale), problems, key_of(&reader, &form));
    }
    if !locale.is_empty() {
        let mut tx = reader.person.tx(reader.visit.site().db()).await?;
        store::set_locale(&mut tx, reader.person.contact.id, &locale).await?;
        tx.commit().await?;
    }
    let contact = &reader.person.contact;
    if (name.as_str(), email.as_str()) == (contact.name.as_str(), contact.email.as_str()) {
        reader.visit.flash(Tone::Success, "saved");
        return Ok(reader.visit.redirect("/account"));
    }
    let payload = json!({
        "before": { "name": contact.name, "email": contact.email },
        "after": { "name": name, "email": email },
    });
    let key = key_of(&reader, &form);
    let summary = reader.visit.words().say("account.summary.contact", &[("name", &contact.name)]);
    match ask(&reader, Kind::ContactChange, payload, summary, &key).await? {
        Ok(()) => {
            reader.visit.flash(Tone::Success, "account_requested");
            Ok(reader.visit.redirect("/account#requests"))
        }
        Err(message) => {
            let key = fresh_key(&reader);
            show(&reader, (name, email, locale), Problems::of_one("name", message), key)
        }
    }
}

fn problems(reader: &Reader, name: &str, email: &str, locale: &str) -> Problems {
    let mut problems = Problems::default();
    if name.is_empty() {
        problems.add("name", "form.required");
    }
    if name.chars().count() > 120 {
        problems.add("name", "account.address.too_long");
    }
    let shape = email.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty() && host.contains('.') && !host.contains('@') && !email.contains(char::is_whitespace)
    });
    if !shape || email.len() > 254 {
        problems.add("email", "form.email");
    }
    if !locale.is_empty() && !reader.visit.site().themes().locales().iter().any(|known| known.tag() == locale)
    {
        problems.add("locale", "form.required");
    }
    problems
}
