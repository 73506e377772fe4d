//! The steps of each task: a page is read outside of any transaction, then written.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::Written;
use super::documents::{Due, Kept};
use super::plan::{BooksPlan, Task};
use super::walks::Walk;
use crate::books::{Content, LARGEST_DOCUMENT, Page, Root, SourceDocument};
use crate::orderflow::SqlSource;
use crate::orders::{Cursor, Selection, Warning};
use crate::sync::mirror::Mirror;
use crate::sync::worker::{PassError, Sweep};

/// What a step works with.
pub(in crate::sync) struct Desk<'a> {
    pub(in crate::sync) source: &'a SqlSource,
    pub(in crate::sync) mirror: &'a Mirror,
    pub(in crate::sync) root: Option<&'a Root>,
}

/// What a step did.
pub(super) struct Step {
    pub(super) statements: u32,
    pub(super) goes_on: bool,
}

const CHUNK: i64 = 500;
/// Documents in one step, unless they take longer than a page should.
const DOCUMENTS: i64 = 10;
const LONGEST_STEP: Duration = Duration::from_millis(250);

impl BooksPlan {
    pub(super) async fn run(&mut self, task: Task, desk: &Desk<'_>) -> Result<Step, PassError> {
        match task {
            Task::Unpaid => self.unpaid(desk).await,
            Task::Changed => self.changed(desk).await,
            Task::Sweep => self.sweep(desk).await,
            Task::Documents => self.documents(desk).await,
            Task::Credit | Task::Address | Task::Product => self.whole(task, desk).await,
        }
    }

    /// The walk of a task, begun when there is none. Its warnings replace those of the walk before.
    fn walk(&mut self, task: Task, desk: &Desk<'_>) -> Walk {
        let under_way = self.turns.get_mut(&task).and_then(|turn| turn.walk.take());
        under_way.unwrap_or_else(|| {
            self.warnings.remove(&task);
            Walk::new(desk.mirror.clock.now())
        })
    }

    fn put_back(&mut self, task: Task, walk: Walk) {
        if let Some(turn) = self.turns.get_mut(&task) {
            turn.walk = Some(walk);
        }
    }

    /// All invoices that the source calls unpaid, then those that were at our last sight and are no longer.
    async fn unpaid(&mut self, desk: &Desk<'_>) -> Result<Step, PassError> {
        let mut walk = self.walk(Task::Unpaid, desk);
        let (statements, goes_on) = match walk.checking.take() {
            None => {
                let statements = self.page(Task::Unpaid, desk, &Selection::Open, &mut walk).await?;
                walk.checking = walk.after.is_none().then(String::new);
                (statements, true)
            }
            Some(after) => {
                let keys = desk.mirror.invoice_keys(true, &after, CHUNK).await?;
                let last = keys.last().cloned();
                let left: Vec<String> = keys.into_iter().filter(|key| !walk.seen.contains(key)).collect();
                let statements = self.read_anew(Task::Unpaid, desk, left).await?;
                walk.checking = last;
                (statements, walk.checking.is_some())
            }
        };
        if !goes_on {
            self.progress.invoice.hot_at = Some(walk.began_at);
        }
        self.put_back(Task::Unpaid, walk);
        Ok(Step { statements, goes_on })
    }

    /// What was stamped since the watermark, with the overlap of orders.
    async fn changed(&mut self, desk: &Desk<'_>) -> Result<Step, PassError> {
        let mut walk = self.walk(Task::Changed, desk);
        let mark = self.progress.invoice.watermark.clone();
        let range = mark.as_deref().and_then(|mark| desk.source.invoices_changed_since(mark, walk.began_at));
        let mut statements = 0;
        if let Some(range) = range {
            statements = self.page(Task::Changed, desk, &Selection::ChangedSince(range), &mut walk).await?;
        }
        let goes_on = walk.after.is_some();
        if !goes_on {
            let stamp = walk.stamp.as_deref();
            self.progress.invoice.watermark =
                desk.source.invoices_advance(mark.as_deref(), stamp, walk.began_at);
        }
        self.put_back(Task::Changed, walk);
        Ok(Step { statements, goes_on })
    }

    /// One page of everything, newest first; then whether what we have still exists.
    async fn sweep(&mut self, desk: &Desk<'_>) -> Result<Step, PassError> {
        let mut walk = self.walk(Task::Sweep, desk);
        let at = self.progress.invoice.sweep.clone().unwrap_or_default();
        let (statements, next) = if at.checking {
            self.sweep_check(desk, at.after.as_deref().unwrap_or_default()).await?
        } else {
            walk.after = at.after.map(|key| Cursor { key, stamp: None });
            let statements = self.page(Task::Sweep, desk, &Selection::All, &mut walk).await?;
            // kept for a restart in the stored progress; a sweep of millions remembers no keys
            walk.seen.clear();
            let after = walk.after.take().map(|cursor| cursor.key);
            (statements, Some(Sweep { checking: after.is_none(), after, ..Sweep::default() }))
        };
        let place = &mut self.progress.invoice;
        let goes_on = next.is_some();
        if !goes_on {
            place.swept_at = Some(desk.mirror.clock.now());
            place.unknown = walk.unknown;
        }
        place.sweep = next;
        self.put_back(Task::Sweep, walk);
        Ok(Step { statements, goes_on })
    }

    async fn sweep_check(&mut self, desk: &Desk<'_>, after: &str) -> Result<(u32, Option<Sweep>), PassError> {
        let keys = desk.mirror.invoice_keys(false, after, CHUNK).await?;
        let Some(last) = keys.last().cloned() else { return Ok((0, None)) };
        let present: HashSet<String> = desk.source.invoices_present(&keys).await?.into_iter().collect();
        desk.mirror.vanish_invoices(keys.into_iter().filter(|key| !present.contains(key)).collect()).await?;
        Ok((1, Some(Sweep { checking: true, after: Some(last), ..Sweep::default() })))
    }

    /// One page of invoices, read and written.
    async fn page(
        &mut self,
        task: Task,
        desk: &Desk<'_>,
        selection: &Selection,
        walk: &mut Walk,
    ) -> Result<u32, PassError> {
        let page = desk.source.invoices(selection, walk.after.as_ref()).await?;
        let written = desk.mirror.write_invoices(&page.rows).await?;
        self.take(task, walk, page, written)
    }

    /// Notes what a page brought.
    fn take<T>(
        &mut self,
        task: Task,
        walk: &mut Walk,
        page: Page<T>,
        written: Written,
    ) -> Result<u32, PassError> {
        if written.changed > 0 {
            tracing::debug!(?task, changed = written.changed, "books changed");
        }
        walk.seen.extend(page.keys);
        walk.stamp = walk.stamp.take().max(page.stamp);
        walk.after = page.next;
        walk.unknown += written.unknown;
        self.warn(task, page.warnings);
        Ok(page.statements)
    }

    async fn read_anew(&mut self, task: Task, desk: &Desk<'_>, keys: Vec<String>) -> Result<u32, PassError> {
        if keys.is_empty() {
            return Ok(0);
        }
        let selection = Selection::Keys(keys);
        let page = desk.source.invoices(&selection, None).await?;
        let Selection::Keys(keys) = selection else { return Ok(0) };
        desk.mirror.write_invoices(&page.rows).await?;
        let there: HashSet<&String> = page.keys.iter().collect();
        let gone = keys.iter().filter(|key| !there.contains(key)).cloned().collect();
        desk.mirror.vanish_invoices(gone).await?;
        self.warn(task, page.warnings);
        Ok(page.statements)
    }

    /// One page of a table that is walked whole; after the last one, what was not met is taken out.
    async fn whole(&mut self, task: Task, desk: &Desk<'_>) -> Result<Step, PassError> {
        let mut walk = self.walk(task, desk);
        let (source, mirror, after) = (desk.source, desk.mirror, walk.after.take());
        let read_at = mirror.clock.now();
        let statements = match task {
            Task::Credit => {
                let page = source.credits(after.as_ref()).await?;
                let written = mirror.write_credits(&page.rows, read_at).await?;
                self.take(task, &mut walk, page, written)?
            }
            Task::Address => {
                let page = source.addresses(after.as_ref()).await?;
                let written = mirror.write_addresses(&page.rows).await?;
                self.take(task, &mut walk, page, written)?
            }
            _ => {
                let page = source.products(after.as_ref()).await?;
                let written = mirror.write_products(&page.rows).await?;
                self.take(task, &mut walk, page, written)?
            }
        };
        let goes_on = walk.after.is_some();
        if !goes_on {
            let place = match task {
                Task::Credit => {
                    mirror.vanish_credits(&walk.seen).await?;
                    &mut self.progress.credit
                }
                Task::Address => {
                    mirror.vanish_addresses(&walk.seen).await?;
                    &mut self.progress.address
                }
                _ => {
                    mirror.vanish_products(&walk.seen).await?;
                    &mut self.progress.product
                }
            };
            (place.swept_at, place.unknown) = (Some(walk.began_at), walk.unknown);
        }
        self.put_back(task, walk);
        Ok(Step { statements, goes_on })
    }

    /// Some documents that are due, one statement each.
    async fn documents(&mut self, desk: &Desk<'_>) -> Result<Step, PassError> {
        let began = Instant::now();
        let due = desk.mirror.documents_due(DOCUMENTS).await?;
        let (all, mut statements) = (due.len(), 0);
        for due in due {
            statements += 1;
            let found = desk.source.document(&due.external_id).await;
            // one that is too much for the source does not keep the others back
            if let Err(crate::orders::SourceError::Slow(what)) = &found {
                self.miss(desk, &due, what).await?;
                break;
            }
            self.keep(desk, &due, found?).await?;
            if began.elapsed() > LONGEST_STEP {
                break;
            }
        }
        Ok(Step { statements, goes_on: statements > 0 && (statements as usize) <= all })
    }

    async fn keep(
        &mut self,
        desk: &Desk<'_>,
        due: &Due,
        found: Option<SourceDocument>,
    ) -> Result<(), PassError> {
        let Some(SourceDocument { account, content }) = found else {
            return self.miss(desk, due, "the source has no row for it").await;
        };
        let bytes = match content {
            Content::Bytes(bytes) => bytes,
            Content::Nothing => return self.miss(desk, due, "the source's row is empty").await,
            Content::TooLarge(size) => {
                return self.miss(desk, due, &format!("it has {size} bytes, more than are kept")).await;
            }
            Content::Path(path) => match self::read_file(desk.root, path).await {
                Ok(bytes) => bytes,
                Err(what) => return self.miss(desk, due, &what).await,
            },
        };
        match desk.mirror.keep_document(due, &account, &bytes).await? {
            Kept::Stored | Kept::Known => self.forget(due),
            Kept::Elsewhere => desk.mirror.postpone_document(due).await?,
        }
        Ok(())
    }

    async fn miss(&mut self, desk: &Desk<'_>, due: &Due, what: &str) -> Result<(), PassError> {
        desk.mirror.postpone_document(due).await?;
        self.forget(due);
        self.warn(
            Task::Documents,
            vec![Warning { row: row(due), field: "invoice_document".into(), what: what.to_owned() }],
        );
        Ok(())
    }

    fn forget(&mut self, due: &Due) {
        if let Some(warnings) = self.warnings.get_mut(&Task::Documents) {
            let row = row(due);
            warnings.retain(|warning| warning.row != row);
        }
    }
}

fn row(due: &Due) -> String {
    format!("invoice {}", due.external_id)
}

async fn read_file(root: Option<&Root>, path: String) -> Result<Vec<u8>, String> {
    let Some(root) = root.cloned() else {
        return Err("it is a file, and no folder of documents is given (connector add --documents)".into());
    };
    let read = tokio::task::spawn_blocking(move || root.read(&path, LARGEST_DOCUMENT)).await;
    match read {
        Ok(Ok(bytes)) if bytes.is_empty() => Err("the file is empty".into()),
        Ok(read) => read.map_err(|fault| fault.to_string()),
        Err(_) => Err("the file could not be read".into()),
    }
}
