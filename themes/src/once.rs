//! Parts of pages that look the same for everybody today: rendered once for each content and given again.
//!
//! `once("orders/row.html", "row", row)` renders a template that sees one value and nothing of the page around it, and
//! remembers the markup under everything that it can depend on: the value itself, compared whole and not by a hash, the
//! language, the time zone, the day and the tenant's words. So it can neither show another value nor grow stale; telling
//! how long ago something was is an error in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State, Value};
use moka::sync::Cache;

use crate::lens::Lens;

/// Octets of markup that each pack remembers. Above it what is asked for most often stays.
const ROOM: u64 = 32 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    template: String,
    value: Value,
    locale: String,
    zone: Tz,
    today: NaiveDate,
    terms: Arc<BTreeMap<String, String>>,
}

/// Adds `once` to the environment of a pack, with a memory of its own.
pub(crate) fn install(env: &mut Environment<'static>) {
    let weight =
        |_: &Key, markup: &Value| u32::try_from(markup.as_str().map_or(0, str::len)).unwrap_or(u32::MAX);
    let known: Cache<Key, Value> = Cache::builder().weigher(weight).max_capacity(ROOM).build();
    env.add_function("once", move |state: &mut State, template: &str, name: &str, value: Value| {
        once(&known, state, template, name, value)
    });
}

fn once(
    known: &Cache<Key, Value>,
    state: &mut State<'_, '_>,
    template: &str,
    name: &str,
    value: Value,
) -> Result<Value, Error> {
    let lens = Lens::of(state)?;
    let key = Key {
        template: template.to_owned(),
        value,
        locale: lens.locale.tag().to_owned(),
        zone: lens.zone,
        today: lens.today(),
        terms: Arc::clone(&lens.terms),
    };
    if let Some(markup) = known.get(&key) {
        return Ok(markup);
    }
    // Markup and the same characters as text are equal, and only text is escaped.
    if holds_markup(&key.value) {
        return Err(Error::new(ErrorKind::InvalidOperation, "once takes data, not markup"));
    }
    let lens = Value::from_object(lens.for_a_day());
    let given = BTreeMap::from([(name.to_owned(), key.value.clone()), ("lens".to_owned(), lens)]);
    let markup = Value::from_safe_string(state.env().get_template(template)?.render(Value::from(given))?);
    known.insert(key, markup.clone());
    Ok(markup)
}

fn holds_markup(value: &Value) -> bool {
    let within =
        |value: &Value| value.try_iter().is_ok_and(|mut values| values.any(|value| holds_markup(&value)));
    match value.kind() {
        ValueKind::Map => value.try_iter().is_ok_and(|mut keys| {
            keys.any(|key| value.get_item(&key).is_ok_and(|value| holds_markup(&value)))
        }),
        ValueKind::Seq | ValueKind::Iterable => within(value),
        _ => value.is_safe(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use serde::Serialize;

    use crate::{Fault, Page, Registry, RenderError, Sample, Shell, Skin, Themes, View, samples};

    #[derive(Clone, Serialize)]
    struct List {
        parts: Vec<Part>,
    }

    #[derive(Clone, Serialize)]
    struct Part {
        name: &'static str,
        at: DateTime<Utc>,
    }

    impl Page for List {
        const TEMPLATE: &'static str = "list.html";

        fn samples() -> Vec<Sample<Self>> {
            Vec::new()
        }
    }

    fn themes(part: &'static str) -> Result<Themes, Vec<Fault>> {
        let list = "{% for part in page.parts %}{{ once(\"part.html\", \"part\", part) }};{% endfor %}";
        themes_of(list, part)
    }

    fn themes_of(list: &'static str, part: &'static str) -> Result<Themes, Vec<Fault>> {
        Themes::build(Registry::new().partial("part.html", part).page::<List>(list))
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a moment")
    }

    fn shown(themes: &Themes, skin: &Skin, now: DateTime<Utc>, locale: &str) -> Result<String, RenderError> {
        let (shell, zone) = (Shell::default(), chrono_tz::Tz::UTC);
        let view = View { skin, locale: themes.locale(locale), zone, now, shell: &shell };
        let stamp = at("2026-12-31T12:00:00Z");
        let parts = ["one", "<two>", "one"].map(|name| Part { name, at: stamp }).to_vec();
        themes.render(&view, &List { parts })
    }

    #[test]
    fn the_same_is_the_same_in_every_look_language_and_day() {
        let themes = themes("{{ part.name }} {{ part.at|day(plain=true) }}").expect("it compiles");
        let (techflow, lumen) = (Skin::new(samples::techflow()), Skin::new(samples::lumen()));
        let now = at("2026-11-21T12:00:00Z");
        let english = "one Thu 31 Dec;&lt;two&gt; Thu 31 Dec;one Thu 31 Dec;";
        for skin in [&techflow, &lumen, &techflow] {
            assert_eq!(shown(&themes, skin, now, "en").expect("it renders"), english);
        }
        let arabic = shown(&themes, &techflow, now, "ar").expect("it renders");
        assert!(arabic != english && arabic.contains("&lt;two&gt;"), "{arabic}");
        let next_year = shown(&themes, &techflow, now + TimeDelta::days(60), "en").expect("it renders");
        assert!(next_year.contains("31 Dec 2026"), "another day, another text: {next_year}");
    }

    #[test]
    fn what_grows_stale_or_sees_the_page_is_refused() {
        let now = at("2026-11-21T12:00:00Z");
        let skin = Skin::new(samples::techflow());
        let markup = themes_of(
            "{% set words %}<b>{% endset %}{{ once(\"part.html\", \"part\", {\"name\": [words]}) }}",
            "x",
        );
        let error = shown(&markup.expect("it compiles"), &skin, now, "en").expect_err("markup");
        assert!(format!("{:?}", error.source).contains("not markup"));
        for part in ["{{ part.at|ago }}", "{{ page.parts }}", "{{ shell.csrf }}", "{{ brand.name }}"] {
            let themes = themes(part).expect("it compiles");
            let error = shown(&themes, &skin, now, "en").expect_err(part);
            let told = format!("{:?}", error.source);
            assert!(told.contains("once a day") || told.contains("undefined"), "{part}: {told}");
        }
    }
}
