//! What templates can call: `t`, dates, amounts, icons and asset addresses. Wrong use is an error, never an empty string.

use std::{collections::HashMap, sync::Arc};

use chrono::Utc;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, Value,
    value::{Kwargs, Rest},
};
use rust_decimal::Decimal;

use crate::{
    assets::Assets,
    format::{When, clock, days, distance},
    lens::Lens,
    message::{escape_into, needs_escape},
};

/// Adds every filter and function to an environment.
pub(crate) fn install(env: &mut Environment<'static>, assets: &Arc<Assets>) {
    env.add_function("t", |state: &mut State, key: &str, arguments: Kwargs| {
        translate(state, key, &arguments)
    });
    env.add_function("lang", |state: &mut State| Ok::<_, Error>(Lens::of(state)?.locale.tag().to_owned()));
    env.add_function("dir", |state: &mut State| Ok::<_, Error>(Lens::of(state)?.locale.direction().name()));
    env.add_function("has_message", |state: &mut State, key: &str| {
        Ok::<_, Error>(Lens::of(state)?.locale.message(key).is_some())
    });
    env.add_filter("day", |state: &mut State, value: &Value, options: Kwargs| {
        stamp(state, value, &options, |lens, when| Ok(lens.locale.formats.day(when.date(), lens.today())))
    });
    env.add_filter("long_day", |state: &mut State, value: &Value, options: Kwargs| {
        stamp(state, value, &options, |lens, when| Ok(lens.locale.formats.long_day(when.date())))
    });
    env.add_filter("moment", |state: &mut State, value: &Value, options: Kwargs| {
        stamp(state, value, &options, |lens, when| match when {
            When::Day(day) => Ok(lens.locale.formats.day(day, lens.today())),
            When::At(at) => Ok(lens.locale.formats.moment(at, lens.today())),
        })
    });
    env.add_filter("clock", |state: &mut State, value: &Value, options: Kwargs| {
        stamp(state, value, &options, |_, when| match when {
            When::Day(_) => Err(wrong("a date has no time of day")),
            When::At(at) => Ok(clock(at)),
        })
    });
    env.add_filter("ago", |state: &mut State, value: &Value, options: Kwargs| {
        stamp(state, value, &options, |lens, when| {
            let (key, count) = match when {
                When::Day(day) => days(lens.today(), day),
                When::At(at) => distance(lens.now()?, at.with_timezone(&Utc)),
            };
            lens.counted(key, count)
        })
    });
    env.add_filter("due", |state: &mut State, value: &Value, options: Kwargs| {
        stamp(state, value, &options, |lens, when| {
            let (key, count) = days(lens.today(), when.date());
            lens.counted(key, count)
        })
    });
    env.add_filter("money", |state: &mut State, value: &Value, options: Kwargs| {
        money(state, value, &options)
    });
    env.add_filter("number", |state: &mut State, value: &Value, decimals: Rest<u32>| {
        number(state, value, decimals.first().copied())
    });
    let icons = icon_markup(assets);
    env.add_function("icon", move |name: &str, options: Kwargs| icon(&icons, name, &options));
    let urls = Arc::clone(assets);
    env.add_function("asset", move |name: &str| {
        urls.url(name).map(str::to_owned).ok_or_else(|| wrong(format!("no asset {name}")))
    });
}

/// Writes values; escapes in HTML without touching `/`, which keeps addresses readable and pages small.
pub(crate) fn write_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let html = matches!(state.auto_escape(), AutoEscape::Html);
    match value.as_str() {
        Some(text) if html && !value.is_safe() && needs_escape(text) => {
            let mut escaped = String::with_capacity(text.len() + 16);
            escape_into(&mut escaped, text);
            out.write_str(&escaped).map_err(|_| wrong("cannot write"))
        }
        Some(text) => out.write_str(text).map_err(|_| wrong("cannot write")),
        None => minijinja::escape_formatter(out, state, value),
    }
}

fn wrong(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, what)
}

fn is_html(state: &State) -> bool {
    matches!(state.auto_escape(), AutoEscape::Html)
}

/// `t("orders.count", count=3)`: the message in the reader's language. Arguments are escaped unless they are markup.
fn translate(state: &mut State, key: &str, arguments: &Kwargs) -> Result<Value, Error> {
    let lens = Lens::of(state)?;
    let html = is_html(state);
    let count = arguments.peek::<Option<i64>>("count").ok().flatten().map(i64::unsigned_abs);
    let text = lens.say(key, count, html, |out, name| {
        let Ok(value) = arguments.get::<Value>(name) else { return false };
        if value.is_undefined() {
            return false;
        }
        match value.as_str() {
            Some(markup) if value.is_safe() => out.push_str(markup),
            Some(text) if html => escape_into(out, text),
            Some(text) => out.push_str(text),
            None => match i64::try_from(value.clone()) {
                Ok(whole) => out.push_str(&lens.locale.formats.number(whole.into(), 0)),
                Err(_) => return false,
            },
        }
        true
    })?;
    // A count may choose the form without being said.
    let _ = arguments.get::<Option<Value>>("count");
    arguments.assert_all_used()?;
    Ok(if html { Value::from_safe_string(text) } else { Value::from(text) })
}

/// A `<time>` with the exact stamp on hover and for screen readers; in text, and with `plain=true`, the short form alone.
fn stamp(
    state: &mut State,
    value: &Value,
    options: &Kwargs,
    short: impl FnOnce(&Lens, When) -> Result<String, Error>,
) -> Result<Value, Error> {
    let lens = Lens::of(state)?;
    let text = value.as_str().ok_or_else(|| wrong(format!("not a date: {value:?}")))?;
    let when = When::read(text, lens.zone).ok_or_else(|| wrong(format!("not a date: {text}")))?;
    let short = short(&lens, when)?;
    let plain = options.get::<Option<bool>>("plain")?.unwrap_or(false);
    options.assert_all_used()?;
    if plain || !is_html(state) {
        return Ok(Value::from(short));
    }
    let exact = lens.locale.formats.exact(when);
    let mut out = String::with_capacity(160);
    out.push_str("<time datetime=\"");
    out.push_str(&when.machine());
    out.push_str("\" title=\"");
    escape_into(&mut out, &exact);
    if short == exact {
        out.push_str("\">");
        escape_into(&mut out, &short);
    } else {
        out.push_str("\"><span aria-hidden=\"true\">");
        escape_into(&mut out, &short);
        out.push_str("</span><span class=\"unseen\">");
        escape_into(&mut out, &exact);
        out.push_str("</span>");
    }
    out.push_str("</time>");
    Ok(Value::from_safe_string(out))
}

/// `total|money`, `price|money(exact=true)`.
fn money(state: &mut State, value: &Value, options: &Kwargs) -> Result<String, Error> {
    let exact = options.get::<Option<bool>>("exact")?.unwrap_or(false);
    options.assert_all_used()?;
    let amount = decimal(&value.get_attr("amount")?)?;
    let currency = value.get_attr("currency")?;
    let currency = currency.as_str().ok_or_else(|| wrong("money without currency"))?;
    Ok(Lens::of(state)?.locale.formats.money(amount, currency, exact))
}

/// `quantity|number`: grouped, with the decimals it has; `quantity|number(1)` with a fixed number of them.
fn number(state: &mut State, value: &Value, decimals: Option<u32>) -> Result<String, Error> {
    let value = decimal(value)?.normalize();
    let decimals = decimals.unwrap_or_else(|| value.scale());
    Ok(Lens::of(state)?.locale.formats.number(value, decimals))
}

fn decimal(value: &Value) -> Result<Decimal, Error> {
    let parsed = match value.as_str() {
        Some(text) => text.parse().ok(),
        None => i64::try_from(value.clone()).ok().map(Decimal::from),
    };
    parsed.ok_or_else(|| wrong(format!("not a number: {value:?}")))
}

/// `icon("truck")`: decoration beside a word, hidden from screen readers. `class` adds to its class.
fn icon(icons: &HashMap<String, Value>, name: &str, options: &Kwargs) -> Result<Value, Error> {
    let plain = icons.get(name).ok_or_else(|| wrong(format!("no icon {name}; see assets/icons")))?;
    let class = options.get::<Option<&str>>("class")?;
    options.assert_all_used()?;
    let Some(class) = class else { return Ok(plain.clone()) };
    let mut escaped = String::new();
    escape_into(&mut escaped, class);
    let markup =
        plain.as_str().unwrap_or_default().replacen("class=\"icon", &format!("class=\"icon {escaped}"), 1);
    Ok(Value::from_safe_string(markup))
}

/// The markup of every icon, made once.
fn icon_markup(assets: &Assets) -> HashMap<String, Value> {
    let sprite = assets.url("icons.svg").unwrap_or_default();
    let markup = |name: &String| {
        // Arrows and chevrons that point along the line turn around in right-to-left scripts.
        let turns =
            if name.starts_with("chevron-") || name.starts_with("arrow-") { " icon-turns" } else { "" };
        format!(
            "<svg class=\"icon{turns}\" aria-hidden=\"true\" focusable=\"false\"><use href=\"{sprite}#{name}\"/></svg>"
        )
    };
    assets.icons().iter().map(|name| (name.clone(), Value::from_safe_string(markup(name)))).collect()
}
