//! The shards of the route table as threads read them: without a lock, and without touching a shared count. Each thread
//! keeps the version of a shard that it read last, and one plain load tells it whether that is still the newest. Locked
//! instructions, such as those of `ArcSwap::load`, would cost as much as the look-up, because they wait for every fetch
//! from memory that is under way.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use hashbrown::HashTable;

use crate::known::Known;

/// Immutable once it is put in place.
pub(crate) type Shard = HashTable<Known>;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A fixed number of shards. A thread holds on to an old version of one until it reads that shard again.
#[derive(Debug)]
pub(crate) struct Shards {
    /// Tells these shards from every other table's of the process.
    id: u64,
    all: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    version: AtomicU64,
    /// Held for as long as it takes to copy a pointer.
    newest: Mutex<Arc<Shard>>,
    /// Held by the one who changes the shard.
    changing: Mutex<()>,
}

/// What a thread has read, of the table that it read last.
struct Seen {
    id: u64,
    shards: Vec<Option<(u64, Arc<Shard>)>>,
}

thread_local! {
    static SEEN: RefCell<Seen> = const { RefCell::new(Seen { id: 0, shards: Vec::new() }) };
}

impl Shards {
    pub(crate) fn new(count: usize) -> Self {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Self { id, all: (0..count).map(|_| Slot::default()).collect() }
    }

    /// Shows the newest version of a shard.
    pub(crate) fn read<R>(&self, at: usize, take: impl FnOnce(&Shard) -> R) -> R {
        SEEN.with(|seen| match seen.try_borrow_mut() {
            Ok(mut seen) => take(seen.newest(self, at)),
            // A look-up inside a look-up.
            Err(_) => take(&self.all[at].newest().1),
        })
    }

    /// Puts what `make` makes of a shard in its place, if it makes anything. Gives whether it did. Whoever reads after
    /// this, on any thread, reads the new one.
    pub(crate) fn change(&self, at: usize, make: impl FnOnce(&Shard) -> Option<Shard>) -> bool {
        let slot = &self.all[at];
        let _turn = slot.changing.lock().expect("no holder panics");
        let Some(new) = make(&slot.newest().1) else { return false };
        let mut newest = slot.newest.lock().expect("no holder panics");
        *newest = Arc::new(new);
        slot.version.fetch_add(1, Ordering::Release);
        true
    }
}

impl Slot {
    fn newest(&self) -> (u64, Arc<Shard>) {
        let newest = self.newest.lock().expect("no holder panics");
        (self.version.load(Ordering::Acquire), newest.clone())
    }
}

impl Seen {
    fn newest(&mut self, shards: &Shards, at: usize) -> &Shard {
        if self.id != shards.id {
            *self = Self { id: shards.id, shards: vec![None; shards.all.len()] };
        }
        let slot = &shards.all[at];
        let version = slot.version.load(Ordering::Acquire);
        if self.shards[at].as_ref().is_none_or(|(seen, _)| *seen != version) {
            self.shards[at] = Some(slot.newest());
        }
        let (_, shard) = self.shards[at].as_ref().expect("just filled");
        shard
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::table::{Kind, Route};
    use platform_core::id::TenantId;
    use uuid::Uuid;

    fn with_one_more(old: &Shard) -> Option<Shard> {
        let route = Route { tenant: TenantId(Uuid::nil()), slug: "a".into(), domain: None, kind: Kind::Live };
        let mut new = old.clone();
        new.insert_unique(7, Known::new(&Host::parse("a.example").unwrap(), route), |_| 7);
        Some(new)
    }

    #[test]
    fn a_change_is_seen_by_every_thread_at_once() {
        let shards = Arc::new(Shards::new(2));
        let (told, waiting) = std::sync::mpsc::channel::<usize>();
        let (answer, answers) = std::sync::mpsc::channel();
        let theirs = shards.clone();
        let reader = std::thread::spawn(move || {
            for expected in waiting {
                answer.send((expected, theirs.read(0, Shard::len), theirs.read(1, Shard::len))).unwrap();
            }
        });
        for expected in 0..50 {
            told.send(expected).unwrap();
            assert_eq!(answers.recv().unwrap(), (expected, expected, 0));
            assert!(shards.change(0, with_one_more));
            assert!(!shards.change(1, |_| None));
        }
        drop(told);
        reader.join().unwrap();
    }

    #[test]
    fn tables_are_not_mixed_up_and_look_ups_may_nest() {
        let (one, two) = (Shards::new(1), Shards::new(3));
        one.change(0, with_one_more);
        for _ in 0..3 {
            assert_eq!((one.read(0, Shard::len), two.read(2, Shard::len)), (1, 0));
        }
        let both = one.read(0, |outer| (outer.len(), two.read(0, Shard::len), one.read(0, Shard::len)));
        assert_eq!(both, (1, 0, 1));
    }

    #[test]
    fn many_threads_read_while_one_changes() {
        let shards = Arc::new(Shards::new(1));
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let shards = shards.clone();
                std::thread::spawn(move || {
                    let mut last = 0;
                    while last < 200 {
                        let now = shards.read(0, Shard::len);
                        assert!(now >= last, "never back to an older version");
                        last = now;
                    }
                })
            })
            .collect();
        for _ in 0..200 {
            shards.change(0, with_one_more);
        }
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    }
}
