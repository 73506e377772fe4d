//! Renewal: when each certificate is due, and the pace at which renewals are opened.
//!
//! The authority suggests a window (ARI, RFC 9773); we ask for it as often as its `Retry-After` says, at least twice a
//! day, and draw one random instant inside it, which is kept while the window stays. A window in the past means now, ahead
//! of everybody: the certificate is or will be revoked. Without ARI the instant is at a third of the life remaining, or
//! half when the whole life is below ten days. In the last twentieth a certificate is renewed whatever ARI, the pace or
//! the waits after failures say.
//!
//! Renewals are opened at a steady pace, those that expire first before others, so that a fleet that was imported in a day,
//! or that waited for an authority to come back, does not come due in one hour for ever. The pace is a little below twice
//! the fleet's mean, and more when what is overdue would take longer than a seventh of a life.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use instant_acme::{CertificateIdentifier, RenewalInfo};
use platform_core::db::{Error as DbError, System};
use platform_core::random::{Random, below};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::budget::{Bucket, Lane, Taken, delta};
use crate::installed::{self, Asked, Window};
use crate::issuer::{Issuer, Pace};
use crate::store::{self, Fleet, Renewals};
use crate::verdict::StepError;

/// Certificates asked about in one go, and at the same time.
const ASK: i64 = 200;
const ASK_TOGETHER: usize = 8;
/// The least and the longest time between two questions.
const ASK_NOT_BEFORE: TimeDelta = TimeDelta::minutes(1);
const ASK_NOT_AFTER: TimeDelta = TimeDelta::hours(12);
/// Another node asks when this one died over it.
const ASK_LEASE: TimeDelta = TimeDelta::minutes(30);
/// An authority without ARI may come to have it.
const ASK_AGAIN: TimeDelta = TimeDelta::days(1);
/// Where the wait after an authority's fault is unknown.
const ASK_AFTER_FAULT: TimeDelta = TimeDelta::hours(1);

/// Times the fleet's mean.
const PACE: f64 = 1.6;
/// However small the fleet, in renewals an hour.
const PACE_LEAST: f64 = 20.0;
/// The part of a life in which what is overdue shall be caught up with.
const CATCH_UP: f64 = 0.15;
const PACE_KNOWN_FOR: TimeDelta = TimeDelta::minutes(10);
/// Renewals that are opened to see whether an authority has come back.
const PROBES: i64 = 2;
/// Renewals opened in one go.
const BATCH: usize = 100;
/// An authority that stays away is left for another when this part of the life remains.
const GIVE_UP: f64 = 1.0 / 6.0;

/// When to renew by the length of life alone.
#[must_use]
pub fn by_life(not_before: DateTime<Utc>, not_after: DateTime<Utc>) -> DateTime<Utc> {
    let life = not_after - not_before;
    let remaining = if life < TimeDelta::days(10) { life / 2 } else { life / 3 };
    not_after - remaining
}

/// From when on a certificate is renewed whatever else is said.
#[must_use]
pub fn emergency(not_before: DateTime<Utc>, not_after: DateTime<Utc>) -> DateTime<Utc> {
    not_after - (not_after - not_before) / 20
}

/// The instant inside a window at which to renew: any, every one equally likely; now when the window is over.
#[must_use]
pub fn pick(window: &Window, now: DateTime<Utc>, random: &dyn Random) -> DateTime<Utc> {
    if window.end <= now {
        return now;
    }
    let span = u32::try_from((window.end - window.start).num_seconds()).unwrap_or(u32::MAX);
    window.start + TimeDelta::seconds(i64::from(below(random, span.max(1))))
}

/// What a fresh window means for a certificate. None: nothing new.
fn decide(asked: &Asked, window: Window, now: DateTime<Utc>, random: &dyn Random) -> (DateTime<Utc>, bool) {
    let latest = emergency(asked.not_before, asked.not_after);
    if asked.window() == Some(window) {
        return (asked.renew_at.min(latest), asked.hurry);
    }
    // A window that lies in the past when it is first seen: revoked, or about to be. One that we have merely missed was
    // seen before, while it lay ahead.
    let hurry = window.end <= now;
    (pick(&window, now, random).min(latest), hurry)
}

/// What came of asking.
struct Heard {
    id: Uuid,
    window: Option<Window>,
    renew_at: Option<DateTime<Utc>>,
    hurry: bool,
    next: DateTime<Utc>,
}

impl Issuer {
    /// Asks about every certificate whose turn has come.
    pub(crate) async fn ask_for_windows(&self) -> Result<usize, DbError> {
        let mut count = 0;
        loop {
            let now = self.clock.now();
            let mut tx = self.db.system(System::Certificates).await?;
            let away = self.away(&mut tx, now).await?;
            let asked = installed::to_ask(&mut tx, now, now + ASK_LEASE, &away, ASK).await?;
            tx.commit().await?;
            if asked.is_empty() {
                return Ok(count);
            }
            let more = asked.len() == usize::try_from(ASK).unwrap_or(0);
            count += asked.len();
            let heard = self.ask_all(asked).await;
            let mut tx = self.db.system(System::Certificates).await?;
            write_down(&mut tx, &heard).await?;
            tx.commit().await?;
            if !more {
                return Ok(count);
            }
        }
    }

    async fn ask_all(&self, asked: Vec<Asked>) -> Vec<Heard> {
        let mut left = asked.into_iter();
        let mut running = JoinSet::new();
        let mut heard = Vec::new();
        loop {
            while running.len() < ASK_TOGETHER {
                let Some(asked) = left.next() else { break };
                let issuer = self.clone();
                running.spawn(async move { issuer.ask(&asked).await });
            }
            match running.join_next().await {
                Some(Ok(answer)) => heard.push(answer),
                // Its lease ends by itself.
                Some(Err(error)) => tracing::error!(%error, "asking for a renewal window failed"),
                None => return heard,
            }
        }
    }

    async fn ask(&self, asked: &Asked) -> Heard {
        let answer = self.renewal_info(asked).await;
        let now = self.clock.now();
        let silent = |wait: TimeDelta| Heard {
            id: asked.id,
            window: None,
            renew_at: None,
            hurry: asked.hurry,
            next: now + wait,
        };
        match answer {
            Ok(Some((info, wait))) => {
                let window = window_of(&info);
                let (renew_at, hurry) = decide(asked, window, now, &*self.random);
                if asked.window().is_some_and(|known| known != window) {
                    tracing::warn!(host = asked.host, start = %window.start, end = %window.end, hurry,
                        why = info.explanation_url, "the authority has moved a renewal window");
                }
                let next = now + delta(wait).clamp(ASK_NOT_BEFORE, ASK_NOT_AFTER);
                Heard { id: asked.id, window: Some(window), renew_at: Some(renew_at), hurry, next }
            }
            Ok(None) => silent(ASK_AGAIN),
            Err(error) => {
                tracing::debug!(host = asked.host, %error, "no renewal window");
                silent(ASK_AFTER_FAULT)
            }
        }
    }

    /// None where the authority has no ARI.
    async fn renewal_info(&self, asked: &Asked) -> Result<Option<(RenewalInfo, Duration)>, StepError> {
        let Some((aki, serial)) = asked.ari_id.split_once('.') else { return Ok(None) };
        let name = CertificateIdentifier { authority_key_identifier: aki.into(), serial: serial.into() };
        let answer = match self.account(&asked.directory).await {
            Ok(account) => account.renewal_info(&name).await.map_err(StepError::from),
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => {
                self.heard_from(&asked.directory).await;
                Ok(Some(answer))
            }
            Err(StepError::Later(_, text)) if text.contains("does not support") => Ok(None),
            Err(StepError::Away(text)) => {
                self.not_heard_from(&asked.directory, &text, None).await?;
                Err(StepError::Away(text))
            }
            Err(error) => Err(error),
        }
    }

    /// Opens renewals: those that cannot wait at once, the others at the pace.
    pub(crate) async fn open_renewals(&self) -> Result<u64, DbError> {
        let now = self.clock.now();
        let mut tx = self.db.system(System::Certificates).await?;
        let away = self.away(&mut tx, now).await?;
        let unproven = store::faulty(&mut tx).await?;
        let first = &self.config.authorities[0];
        let ids = self.ids(BATCH);
        let hurried = Renewals {
            ids: &ids,
            directory: &first.directory,
            free: first.limits.renewals_free,
            hurried: true,
            overdue_part: None,
        };
        let mut opened = store::open_renewals(&mut tx, now, &hurried).await?;

        let waiting = unproven.iter().any(|health| health.directory == first.directory);
        let other = self.config.authorities[1..].iter().find(|other| !away.contains(&other.directory));
        let (authority, overdue_part) = match (waiting, other) {
            (true, Some(other)) => (other, Some(GIVE_UP)),
            _ => (first, None),
        };
        let mut room = if waiting && overdue_part.is_none() {
            usize::try_from(PROBES - store::open_renewal_count(&mut tx).await?).unwrap_or(0)
        } else {
            BATCH
        };
        let pace = self.pace(&mut tx, now).await?;
        while room > 0 && store::renewal_is_due(&mut tx, now).await? {
            if pace.take(&mut tx, Lane::Renewal, now).await? != Taken::Yes {
                break;
            }
            let one = Renewals {
                ids: &self.ids(1),
                directory: &authority.directory,
                free: authority.limits.renewals_free,
                hurried: false,
                overdue_part,
            };
            let count = store::open_renewals(&mut tx, now, &one).await?;
            if count == 0 {
                pace.give_back(&mut tx).await?;
                break;
            }
            opened += count;
            room -= 1;
        }
        tx.commit().await?;
        Ok(opened)
    }

    /// The bucket that renewals are paced by.
    async fn pace(
        &self,
        tx: &mut platform_core::db::SystemTx,
        now: DateTime<Utc>,
    ) -> Result<Bucket<'static>, DbError> {
        let known = *self.pace.lock().expect("no holder panics");
        let hourly = match known {
            Some(pace) if now - pace.found_at < PACE_KNOWN_FOR => pace.hourly,
            _ => {
                let hourly = hourly(&store::fleet(tx, now).await?);
                *self.pace.lock().expect("no holder panics") = Some(Pace { found_at: now, hourly });
                hourly
            }
        };
        Ok(Bucket::paced("renewals", hourly))
    }

    /// When the next renewal is due, or a token of the pace for those that are.
    pub(crate) async fn next_renewal(
        &self,
        tx: &mut platform_core::db::SystemTx,
        now: DateTime<Utc>,
        away: &[String],
    ) -> Result<Option<DateTime<Utc>>, DbError> {
        let ahead = store::next_renewal(tx, now).await?;
        let ask = installed::next_ask(tx, away).await?;
        let paced = if store::renewal_is_due(tx, now).await? {
            let free = self.pace(tx, now).await?.free_at(tx, Lane::Renewal, now).await?;
            // Where a token is there and nothing was opened, the authority is what is waited for.
            Some(free.max(now + TimeDelta::seconds(30)))
        } else {
            None
        };
        Ok([ahead, ask, paced].into_iter().flatten().min())
    }
}

async fn write_down(tx: &mut platform_core::db::SystemTx, heard: &[Heard]) -> Result<(), DbError> {
    let mut rows = installed::HeardRows::default();
    for one in heard {
        rows.ids.push(one.id);
        rows.starts.push(one.window.map(|window| window.start));
        rows.ends.push(one.window.map(|window| window.end));
        rows.renew_ats.push(one.renew_at);
        rows.hurries.push(one.hurry);
        rows.nexts.push(one.next);
    }
    installed::heard(tx, &rows).await
}

fn window_of(info: &RenewalInfo) -> Window {
    let moment = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let suggested = &info.suggested_window;
    Window { start: moment(suggested.start.unix_timestamp()), end: moment(suggested.end.unix_timestamp()) }
}

/// Renewals an hour.
fn hourly(fleet: &Fleet) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of certificates is far below 2^52")]
    let overdue = fleet.overdue as f64;
    let catch_up = overdue / (fleet.life * CATCH_UP).max(1.0);
    (fleet.mean * PACE).max(PACE_LEAST).max(catch_up)
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform_core::random::SeededRandom;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn asked(window: Option<Window>, renew_at: DateTime<Utc>) -> Asked {
        Asked {
            id: Uuid::nil(),
            host: "a.example".to_owned(),
            ari_id: "a.b".to_owned(),
            directory: "d".to_owned(),
            not_before: at(0),
            not_after: at(45 * 86_400),
            window_start: window.map(|w| w.start),
            window_end: window.map(|w| w.end),
            renew_at,
            hurry: false,
        }
    }

    #[test]
    fn renewal_follows_the_length_of_life() {
        let day = 86_400;
        assert_eq!(by_life(at(0), at(90 * day)), at(60 * day));
        assert_eq!(by_life(at(0), at(45 * day)), at(30 * day));
        assert_eq!(by_life(at(0), at(6 * day)), at(3 * day));
        assert_eq!(by_life(at(0), at(90)), at(45));
        assert_eq!(emergency(at(0), at(40 * day)), at(38 * day));
    }

    #[test]
    fn the_instant_is_inside_the_window_and_kept_while_it_stays() {
        let random = SeededRandom::new(5);
        let window = Window { start: at(1_000_000), end: at(1_080_000) };
        let (first, hurry) = decide(&asked(None, at(0)), window, at(0), &random);
        assert!(first >= window.start && first < window.end && !hurry);
        let again = decide(&asked(Some(window), first), window, at(500), &random);
        assert_eq!(again, (first, false), "an unchanged window changes nothing");
        let other = Window { start: at(2_000_000), end: at(2_080_000) };
        let (moved, _) = decide(&asked(Some(window), first), other, at(500), &random);
        assert!(moved >= other.start);
        let missed = decide(&asked(Some(window), first), window, at(1_090_000), &random);
        assert_eq!(missed, (first, false), "a window that went by is no revocation");
    }

    #[test]
    fn a_window_in_the_past_is_now_and_emergency_beats_a_late_one() {
        let random = SeededRandom::new(5);
        let now = at(86_400);
        let past = Window { start: at(80_000), end: at(82_000) };
        assert_eq!(decide(&asked(None, at(0)), past, now, &random), (now, true));
        let late = Window { start: at(44 * 86_400 + 43_200), end: at(44 * 86_400 + 43_300) };
        let (renew_at, hurry) = decide(&asked(None, at(0)), late, now, &random);
        assert_eq!((renew_at, hurry), (emergency(at(0), at(45 * 86_400)), false));
    }

    #[test]
    fn the_pace_is_below_twice_the_mean_and_catches_up() {
        let fleet = Fleet { mean: 13.9, overdue: 0, life: 1080.0 };
        assert!((hourly(&fleet) - 22.24).abs() < 0.01);
        assert!((hourly(&Fleet { overdue: 3_333, ..fleet }) - 22.24).abs() < 0.01, "ten days' outage");
        assert!(hourly(&Fleet { overdue: 10_000, ..fleet }) > 60.0);
        assert!((hourly(&Fleet::default()) - 20.0).abs() < f64::EPSILON);
        assert_eq!(Bucket::paced("renewals", 25.0).limit.burst, 4);
    }
}
