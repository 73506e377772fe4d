//! What an earlier order would be today: for each line whether it can still be had, at which price, and by what it was
//! replaced. Pure.

use std::collections::HashMap;

use aws_lc_rs::digest;
use platform_connectors::requests::Request;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};

/// A line of the earlier order.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OldLine {
    pub external_id: String,
    pub sku: Option<String>,
    pub description: String,
    pub unit: Option<String>,
    pub quantity: Option<Decimal>,
    pub unit_price: Option<Decimal>,
}

/// What the catalogue says of one part.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Product {
    pub sku: String,
    pub description: String,
    pub unit: Option<String>,
    pub price: Option<Decimal>,
    pub currency: Option<String>,
    /// `active` or `discontinued`.
    pub state: String,
    pub replaced_by: Option<String>,
    pub available: Option<Decimal>,
    pub lead_days: Option<i32>,
}

/// The catalogue's parts by number.
pub type Catalogue = HashMap<String, Product>;

/// How a line stands today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Available,
    /// Can be had, at another price than then.
    PriceChanged,
    /// Out of the catalogue; another part stands in for it.
    Replaced,
    /// Out of the catalogue, and nothing stands in.
    Discontinued,
    /// Not in the catalogue that we have: the vendor confirms part and price.
    Unknown,
}

/// One line as it would be today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub line: OldLine,
    pub standing: Standing,
    /// The part that would be ordered: the replacement where there is one. None for a part without a number.
    pub sku: Option<String>,
    pub description: String,
    pub unit: Option<String>,
    /// In the order's currency; none when the vendor confirms it.
    pub price: Option<Decimal>,
    /// Free on hand; none where nobody says.
    pub available: Option<Decimal>,
    pub lead_days: Option<i32>,
}

/// Replacements of replacements are followed so far.
const LONGEST_CHAIN: usize = 8;

impl Offer {
    /// What `line` would be today.
    #[must_use]
    pub fn of(line: OldLine, catalogue: &Catalogue, currency: &str) -> Self {
        let Some(product) = line.sku.as_ref().and_then(|sku| catalogue.get(sku)) else {
            return Self::unknown(line);
        };
        if product.state == "active" {
            let price = product.price_in(currency);
            let changed = matches!((price, line.unit_price), (Some(now), Some(then)) if now != then);
            let standing = if changed { Standing::PriceChanged } else { Standing::Available };
            return Self::with(line, product, standing, price);
        }
        match successor(product, catalogue) {
            Some(next) => Self::with(line, next, Standing::Replaced, next.price_in(currency)),
            None => Self { price: None, ..Self::with(line, product, Standing::Discontinued, None) },
        }
    }

    fn with(line: OldLine, product: &Product, standing: Standing, price: Option<Decimal>) -> Self {
        let described = if product.description.is_empty() { &line.description } else { &product.description };
        Self {
            standing,
            sku: Some(product.sku.clone()),
            description: described.clone(),
            unit: product.unit.clone().or_else(|| line.unit.clone()),
            price,
            available: product.available,
            lead_days: product.lead_days,
            line,
        }
    }

    fn unknown(line: OldLine) -> Self {
        Self {
            standing: Standing::Unknown,
            sku: line.sku.clone(),
            description: line.description.clone(),
            unit: line.unit.clone(),
            price: None,
            available: None,
            lead_days: None,
            line,
        }
    }

    /// Whether it can be ordered at all.
    #[must_use]
    pub fn can_be_ordered(&self) -> bool {
        self.standing != Standing::Discontinued
    }

    /// Today's price less the price then.
    #[must_use]
    pub fn difference(&self) -> Option<Decimal> {
        Some(self.price? - self.line.unit_price?).filter(|difference| !difference.is_zero())
    }

    /// Nothing of it is on hand.
    #[must_use]
    pub fn is_out_of_stock(&self) -> bool {
        self.available.is_some_and(|available| available <= Decimal::ZERO)
    }

    /// The quantity of then, or one.
    #[must_use]
    pub fn usual_quantity(&self) -> Decimal {
        self.line.quantity.filter(|quantity| *quantity > Decimal::ZERO).unwrap_or(Decimal::ONE).normalize()
    }
}

impl Product {
    /// A price in another currency is no price here: nobody converts silently.
    fn price_in(&self, currency: &str) -> Option<Decimal> {
        self.price.filter(|_| self.currency.as_deref().is_none_or(|own| own == currency))
    }
}

/// The part that can be had in the place of one that cannot, through replacements of replacements.
fn successor<'a>(product: &Product, catalogue: &'a Catalogue) -> Option<&'a Product> {
    let mut next = catalogue.get(product.replaced_by.as_ref()?)?;
    for _ in 0..LONGEST_CHAIN {
        if next.state == "active" {
            return Some(next);
        }
        next = catalogue.get(next.replaced_by.as_ref()?)?;
    }
    None
}

/// What the reader was shown of the offers: another text as soon as a part, a price or its being on hand is another.
#[must_use]
pub fn seen(offers: &[Offer]) -> String {
    let shown: Vec<Value> = offers
        .iter()
        .map(|offer| {
            let price = offer.price.map(|price| price.normalize().to_string());
            json!([offer.line.external_id, offer.standing, offer.sku, price, offer.is_out_of_stock()])
        })
        .collect();
    let hash = digest::digest(&digest::SHA256, Value::from(shown).to_string().as_bytes());
    hash.as_ref().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// A chosen offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen<'a> {
    pub offer: &'a Offer,
    pub quantity: Decimal,
}

impl Chosen<'_> {
    /// Quantity times price, to the cent; none without a price.
    #[must_use]
    pub fn amount(&self) -> Option<Decimal> {
        self.offer.price.and_then(|price| price.checked_mul(self.quantity)).map(|amount| amount.round_dp(2))
    }

    /// As it is handed over.
    #[must_use]
    pub fn payload(&self, currency: &str) -> Value {
        let offer = self.offer;
        let replaces = (offer.standing == Standing::Replaced).then_some(&offer.line.sku);
        json!({
            "line": offer.line.external_id,
            "sku": offer.sku,
            "description": offer.description,
            "quantity": self.quantity.normalize(),
            "unit": offer.unit,
            "unit_price": offer.price.map(|price| price.normalize()),
            "currency": currency,
            "replaces": replaces,
        })
    }
}

/// The sum of what has a price, and how many lines have none yet.
#[must_use]
pub fn total(chosen: &[Chosen<'_>]) -> (Decimal, usize) {
    let priced: Vec<Decimal> = chosen.iter().filter_map(Chosen::amount).collect();
    (priced.iter().sum(), chosen.len() - priced.len())
}

/// Whether somebody must say yes first: over the tenant's amount, with the price of then where today's is not known. A
/// line that never had a price could cost anything, so it asks for a yes too.
#[must_use]
pub fn needs_approval(chosen: &[Chosen<'_>], over: Option<Decimal>) -> bool {
    let Some(over) = over else { return false };
    let amounts = chosen.iter().map(|one| {
        let price = one.offer.price.or(one.offer.line.unit_price)?;
        price.checked_mul(one.quantity)
    });
    match amounts.sum::<Option<Decimal>>() {
        Some(sum) => sum > over,
        None => true,
    }
}

/// Whether an earlier request asks for the same parts, whatever the quantities.
#[must_use]
pub fn is_alike(request: &Request, chosen: &[Chosen<'_>]) -> bool {
    let mut earlier = parts_of(&request.payload);
    let mut now: Vec<String> =
        chosen.iter().map(|one| part(one.offer.sku.as_deref(), &one.offer.description)).collect();
    earlier.sort();
    now.sort();
    !now.is_empty() && earlier == now
}

fn parts_of(payload: &Value) -> Vec<String> {
    let lines = payload.get("lines").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let word = |line: &Value, name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    lines
        .iter()
        .map(|line| part(word(line, "sku").as_deref(), &word(line, "description").unwrap_or_default()))
        .collect()
}

fn part(sku: Option<&str>, description: &str) -> String {
    sku.unwrap_or(description).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sku: &str, price: Option<i64>) -> OldLine {
        OldLine {
            external_id: format!("l-{sku}"),
            sku: Some(sku.to_owned()),
            description: format!("Part {sku}"),
            unit: Some("EA".to_owned()),
            quantity: Some(Decimal::new(20000, 4)),
            unit_price: price.map(|cents| Decimal::new(cents, 2)),
        }
    }

    fn product(sku: &str, state: &str, replaced_by: Option<&str>, cents: Option<i64>) -> (String, Product) {
        let product = Product {
            sku: sku.to_owned(),
            description: String::new(),
            unit: None,
            price: cents.map(|cents| Decimal::new(cents, 2)),
            currency: Some("USD".to_owned()),
            state: state.to_owned(),
            replaced_by: replaced_by.map(str::to_owned),
            available: Some(Decimal::TEN),
            lead_days: None,
        };
        (sku.to_owned(), product)
    }

    fn catalogue() -> Catalogue {
        Catalogue::from([
            product("SAME", "active", None, Some(1000)),
            product("DEAR", "active", None, Some(1250)),
            product("OLD", "discontinued", Some("MID"), None),
            product("MID", "discontinued", Some("NEW"), None),
            product("NEW", "active", None, Some(900)),
            product("GONE", "discontinued", None, None),
            product("LOOP", "discontinued", Some("POOL"), None),
            product("POOL", "discontinued", Some("LOOP"), None),
            product("LOST", "discontinued", Some("NOWHERE"), None),
        ])
    }

    fn offer(sku: &str) -> Offer {
        Offer::of(line(sku, Some(1000)), &catalogue(), "USD")
    }

    #[test]
    fn every_line_stands_somewhere() {
        let expected = [
            ("SAME", Standing::Available, Some("SAME")),
            ("DEAR", Standing::PriceChanged, Some("DEAR")),
            ("OLD", Standing::Replaced, Some("NEW")),
            ("GONE", Standing::Discontinued, Some("GONE")),
            ("LOOP", Standing::Discontinued, Some("LOOP")),
            ("LOST", Standing::Discontinued, Some("LOST")),
            ("NOBODY", Standing::Unknown, Some("NOBODY")),
        ];
        for (sku, standing, part) in expected {
            let offer = offer(sku);
            assert_eq!((offer.standing, offer.sku.as_deref()), (standing, part), "{sku}");
            assert_eq!(offer.can_be_ordered(), standing != Standing::Discontinued);
        }
        assert_eq!(offer("DEAR").difference(), Some(Decimal::new(250, 2)));
        assert_eq!(offer("SAME").difference(), None);
        let nameless = OldLine { sku: None, ..line("X", None) };
        assert_eq!(Offer::of(nameless, &catalogue(), "USD").standing, Standing::Unknown);
    }

    #[test]
    fn a_price_in_another_currency_is_no_price() {
        let offer = Offer::of(line("DEAR", Some(1000)), &catalogue(), "EUR");
        assert_eq!((offer.standing, offer.price), (Standing::Available, None));
    }

    #[test]
    fn what_was_seen_changes_with_price_part_and_stock() {
        let before = seen(&[offer("SAME"), offer("GONE")]);
        assert_eq!(before, seen(&[offer("SAME"), offer("GONE")]));
        let mut dearer = offer("SAME");
        dearer.price = Some(Decimal::new(1001, 2));
        assert_ne!(before, seen(&[dearer, offer("GONE")]));
        let mut empty = offer("SAME");
        empty.available = Some(Decimal::ZERO);
        assert_ne!(before, seen(&[empty, offer("GONE")]));
        let mut fewer = offer("SAME");
        fewer.available = Some(Decimal::ONE);
        assert_eq!(before, seen(&[fewer, offer("GONE")]), "still some there");
        let mut same = offer("SAME");
        same.price = Some(Decimal::new(100_000, 4));
        assert_eq!(before, seen(&[same, offer("GONE")]), "10.0000 is 10.00");
    }

    #[test]
    fn totals_and_approval() {
        let (same, unknown) = (offer("SAME"), offer("NOBODY"));
        let chosen = [
            Chosen { offer: &same, quantity: Decimal::new(15, 1) },
            Chosen { offer: &unknown, quantity: Decimal::ONE },
        ];
        assert_eq!(total(&chosen), (Decimal::new(1500, 2), 1));
        assert!(!needs_approval(&chosen, None));
        assert!(!needs_approval(&chosen, Some(Decimal::new(2500, 2))), "exactly the amount");
        assert!(needs_approval(&chosen, Some(Decimal::new(2499, 2))), "with the price of then");
        let never = Offer::of(line("NOBODY", None), &catalogue(), "USD");
        let chosen = [Chosen { offer: &never, quantity: Decimal::ONE }];
        assert!(needs_approval(&chosen, Some(Decimal::new(1_000_000, 0))), "it could cost anything");
        let huge = [Chosen { offer: &same, quantity: Decimal::MAX }];
        assert!(needs_approval(&huge, Some(Decimal::ONE)) && huge[0].amount().is_none());
    }
}
