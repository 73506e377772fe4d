//! Invoices by our own rules: what is owed, what is overdue, and which filter one belongs to. Pure.

use chrono::NaiveDate;
use platform_web::paging;
use rust_decimal::Decimal;
use serde::Serialize;

/// Which way the money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Invoice,
    CreditNote,
}

/// How far a payment has got, in the words of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Open,
    PartlyPaid,
    Paid,
    Void,
}

impl Kind {
    /// Its word in keys of messages, and as it is stored.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Invoice => "invoice",
            Kind::CreditNote => "credit_note",
        }
    }
}

impl Status {
    /// Its word in keys of messages, and as it is stored.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::PartlyPaid => "partly_paid",
            Status::Paid => "paid",
            Status::Void => "void",
        }
    }
}

/// A filter as a plain word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Show {
    All,
    Open,
    Overdue,
    Paid,
    CreditNotes,
}

impl Show {
    pub const ALL: [Show; 5] = [Show::All, Show::Open, Show::Overdue, Show::Paid, Show::CreditNotes];

    /// Its word in addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Show::All => "all",
            Show::Open => "open",
            Show::Overdue => "overdue",
            Show::Paid => "paid",
            Show::CreditNotes => "credit_notes",
        }
    }

    /// The filter that a word in an address means; an unknown word is no filter.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|show| show.word() == text).unwrap_or(Show::All)
    }
}

/// A stored word; what a newer version may have written reads as an invoice.
#[must_use]
pub fn kind(word: &str) -> Kind {
    if word == "credit_note" { Kind::CreditNote } else { Kind::Invoice }
}

/// A stored word; what a newer version may have written reads as open.
#[must_use]
pub fn status(word: &str) -> Status {
    match word {
        "partly_paid" => Status::PartlyPaid,
        "paid" => Status::Paid,
        "void" => Status::Void,
        _ => Status::Open,
    }
}

/// What is still to be paid, or for a credit note to be used. Never below nothing: who paid too much owes nothing.
#[must_use]
pub fn owed(status: Status, total: Decimal, paid: Decimal) -> Decimal {
    match status {
        Status::Open | Status::PartlyPaid => (total - paid).max(Decimal::ZERO),
        Status::Paid | Status::Void => Decimal::ZERO,
    }
}

/// Days past the day on which it was to be paid; none when nothing is overdue. `today` is the tenant's day. The day
/// itself is in time.
#[must_use]
pub fn days_overdue(kind: Kind, status: Status, due: Option<NaiveDate>, today: NaiveDate) -> Option<u32> {
    let unpaid = matches!(status, Status::Open | Status::PartlyPaid);
    let days = (today - due.filter(|_| unpaid && kind == Kind::Invoice)?).num_days();
    u32::try_from(days).ok().filter(|days| *days > 0)
}

/// A place in the list: invoices by their day.
pub type Cursor = paging::Cursor<NaiveDate>;

/// Which way a page goes from a place.
pub type From = paging::From<NaiveDate>;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    #[test]
    fn overdue_begins_the_day_after_and_is_about_money_that_is_owed() {
        let today = day("2026-11-21");
        let overdue = |kind, status, due: &str| days_overdue(kind, status, Some(day(due)), today);
        assert_eq!(overdue(Kind::Invoice, Status::Open, "2026-11-21"), None, "today is in time");
        assert_eq!(overdue(Kind::Invoice, Status::Open, "2026-11-20"), Some(1));
        assert_eq!(overdue(Kind::Invoice, Status::PartlyPaid, "2026-10-22"), Some(30));
        assert_eq!(overdue(Kind::Invoice, Status::Paid, "2026-10-22"), None);
        assert_eq!(overdue(Kind::Invoice, Status::Void, "2026-10-22"), None);
        assert_eq!(overdue(Kind::CreditNote, Status::Open, "2026-10-22"), None, "it is theirs to use");
        assert_eq!(days_overdue(Kind::Invoice, Status::Open, None, today), None);
    }

    #[test]
    fn owed_is_never_less_than_nothing() {
        let money = |cents: i64| Decimal::new(cents, 2);
        assert_eq!(owed(Status::PartlyPaid, money(10_000), money(2_500)), money(7_500));
        assert_eq!(owed(Status::Open, money(10_000), money(12_000)), Decimal::ZERO);
        assert_eq!(owed(Status::Paid, money(10_000), Decimal::ZERO), Decimal::ZERO);
    }
}
