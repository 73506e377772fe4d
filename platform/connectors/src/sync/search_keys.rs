//! What an order can be found by: from each place of a number where a person might begin to type. Pure.

use std::collections::BTreeSet;

use crate::orders::SourceOrder;

/// Shorter beginnings would match everything.
pub const SHORTEST: usize = 2;
const LONGEST: usize = 40;

/// Upper-case letters and digits of what somebody typed; the form of stored keys.
#[must_use]
pub fn normalised(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).take(LONGEST).collect()
}

/// All keys of an order: its number, the customer's number, SKUs and tracking numbers.
pub(super) fn keys(order: &SourceOrder) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    add(&mut keys, &order.number);
    order.purchase_order.iter().for_each(|number| add(&mut keys, number));
    order.lines.iter().filter_map(|line| line.sku.as_ref()).for_each(|sku| add(&mut keys, sku));
    for shipment in &order.shipments {
        shipment.tracking_number.iter().for_each(|number| add(&mut keys, number));
    }
    keys
}

/// "PO-2291/B" can be typed from its beginning and from 2291 on.
fn add(keys: &mut BTreeSet<String>, text: &str) {
    let mut starts = vec![0];
    let mut before: Option<char> = None;
    let mut only_letters = true;
    for (at, c) in text.char_indices() {
        let word = before.is_some_and(|b| !b.is_ascii_alphanumeric()) && c.is_ascii_alphanumeric();
        let digits = before.is_some_and(|b| b.is_ascii_alphabetic()) && c.is_ascii_digit() && only_letters;
        if word || digits {
            starts.push(at);
        }
        before = Some(c);
        only_letters &= c.is_ascii_alphabetic();
    }
    for start in starts.into_iter().take(4) {
        let key = normalised(&text[start..]);
        if key.len() >= SHORTEST {
            keys.insert(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_by(text: &str) -> Vec<String> {
        let mut keys = BTreeSet::new();
        add(&mut keys, text);
        keys.into_iter().collect()
    }

    #[test]
    fn a_number_is_found_from_where_people_begin() {
        assert_eq!(found_by("SO-47585"), ["47585", "SO47585"]);
        assert_eq!(found_by("PO-2291/B"), ["2291B", "PO2291B"]);
        assert_eq!(found_by("PMP-CX-030"), ["030", "CX030", "PMPCX030"]);
        assert_eq!(found_by("1Z999AA10123456784"), ["1Z999AA10123456784"]);
        assert_eq!(found_by("BRW/598-26"), ["26", "59826", "BRW59826"]);
        assert!(found_by(" ° ").is_empty());
        assert_eq!(normalised("  so 47585; drop"), "SO47585DROP");
    }
}
