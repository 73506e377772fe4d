//! Drives one claimed order: a step, a commit, the next step, until it is installed or has to wait. Failures are kept
//! with the order, and decide when it is looked at again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use platform_core::db::System;
use tokio_util::sync::CancellationToken;

use crate::authority::{self, Authority};
use crate::budget::{Bucket, Lane, delta};
use crate::issuer::Issuer;
use crate::order::{Next, Step, Work};
use crate::store::{self, OrderRow};
use crate::verdict::{Cause, Failure, StepError, Who};
use crate::{challenges, proof, wire};

/// Repeats of one step for a refused nonce. With half of all nonces refused, a step of four requests needs about two.
const NONCE_REPEATS: u32 = 30;
/// Failures kept with an order.
const KEEP_FAILURES: usize = 20;
const POLL_FIRST: Duration = Duration::from_millis(50);
const POLL_MAX: Duration = Duration::from_secs(2);
/// After this much polling the order is put back into the queue.
const POLL_TOGETHER: Duration = Duration::from_secs(20);
const POLL_LATER: Duration = Duration::from_secs(5);
const SAVE_TRIES: u32 = 20;
const SAVE_PAUSE: Duration = Duration::from_millis(500);
/// The longest wait of our own for a certificate that is about to expire.
const URGENT_WAIT: Duration = Duration::from_secs(15 * 60);
/// A name that the authority has paused comes back only when a person unpauses it there.
const PAUSED: Duration = Duration::from_secs(24 * 60 * 60);
/// Failures of a host after which nobody waits for it at a screen any more.
const PATIENT_ATTEMPTS: i32 = 3;

/// What the driver does after a step.
enum Outcome {
    GoOn,
    LetGo,
}

/// Drives an order until it is done, waits, is lost to another worker, or the process shall end.
pub(crate) async fn drive(issuer: &Issuer, row: OrderRow, shutdown: &CancellationToken) {
    let mut work = Work { issuer, row, remote: None };
    let mut polls = Polls { next: POLL_FIRST, spent: Duration::ZERO };
    let mut nonces = 0;
    loop {
        let (result, heard) = wire::listening(work.step()).await;
        if matches!(result, Err(StepError::BadNonce)) && nonces < NONCE_REPEATS {
            nonces += 1;
            continue;
        }
        nonces = 0;
        let settled = match result {
            Ok(Next::Finished) => {
                issuer.heard_from(&work.row.directory).await;
                return;
            }
            Ok(Next::Go) => {
                if asked_the_authority(work.row.step) {
                    issuer.heard_from(&work.row.directory).await;
                }
                polls = Polls { next: POLL_FIRST, spent: Duration::ZERO };
                if shutdown.is_cancelled() { put_back(&mut work).await } else { keep(&mut work).await }
            }
            Ok(Next::Poll) if shutdown.is_cancelled() => put_back(&mut work).await,
            Ok(Next::Poll) => poll(&mut work, &mut polls).await,
            Err(StepError::Lost) => Err(StepError::Lost),
            Err(error) => fail(&mut work, error, heard).await,
        };
        match settled {
            Ok(Outcome::GoOn) => {}
            Ok(Outcome::LetGo) => return,
            Err(StepError::Lost) => {
                tracing::warn!(host = %work.row.host, "another worker has taken the order");
                return;
            }
            Err(error) => {
                // The database is away: the lease ends by itself and the step is repeated.
                tracing::warn!(host = %work.row.host, %error, "an order could not be saved");
                return;
            }
        }
    }
}

/// Whether the step that led here had an answer from the authority.
fn asked_the_authority(step: Step) -> bool {
    !matches!(step, Step::New | Step::Keyed)
}

struct Polls {
    next: Duration,
    spent: Duration,
}

/// Commits a step and keeps the order.
async fn keep(work: &mut Work<'_>) -> Result<Outcome, StepError> {
    let now = work.issuer.clock.now();
    save(work, now, Some(now + delta(work.issuer.config.lease))).await?;
    Ok(Outcome::GoOn)
}

/// Commits a step and lets go of the order, so that another process goes on at once.
async fn put_back(work: &mut Work<'_>) -> Result<Outcome, StepError> {
    let now = work.issuer.clock.now();
    save(work, now, None).await?;
    Ok(Outcome::LetGo)
}

async fn poll(work: &mut Work<'_>, polls: &mut Polls) -> Result<Outcome, StepError> {
    if polls.spent >= POLL_TOGETHER {
        let now = work.issuer.clock.now();
        save(work, now + delta(POLL_LATER), None).await?;
        return Ok(Outcome::LetGo);
    }
    tokio::time::sleep(polls.next).await;
    polls.spent += polls.next;
    polls.next = (polls.next * 3 / 2).min(POLL_MAX);
    Ok(Outcome::GoOn)
}

/// Writes a failure down and puts the order back, to be taken up after the right wait.
async fn fail(work: &mut Work<'_>, error: StepError, heard: Option<Duration>) -> Result<Outcome, StepError> {
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
    let backoff = &issuer.config.backoff;
    work.row.attempts += 1;
    let attempts = work.row.attempts;
    let now = issuer.clock.now();
    let (who, mut wait, lost) = match &error {
        StepError::Verdict(who, _, _) => (*who, backoff.after_verdict(attempts), true),
        StepError::NoAccount => (Who::Authority, backoff.after_fault(attempts), true),
        StepError::Limited { paused: true, .. } => (Who::Us, PAUSED, false),
        StepError::Limited { .. } => (Who::Authority, backoff.after_fault(attempts), false),
        StepError::Unready(who, _) => (*who, backoff.after_verdict(attempts), false),
        StepError::Later(who, _) => (*who, backoff.after_fault(attempts), false),
        _ => (Who::Authority, backoff.after_fault(attempts), false),
    };
    if matches!(error, StepError::NoAccount) {
        issuer.forget_account(&work.row.directory).await;
    }
    if work.row.lane == Lane::Urgent {
        wait = wait.min(URGENT_WAIT);
    }
    let wait = delta(wait.max(heard.unwrap_or_default()));
    let text = error.to_string();
    tracing::warn!(host = %work.row.host, step = ?work.row.step, ?who, attempts, reason = text, "certificate order failed");
    note(work, who, text);
    charge(work, &error, now + wait).await?;
    work.remote = None;
    if lost {
        start_over(work).await?;
    }
    if let StepError::Verdict(_, _, cause) = error {
        work.row.challenge = work.row.challenge.map(|kind| proof::after(kind, cause, &issuer.config));
    }
    if work.row.lane == Lane::First
        && attempts >= PATIENT_ATTEMPTS
        && matches!(error, StepError::Verdict(..) | StepError::Unready(..))
    {
        // Nobody stands before the screen any more; those who come now go first.
        work.row.lane = Lane::Bulk;
    }
    let authoritys =
        matches!(error, StepError::Limited { paused: false, .. } | StepError::Later(Who::Authority, _));
    if authoritys
        && work.row.deadline.is_some_and(|deadline| now + wait >= deadline)
        && change_authority(work).await?
    {
        save(work, now, None).await?;
        return Ok(Outcome::LetGo);
    }
    save(work, now + wait, None).await?;
    Ok(Outcome::LetGo)
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

/// Writes the order back. A step counts only when it is written, so a database that is away for a moment is waited for.
async fn save(
    work: &mut Work<'_>,
    due: DateTime<Utc>,
    lease_until: Option<DateTime<Utc>>,
) -> Result<(), StepError> {
    let mut tries = 1;
    loop {
        match try_save(work, due, lease_until).await {
            Err(StepError::Later(..)) if tries < SAVE_TRIES => {
                tries += 1;
                tokio::time::sleep(SAVE_PAUSE).await;
            }
            saved => return saved,
        }
    }
}

async fn try_save(
    work: &mut Work<'_>,
    due: DateTime<Utc>,
    lease_until: Option<DateTime<Utc>>,
) -> Result<(), StepError> {
    let mut tx = work.issuer.db.system(System::Certificates).await?;
    if !store::save(&mut tx, &work.row, due, lease_until, None).await? {
        return Err(StepError::Lost);
    }
    tx.commit().await?;
    Ok(())
}
