//! Drives one claimed order: a step, a commit, the next step, until it is installed or has to wait. Failures are kept
//! with the order, and decide when it is looked at again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use platform_core::db::System;
use tokio_util::sync::CancellationToken;

use crate::budget::delta;
use crate::failing::fail;
use crate::issuer::Issuer;
use crate::order::{Next, Step, Work};
use crate::store::{self, OrderRow};
use crate::verdict::StepError;
use crate::wire;

/// Repeats of one step for a refused nonce. With half of all nonces refused, a step of four requests needs about two.
const NONCE_REPEATS: u32 = 30;
const POLL_FIRST: Duration = Duration::from_millis(50);
const POLL_MAX: Duration = Duration::from_secs(2);
/// After this much polling the order is put back into the queue.
const POLL_TOGETHER: Duration = Duration::from_secs(20);
const POLL_LATER: Duration = Duration::from_secs(5);
const SAVE_TRIES: u32 = 20;
const SAVE_PAUSE: Duration = Duration::from_millis(500);
/// What the driver does after a step.
pub(crate) enum Outcome {
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
            Ok(Next::Kept) if !shutdown.is_cancelled() => {
                polls = Polls { next: POLL_FIRST, spent: Duration::ZERO };
                Ok(Outcome::GoOn)
            }
            Ok(Next::Kept) => put_back(&mut work).await,
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

/// Writes the order back. A step counts only when it is written, so a database that is away for a moment is waited for.
pub(crate) async fn save(
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
