//! Through which eyes a page is seen: language, zone, now, renamed terms. Filters find it in the render state.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use minijinja::{Error, ErrorKind, State, value::Object};

use crate::{
    locale::{Locale, fill},
    message::{Piece, escape_into},
    view::View,
};

#[derive(Debug, Clone)]
pub(crate) struct Lens {
    pub(crate) locale: Arc<Locale>,
    pub(crate) zone: Tz,
    now: DateTime<Utc>,
    /// What is seen is given again for the rest of the day.
    for_a_day: bool,
    pub(crate) terms: Arc<BTreeMap<String, String>>,
}

impl Object for Lens {}

impl Lens {
    pub(crate) fn new(view: &View) -> Self {
        let terms = Arc::clone(&view.skin.terms);
        Self { locale: Arc::clone(view.locale), zone: view.zone, now: view.now, for_a_day: false, terms }
    }

    /// The same eyes for what is given again until the day is over.
    pub(crate) fn for_a_day(&self) -> Self {
        Self { for_a_day: true, ..self.clone() }
    }

    /// The moment of looking.
    pub(crate) fn now(&self) -> Result<DateTime<Utc>, Error> {
        if self.for_a_day {
            let why = "what is rendered once a day cannot tell how long ago something was";
            return Err(Error::new(ErrorKind::InvalidOperation, why));
        }
        Ok(self.now)
    }

    /// The lens of the running render. Found in the context once, then kept with the state, because macros do not see
    /// the context of the page that calls them.
    pub(crate) fn of(state: &mut State<'_, '_>) -> Result<Arc<Lens>, Error> {
        if let Some(lens) = state.get_extension::<Arc<Lens>>() {
            return Ok(Arc::clone(lens));
        }
        let found = state.lookup("lens").and_then(|value| value.downcast_object::<Lens>());
        let lens = found.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "no lens in this context"))?;
        Ok(Arc::clone(state.get_or_insert_extension(lens)))
    }

    pub(crate) fn today(&self) -> NaiveDate {
        self.now.with_timezone(&self.zone).date_naive()
    }

    /// The message of `key`; `argument` writes a named hole and says no for a name it does not know.
    pub(crate) fn say(
        &self,
        key: &str,
        count: Option<u64>,
        escape: bool,
        mut argument: impl FnMut(&mut String, &str) -> bool,
    ) -> Result<String, Error> {
        let wrong = |what: String| Error::new(ErrorKind::InvalidOperation, what);
        let message = self
            .locale
            .message(key)
            .ok_or_else(|| wrong(format!("no message {key} in {}", self.locale.tag())))?;
        if message.is_plural() && count.is_none() {
            return Err(wrong(format!("message {key} needs count")));
        }
        let form = self.locale.plural(count.unwrap_or(0));
        let mut out = String::with_capacity(48);
        fill(&mut out, message.form(form), escape, |out, piece| match piece {
            Piece::Argument(name) if argument(out, name) => Ok(()),
            Piece::Argument(name) => Err(wrong(format!("message {key} needs {name}"))),
            Piece::Term(name) => self.term(name, escape, out),
            Piece::Text(_) => Ok(()),
        })?;
        Ok(out)
    }

    /// A message whose only hole is `count`.
    pub(crate) fn counted(&self, key: &str, count: u64) -> Result<String, Error> {
        self.say(key, Some(count), false, |out, name| {
            out.push_str(&self.locale.formats.number(count.into(), 0));
            name == "count"
        })
    }

    fn term(&self, name: &str, escape: bool, out: &mut String) -> Result<(), Error> {
        let text = match self.terms.get(name) {
            Some(renamed) => renamed.clone(),
            None => self.say(&format!("term.{name}"), None, false, |_, _| false)?,
        };
        if escape {
            escape_into(out, &text);
        } else {
            out.push_str(&text);
        }
        Ok(())
    }
}
