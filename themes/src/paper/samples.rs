//! A sheet with everything that is hard: many rows, long words, scripts side by side, a letter that no font has.

use super::{Cell, Column, Row, Sheet, Size, Table};

/// A sheet with this many rows.
#[must_use]
pub fn sheet(rows: usize) -> Sheet {
    let text = |text: &str| text.to_owned();
    let names = [
        "Centrifugal pump P40, stainless, with a flange after EN 1092-1 and a very long description that has to wrap",
        "Прокладка фланцевая DN 80",
        "مضخة طرد مركزي P40",
        "Βαλβίδα σύρτη DN 50",
        "אטם גומי 4 mm",
        "Łożysko kulkowe, Ångström, Đà Nẵng, İstanbul",
        "पंप सील किट",
        "ปะเก็นยาง",
        "泵 P40",
        "Unbroken-part-number-0123456789-0123456789-0123456789-0123456789-0123456789",
    ];
    let row = |at: usize| {
        let part = Cell { text: text(names[at % names.len()]), under: Some(format!("PMP-{at:04}")) };
        let cells = vec![
            part,
            text("12 pcs").into(),
            text("€1,234.50").into(),
            format!("€{},814.00", 10 + at).into(),
        ];
        Row { cells, strong: false }
    };
    Sheet {
        size: Size::A4,
        title: text("Invoice INV-2041"),
        stamp: Some(text("Copy")),
        note: Some(text(
            "Made from the data of the account. It does not stand in for the invoice that was sent.",
        )),
        party: Some((
            text("Billed to"),
            vec![text("Brightwater Utilities"), text("12 Harbour Road"), text("Bergen")],
        )),
        facts: vec![(text("Date"), text("Thu 26 Nov 2026")), (text("Due"), text("Sat 26 Dec 2026"))],
        tables: vec![Table {
            heading: None,
            columns: vec![
                Column::text(text("Part"), 0.5),
                Column::number(text("Quantity"), 0.14),
                Column::number(text("Price"), 0.17),
                Column::number(text("Amount"), 0.19),
            ],
            rows: (0..rows).map(row).collect(),
            empty: Some(text("No lines")),
            sums: vec![(text("Paid"), text("€0.00")), (text("To pay"), text("€14,814.00"))],
        }],
        closing: vec![text("Made on Thursday 26 November 2026, 14:32 CET.")],
    }
}
