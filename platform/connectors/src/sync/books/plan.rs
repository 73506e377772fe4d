//! What of the books is due when, and what the steps noted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::progress::{Place, Progress};
use super::tasks::{Desk, Step};
use super::walks::Walk;
use crate::mapping::{Books, Mapping};
use crate::orders::{SourceError, Warning};
use crate::sync::mirror::WriteError;
use crate::sync::worker::PassError;

/// What the books ask of the source, each at its own pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    Unpaid,
    Changed,
    Sweep,
    Documents,
    Credit,
    Address,
    Product,
}

/// One task's turn.
#[derive(Debug)]
pub(super) struct Turn {
    due: Instant,
    failures: u32,
    /// Under way; none between two walks and for tasks that do not walk.
    pub(super) walk: Option<Walk>,
}

/// The books of one connector.
#[derive(Debug)]
pub(in crate::sync) struct BooksPlan {
    pub(super) turns: BTreeMap<Task, Turn>,
    pub(super) progress: Progress,
    stored: Value,
    /// By task and row, so that what is mended is forgotten.
    pub(super) warnings: BTreeMap<Task, Vec<Warning>>,
}

const MANY: usize = 100;
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How often documents are looked for when none was.
const DOCUMENTS: Duration = Duration::from_secs(2);
/// As with orders: a node that starts often does not sweep often.
const FIRST_SWEEP: Duration = Duration::from_secs(300);

impl BooksPlan {
    pub(in crate::sync) fn new(stored: Value, mapping: &Mapping, now: DateTime<Utc>) -> Self {
        let progress: Progress = serde_json::from_value(stored.clone()).unwrap_or_default();
        let turn = |after: Duration| Turn { due: Instant::now() + after, failures: 0, walk: None };
        let sweep = match (&progress.invoice.sweep, progress.invoice.swept_at) {
            (None, Some(swept)) => {
                let age = (now - swept).to_std().unwrap_or_default();
                mapping.pace.sweep.saturating_sub(age).max(FIRST_SWEEP)
            }
            _ => Duration::ZERO,
        };
        let pause = |task: Task| if task == Task::Sweep { sweep } else { Duration::ZERO };
        let turns = tasks(&mapping.books).into_iter().map(|task| (task, turn(pause(task)))).collect();
        Self { turns, progress, stored, warnings: BTreeMap::new() }
    }

    /// When the next step is due; none when no books are mapped.
    pub(in crate::sync) fn due(&self) -> Option<Instant> {
        self.turns.values().map(|turn| turn.due).min()
    }

    /// Everything is read anew, now.
    pub(in crate::sync) fn request(&mut self) {
        for (task, turn) in &mut self.turns {
            if *task != Task::Documents {
                turn.due = Instant::now();
            }
        }
    }

    /// Does one page of what is due the longest. Gives the statements that it took.
    pub(in crate::sync) async fn step(&mut self, desk: &Desk<'_>) -> Result<u32, PassError> {
        let now = Instant::now();
        let due = self.turns.iter().filter(|(_, turn)| turn.due <= now);
        let Some(task) = due.min_by_key(|(_, turn)| turn.due).map(|(task, _)| *task) else { return Ok(0) };
        // a step that panics is not tried again at once
        self.rest(task, LONGEST_PAUSE);
        match self.run(task, desk).await {
            Ok(Step { statements, goes_on: true }) => {
                self.rest(task, Duration::ZERO);
                Ok(statements)
            }
            Ok(Step { statements, .. }) => {
                self.finished(task, desk);
                Ok(statements)
            }
            Err(PassError::Source(error)) => {
                self.failed(task, &error);
                Ok(1)
            }
            Err(error @ PassError::Write(WriteError::LeaseLost)) => Err(error),
            Err(error) => {
                self.rest(task, Duration::from_secs(5));
                Err(error)
            }
        }
    }

    fn rest(&mut self, task: Task, pause: Duration) {
        if let Some(turn) = self.turns.get_mut(&task) {
            turn.due = Instant::now() + pause;
        }
    }

    /// A walk rests at least as long as it took.
    fn finished(&mut self, task: Task, desk: &Desk<'_>) {
        let pace = &desk.source.mapping().pace;
        let pause = match task {
            Task::Unpaid => pace.invoice,
            Task::Changed => pace.watermark,
            Task::Sweep => pace.sweep,
            Task::Documents => DOCUMENTS,
            Task::Credit | Task::Address | Task::Product => pace.books,
        };
        let Some(turn) = self.turns.get_mut(&task) else { return };
        let took = turn.walk.take().map_or(Duration::ZERO, |walk| walk.began.elapsed());
        turn.due = Instant::now() + pause.max(took);
        turn.failures = 0;
        if let Some(place) = self.place(task) {
            place.error = None;
        }
    }

    /// The walk begins anew after a pause that doubles; a sweep goes on where it was.
    fn failed(&mut self, task: Task, error: &SourceError) {
        tracing::warn!(?task, %error, "a part of the books was not read");
        let Some(turn) = self.turns.get_mut(&task) else { return };
        turn.walk = None;
        let pause = Duration::from_secs(2 << turn.failures.min(8)).min(LONGEST_PAUSE);
        turn.failures += 1;
        turn.due = Instant::now() + pause;
        if let Some(place) = self.place(task) {
            place.error = Some(error.to_string().chars().take(500).collect());
        }
    }

    fn place(&mut self, task: Task) -> Option<&mut Place> {
        match task {
            Task::Unpaid | Task::Changed | Task::Sweep | Task::Documents => Some(&mut self.progress.invoice),
            Task::Credit => Some(&mut self.progress.credit),
            Task::Address => Some(&mut self.progress.address),
            Task::Product => Some(&mut self.progress.product),
        }
    }

    /// What is to be stored, when it is not.
    pub(in crate::sync) fn news(&mut self) -> Option<Value> {
        let now = serde_json::to_value(&self.progress).unwrap_or_default();
        let is_new = !self.turns.is_empty() && now != self.stored;
        is_new.then(|| {
            self.stored.clone_from(&now);
            now
        })
    }

    /// Values that could not be read, of the last walks.
    pub(in crate::sync) fn warnings(&self) -> impl Iterator<Item = &Warning> {
        self.warnings.values().flatten()
    }

    pub(super) fn warn(&mut self, task: Task, warnings: Vec<Warning>) {
        let noted = self.warnings.entry(task).or_default();
        let room = MANY.saturating_sub(noted.len());
        noted.extend(warnings.into_iter().take(room));
    }
}

fn tasks(books: &Books) -> Vec<Task> {
    let stamped = books.invoice.as_ref().is_some_and(|invoice| invoice.field("updated_at").is_some());
    let mut tasks = Vec::new();
    let mut add = |wanted: bool, task: Task| tasks.extend(wanted.then_some(task));
    add(books.invoice.is_some(), Task::Unpaid);
    add(stamped, Task::Changed);
    add(books.invoice.is_some(), Task::Sweep);
    add(books.invoice_document.is_some(), Task::Documents);
    add(books.credit.is_some(), Task::Credit);
    add(books.address.is_some(), Task::Address);
    add(books.product.is_some(), Task::Product);
    tasks
}
