//! Examples of what is in orders and of parcels on their way.

use platform_connectors::carriers::CheckpointKind;
use themes::samples;

use super::pages::{Content, Parcel, ParcelStatus, Stop};

pub(super) const PARTS: [(&str, &str, i64); 10] = [
    ("TF-P40-SS", "Centrifugal pump P40, stainless, 4 kW", 248_000),
    ("TF-GV-DN80", "Gate valve DN 80, PN 16, resilient seated", 21_450),
    ("TF-SEAL-40K", "Mechanical seal kit for P40, SiC/SiC", 18_990),
    ("TF-CV-100", "Check valve DN 100, dual plate", 33_700),
    ("TF-IMP-40-168", "Impeller P40, 168 mm, bronze", 41_200),
    ("TF-GSK-80-EPDM", "Flange gasket DN 80, EPDM, set of 10", 3_180),
    ("TF-ACT-24V", "Electric actuator 24 V DC, 90 Nm, with position feedback and manual override", 76_500),
    ("TF-STR-50", "Y-strainer DN 50, 0.8 mm mesh", 9_640),
    ("TF-PG-100", "Pressure gauge 0\u{2013}10 bar, glycerine filled", 4_275),
    ("TF-CPL-B95", "Shaft coupling B95, spacer 140 mm", 12_830),
];

pub(super) fn parcel(number: u32, status: ParcelStatus, carrier: &str, contents: &[(usize, i64)]) -> Parcel {
    let content = |(at, quantity): &(usize, i64)| Content {
        sku: Some(PARTS[*at].0.to_owned()),
        description: PARTS[*at].1.to_owned(),
        quantity: (*quantity).into(),
        unit: Some("pcs".to_owned()),
    };
    Parcel {
        number: format!("SH-{number}"),
        status,
        carrier: Some(carrier.to_owned()),
        tracking_number: Some(format!("1Z 999 AA1 01 2345 {number}")),
        tracking_url: Some(format!("https://tracking.carrier.example/1Z999AA1012345{number}")),
        shipped_at: (status != ParcelStatus::Packed).then(|| samples::minutes(-2 * 1440 - 95)),
        expected_on: Some(samples::day(2)),
        delivered_at: (status == ParcelStatus::Delivered).then(|| samples::minutes(-265)),
        signed_by: (status == ParcelStatus::Delivered).then(|| "J. Barker".to_owned()),
        contents: contents.iter().map(content).collect(),
        stops: Vec::new(),
        carrier_expected_on: None,
        carrier_delivered_at: None,
    }
}

pub(super) fn stop(kind: CheckpointKind, minutes: i64, place: &str, message: &str) -> Stop {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Stop { kind, at: samples::minutes(minutes), place: text(place), message: text(message) }
}

/// What a carrier tells of a parcel that is out with the driver.
pub(super) fn stops() -> Vec<Stop> {
    vec![
        stop(CheckpointKind::OutForDelivery, -150, "Leeds, United Kingdom", "Out for delivery"),
        stop(
            CheckpointKind::Exception,
            -700,
            "Castle Donington, United Kingdom",
            "Held by customs: a paper is missing",
        ),
        stop(CheckpointKind::InTransit, -1500, "Castle Donington, United Kingdom", "Arrived at facility"),
        stop(CheckpointKind::Announced, -2 * 1440 - 200, "", "Shipper created a label"),
    ]
}
