//! Typed pages: a context, a template and samples belong together, and a registry knows them all.

use std::any::type_name;

use serde::Serialize;

use crate::{
    mail::{Mail, MailPage},
    render::{RenderError, Themes},
    view::View,
};

/// The context of one page. Templates see it as `page`.
pub trait Page: Serialize + Send + Sync + Sized + 'static {
    /// Name of its template, `<slice>/<page>.html`. `.html` is escaped, `.txt` is not.
    const TEMPLATE: &'static str;

    /// Every state the page has a design for: full, empty, late, wrong. Each is rendered by the tests in every pack,
    /// locale and scheme.
    fn samples() -> Vec<Sample<Self>>;
}

/// A named example of a page or a mail.
#[derive(Debug, Clone)]
pub struct Sample<P> {
    pub name: &'static str,
    pub page: P,
}

impl<P> Sample<P> {
    #[must_use]
    pub fn new(name: &'static str, page: P) -> Self {
        Self { name, page }
    }
}

/// What is rendered of a sample.
pub(crate) enum Output {
    Page(String),
    Mail(Mail),
}

type Render = Box<dyn Fn(&Themes, &View) -> Result<Output, RenderError>>;

/// Something that can render its samples.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) context: &'static str,
    pub(crate) samples: fn() -> Vec<(&'static str, Render)>,
}

/// Every page, mail and partial that the program has. Each crate offers `fn register(Registry) -> Registry`.
#[derive(Default)]
pub struct Registry {
    pub(crate) templates: Vec<(String, &'static str)>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) keys: Vec<&'static str>,
}

impl Registry {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a page with the source of its template, usually `include_str!("list.html")`.
    #[must_use]
    pub fn page<P: Page>(mut self, source: &'static str) -> Self {
        self.templates.push((P::TEMPLATE.to_owned(), source));
        self.examples::<P>()
    }

    /// Adds samples to a page that another part of the program has added: a page made of several slices' parts is shown in
    /// the states of each.
    #[must_use]
    pub fn examples<P: Page>(mut self) -> Self {
        let samples =
            || P::samples().into_iter().map(|sample| (sample.name, page_render(sample.page))).collect();
        self.entries.push(Entry { name: P::TEMPLATE, context: type_name::<P>(), samples });
        self
    }

    /// Adds a mail with its three templates: subject, plain text, HTML.
    #[must_use]
    pub fn mail<M: MailPage>(
        mut self,
        subject: &'static str,
        text: &'static str,
        html: &'static str,
    ) -> Self {
        for (extension, source) in [("subject.txt", subject), ("txt", text), ("html", html)] {
            self.templates.push((format!("{}.{extension}", M::NAME), source));
        }
        let samples =
            || M::samples().into_iter().map(|sample| (sample.name, mail_render(sample.page))).collect();
        self.entries.push(Entry { name: M::NAME, context: type_name::<M>(), samples });
        self
    }

    /// Adds a template that other templates include or import.
    #[must_use]
    pub fn partial(mut self, name: &str, source: &'static str) -> Self {
        self.templates.push((name.to_owned(), source));
        self
    }

    /// Names message keys that Rust code chooses, such as navigation labels, so that they do not count as unused.
    #[must_use]
    pub fn keys(mut self, keys: &[&'static str]) -> Self {
        self.keys.extend(keys);
        self
    }

    /// Lets a crate add its own: `Registry::new().with(platform_web::pages::register)`.
    #[must_use]
    pub fn with(self, register: impl FnOnce(Registry) -> Registry) -> Self {
        register(self)
    }
}

fn page_render<P: Page>(page: P) -> Render {
    Box::new(move |themes, view| themes.render(view, &page).map(Output::Page))
}

fn mail_render<M: MailPage>(mail: M) -> Render {
    Box::new(move |themes, view| themes.mail(view, &mail).map(Output::Mail))
}
