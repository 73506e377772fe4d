//! Lists by place, newest first: which way a page goes from where, and the row that only says "there is more".
//!
//! A store reads one row more than a page, from a [`From`] on; [`From::cut`] takes it off again and says where the pages
//! beside this one begin.

use std::fmt::{Debug, Display, Formatter};
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// What a list is ordered by, before the row's id.
pub trait Key: Copy + Debug + Eq {
    /// As it stands in an address: no `-`.
    fn text(self) -> String;
    fn read(text: &str) -> Option<Self>;
}

impl Key for NaiveDate {
    fn text(self) -> String {
        self.format("%Y%m%d").to_string()
    }

    fn read(text: &str) -> Option<Self> {
        Self::parse_from_str(text, "%Y%m%d").ok()
    }
}

impl Key for DateTime<Utc> {
    /// Microseconds, as the database keeps them.
    fn text(self) -> String {
        self.timestamp_micros().to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().and_then(Self::from_timestamp_micros)
    }
}

/// For lists whose order the store finds by the row alone, such as by name; "newer" is what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ById;

impl Key for ById {
    fn text(self) -> String {
        String::new()
    }

    fn read(text: &str) -> Option<Self> {
        text.is_empty().then_some(Self)
    }
}

/// A place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor<K> {
    pub at: K,
    pub id: Uuid,
}

impl<K: Key> Display for Cursor<K> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.at.text(), self.id.simple())
    }
}

impl<K: Key> FromStr for Cursor<K> {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // From the right: a moment before 1970 has a sign.
        let (at, id) = text.rsplit_once('-').ok_or(())?;
        Ok(Self { at: K::read(at).ok_or(())?, id: id.parse().map_err(|_| ())? })
    }
}

/// Which way a page goes from a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From<K> {
    Newest,
    OlderThan(Cursor<K>),
    NewerThan(Cursor<K>),
}

/// Where the pages beside one begin; none where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beside<K> {
    pub newer: Option<Cursor<K>>,
    pub older: Option<Cursor<K>>,
}

impl<K: Key> From<K> {
    /// Of `?before=&after=`. A place that is not readable is no place: the list begins at its newest.
    #[must_use]
    pub fn asked(before: &str, after: &str) -> Self {
        match (before.parse(), after.parse()) {
            (Ok(cursor), _) => Self::OlderThan(cursor),
            (Err(()), Ok(cursor)) => Self::NewerThan(cursor),
            (Err(()), Err(())) => Self::Newest,
        }
    }

    /// Cuts the row that only says "there is more"; `rows` are newest first.
    pub fn cut<R>(self, rows: &mut Vec<R>, page: usize, cursor: impl Fn(&R) -> Cursor<K>) -> Beside<K> {
        let more = rows.len() > page;
        match self {
            Self::NewerThan(_) if more => {
                rows.remove(0);
            }
            _ => rows.truncate(page),
        }
        let (first, last) = (rows.first().map(&cursor), rows.last().map(&cursor));
        match self {
            Self::Newest => Beside { newer: None, older: last.filter(|_| more) },
            Self::OlderThan(_) => Beside { newer: first, older: last.filter(|_| more) },
            Self::NewerThan(_) => Beside { newer: first.filter(|_| more), older: last },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: u128) -> Cursor<NaiveDate> {
        Cursor { at: NaiveDate::from_ymd_opt(2026, 11, 21).expect("a day"), id: Uuid::from_u128(number) }
    }

    #[test]
    fn places_survive_an_address() {
        assert_eq!(place(7).to_string().parse(), Ok(place(7)));
        for at in [-1_234_567, 0, 1_795_219_200_000_001] {
            let at = DateTime::from_timestamp_micros(at).expect("a moment");
            let cursor = Cursor { at, id: Uuid::from_u128(7) };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for bad in ["", "-", "20261121-", "20261341-00000000000000000000000000000007", "x-y"] {
            assert_eq!(bad.parse::<Cursor<NaiveDate>>(), Err(()), "{bad}");
        }
        assert_eq!(From::<NaiveDate>::asked("nonsense", ""), From::Newest);
        assert_eq!(From::asked("", &place(1).to_string()), From::NewerThan(place(1)));
        assert_eq!(From::asked(&place(2).to_string(), &place(1).to_string()), From::OlderThan(place(2)));
    }

    #[test]
    fn the_row_that_says_there_is_more_is_cut_where_it_is() {
        let cut = |from: From<NaiveDate>, rows: &[u128]| {
            let mut rows = rows.to_vec();
            let beside = from.cut(&mut rows, 2, |row| place(*row));
            (rows, beside.newer.map(|c| c.id.as_u128()), beside.older.map(|c| c.id.as_u128()))
        };
        assert_eq!(cut(From::Newest, &[]), (vec![], None, None));
        assert_eq!(cut(From::Newest, &[9, 8]), (vec![9, 8], None, None));
        assert_eq!(cut(From::Newest, &[9, 8, 7]), (vec![9, 8], None, Some(8)));
        assert_eq!(cut(From::OlderThan(place(8)), &[7, 6, 5]), (vec![7, 6], Some(7), Some(6)));
        assert_eq!(cut(From::OlderThan(place(8)), &[7]), (vec![7], Some(7), None));
        assert_eq!(cut(From::NewerThan(place(5)), &[8, 7, 6]), (vec![7, 6], Some(7), Some(6)));
        assert_eq!(cut(From::NewerThan(place(5)), &[7, 6]), (vec![7, 6], None, Some(6)));
    }
}
