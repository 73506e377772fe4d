//! The form of a review: what was typed, read without losing any of it. Pure.

use std::borrow::Cow;
use std::collections::HashMap;

use platform_web::{Posted, Problem};
use rust_decimal::Decimal;
use serde_json::Value;

use super::review::{Chosen, Offer};

/// More lines than any order of ours has; a form of 64 kB holds fewer.
pub const MOST_LINES: usize = 200;
const LONGEST_PO: usize = 60;
const LONGEST_NOTE: usize = 1000;
/// Nobody orders more of one thing; keeps sums inside the column.
const MOST: i64 = 10_000_000;

/// "Where the earlier order went."
pub const AS_BEFORE: &str = "as-before";

/// What was sent.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// The order that is ordered again.
    pub order: String,
    pub key: String,
    /// What the reader had been shown.
    pub seen: String,
    /// Only some lines of the order were on the page.
    pub part: bool,
    /// Of each line that was on the page: ticked, and the quantity as typed.
    pub lines: HashMap<String, (bool, String)>,
    /// An address's id, or [`AS_BEFORE`].
    pub ship_to: String,
    pub purchase_order: String,
    pub note: String,
    /// "Yes, once more."
    pub again: bool,
}

impl Sent {
    /// Reads the form: `line` names the lines of the page, `take-N` and `quantity-N` belong to the N-th of them.
    #[must_use]
    pub fn read(form: &Posted) -> Self {
        let lines = form.all("line").take(MOST_LINES).enumerate().map(|(at, line)| {
            let quantity = form.text(&format!("quantity-{at}")).to_owned();
            (line.to_owned(), (form.ticked(&format!("take-{at}")), quantity))
        });
        Self {
            order: form.text("order").to_owned(),
            key: form.text("key").to_owned(),
            seen: form.text("seen").to_owned(),
            part: form.ticked("part"),
            lines: lines.collect(),
            ship_to: form.text("ship_to").to_owned(),
            purchase_order: form.text("purchase_order").to_owned(),
            note: form.text("note").to_owned(),
            again: form.ticked("again"),
        }
    }

    /// A key that one of our pages could have made: 43 letters of base64url.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.key.len() == 43 && self.key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    }

    /// The chosen offers, and what is wrong with the form. `places` are the addresses that may be chosen.
    #[must_use]
    pub fn chosen<'a>(
        &self,
        offers: &'a [Offer],
        places: &[String],
        purchase_order_required: bool,
    ) -> (Vec<Chosen<'a>>, Vec<Problem>) {
        let (mut chosen, mut problems) = (Vec::new(), Vec::new());
        for (at, offer) in offers.iter().enumerate() {
            let Some((true, typed)) = self.lines.get(&offer.line.external_id) else { continue };
            if !offer.can_be_ordered() {
                continue;
            }
            match quantity(typed) {
                Some(quantity) => chosen.push(Chosen { offer, quantity }),
                None => problems.push(problem(format!("quantity-{at}"), "reorder.wrong.quantity")),
            }
        }
        if chosen.is_empty() && problems.is_empty() {
            problems.push(problem("lines", "reorder.wrong.nothing"));
        }
        if !places.contains(&self.ship_to) {
            problems.push(problem("ship_to", "reorder.wrong.ship_to"));
        }
        let length = self.purchase_order.chars().count();
        if length > LONGEST_PO {
            problems.push(problem("purchase_order", "reorder.wrong.purchase_order_long"));
        } else if length == 0 && purchase_order_required {
            problems.push(problem("purchase_order", "reorder.wrong.purchase_order"));
        }
        if self.note.chars().count() > LONGEST_NOTE {
            problems.push(problem("note", "reorder.wrong.note"));
        }
        (chosen, problems)
    }

    /// Whether a request that was made under this form's key asks for just this: then it is the same form sent again,
    /// and what has changed in the catalogue since is of no matter.
    #[must_use]
    pub fn is_sent_again(&self, payload: &Value) -> bool {
        let word = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let lines = payload.get("lines").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let asked = self.lines.iter().filter(|(_, (ticked, _))| *ticked).count();
        let all = lines.iter().all(|line| {
            let typed = self.lines.get(&word(line, "line"));
            typed.is_some_and(|(ticked, typed)| {
                *ticked && quantity(typed) == word(line, "quantity").parse().ok()
            })
        });
        let place = payload.get("ship_to").map(|place| word(place, "choice")).unwrap_or_default();
        all && asked == lines.len()
            && place == self.ship_to
            && word(payload, "purchase_order") == self.purchase_order
            && word(payload, "note") == self.note
    }
}

fn problem(field: impl Into<Cow<'static, str>>, message: &'static str) -> Problem {
    Problem { field: field.into(), message: Cow::Borrowed(message) }
}

/// A quantity as people type it: "12", "2.5", "2,5", Arabic digits; above zero, four decimals at most. What some read as a
/// thousand and others as one ("1,000") is not taken for either.
#[must_use]
pub fn quantity(typed: &str) -> Option<Decimal> {
    if is_ambiguous(typed.trim()) {
        return None;
    }
    let plain: String = typed
        .trim()
        .chars()
        .map(|c| match c {
            '٠'..='٩' => char::from_digit(u32::from(c) - u32::from('٠'), 10).unwrap_or(c),
            '٫' | ',' => '.',
            other => other,
        })
        .collect();
    let digits = plain.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value: Decimal = plain.parse().ok().filter(|_| digits && plain.len() <= 20)?;
    (value > Decimal::ZERO && value <= Decimal::from(MOST) && value.normalize().scale() <= 4)
        .then_some(value.normalize())
}

/// Three digits after a comma, or after a point when they end in 0, which no quantity of ours is written with.
fn is_ambiguous(typed: &str) -> bool {
    let Some((whole, rest)) = typed.split_once([',', '.', '٬']) else { return false };
    let thousand = rest.chars().count() == 3 && !matches!(whole, "" | "0");
    thousand && (!typed.contains('.') || rest.ends_with('0'))
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::quantity;

    #[test]
    fn quantities_are_read_as_people_type_them() {
        for (typed, value) in [
            ("2", (2, 0)),
            (" 12 ", (12, 0)),
            ("2.50", (25, 1)),
            ("2,5", (25, 1)),
            ("٢٥", (25, 0)),
            ("0.0001", (1, 4)),
            ("0,125", (125, 3)),
            ("1.125", (1125, 3)),
        ] {
            assert_eq!(quantity(typed), Some(Decimal::new(value.0, value.1)), "{typed}");
        }
        for wrong in [
            "", "0", "0.0", "-1", "+1", "1e3", "two", "1.2.3", "1,000.5", "0.00001", "10000001", "NaN", ".",
            "1,000", "1.000", "12,500",
        ] {
            assert_eq!(quantity(wrong), None, "{wrong}");
        }
    }
}
