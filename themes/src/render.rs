//! Compiles every template once a pack, then renders pages, mails and errors.

use std::sync::Arc;

use minijinja::{
    AutoEscape, Environment, UndefinedBehavior, Value, context, syntax::SyntaxConfig, value::Serde,
};
use serde::Serialize;

use crate::{
    assets::Assets,
    fallback, filters,
    lens::Lens,
    locale::Locale,
    locales::Locales,
    mail::{Mail, MailPage},
    once,
    pack::Pack,
    page::{Entry, Page, Registry},
    sources,
    view::View,
};

/// Everything needed to render: compiled templates of every pack, locales, assets. Build one, share it by `Arc`.
pub struct Themes {
    packs: [Environment<'static>; 3],
    locales: Locales,
    assets: Arc<Assets>,
    pub(crate) registry: Vec<Entry>,
    pub(crate) keys: Vec<&'static str>,
    pub(crate) templates: Vec<(String, &'static str)>,
}

/// A template or locale that does not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct Fault {
    /// Template, pack, locale or sample.
    pub at: String,
    pub problem: String,
}

/// A page that could not be rendered: a fault of the program, found by its tests.
#[derive(Debug, thiserror::Error)]
#[error("cannot render {template}")]
pub struct RenderError {
    pub template: String,
    #[source]
    pub source: minijinja::Error,
}

impl Themes {
    /// Compiles everything.
    ///
    /// # Errors
    /// Every fault found: broken templates with their line, doubled names, broken locale files.
    pub fn build(registry: Registry) -> Result<Self, Vec<Fault>> {
        let locales = Locales::built_in().map_err(|fault| {
            vec![Fault { at: format!("locale {}", fault.tag), problem: fault.to_string() }]
        })?;
        let assets = Arc::new(Assets::build());
        let mut faults = doubled(&registry);
        let packs = Pack::ALL.map(|pack| environment(pack, &registry, &assets, &mut faults));
        if !faults.is_empty() {
            return Err(faults);
        }
        let Registry { mut templates, entries, keys } = registry;
        let own = sources::TEMPLATES.iter().chain(Pack::ALL.iter().flat_map(|pack| pack.overrides()));
        templates.extend(own.map(|(name, source)| ((*name).to_owned(), *source)));
        Ok(Self { packs, locales, assets, registry: entries, keys, templates })
    }

    #[must_use]
    pub fn locales(&self) -> &Locales {
        &self.locales
    }

    #[must_use]
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// The locale of a tag; English when there is none.
    #[must_use]
    pub fn locale(&self, tag: &str) -> &Arc<Locale> {
        self.locales.get(tag)
    }

    /// Renders a page.
    ///
    /// # Errors
    /// When template, context and locale do not fit each other.
    pub fn render<P: Page>(&self, view: &View, page: &P) -> Result<String, RenderError> {
        self.render_named(view, P::TEMPLATE, page)
    }

    /// Renders an error page, and if even that fails a plain one that needs nothing. `reference` is shown on both.
    pub fn render_error<P: Page>(&self, view: &View, page: &P, reference: Option<&str>) -> String {
        self.render(view, page).unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "the error page failed");
            fallback::page(reference)
        })
    }

    /// Renders a mail. The frame's `shell` is not used.
    ///
    /// # Errors
    /// When one of the three templates does not fit its context.
    pub fn mail<M: MailPage>(&self, view: &View, mail: &M) -> Result<Mail, RenderError> {
        let part = |extension: &str| self.render_named(view, &format!("{}.{extension}", M::NAME), mail);
        let subject = part("subject.txt")?.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Mail { subject, text: part("txt")?, html: part("html")? })
    }

    fn render_named<C: Serialize>(
        &self,
        view: &View,
        template: &str,
        page: &C,
    ) -> Result<String, RenderError> {
        let pack = view.skin.brand().pack;
        let env = &self.packs[Pack::ALL.iter().position(|known| *known == pack).unwrap_or_default()];
        let context = context! {
            page => Value::from(Serde(page)),
            shell => Value::from(Serde(view.shell)),
            brand => view.skin.value.clone(),
            lens => Value::from_object(Lens::new(view)),
        };
        let render = || env.get_template(template)?.render(context);
        render().map_err(|source| RenderError { template: template.to_owned(), source })
    }
}

fn doubled(registry: &Registry) -> Vec<Fault> {
    let mut names: Vec<&str> = registry.templates.iter().map(|(name, _)| name.as_str()).collect();
    names.extend(sources::TEMPLATES.iter().map(|(name, _)| *name));
    names.sort_unstable();
    let twice = names.windows(2).filter(|pair| pair[0] == pair[1]);
    twice.map(|pair| Fault { at: pair[0].to_owned(), problem: "registered twice".to_owned() }).collect()
}

fn environment(
    pack: Pack,
    registry: &Registry,
    assets: &Arc<Assets>,
    faults: &mut Vec<Fault>,
) -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        env.set_syntax(syntax);
    }
    env.set_auto_escape_callback(
        |name| if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None },
    );
    env.set_formatter(filters::write_value);
    filters::install(&mut env, assets);
    once::install(&mut env);
    let overrides = pack.overrides();
    let own = sources::TEMPLATES.iter().map(|(name, source)| ((*name).to_owned(), *source));
    for (name, source) in own.chain(registry.templates.iter().cloned()) {
        let stands_in = overrides.iter().find(|(known, _)| *known == name);
        if let Some((_, replacement)) = stands_in {
            add(&mut env, pack, &format!("base/{name}"), source, faults);
            add(&mut env, pack, &name, replacement, faults);
        } else {
            add(&mut env, pack, &name, source, faults);
        }
    }
    env
}

fn add(
    env: &mut Environment<'static>,
    pack: Pack,
    name: &str,
    source: &'static str,
    faults: &mut Vec<Fault>,
) {
    if let Err(error) = env.add_template_owned(name.to_owned(), source) {
        faults.push(Fault { at: format!("{name} ({})", pack.name()), problem: format!("{error:#}") });
    }
}
