//! The ledger of an order's dates: every move of what was promised and of what is expected, what it comes to in one
//! sentence, and how firm the present date is. Pure.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use super::order::Status;

/// One move of a date, as the order's page lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Move {
    pub at: DateTime<Utc>,
    pub subject: Subject,
    /// None at the first date.
    pub from: Option<NaiveDate>,
    /// None when the date was taken back.
    pub to: Option<NaiveDate>,
    /// Days; more than zero is later. 0 where one of the two dates is missing.
    pub slip: i64,
    /// In the words of whoever moved it.
    pub reason: Option<String>,
    pub by: By,
}

/// Which date moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Promised,
    Expected,
    /// One move of both.
    Both,
}

/// Who said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The log of the vendor's own system.
    Log,
    /// We saw the date change between two looks.
    Sight,
    /// The carrier.
    Carrier,
}

/// A line of history about a date, as it is stored.
#[derive(Debug, Clone)]
pub struct Told {
    pub at: DateTime<Utc>,
    pub subject: Subject,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    pub reason: Option<String>,
    pub by: By,
}

/// Both columns of a source may move in one stroke, and are seen within this.
const ONE_STROKE: TimeDelta = TimeDelta::minutes(1);

/// The moves, oldest first; `told` is in the order of time. What the log and our own eyes both tell is one move, with
/// the log's reason and moment.
#[must_use]
pub fn moves(told: impl IntoIterator<Item = Told>) -> Vec<Move> {
    let mut moves: Vec<Move> = Vec::new();
    for next in told.into_iter().filter(|told| told.from != told.to) {
        let alike = |known: &&mut Move| {
            known.subject == next.subject
                || known.subject == Subject::Both
                || known.at + ONE_STROKE >= next.at
        };
        // The newest move of this date already ends where this one ends: the same news from another mouth.
        let same = moves.iter_mut().rev().take(2).find(alike).filter(|known| {
            known.to == next.to && (known.from == next.from || known.subject == next.subject)
        });
        match same {
            Some(known) => merge(known, next),
            None => moves.push(Move {
                at: next.at,
                subject: next.subject,
                from: next.from,
                to: next.to,
                slip: slip(next.from, next.to),
                reason: next.reason,
                by: next.by,
            }),
        }
    }
    moves
}

fn merge(known: &mut Move, next: Told) {
    if known.subject != next.subject {
        known.subject = Subject::Both;
    }
    if known.by == By::Sight && next.by != By::Sight {
        (known.by, known.at, known.from) = (next.by, next.at, next.from.or(known.from));
        known.slip = slip(known.from, known.to);
        known.reason = next.reason.or(known.reason.take());
    } else {
        known.reason = known.reason.take().or(next.reason);
    }
}

fn slip(from: Option<NaiveDate>, to: Option<NaiveDate>) -> i64 {
    from.zip(to).map_or(0, |(from, to)| (to - from).num_days())
}

/// What was promised first: a vendor that moves its promise has still given the first one.
#[must_use]
pub fn first_promise(moves: &[Move], promised: Option<NaiveDate>) -> Option<NaiveDate> {
    let about_promise = |step: &&Move| step.subject != Subject::Expected;
    let first = moves.iter().find(about_promise);
    first.and_then(|step| step.from.or(step.to)).or(promised)
}

/// The ledger in one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Sum {
    /// Nothing was ever said.
    Nothing,
    /// A day is expected and none was promised.
    Expected {
        day: NaiveDate,
    },
    /// Promised, and still so.
    Kept {
        was: NaiveDate,
    },
    /// Now expected so many days after the promise.
    Later {
        was: NaiveDate,
        day: NaiveDate,
        days: i64,
    },
    Earlier {
        was: NaiveDate,
        day: NaiveDate,
        days: i64,
    },
    /// The last known day has passed and it is not there.
    Passed {
        was: NaiveDate,
        day: NaiveDate,
        days: i64,
    },
    /// Delivered, so many days after (or before) the promise.
    Came {
        was: NaiveDate,
        day: NaiveDate,
        days: i64,
    },
    CameEarly {
        was: NaiveDate,
        day: NaiveDate,
        days: i64,
    },
    CameOnDay {
        was: NaiveDate,
    },
}

/// What is known of an order's dates.
#[derive(Debug, Clone, Copy)]
pub struct Dates {
    pub status: Status,
    /// See [`first_promise`].
    pub promised: Option<NaiveDate>,
    pub expected: Option<NaiveDate>,
    /// The tenant's day on which it came.
    pub delivered: Option<NaiveDate>,
    /// The carrier names the expected day itself.
    pub carrier: bool,
    pub today: NaiveDate,
}

/// The sentence.
#[must_use]
pub fn sum(dates: &Dates) -> Sum {
    let Dates { promised, expected, delivered, today, .. } = *dates;
    let between = |was: NaiveDate, day: NaiveDate| (day - was).num_days();
    match (promised, delivered, expected.or(promised)) {
        (Some(was), Some(day), _) if day == was => Sum::CameOnDay { was },
        (Some(was), Some(day), _) if day > was => Sum::Came { was, day, days: between(was, day) },
        (Some(was), Some(day), _) => Sum::CameEarly { was, day, days: between(day, was) },
        (_, _, None) | (None, Some(_), _) => Sum::Nothing,
        (promised, None, Some(day)) if day < today => {
            Sum::Passed { was: promised.unwrap_or(day), day, days: between(day, today) }
        }
        (None, None, Some(day)) => Sum::Expected { day },
        (Some(was), None, Some(day)) if day > was => Sum::Later { was, day, days: between(was, day) },
        (Some(was), None, Some(day)) if day < was => Sum::Earlier { was, day, days: between(day, was) },
        (Some(was), None, Some(_)) => Sum::Kept { was },
    }
}

/// How firm the present date is, with the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Confidence {
    pub level: Level,
    pub why: Why,
    /// How often the date moved.
    pub moves: u32,
}

/// How firm a date is, as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Firm,
    Likely,
    Unsure,
    Open,
}

/// Why it is that firm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    NoDate,
    Held,
    Passed,
    Carrier,
    MovedOften,
    MovedOnce,
    Parts,
    Unconfirmed,
    Plan,
}

/// Whether to believe the date; none for an order that has ended. The first reason that holds, gravest first; what the
/// carrier says weighs more than what the vendor planned.
#[must_use]
pub fn confidence(dates: &Dates, moves: &[Move]) -> Option<Confidence> {
    if dates.delivered.is_some() || matches!(dates.status, Status::Delivered | Status::Cancelled) {
        return None;
    }
    let is_move = |step: &&Move| step.from.is_some() && step.by != By::Carrier;
    let count = u32::try_from(moves.iter().filter(is_move).count()).unwrap_or(u32::MAX);
    let (level, why) = match dates.expected.or(dates.promised) {
        None => (Level::Open, Why::NoDate),
        Some(_) if dates.status == Status::OnHold => (Level::Unsure, Why::Held),
        Some(day) if day < dates.today => (Level::Unsure, Why::Passed),
        Some(_) if dates.carrier => (Level::Firm, Why::Carrier),
        Some(_) if count > 1 => (Level::Unsure, Why::MovedOften),
        Some(_) if dates.status == Status::Backordered => (Level::Unsure, Why::Parts),
        Some(_) if count == 1 => (Level::Likely, Why::MovedOnce),
        Some(_) if dates.status == Status::Received => (Level::Unsure, Why::Unconfirmed),
        Some(_) => (Level::Likely, Why::Plan),
    };
    Some(Confidence { level, why, moves: count })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn told(minute: i64, subject: Subject, from: &str, to: &str, by: By) -> Told {
        let at = DateTime::from_timestamp(1_780_000_000 + minute * 60, 0).expect("a moment");
        let reason = (by == By::Log).then(|| "Casting rejected".to_owned());
        Told { at, subject, from: from.parse().ok(), to: to.parse().ok(), reason, by }
    }

    #[test]
    fn one_move_is_told_once_whoever_tells_it() {
        use Subject::{Both, Expected, Promised};
        let log = || told(0, Expected, "2026-06-03", "2026-06-10", By::Log);
        let sight = |minute| told(minute, Expected, "2026-06-03", "2026-06-10", By::Sight);
        for both in [[log(), sight(3)], [sight(-2), log()]] {
            let moves = moves(both);
            assert_eq!(moves.len(), 1, "{moves:?}");
            assert_eq!((moves[0].slip, moves[0].by), (7, By::Log));
            assert_eq!(moves[0].reason.as_deref(), Some("Casting rejected"));
        }
        // The sync was away during two moves of the log: its sight of both is no third.
        let second = told(10, Expected, "2026-06-10", "2026-06-12", By::Log);
        let far = told(20, Expected, "2026-06-03", "2026-06-12", By::Sight);
        assert_eq!(moves([log(), second, far]).len(), 2);
        // There and back is two moves, and there once more is three.
        let back = told(10, Expected, "2026-06-10", "2026-06-03", By::Log);
        let again = told(20, Expected, "2026-06-03", "2026-06-10", By::Log);
        assert_eq!(moves([log(), back, again]).iter().map(|m| m.slip).collect::<Vec<_>>(), [7, -7, 7]);
        // Both columns in one stroke.
        let promise = told(0, Promised, "2026-06-03", "2026-06-10", By::Sight);
        let stroke = moves([promise, sight(0)]);
        assert_eq!((stroke.len(), stroke[0].subject), (1, Both));
        // Nothing moved.
        assert!(moves([told(0, Expected, "2026-06-03", "2026-06-03", By::Log)]).is_empty());
    }

    #[test]
    fn the_first_promise_stays_the_first() {
        let moved = moves([told(0, Subject::Promised, "2026-06-03", "2026-06-10", By::Log)]);
        assert_eq!(first_promise(&moved, Some(day("2026-06-10"))), Some(day("2026-06-03")));
        let given = moves([told(0, Subject::Promised, "", "2026-06-10", By::Log)]);
        assert_eq!(first_promise(&given, Some(day("2026-06-10"))), Some(day("2026-06-10")));
        assert_eq!(first_promise(&[], None), None);
    }

    fn dates(promised: &str, expected: &str) -> Dates {
        Dates {
            status: Status::InProduction,
            promised: promised.parse().ok(),
            expected: expected.parse().ok(),
            delivered: None,
            carrier: false,
            today: day("2026-06-01"),
        }
    }

    #[test]
    fn the_sentence_counts_days() {
        let (third, tenth) = (day("2026-06-03"), day("2026-06-10"));
        assert_eq!(sum(&dates("", "")), Sum::Nothing);
        assert_eq!(sum(&dates("", "2026-06-03")), Sum::Expected { day: third });
        assert_eq!(sum(&dates("2026-06-03", "")), Sum::Kept { was: third });
        assert_eq!(sum(&dates("2026-06-03", "2026-06-10")), Sum::Later { was: third, day: tenth, days: 7 });
        assert_eq!(sum(&dates("2026-06-10", "2026-06-03")), Sum::Earlier { was: tenth, day: third, days: 7 });
        let passed = Dates { today: day("2026-06-12"), ..dates("2026-06-03", "2026-06-10") };
        assert_eq!(sum(&passed), Sum::Passed { was: third, day: tenth, days: 2 });
        let came = |on: &str| sum(&Dates { delivered: on.parse().ok(), ..dates("2026-06-03", "2026-06-10") });
        assert_eq!(came("2026-06-10"), Sum::Came { was: third, day: tenth, days: 7 });
        assert_eq!(came("2026-06-03"), Sum::CameOnDay { was: third });
        assert_eq!(came("2026-06-01"), Sum::CameEarly { was: third, day: day("2026-06-01"), days: 2 });
    }

    #[test]
    fn a_date_is_as_firm_as_its_gravest_doubt_leaves_it() {
        let once = moves([told(0, Subject::Expected, "2026-06-03", "2026-06-10", By::Log)]);
        let twice =
            [once.clone(), moves([told(9, Subject::Expected, "2026-06-10", "2026-06-12", By::Log)])].concat();
        let plan = dates("2026-06-03", "2026-06-10");
        let why =
            |dates: &Dates, moves: &[Move]| confidence(dates, moves).map(|known| (known.level, known.why));
        assert_eq!(why(&plan, &[]), Some((Level::Likely, Why::Plan)));
        assert_eq!(why(&plan, &once), Some((Level::Likely, Why::MovedOnce)));
        assert_eq!(why(&plan, &twice), Some((Level::Unsure, Why::MovedOften)));
        assert_eq!(why(&Dates { carrier: true, ..plan }, &twice), Some((Level::Firm, Why::Carrier)));
        let late = Dates { carrier: true, today: day("2026-06-11"), ..plan };
        assert_eq!(why(&late, &[]), Some((Level::Unsure, Why::Passed)), "even a carrier's day can pass");
        let of = |status| Dates { status, ..plan };
        assert_eq!(why(&of(Status::OnHold), &[]), Some((Level::Unsure, Why::Held)));
        assert_eq!(why(&of(Status::Backordered), &[]), Some((Level::Unsure, Why::Parts)));
        assert_eq!(why(&of(Status::Received), &[]), Some((Level::Unsure, Why::Unconfirmed)));
        assert_eq!(why(&dates("", ""), &[]), Some((Level::Open, Why::NoDate)));
        assert_eq!(why(&of(Status::Delivered), &[]), None);
        assert_eq!(confidence(&plan, &twice).map(|known| known.moves), Some(2));
    }
}
