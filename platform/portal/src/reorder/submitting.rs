//! From an order to a review, and from a review's form to a request: the order of the questions, and what each answer leads to.

use platform_connectors::requests::{self, Kind, NewRequest, Request};
use platform_core::TenantTx;
use platform_core::id::RequestId;
use platform_core::random;
use platform_identity::Person;
use platform_web::pages::{Field, Freshness};
use platform_web::{Capability, Error, Problem, Visit};
use rust_decimal::Decimal;
use serde_json::json;
use themes::Money;
use uuid::Uuid;

use super::form::{AS_BEFORE, Sent};
use super::pages::{Alike, Line, Notice, Place, Review};
use super::review::{Chosen, Offer, is_alike, needs_approval, seen, total};
use super::store::{self, Address, OldOrder, Rules};

/// Data older than this is announced as late.
const LATE_DATA: chrono::TimeDelta = chrono::TimeDelta::minutes(2);

/// What a review stands on.
pub(super) struct Ground {
    order: OldOrder,
    offers: Vec<Offer>,
    places: Vec<Address>,
    rules: Rules,
    currency: String,
    /// Only some lines of the order are meant.
    part: bool,
    freshness: Freshness,
}

/// What became of a form.
pub(super) enum Outcome {
    /// The request, and whether it is new.
    Taken(RequestId, bool),
    Again(Box<Review>),
}

impl Ground {
    /// Reads it; not found when the order is not this customer's.
    pub(super) async fn read(
        tx: &mut TenantTx,
        visit: &Visit,
        order: Uuid,
        only: &[String],
    ) -> Result<Self, Error> {
        let order = store::order(tx, order).await?.ok_or_else(Error::not_found)?;
        let lines = store::lines(tx, order.id, only).await?;
        if lines.is_empty() {
            return Err(Error::not_found());
        }
        let skus: Vec<String> = lines.iter().filter_map(|line| line.sku.clone()).collect();
        let catalogue = store::catalogue(tx, order.connector_id, &skus).await?;
        let currency = order.currency.clone().unwrap_or_else(|| "USD".to_owned());
        let offers = lines.into_iter().map(|line| Offer::of(line, &catalogue, &currency)).collect();
        let as_of = store::as_of(tx, order.connector_id).await?.unwrap_or_else(|| visit.now());
        Ok(Self {
            places: store::ship_to(tx).await?,
            rules: store::rules(tx).await?,
            freshness: Freshness { as_of, late: visit.now() - as_of > LATE_DATA },
            part: !only.is_empty(),
            order,
            offers,
            currency,
        })
    }

    fn money(&self, amount: Decimal) -> Money {
        Money::new(amount, &self.currency)
    }

    fn values(&self) -> Vec<String> {
        let before = self.before().map(|_| AS_BEFORE.to_owned());
        self.places.iter().map(|place| place.id.to_string()).chain(before).collect()
    }

    fn before(&self) -> Option<&str> {
        self.order.ship_to.as_deref().map(str::trim).filter(|words| !words.is_empty())
    }

    /// The amount over which this reader needs a yes; whoever can give it needs none.
    fn approval_over(&self, person: &Person) -> Option<Decimal> {
        self.rules.approval_over.filter(|_| !person.capabilities.has(Capability::People))
    }

    /// The page before anything was typed.
    pub(super) fn page(&self, visit: &Visit, person: &Person) -> Review {
        let lines = self.offers.iter().map(|offer| {
            let quantity = offer.usual_quantity().to_string();
            (offer.line.external_id.clone(), (offer.can_be_ordered(), quantity))
        });
        let sent = Sent {
            lines: lines.collect(),
            key: random::token(visit.site().random()),
            ship_to: self.values().into_iter().next().unwrap_or_default(),
            ..Sent::default()
        };
        let chosen: Vec<Chosen<'_>> = self
            .offers
            .iter()
            .filter(|offer| offer.can_be_ordered())
            .map(|offer| Chosen { offer, quantity: offer.usual_quantity() })
            .collect();
        self.filled(person, &sent, &chosen, Vec::new())
    }

    /// The page with what was typed.
    fn filled(&self, person: &Person, sent: &Sent, chosen: &[Chosen<'_>], problems: Vec<Problem>) -> Review {
        let (sum, unpriced) = total(chosen);
        let of =
            |field: &str| problems.iter().find(|problem| problem.field == field).map(|p| p.message.clone());
        Review {
            order: self.order.id.to_string(),
            order_number: self.order.number.clone(),
            part: self.part,
            key: sent.key.clone(),
            seen: seen(&self.offers),
            lines: self
                .offers
                .iter()
                .enumerate()
                .map(|(at, offer)| self.line(at, offer, sent, &problems))
                .collect(),
            total: self.money(sum),
            unpriced: u32::try_from(unpriced).unwrap_or(u32::MAX),
            places: self.page_places(),
            ship_to: sent.ship_to.clone(),
            ship_to_error: of("ship_to"),
            purchase_order: Field { value: sent.purchase_order.clone(), error: of("purchase_order") },
            purchase_order_required: self.rules.purchase_order_required,
            note: Field { value: sent.note.clone(), error: of("note") },
            approval_over: self.approval_over(person).map(|over| self.money(over)),
            notice: None,
            alike: None,
            freshness: self.freshness,
            problems,
        }
    }

    fn line(&self, at: usize, offer: &Offer, sent: &Sent, problems: &[Problem]) -> Line {
        let (taken, typed) = sent.lines.get(&offer.line.external_id).cloned().unwrap_or_default();
        let field = format!("quantity-{at}");
        let error =
            problems.iter().find(|problem| problem.field == field).map(|problem| problem.message.clone());
        let quantity = super::form::quantity(&typed).unwrap_or_default();
        let difference = offer.difference();
        let amount = Chosen { offer, quantity }.amount().filter(|_| taken);
        Line {
            id: offer.line.external_id.clone(),
            standing: offer.standing,
            sku: offer.sku.clone(),
            description: offer.description.clone(),
            unit: offer.unit.clone(),
            old_sku: offer.line.sku.clone(),
            old_description: offer.line.description.clone(),
            old_price: offer.line.unit_price.map(|price| self.money(price)),
            price: offer.price.map(|price| self.money(price)),
            difference: difference.map(|difference| self.money(difference.abs())),
            dearer: difference.is_some_and(|difference| difference > Decimal::ZERO),
            amount: amount.map(|amount| self.money(amount)),
            available: offer.available.map(|available| available.normalize()),
            out_of_stock: offer.is_out_of_stock(),
            lead_days: offer.lead_days.and_then(|days| u32::try_from(days).ok()).filter(|days| *days > 0),
            taken,
            quantity: Field { value: typed, error },
        }
    }

    fn page_places(&self) -> Vec<Place> {
        let known = self.places.iter().map(|place| Place {
            value: place.id.to_string(),
            words: place.words(),
            as_before: false,
            usual: place.is_default,
        });
        let before = self.before().map(|words| Place {
            value: AS_BEFORE.to_owned(),
            words: words.lines().map(str::trim).collect::<Vec<_>>().join(", "),
            as_before: true,
            usual: false,
        });
        known.chain(before).collect()
    }

    fn payload(&self, sent: &Sent, chosen: &[Chosen<'_>]) -> serde_json::Value {
        let place = self.places.iter().find(|place| place.id.to_string() == sent.ship_to);
        let words = place.map_or_else(|| self.before().unwrap_or_default().to_owned(), Address::words);
        let (sum, unpriced) = total(chosen);
        json!({
            "order": { "id": self.order.id, "key": self.order.external_id, "number": self.order.number },
            "lines": chosen.iter().map(|one| one.payload(&self.currency)).collect::<Vec<_>>(),
            "ship_to": { "choice": sent.ship_to, "key": place.map(|place| &place.external_id), "address": words },
            "purchase_order": sent.purchase_order,
            "note": sent.note,
            "total": sum.normalize(),
            "unpriced": unpriced,
            "currency": self.currency,
        })
    }
}

/// Takes a form: a repetition first, then what was typed, then what has changed, then what is alike.
pub(super) async fn submit(
    tx: &mut TenantTx,
    visit: &Visit,
    person: &Person,
    sent: &Sent,
) -> Result<Outcome, Error> {
    let order: Uuid = sent.order.parse().map_err(|_| Error::not_found())?;
    let only: Vec<String> = sent.lines.keys().cloned().collect();
    let mut ground = Ground::read(tx, visit, order, &only).await?;
    ground.part = sent.part;
    let (chosen, problems) =
        sent.chosen(&ground.offers, &ground.values(), ground.rules.purchase_order_required);
    if let Some(known) = known(tx, sent).await? {
        if sent.is_sent_again(&known.payload) {
            return Ok(Outcome::Taken(known.id, false));
        }
        return Ok(again(ground.reused(visit, person, sent, &chosen, Some(&known))));
    }
    if !problems.is_empty() {
        return Ok(again(ground.filled(person, sent, &chosen, problems)));
    }
    if sent.seen != seen(&ground.offers) || !sent.has_key() {
        let page = ground.filled(person, sent, &chosen, problems);
        let key = if sent.has_key() { sent.key.clone() } else { random::token(visit.site().random()) };
        return Ok(again(Review { notice: Some(Notice::Changed), key, ..page }));
    }
    if !sent.again
        && let Some(alike) = alike(tx, &chosen).await?
    {
        let page = ground.filled(person, sent, &chosen, problems);
        return Ok(again(Review { alike: Some(told(&alike)), ..page }));
    }
    ground.take(tx, visit, person, sent, &chosen).await
}

impl Ground {
    async fn take(
        &self,
        tx: &mut TenantTx,
        visit: &Visit,
        person: &Person,
        sent: &Sent,
        chosen: &[Chosen<'_>],
    ) -> Result<Outcome, Error> {
        let new = NewRequest {
            kind: Kind::Reorder,
            customer: person.contact.customer,
            contact: person.contact.id,
            payload: self.payload(sent, chosen),
            summary: summary(chosen),
            idempotency_key: &sent.key,
            approval: needs_approval(chosen, self.approval_over(person)),
        };
        let (clock, random) = (visit.site().clock(), visit.site().random());
        match requests::submit(tx, clock, random, new).await {
            Ok(done) => Ok(Outcome::Taken(done.id, done.new)),
            Err(requests::Error::KeyReused) => Ok(again(self.reused(visit, person, sent, chosen, None))),
            Err(error) => Err(failed(error)),
        }
    }

    /// The form as a new one: its key stands for something else.
    fn reused(
        &self,
        visit: &Visit,
        person: &Person,
        sent: &Sent,
        chosen: &[Chosen<'_>],
        known: Option<&Request>,
    ) -> Review {
        let fresh = Sent { key: random::token(visit.site().random()), ..sent.clone() };
        let page = self.filled(person, &fresh, chosen, Vec::new());
        Review { notice: Some(Notice::KeyReused), alike: known.map(told), ..page }
    }
}

async fn known(tx: &mut TenantTx, sent: &Sent) -> Result<Option<Request>, Error> {
    match store::by_key(tx, &sent.key).await? {
        Some(id) => requests::get(tx, id).await.map_err(failed),
        None => Ok(None),
    }
}

async fn alike(tx: &mut TenantTx, chosen: &[Chosen<'_>]) -> Result<Option<Request>, Error> {
    for id in store::of_the_last_day(tx).await? {
        let request = requests::get(tx, id).await.map_err(failed)?;
        if let Some(request) = request.filter(|request| is_alike(request, chosen)) {
            return Ok(Some(request));
        }
    }
    Ok(None)
}

fn told(request: &Request) -> Alike {
    Alike {
        id: request.id.to_string(),
        summary: request.summary.clone(),
        who: request.contact_name.clone(),
        at: request.created_at,
    }
}

fn again(page: Review) -> Outcome {
    Outcome::Again(Box::new(page))
}

/// The first parts, as lists of orders say it: "2 × Pump P40, 12 × Gasket +3".
fn summary(chosen: &[Chosen<'_>]) -> String {
    let few = chosen.iter().take(2).map(|one| {
        let name: String = one.offer.description.chars().take(80).collect();
        let name = if name.is_empty() { one.offer.sku.clone().unwrap_or_default() } else { name };
        format!("{} × {name}", one.quantity.normalize())
    });
    let few = few.collect::<Vec<_>>().join(", ");
    let text = if chosen.len() > 2 { format!("{few} +{}", chosen.len() - 2) } else { few };
    text.chars().take(300).collect()
}

pub(super) fn failed(error: requests::Error) -> Error {
    match error {
        requests::Error::Core(error) => error.into(),
        requests::Error::NotFound => Error::not_found(),
        other => Error::internal(other.to_string()),
    }
}
