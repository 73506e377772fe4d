//! What changed between our copy of an order and what the source says now, as lines of its history. Pure.
//!
//! The source's own log and our own eyes tell of the same change: a change that the log explains is stored once, with the
//! log's reason and moment; a change that it keeps silent about is stored as we saw it.

use chrono::NaiveDate;

use crate::orders::{EventKind, OrderStatus, SourceEvent, SourceOrder};

/// What we knew of an order.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) status: OrderStatus,
    pub(super) promised_on: Option<NaiveDate>,
    pub(super) expected_on: Option<NaiveDate>,
    pub(super) deleted: bool,
}

/// A line of history that is already stored.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) kind: EventKind,
    pub(super) new: Option<String>,
    pub(super) external_id: Option<String>,
}

/// The lines to add. `told` is in the order of time.
pub(super) fn history(known: Option<&Known>, told: &[Told], order: &SourceOrder) -> Vec<SourceEvent> {
    let is_told = |event: &SourceEvent| told.iter().any(|t| t.external_id.as_deref() == Some(&event.key));
    let mut events: Vec<SourceEvent> =
        order.events.iter().filter(|event| !is_told(event)).cloned().map(in_full).collect();
    let Some(known) = known else { return events };
    for change in seen(known, order) {
        let explained = events.iter_mut().rev().find(|event| explains(event, &change));
        match explained {
            Some(event) => {
                event.old = event.old.take().or(change.old);
                event.new = event.new.take().or(change.new);
                event.reason = event.reason.take().or(change.reason);
            }
            None if is_old_news(told, &change) => {}
            None => events.push(change),
        }
    }
    events
}

/// A bare line of the log that can mean one state only. The log may be read before the order shows that state, and then
/// nothing else would say it.
fn in_full(mut event: SourceEvent) -> SourceEvent {
    let implied = match event.kind {
        EventKind::Hold => Some(OrderStatus::OnHold),
        EventKind::Cancelled => Some(OrderStatus::Cancelled),
        EventKind::Delivered => Some(OrderStatus::Delivered),
        _ => None,
    };
    event.new = event.new.or(implied.map(|status| status.word().to_owned()));
    event
}

/// The changes between two looks; their key is empty, because the source has no row for them.
fn seen(known: &Known, order: &SourceOrder) -> Vec<SourceEvent> {
    let change = |kind, old: Option<String>, new: Option<String>| SourceEvent {
        key: String::new(),
        kind,
        at: None,
        old,
        new,
        reason: order.reason.clone(),
    };
    let word = |status: OrderStatus| Some(status.word().to_owned());
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string());
    let mut changes = Vec::new();
    if known.deleted {
        changes.push(change(EventKind::Restored, None, None));
    }
    if known.promised_on != order.promised_on {
        changes.push(change(EventKind::Promised, day(known.promised_on), day(order.promised_on)));
    }
    if known.expected_on != order.expected_on {
        changes.push(change(EventKind::Expected, day(known.expected_on), day(order.expected_on)));
    }
    if known.status != order.status {
        changes.push(change(EventKind::Status, word(known.status), word(order.status)));
    }
    changes
}

/// Whether a line of the source's log tells of this change.
fn explains(event: &SourceEvent, change: &SourceEvent) -> bool {
    if event.key.is_empty() {
        return false;
    }
    let same = event.kind == change.kind && (event.new.is_none() || event.new == change.new);
    let becomes = |status: OrderStatus| {
        change.kind == EventKind::Status && change.new.as_deref() == Some(status.word())
    };
    let was_held = change.old.as_deref() == Some(OrderStatus::OnHold.word());
    same || match event.kind {
        EventKind::Hold => becomes(OrderStatus::OnHold),
        EventKind::Cancelled => becomes(OrderStatus::Cancelled),
        EventKind::Delivered => becomes(OrderStatus::Delivered),
        EventKind::Released => change.kind == EventKind::Status && was_held,
        _ => false,
    }
}

/// The log was read a moment after the order: its last word on the subject already told of this change.
fn is_old_news(told: &[Told], change: &SourceEvent) -> bool {
    let subject = |kind: EventKind| match kind {
        EventKind::Hold | EventKind::Released | EventKind::Delivered | EventKind::Cancelled => {
            EventKind::Status
        }
        other => other,
    };
    let last = told.iter().rev().find(|t| subject(t.kind) == subject(change.kind));
    last.is_some_and(|t| {
        let (key, new) = (t.external_id.clone().unwrap_or_default(), t.new.clone());
        explains(&SourceEvent { key, kind: t.kind, at: None, old: None, new, reason: None }, change)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(status: OrderStatus, expected: &str, events: Vec<SourceEvent>) -> SourceOrder {
        SourceOrder {
            key: "1".into(),
            number: "SO-1".into(),
            account: "A".into(),
            purchase_order: None,
            status,
            status_code: String::new(),
            open: true,
            hold_reason: None,
            ordered_at: None,
            requested_on: None,
            promised_on: None,
            expected_on: expected.parse().ok(),
            total: None,
            currency: None,
            ship_to: None,
            contact: None,
            carrier: None,
            note: None,
            reason: Some("Rework".into()),
            updated_at: None,
            lines: Vec::new(),
            shipments: Vec::new(),
            events,
        }
    }

    fn known(status: OrderStatus, expected: &str) -> Known {
        Known { status, promised_on: None, expected_on: expected.parse().ok(), deleted: false }
    }

    fn logged(key: &str, kind: EventKind, new: Option<&str>, reason: Option<&str>) -> SourceEvent {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        SourceEvent { key: key.into(), kind, at: None, old: None, new: owned(new), reason: owned(reason) }
    }

    #[test]
    fn a_change_that_the_log_explains_is_told_once() {
        let log = vec![logged("9", EventKind::Expected, Some("2026-12-08"), Some("Casting rejected"))];
        let now = order(OrderStatus::Confirmed, "2026-12-08", log);
        let told = history(Some(&known(OrderStatus::Confirmed, "2026-12-01")), &[], &now);
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].old.as_deref(), told[0].reason.as_deref()),
            (Some("2026-12-01"), Some("Casting rejected"))
        );
        assert_eq!(told[0].key, "9");
    }

    #[test]
    fn a_change_that_it_keeps_silent_about_is_told_as_seen() {
        let now = order(OrderStatus::OnHold, "2026-12-08", Vec::new());
        let told = history(Some(&known(OrderStatus::Confirmed, "2026-12-01")), &[], &now);
        assert_eq!(told.iter().map(|e| e.kind).collect::<Vec<_>>(), [EventKind::Expected, EventKind::Status]);
        assert!(told.iter().all(|e| e.key.is_empty() && e.reason.as_deref() == Some("Rework")));
    }

    #[test]
    fn a_hold_in_the_log_explains_the_status() {
        let log = vec![logged("9", EventKind::Hold, None, Some("Credit limit reached"))];
        let now = order(OrderStatus::OnHold, "2026-12-01", log);
        let told = history(Some(&known(OrderStatus::Confirmed, "2026-12-01")), &[], &now);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].old.as_deref(), told[0].new.as_deref()), (Some("confirmed"), Some("on_hold")));
    }

    #[test]
    fn a_hold_that_the_log_tells_first_is_told_in_full() {
        let log = vec![logged("9", EventKind::Hold, None, Some("Credit limit reached"))];
        let now = order(OrderStatus::Confirmed, "2026-12-01", log);
        let told = history(Some(&known(OrderStatus::Confirmed, "2026-12-01")), &[], &now);
        assert_eq!(told.iter().map(|event| event.new.as_deref()).collect::<Vec<_>>(), [Some("on_hold")]);
    }

    #[test]
    fn news_is_not_told_twice() {
        let log = vec![logged("9", EventKind::Expected, Some("2026-12-08"), None)];
        let now = order(OrderStatus::Confirmed, "2026-12-08", log);
        let stored =
            Told { kind: EventKind::Expected, new: Some("2026-12-08".into()), external_id: Some("9".into()) };
        assert!(history(Some(&known(OrderStatus::Confirmed, "2026-12-01")), &[stored], &now).is_empty());
        // an older line of the log with the same words is another story
        let told = |kind, new: Option<&str>| Told {
            kind,
            new: new.map(str::to_owned),
            external_id: Some("8".into()),
        };
        let back = order(OrderStatus::Confirmed, "2026-12-08", vec![]);
        let stored = [told(EventKind::Status, Some("confirmed")), told(EventKind::Hold, Some("on_hold"))];
        assert_eq!(history(Some(&known(OrderStatus::OnHold, "2026-12-08")), &stored, &back).len(), 1);
        let stored = [told(EventKind::Hold, Some("on_hold")), told(EventKind::Released, None)];
        assert!(history(Some(&known(OrderStatus::OnHold, "2026-12-08")), &stored, &back).is_empty());
        assert!(
            history(
                Some(&known(OrderStatus::Confirmed, "2026-12-08")),
                &[],
                &order(OrderStatus::Confirmed, "2026-12-08", vec![])
            )
            .is_empty()
        );
    }

    #[test]
    fn a_first_sight_tells_the_log_alone() {
        let log = vec![
            logged("1", EventKind::Received, None, None),
            logged("2", EventKind::Status, Some("confirmed"), None),
        ];
        assert_eq!(history(None, &[], &order(OrderStatus::Confirmed, "2026-12-08", log)).len(), 2);
    }
}
