//! AfterShip as a tracking provider. Shapes after its public documentation, version 2025-01: "Webhook Specifications"
//! and "Get trackings" at <https://www.aftership.com/docs/tracking/2025-01>.
//!
//! A message is signed by `aftership-hmac-sha256`: base64 of HMAC-SHA256 over the raw body with the account's webhook
//! secret. Its moment `ts` and its `event_id` are inside, so the signature covers them. A message that nobody took is sent
//! again up to fourteen times over six days, which is why a week is not too old; what comes twice is told by its id.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use http::HeaderName;
use serde::Deserialize;

use super::accounts::Account;
use super::asking::Asking;
use super::numbers::bare;
use super::provider::{AskError, Checkpoint, CheckpointKind, Message, Parcel, Provider, Refused};

/// Where it is asked, unless the account says otherwise.
pub const API: &str = "https://api.aftership.com/tracking/2025-01";
/// How old a message may be: as long as one is sent again.
pub const OLDEST: TimeDelta = TimeDelta::days(7);
/// How far its clock may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::minutes(5);
const SIGNATURE: &str = "aftership-hmac-sha256";
const KEY: HeaderName = HeaderName::from_static("as-api-key");
/// Checkpoints of one parcel that are taken; a real one has some forty.
const MOST: usize = 200;
const LONGEST: usize = 300;

/// The provider.
#[derive(Debug, Clone, Copy)]
pub struct AfterShip;

#[derive(Deserialize)]
struct Webhook {
    event_id: String,
    /// Seconds since 1970.
    ts: i64,
    msg: Tracking,
}

#[derive(Deserialize)]
struct Answer {
    data: Trackings,
}

#[derive(Deserialize)]
struct Trackings {
    #[serde(default)]
    trackings: Vec<Tracking>,
}

#[derive(Deserialize)]
struct Tracking {
    tracking_number: String,
    #[serde(default)]
    signed_by: Option<String>,
    #[serde(default)]
    checkpoints: Vec<Stop>,
    #[serde(default)]
    courier_estimated_delivery_date: Option<Estimate>,
}

#[derive(Deserialize)]
struct Estimate {
    #[serde(default)]
    estimated_delivery_date: Option<String>,
}

#[derive(Deserialize)]
struct Stop {
    #[serde(default)]
    checkpoint_time: Option<String>,
    #[serde(default)]
    tag: Option<String>,
    #[serde(default)]
    subtag: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    location: Option<String>,
    #[serde(default)]
    city: Option<String>,
    #[serde(default)]
    country_region: Option<String>,
}

impl Provider for AfterShip {
    fn read(
        &self,
        secret: &[u8],
        header: &dyn Fn(&str) -> Option<String>,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Message, Refused> {
        let given = header(SIGNATURE).and_then(|text| STANDARD.decode(text.trim()).ok());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        // `verify` takes the same time wherever the difference is.
        given.filter(|tag| hmac::verify(&key, body, tag).is_ok()).ok_or(Refused::Signature)?;
        let webhook: Webhook = serde_json::from_slice(body).map_err(|_| Refused::Shape)?;
        let at = DateTime::from_timestamp(webhook.ts, 0).ok_or(Refused::Shape)?;
        if at > now + AHEAD || at < now - OLDEST {
            return Err(Refused::Stale);
        }
        if webhook.event_id.is_empty() || webhook.event_id.len() > 200 {
            return Err(Refused::Shape);
        }
        Ok(Message { key: webhook.event_id, parcel: parcel(webhook.msg) })
    }

    fn ask<'a>(
        &'a self,
        asking: &'a Asking,
        account: &'a Account,
        key: &'a str,
        numbers: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Parcel>, AskError>> {
        Box::pin(async move {
            // Letters and digits alone: nothing to escape.
            let numbers: Vec<String> = numbers.iter().map(|number| bare(number)).collect();
            let url =
                format!("{}/trackings?tracking_numbers={}&limit=200", account.api_url, numbers.join(","));
            let body = asking.get(&url, (KEY, key)).await?;
            let answer: Answer = serde_json::from_slice(&body)
                .map_err(|error| AskError::Refused(format!("an answer of another shape: {error}")))?;
            Ok(answer.data.trackings.into_iter().map(parcel).collect())
        })
    }
}

fn parcel(tracking: Tracking) -> Parcel {
    let signed_by = tracking.signed_by.map(|name| short(&name)).filter(|name| !name.is_empty());
    let checkpoints = tracking.checkpoints.into_iter().take(MOST).filter_map(|stop| {
        let at = moment(stop.checkpoint_time.as_deref()?)?;
        let kind = kind(stop.tag.as_deref().unwrap_or_default(), stop.subtag.as_deref().unwrap_or_default());
        let towns = [stop.city.clone(), stop.country_region.clone()].into_iter().flatten();
        let place = stop.location.clone().unwrap_or_else(|| towns.collect::<Vec<_>>().join(", "));
        let message = short(&stop.message.unwrap_or_default());
        let place = short(&place);
        let signed_by = signed_by.clone().filter(|_| kind == CheckpointKind::Delivered);
        Some(Checkpoint {
            key: key(&[&at.to_rfc3339(), kind.word(), &place, &message]),
            kind,
            message,
            place,
            at,
            signed_by,
        })
    });
    let expected_on = tracking.courier_estimated_delivery_date.and_then(|estimate| {
        estimate.estimated_delivery_date.and_then(|text| text.get(..10)?.parse::<NaiveDate>().ok())
    });
    Parcel { number: tracking.tracking_number, checkpoints: checkpoints.collect(), expected_on }
}

/// AfterShip's tags in our words; its subtag tells a return from another trouble.
fn kind(tag: &str, subtag: &str) -> CheckpointKind {
    match tag {
        "Pending" | "InfoReceived" => CheckpointKind::Announced,
        "OutForDelivery" => CheckpointKind::OutForDelivery,
        "AttemptFail" => CheckpointKind::Attempted,
        "AvailableForPickup" => CheckpointKind::ReadyForPickup,
        "Delivered" => CheckpointKind::Delivered,
        "Exception" if subtag == "Exception_010" || subtag == "Exception_011" => CheckpointKind::Returned,
        "Exception" | "Expired" => CheckpointKind::Exception,
        _ => CheckpointKind::InTransit,
    }
}

/// With an offset, or without one where the carrier gave none: then it is read as UTC.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let exact = DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc));
    exact.ok().or_else(|| text.get(..19)?.parse::<NaiveDateTime>().ok().map(|at| at.and_utc()))
}

/// A checkpoint has no id of its own, so its id is what it says.
fn key(parts: &[&str]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in parts {
        hash.update(part.as_bytes());
        hash.update(b"\0");
    }
    hash.finish().as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shape of the documentation's example, with another parcel.
    const BODY: &str = include_str!("aftership_webhook.json");
    const SECRET: &[u8] = b"whsec";

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000, 0).expect("a moment")
    }

    fn signed(secret: &[u8], body: &str) -> String {
        STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body.as_bytes()))
    }

    fn read(body: &str, signature: Option<&str>) -> Result<Message, Refused> {
        let header = |name: &str| signature.filter(|_| name == SIGNATURE).map(str::to_owned);
        AfterShip.read(SECRET, &header, body.as_bytes(), now())
    }

    #[test]
    fn a_message_is_read_in_our_words() {
        let message = read(BODY, Some(&signed(SECRET, BODY))).expect("believed");
        assert_eq!(message.key, "d3b9a0f2-6f1e-4c62-9d42-0a7a5b1f2c3d");
        let parcel = message.parcel;
        assert_eq!(
            (parcel.number.as_str(), parcel.expected_on),
            ("1Z999AA10123456784", "2026-05-29".parse().ok())
        );
        let kinds: Vec<_> = parcel.checkpoints.iter().map(|stop| stop.kind).collect();
        use CheckpointKind::{Announced, Attempted, Delivered, InTransit, OutForDelivery};
        assert_eq!(kinds, [Announced, InTransit, OutForDelivery, Attempted, Delivered]);
        let last = &parcel.checkpoints[4];
        assert_eq!((last.place.as_str(), last.signed_by.as_deref()), ("Leeds, GBR", Some("J. Barker")));
        assert_eq!(last.at.to_rfc3339(), "2026-05-28T13:05:00+00:00", "its offset was two hours");
        assert_eq!(parcel.checkpoints[0].at.to_rfc3339(), "2026-05-26T08:15:00+00:00", "none was given");
        let keys: std::collections::BTreeSet<_> = parcel.checkpoints.iter().map(|stop| &stop.key).collect();
        assert_eq!(keys.len(), 5);
    }

    #[test]
    fn what_is_not_proved_is_refused() {
        assert_eq!(read(BODY, None), Err(Refused::Signature));
        assert_eq!(read(BODY, Some("!")), Err(Refused::Signature));
        assert_eq!(read(BODY, Some(&signed(b"another", BODY))), Err(Refused::Signature));
        let changed = BODY.replace("1Z999AA10123456784", "1Z999AA10123456785");
        assert_eq!(read(&changed, Some(&signed(SECRET, BODY))), Err(Refused::Signature));
        for (ts, wanted) in
            [("1780000301", Refused::Stale), ("1779300000", Refused::Stale), ("\"x\"", Refused::Shape)]
        {
            let body = BODY.replace("1779999990", ts);
            assert_eq!(read(&body, Some(&signed(SECRET, &body))), Err(wanted), "{ts}");
        }
        assert_eq!(read("{}", Some(&signed(SECRET, "{}"))), Err(Refused::Shape));
    }
}
