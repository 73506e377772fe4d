//! What a failure does to an order: who is told, what it costs, when and where it goes on.

use std::time::Duration;

use chrono::{DateTime, Utc};
use platform_core::db::System;

use crate::authority::{self, Authority};
use crate::budget::{Bucket, Lane, delta};
use crate::drive::{Outcome, save};
use crate::order::{Step, Work};
use crate::store;
use crate::verdict::{Cause, Failure, StepError, Who};
use crate::{challenges, proof};

/// Failures kept with an order.
const KEEP_FAILURES: usize = 20;
/// The longest wait of our own for a certificate that is about to expire.
const URGENT_WAIT: Duration = Duration::from_secs(15 * 60);
/// A name that the authority has paused comes back only when a person unpauses it there.
const PAUSED: Duration = Duration::from_secs(24 * 60 * 60);
/// Failures of a host after which nobody waits for it at a screen any more.
const PATIENT_ATTEMPTS: i32 = 3;

/// Writes a failure down and puts the order back, to be taken up after the right wait.
pub(crate) async fn fail(
    work: &mut Work<'_>,
    error: StepError,
    heard: Option<Duration>,
) -> Result<Outcome, StepError> {
    match error {
        StepError::Wait(at) => {
            let due = at.unwrap_or(work.row.due);
            save(work, due, None).await?;
            Ok(Outcome::LetGo)
        }
        StepError::Away(text) => away(work, &text, heard).await,
        error if work.issuer.key_was_changed(&work.row.directory).await? => {
            tracing::info!(%error, "the account's key was rolled over meanwhile; trying again with the new one");
            work.remote = None;
            Ok(Outcome::GoOn)
        }
        error => failed(work, error, heard).await,
    }
}

/// The authority does not work: the order waits with all others, and has made no attempt.
async fn away(work: &mut Work<'_>, text: &str, heard: Option<Duration>) -> Result<Outcome, StepError> {
    let until = work.issuer.not_heard_from(&work.row.directory, text, heard).await?;
    note(work, Who::Authority, text.to_owned());
    work.remote = None;
    save(work, until, None).await?;
    Ok(Outcome::LetGo)
}

async fn failed(
    work: &mut Work<'_>,
    error: StepError,
    heard: Option<Duration>,
) -> Result<Outcome, StepError> {
    let issuer = work.issuer;
    work.row.attempts += 1;
    let now = issuer.clock.now();
    let (who, lost) = (blame(&error), matches!(error, StepError::Verdict(..) | StepError::NoAccount));
    let wait = delta(wait_after(work, &error).max(heard.unwrap_or_default()));
    let text = error.to_string();
    let (host, step, attempts) = (&work.row.host, work.row.step, work.row.attempts);
    tracing::warn!(%host, ?step, ?who, attempts, reason = text, "certificate order failed");
    note(work, who, text);
    charge(work, &error, now + wait).await?;
    work.remote = None;
    if matches!(error, StepError::NoAccount) {
        issuer.forget_account(&work.row.directory).await;
    }
    if lost {
        start_over(work).await?;
    }
    if let StepError::Verdict(_, _, cause) = error {
        work.row.challenge = work.row.challenge.map(|kind| proof::after(kind, cause, &issuer.config));
    }
    let hosts_own = matches!(error, StepError::Verdict(..) | StepError::Unready(..));
    if hosts_own && work.row.lane == Lane::First && attempts >= PATIENT_ATTEMPTS {
        // Nobody stands before the screen any more; those who come now go first.
        work.row.lane = Lane::Bulk;
    }
    let too_long = work.row.deadline.is_some_and(|deadline| now + wait >= deadline);
    if too_long && authoritys_own(&error) && change_authority(work).await? {
        save(work, now, None).await?;
        return Ok(Outcome::LetGo);
    }
    save(work, now + wait, None).await?;
    Ok(Outcome::LetGo)
}

fn blame(error: &StepError) -> Who {
    match error {
        StepError::Verdict(who, ..) | StepError::Unready(who, _) | StepError::Later(who, _) => *who,
        StepError::Limited { paused: true, .. } => Who::Us,
        _ => Who::Authority,
    }
}

/// Whether another authority could do better.
fn authoritys_own(error: &StepError) -> bool {
    matches!(error, StepError::Limited { paused: false, .. } | StepError::Later(Who::Authority, _))
}

/// Our own wait, before the authority's word on it.
fn wait_after(work: &Work<'_>, error: &StepError) -> Duration {
    let backoff = &work.issuer.config.backoff;
    let wait = match error {
        StepError::Limited { paused: true, .. } => return PAUSED,
        StepError::Verdict(..) | StepError::Unready(..) => backoff.after_verdict(work.row.attempts),
        _ => backoff.after_fault(work.row.attempts),
    };
    if work.row.lane == Lane::Urgent { wait.min(URGENT_WAIT) } else { wait }
}

/// Adds a failure to those that people see; one that repeats the last is only a later moment of it.
fn note(work: &mut Work<'_>, who: Who, text: String) {
    let failure = Failure {
        at: work.issuer.clock.now(),
        step: work.row.step,
        who,
        authority: authority::name(&work.row.directory).to_owned(),
        text,
    };
    let errors = &mut work.row.errors.0;
    match errors.last_mut() {
        Some(last) if last.text == failure.text && last.authority == failure.authority => *last = failure,
        _ => errors.push(failure),
    }
    let excess = errors.len().saturating_sub(KEEP_FAILURES);
    errors.drain(..excess);
}

/// What a failure costs: one of the failures that the authority allows a name, or all new orders until it takes more.
async fn charge(work: &Work<'_>, error: &StepError, until: DateTime<Utc>) -> Result<(), StepError> {
    let (issuer, row) = (work.issuer, &work.row);
    let limits = issuer.authority(&row.directory)?.limits;
    let now = issuer.clock.now();
    let mut tx = issuer.db.system(System::Certificates).await?;
    match (error, limits.failures, limits.orders) {
        (StepError::Verdict(_, _, Cause::Validation | Cause::Connection), Some(limit), _) => {
            Bucket::failures(&row.directory, &row.host, limit).take(&mut tx, row.lane, now).await?;
        }
        (StepError::Limited { text, paused: false }, _, Some(limit)) if text.contains("new orders") => {
            Bucket::orders(&row.directory, limit).drain(&mut tx, until, now).await?;
        }
        _ => return Ok(()),
    }
    tx.commit().await?;
    Ok(())
}

/// Gives the order to the first other authority that works. Only for what is no fault of the host's.
async fn change_authority(work: &mut Work<'_>) -> Result<bool, StepError> {
    let issuer = work.issuer;
    let mut tx = issuer.db.system(System::Certificates).await?;
    let away = issuer.away(&mut tx, issuer.clock.now()).await?;
    drop(tx);
    let from = work.row.directory.clone();
    let works = |known: &&Authority| known.directory != from && !away.contains(&known.directory);
    let Some(other) = issuer.config.authorities.iter().find(works) else { return Ok(false) };
    start_over(work).await?;
    tracing::warn!(host = %work.row.host, %from, to = other.directory, "the order goes to another authority");
    work.row.directory.clone_from(&other.directory);
    (work.row.spends, work.row.replaces) = (true, None);
    work.row.deadline = Some(issuer.clock.now() + delta(issuer.config.patience));
    Ok(true)
}

/// The order at the authority is lost: the next attempt makes a new one, with a new key.
async fn start_over(work: &mut Work<'_>) -> Result<(), StepError> {
    let mut tx = work.issuer.db.system(System::Certificates).await?;
    if !store::holds(&mut tx, &work.row).await? {
        return Err(StepError::Lost);
    }
    work.give_back(&mut tx).await?;
    challenges::remove(&mut tx, work.row.id).await?;
    tx.commit().await?;
    work.row.step = Step::New;
    work.row.order_url = None;
    work.row.key_sealed = None;
    Ok(())
}
