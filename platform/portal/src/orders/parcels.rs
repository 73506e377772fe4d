//! An order's parcels as its page tells them: what the order's own system says, and beside it what the carrier says. Pure.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use platform_connectors::carriers::{CheckpointKind, link};

use super::ledger::By;
use super::pages::{Content, Event, EventKind, Parcel, ParcelStatus, Stop};
use super::store::tracking::StopRow;
use super::store::{ContentRow, LineRow, ShipmentRow};

/// The parcels; `stops` is newest first.
pub(super) fn parcels(
    shipments: Vec<ShipmentRow>,
    contents: &[ContentRow],
    lines: &[LineRow],
    stops: &[StopRow],
) -> Vec<Parcel> {
    let lines: HashMap<&str, &LineRow> = lines.iter().map(|line| (line.external_id.as_str(), line)).collect();
    shipments
        .into_iter()
        .map(|shipment| {
            let inside = contents.iter().filter(|content| content.shipment_id == shipment.external_id);
            let inside = inside.filter_map(|content| held(content, &lines)).collect();
            let own: Vec<&StopRow> =
                stops.iter().filter(|stop| stop.shipment_id == shipment.external_id).collect();
            parcel(shipment, inside, &own)
        })
        .collect()
}

fn held(content: &ContentRow, lines: &HashMap<&str, &LineRow>) -> Option<Content> {
    let line = lines.get(content.line_id.as_deref()?)?;
    Some(Content {
        sku: line.sku.clone(),
        description: line.description.clone(),
        quantity: content.quantity.unwrap_or_default(),
        unit: line.unit.clone(),
    })
}

fn parcel(shipment: ShipmentRow, contents: Vec<Content>, stops: &[&StopRow]) -> Parcel {
    let status = status(&shipment.status);
    let of_kind = |word: CheckpointKind| stops.iter().find(move |stop| stop.kind == word.word());
    let there = of_kind(CheckpointKind::Delivered).filter(|_| !came_back(stops));
    let tracking_url = link(
        shipment.tracking_url.as_deref(),
        shipment.carrier.as_deref(),
        shipment.tracking_number.as_deref(),
    );
    Parcel {
        number: shipment.number,
        status,
        carrier: shipment.carrier,
        tracking_url,
        tracking_number: shipment.tracking_number,
        shipped_at: shipment.shipped_at,
        expected_on: shipment.expected_on,
        delivered_at: shipment.delivered_at,
        signed_by: shipment.signed_by.or_else(|| there.and_then(|stop| stop.signed_by.clone())),
        contents,
        stops: stops.iter().filter_map(|stop| seen(stop)).collect(),
        carrier_expected_on: of_kind(CheckpointKind::Estimate).and_then(|stop| stop.expected_on),
        carrier_delivered_at: there
            .map(|stop| stop.at)
            .filter(|_| !matches!(status, ParcelStatus::Delivered | ParcelStatus::Returned)),
    }
}

/// A parcel that was sent back after it was delivered is not there.
fn came_back(stops: &[&StopRow]) -> bool {
    let last = stops.iter().find(|stop| matches!(stop.kind.as_str(), "delivered" | "returned"));
    last.is_some_and(|stop| stop.kind == CheckpointKind::Returned.word())
}

fn seen(stop: &StopRow) -> Option<Stop> {
    // The day that a carrier names is shown beside the parcel; a kind of a newer version is better not told than wrong.
    let kind = CheckpointKind::from_word(&stop.kind).filter(|kind| *kind != CheckpointKind::Estimate)?;
    Some(Stop { kind, at: stop.at, place: said(&stop.place), message: said(&stop.message) })
}

fn said(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

fn status(word: &str) -> ParcelStatus {
    match word {
        "in_transit" => ParcelStatus::InTransit,
        "delivered" => ParcelStatus::Delivered,
        "returned" => ParcelStatus::Returned,
        _ => ParcelStatus::Packed,
    }
}

/// Whether the expected day is the carrier's own word: all that is under way is named for this day or sooner.
pub(super) fn named_by_carrier(parcels: &[Parcel], expected: Option<NaiveDate>) -> bool {
    let mut under_way = parcels.iter().filter(|parcel| parcel.status == ParcelStatus::InTransit).peekable();
    under_way.peek().is_some()
        && under_way.all(|parcel| {
            parcel.carrier_expected_on.is_some_and(|day| expected.is_none_or(|known| day <= known))
        })
}

/// When the last parcel came, by the carriers' word alone; none while one is missing, and none where the order's own
/// system says it already.
pub(super) fn all_there(parcels: &[Parcel]) -> Option<DateTime<Utc>> {
    let there = |parcel: &Parcel| parcel.carrier_delivered_at.or(parcel.delivered_at);
    let by_carrier = parcels.iter().any(|parcel| parcel.carrier_delivered_at.is_some());
    let all: Option<Vec<_>> = parcels.iter().map(there).collect();
    all.filter(|_| by_carrier)?.into_iter().max()
}

/// A checkpoint in the order's story.
pub(super) fn event(stop: StopRow) -> Option<Event> {
    let kind = CheckpointKind::from_word(&stop.kind)?;
    Some(Event {
        kind: EventKind::Carrier,
        at: stop.at,
        status: None,
        day: stop.expected_on,
        stop: Some(kind),
        place: said(&stop.place),
        reason: said(&stop.message),
        by: By::Carrier,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(minute: i64, kind: &str) -> StopRow {
        StopRow {
            shipment_id: "1".into(),
            kind: kind.into(),
            message: String::new(),
            place: "Leeds".into(),
            at: DateTime::from_timestamp(1_780_000_000 + minute * 60, 0).expect("a moment"),
            expected_on: (kind == "estimate").then(|| "2026-06-03".parse().expect("a day")),
            signed_by: (kind == "delivered").then(|| "J. Barker".into()),
        }
    }

    fn shipment(status: &str) -> ShipmentRow {
        ShipmentRow {
            external_id: "1".into(),
            number: "SH-1".into(),
            status: status.into(),
            carrier: Some("UPS".into()),
            tracking_number: Some("1Z999AA10123456784".into()),
            tracking_url: None,
            shipped_at: None,
            expected_on: None,
            delivered_at: None,
            signed_by: None,
        }
    }

    fn told(status: &str, stops: &[StopRow]) -> Vec<Parcel> {
        parcels(vec![shipment(status)], &[], &[], stops)
    }

    #[test]
    fn the_carrier_speaks_beside_the_order_and_not_for_it() {
        let there = told("in_transit", &[stop(9, "delivered"), stop(1, "in_transit")]);
        assert_eq!(there[0].status, ParcelStatus::InTransit, "the order's own system has the last word");
        assert_eq!(there[0].signed_by.as_deref(), Some("J. Barker"));
        assert_eq!(all_there(&there), Some(stop(9, "").at));
        assert!(there[0].tracking_url.as_deref().is_some_and(|url| url.starts_with("https://www.ups.com/")));
        let known = told("delivered", &[stop(9, "delivered")]);
        assert_eq!(
            (known[0].carrier_delivered_at, all_there(&known)),
            (None, None),
            "both say so: nothing to add"
        );
        let back = told("in_transit", &[stop(12, "returned"), stop(9, "delivered")]);
        assert_eq!(all_there(&back), None, "it went back");
        let two = [told("in_transit", &[stop(9, "delivered")]), told("packed", &[])].concat();
        assert_eq!(all_there(&two), None, "one is missing");
    }

    #[test]
    fn a_day_is_the_carriers_when_it_names_it() {
        let named = told("in_transit", &[stop(2, "estimate"), stop(1, "in_transit")]);
        assert_eq!(named[0].stops.len(), 1, "an estimate is no place");
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        assert!(named_by_carrier(&named, day("2026-06-03")) && named_by_carrier(&named, day("2026-06-05")));
        assert!(!named_by_carrier(&named, day("2026-06-02")), "the carrier is later than the vendor says");
        assert!(
            !named_by_carrier(&told("in_transit", &[]), day("2026-06-03")) && !named_by_carrier(&[], None)
        );
    }
}
