//! Typed pages and mails in the tenant's look and the reader's language.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use themes::{Language, Locale, Mail, MailPage, Page, Shell, View, Words};

use crate::cookie::{self, Cookie};
use crate::error::Error;
use crate::visit::Visit;

impl Visit {
    /// The page, 200.
    ///
    /// # Errors
    /// When template and context do not fit: a fault of the program.
    pub fn render<P: Page>(&self, page: &P) -> Result<Response, Error> {
        self.render_as(StatusCode::OK, page)
    }

    /// The page with another status, e.g. 422 for a form with problems.
    ///
    /// # Errors
    /// As [`Visit::render`].
    pub fn render_as<P: Page>(&self, status: StatusCode, page: &P) -> Result<Response, Error> {
        Ok(html_response(status, self.html(page)?))
    }

    pub(crate) fn html<P: Page>(&self, page: &P) -> Result<String, Error> {
        let shell = self.shell();
        let html = self.site().themes().render(&self.view(&shell), page)?;
        if self.flashed().is_some() {
            self.set_cookie(&Cookie::removal(cookie::FLASH));
        }
        Ok(html)
    }

    pub(crate) fn render_error<P: Page>(&self, status: StatusCode, page: &P) -> Response {
        let shell = self.shell();
        let html = self.site().themes().render_error(&self.view(&shell), page, Some(self.request_id()));
        html_response(status, html)
    }

    /// A mail in the tenant's look and in `locale` (a tag), or in the reader's language.
    ///
    /// # Errors
    /// When template and context do not fit: a fault of the program.
    pub fn mail<M: MailPage>(&self, locale: Option<&str>, mail: &M) -> Result<Mail, Error> {
        let themes = self.site().themes();
        let locale = locale.map_or_else(|| self.locale(), |tag| themes.locale(tag));
        let shell = Shell::default();
        Ok(themes.mail(&View { locale, ..self.view(&shell) }, mail)?)
    }

    /// The reader's words, for what no template makes: papers, CSV files.
    #[must_use]
    pub fn words(&self) -> Words {
        Words::new(&self.view(&Shell::default()))
    }

    fn view<'a>(&'a self, shell: &'a Shell) -> View<'a> {
        let own = self.viewer().and_then(|viewer| viewer.zone);
        let (skin, zone) = (&self.look().skin, own.unwrap_or(self.look().zone));
        View { skin, locale: self.locale(), zone, now: self.now(), shell }
    }

    fn shell(&self) -> Shell {
        let mut shell = Shell {
            nonce: self.nonce().to_owned(),
            csrf: self.csrf(),
            base: self.audience().base().into(),
            path: self.path().to_owned(),
            scheme: self.scheme(),
            person: self.viewer().map(|viewer| viewer.person.clone()),
            flash: self.flashed().cloned(),
            languages: self.languages(),
            ..Shell::default()
        };
        if let Some(frame) = self.site().frame() {
            frame.fill(self, &mut shell);
        }
        shell
    }

    fn languages(&self) -> Vec<Language> {
        let current = self.locale().tag();
        let site = self.site();
        let offered =
            site.themes().locales().iter().filter(|locale| site.config().demo || !is_pseudo(locale.tag()));
        let language = |locale: &Arc<Locale>| Language {
            tag: locale.tag().to_owned(),
            name: own_name(locale.tag()).to_owned(),
            current: locale.tag() == current,
        };
        offered.map(language).collect()
    }
}

/// Tells a page, designed for its status, from a bare status that an error page must stand in for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rendered;

pub(crate) fn html_response(status: StatusCode, html: String) -> Response {
    let mut response = (status, html).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.extensions_mut().insert(Rendered);
    response
}

/// Made from English to find untranslated text; for demos and tests.
fn is_pseudo(tag: &str) -> bool {
    tag.ends_with("-XA")
}

fn own_name(tag: &str) -> &str {
    match tag {
        "en" => "English",
        "ar" => "العربية",
        other => other,
    }
}
