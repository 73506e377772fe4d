//! TLS session tickets that any node opens: the keys lie sealed in PostgreSQL, one for each epoch of six hours. A node
//! holds the previous, the current and the next one. Keys are erased when no ticket of theirs is good any more, twelve
//! hours after their first use, because whoever has a key can read the sessions that were resumed with it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use chrono::{DateTime, Utc};
use platform_core::clock::Clock;
use platform_core::db::{Db, Error as DbError, System, SystemTx};
use platform_core::id;
use platform_core::random::{Random, bytes};
use platform_core::secrets::{Binding, Sealer};
use rustls::server::ProducesTickets;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Life of an epoch, seconds. Also the clients' limit: a ticket is good for one epoch at least.
const EPOCH: i64 = 6 * 60 * 60;
/// Looks at the database; a new epoch is looked at when it begins.
const LOOK_EVERY: Duration = Duration::from_secs(600);
const RETRY: Duration = Duration::from_secs(5);
const KEY_LEN: usize = 32;
const NAME_LEN: usize = 16;

/// The tickets of all nodes that share a database. Without the database the keys at hand are used to their end; then
/// there are no tickets, and every handshake is a full one.
pub struct SharedTickets {
    db: Db,
    sealer: Sealer,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    keys: ArcSwap<Vec<Arc<TicketKey>>>,
}

struct TicketKey {
    epoch: i64,
    name: Uuid,
    key: LessSafeKey,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: Uuid,
    epoch: i64,
    key_sealed: Vec<u8>,
}

impl fmt::Debug for SharedTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epochs: Vec<i64> = self.keys.load().iter().map(|key| key.epoch).collect();
        f.debug_struct("SharedTickets").field("epochs", &epochs).finish_non_exhaustive()
    }
}

impl SharedTickets {
    /// Reads the keys, and makes those that are not there yet.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn boot(
        db: Db,
        sealer: Sealer,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Arc<Self>, DbError> {
        let tickets = Self { db, sealer, clock, random, keys: ArcSwap::default() };
        tickets.look().await?;
        Ok(Arc::new(tickets))
    }

    /// Keeps the keys until shutdown.
    pub async fn run(&self, shutdown: CancellationToken) {
        loop {
            let wait = match self.look().await {
                Ok(()) => self.until_next_epoch().min(LOOK_EVERY),
                Err(error) => {
                    tracing::warn!(%error, "the keys of session tickets cannot be read");
                    RETRY
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One look: makes the keys of this epoch and the next, erases old ones, and takes what is there.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn look(&self) -> Result<(), DbError> {
        let now = self.clock.now();
        let epoch = epoch(now);
        let mut tx = self.db.system(System::Certificates).await?;
        let mut rows = stored(&mut tx).await?;
        let lacks = |epoch: &i64| !rows.iter().any(|row| row.epoch == *epoch);
        let lacking: Vec<i64> = [epoch, epoch + 1].into_iter().filter(lacks).collect();
        let old = rows.iter().any(|row| row.epoch < epoch - 1);
        for epoch in &lacking {
            let id = id::uuid(&*self.clock, &*self.random);
            let key = Zeroizing::new(bytes::<KEY_LEN>(&*self.random));
            store(&mut tx, id, *epoch, &self.sealer.seal(&binding(id), &*key), now).await?;
        }
        if old {
            erase(&mut tx, epoch - 1).await?;
        }
        if old || !lacking.is_empty() {
            // Another node may have been first.
            rows = stored(&mut tx).await?;
            tx.commit().await?;
        }
        let keys = rows.into_iter().filter(|row| (epoch - 1..=epoch + 1).contains(&row.epoch));
        self.keys.store(Arc::new(keys.filter_map(|row| self.open(&row)).map(Arc::new).collect()));
        Ok(())
    }

    fn open(&self, row: &KeyRow) -> Option<TicketKey> {
        let secret = match self.sealer.open(&binding(row.id), &row.key_sealed) {
            Ok(secret) => Zeroizing::new(secret),
            Err(error) => {
                tracing::error!(epoch = row.epoch, %error, "a key of session tickets does not open");
                return None;
            }
        };
        let key = UnboundKey::new(&AES_256_GCM, &secret).ok()?;
        Some(TicketKey { epoch: row.epoch, name: row.id, key: LessSafeKey::new(key) })
    }

    fn until_next_epoch(&self) -> Duration {
        let left = EPOCH - self.clock.now().timestamp().rem_euclid(EPOCH);
        Duration::from_secs(u64::try_from(left).unwrap_or(1))
    }
}

/// A ticket: name of the key, nonce, sealed session, tag. Nonces are drawn at random: with one key for six hours that is
/// safe for 2^32 tickets, or 190,000 a second.
impl ProducesTickets for SharedTickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(EPOCH).expect("six hours")
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let epoch = epoch(self.clock.now());
        let keys = self.keys.load();
        let key = keys.iter().find(|key| key.epoch == epoch)?;
        let nonce: [u8; NONCE_LEN] = bytes(&*self.random);
        let mut sealed = plain.to_vec();
        let aad = Aad::from(key.name.as_bytes());
        key.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
        Some([&key.name.as_bytes()[..], &nonce, &sealed].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let (name, rest) = cipher.split_at_checked(NAME_LEN)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let epoch = epoch(self.clock.now());
        // The next one too: another node's clock may be ahead of ours.
        let good = |key: &&Arc<TicketKey>| {
            key.name.as_bytes() == name && (epoch - 1..=epoch + 1).contains(&key.epoch)
        };
        let keys = self.keys.load();
        let key = keys.iter().find(good)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut opened = sealed.to_vec();
        let length = key.key.open_in_place(nonce, Aad::from(name), &mut opened).ok()?.len();
        opened.truncate(length);
        Some(opened)
    }
}

fn epoch(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(EPOCH)
}

fn binding(id: Uuid) -> Binding {
    Binding { table: "ticket_keys", column: "key_sealed", tenant: None, row: id }
}

async fn stored(tx: &mut SystemTx) -> Result<Vec<KeyRow>, DbError> {
    let rows = sqlx::query_as("select id, epoch, key_sealed from ticket_keys order by epoch");
    Ok(rows.fetch_all(tx.conn()).await?)
}

async fn store(
    tx: &mut SystemTx,
    id: Uuid,
    epoch: i64,
    key_sealed: &[u8],
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query(
        "insert into ticket_keys (id, epoch, key_sealed, created_at) values ($1, $2, $3, $4)
         on conflict (epoch) do nothing",
    )
    .bind(id)
    .bind(epoch)
    .bind(key_sealed)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn erase(tx: &mut SystemTx, before: i64) -> Result<(), DbError> {
    sqlx::query("delete from ticket_keys where epoch < $1").bind(before).execute(tx.conn()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use migrations::testing::TestDatabase;
    use platform_core::clock::MockClock;
    use platform_core::db::DbConfig;
    use platform_core::random::SystemRandom;

    struct Node {
        clock: Arc<MockClock>,
        tickets: Arc<SharedTickets>,
    }

    async fn node(db: &Db, sealer: &Sealer, at: DateTime<Utc>) -> Node {
        let clock = Arc::new(MockClock::at(at));
        let tickets = SharedTickets::boot(db.clone(), sealer.clone(), clock.clone(), Arc::new(SystemRandom));
        Node { clock, tickets: tickets.await.unwrap() }
    }

    async fn ground() -> (TestDatabase, Db, Sealer, DateTime<Utc>) {
        let test = TestDatabase::new().await;
        let config = DbConfig { app: test.app_options(), operator: None, pooler: false, max_connections: 4 };
        let db = Db::connect(config).await.unwrap();
        let line = Sealer::new_key_line(1, &SystemRandom);
        let sealer = Sealer::from_key_file(&line, Arc::new(SystemRandom)).unwrap();
        // An hour into an epoch.
        let start = DateTime::from_timestamp(EPOCH * 83_000 + 3600, 0).unwrap();
        (test, db, sealer, start)
    }

    #[tokio::test]
    async fn a_ticket_of_one_node_opens_at_another_through_two_epochs() {
        let (_test, db, sealer, start) = ground().await;
        let (one, two) = tokio::join!(node(&db, &sealer, start), node(&db, &sealer, start));
        let ticket = one.tickets.encrypt(b"session").unwrap();
        assert_eq!(two.tickets.decrypt(&ticket).as_deref(), Some(&b"session"[..]));

        // A clock that is ahead seals with the next key already; the others have it.
        one.clock.advance(Duration::from_secs(5 * 3600 + 1));
        let early = one.tickets.encrypt(b"early").unwrap();
        assert_ne!(early[..NAME_LEN], ticket[..NAME_LEN], "another key");
        assert_eq!(two.tickets.decrypt(&early).as_deref(), Some(&b"early"[..]));

        // In the next epoch the old ticket is still good, after it no more, whether or not anybody looked.
        two.clock.advance(Duration::from_secs(10 * 3600));
        assert!(two.tickets.decrypt(&ticket).is_some());
        two.clock.advance(Duration::from_secs(3600));
        assert!(two.tickets.decrypt(&ticket).is_none(), "twelve hours after the key's first use");
    }

    #[tokio::test]
    async fn keys_are_made_ahead_and_erased() {
        let (test, db, sealer, start) = ground().await;
        let node = node(&db, &sealer, start).await;
        let mut owner = test.owner().await;
        for round in 0..5_i64 {
            let epochs: Vec<i64> = sqlx::query_scalar("select epoch - $1 from ticket_keys order by 1")
                .bind(epoch(node.clock.now()))
                .fetch_all(&mut owner)
                .await
                .unwrap();
            assert_eq!(epochs, if round == 0 { vec![0, 1] } else { vec![-1, 0, 1] });
            assert!(node.tickets.encrypt(b"x").is_some());
            node.clock.advance(Duration::from_secs(6 * 3600));
            node.tickets.look().await.unwrap();
        }
        // A node that cannot look has its keys for the next epoch, then none.
        node.clock.advance(Duration::from_secs(6 * 3600));
        assert!(node.tickets.encrypt(b"x").is_some());
        node.clock.advance(Duration::from_secs(6 * 3600));
        assert!(node.tickets.encrypt(b"x").is_none());
        let sealed: Vec<Vec<u8>> =
            sqlx::query_scalar("select key_sealed from ticket_keys").fetch_all(&mut owner).await.unwrap();
        assert!(sealed.iter().all(|sealed| sealed.len() > KEY_LEN + NONCE_LEN), "stored sealed");
    }

    #[tokio::test]
    async fn what_is_not_a_ticket_does_not_open() {
        let (_test, db, sealer, start) = ground().await;
        let tickets = node(&db, &sealer, start).await.tickets;
        let ticket = tickets.encrypt(b"session").unwrap();
        for length in 0..ticket.len() {
            assert!(tickets.decrypt(&ticket[..length]).is_none(), "cut to {length}");
        }
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            assert!(tickets.decrypt(&changed).is_none(), "changed at {at}");
        }
        assert_ne!(tickets.encrypt(b"session").unwrap(), ticket, "a nonce of its own");
    }
}
