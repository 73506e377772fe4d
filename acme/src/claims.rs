//! Which orders are taken next, and when there is one: by lane, within the tokens that are left.

use chrono::{DateTime, Utc};
use platform_core::db::{Error as DbError, System, SystemTx};

use crate::budget::{Lane, Level, delta};
use crate::issuer::Issuer;
use crate::store::{self, OrderRow, Standing};

/// The authorities that may be asked now, with what they still take.
struct Open {
    at: Vec<(String, Option<Level>)>,
    away: Vec<String>,
}

impl Issuer {
    /// Takes up to `room` orders: first those ahead of bulk that have a token, then those that need none, then bulk.
    pub(crate) async fn claim(&self, room: usize) -> Result<Vec<OrderRow>, DbError> {
        let now = self.clock.now();
        let lease = now + delta(self.config.lease);
        let mut tx = self.db.system(System::Certificates).await?;
        let mut open = self.open(&mut tx, now).await?;
        let mut rows = Vec::new();
        self.claim_spending(&mut tx, &mut open, (room, Lane::First), &mut rows).await?;
        while rows.len() < room {
            let Some(row) = store::claim_free(&mut tx, now, lease, &open.away).await? else { break };
            rows.push(row);
        }
        self.claim_spending(&mut tx, &mut open, (room, Lane::Bulk), &mut rows).await?;
        tx.commit().await?;
        Ok(rows)
    }

    async fn open(&self, tx: &mut SystemTx, now: DateTime<Utc>) -> Result<Open, DbError> {
        let standings = store::standings(tx, &self.directories()).await?;
        self.remember_faulty(standings.iter().filter(|one| one.faulty).map(|one| one.directory.clone()));
        let (away, works): (Vec<Standing>, Vec<Standing>) =
            standings.into_iter().partition(|one| one.down_until.is_some_and(|until| until > now));
        let level = |one: &Standing| {
            let known = self.config.authorities.iter().find(|known| known.directory == one.directory);
            known.and_then(|known| known.limits.orders).map(|limit| Level::new(limit, one.orders_full))
        };
        let at = works.into_iter().map(|one| (one.directory.clone(), level(&one))).collect();
        Ok(Open { at, away: away.into_iter().map(|one| one.directory).collect() })
    }

    /// Takes orders of lanes up to one, as long as there are tokens for them.
    async fn claim_spending(
        &self,
        tx: &mut SystemTx,
        open: &mut Open,
        (room, last): (usize, Lane),
        rows: &mut Vec<OrderRow>,
    ) -> Result<(), DbError> {
        let now = self.clock.now();
        let lease = now + delta(self.config.lease);
        for (directory, level) in &mut open.at {
            while rows.len() < room {
                let has_token = |lane: &Lane| level.is_none_or(|level| level.free_at(*lane, now) <= now);
                // Where bulk may not draw any more, renewals may.
                let lane = [last, last.min(Lane::Renewal)].into_iter().find(has_token);
                let Some(lane) = lane else { break };
                let Some(row) = store::claim_spending(tx, now, lease, directory, lane).await? else { break };
                if let Some(level) = level {
                    level.expect_one(now);
                }
                rows.push(row);
            }
        }
        Ok(())
    }

    /// When something is due next, by the issuer's clock; none when nothing is.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn next_look(&self) -> Result<Option<DateTime<Utc>>, DbError> {
        let now = self.clock.now();
        let mut tx = self.db.system(System::Certificates).await?;
        let open = self.open(&mut tx, now).await?;
        let mut moments = vec![
            store::next_free(&mut tx, &open.away).await?,
            self.next_renewal(&mut tx, now, &open.away).await?,
            self.next_revocation(&mut tx, &open.away).await?,
        ];
        if !open.away.is_empty() {
            moments.push(self.next_try(&mut tx, now).await?);
        }
        let works: Vec<String> = open.at.iter().map(|(directory, _)| directory.clone()).collect();
        for (directory, lane, due) in store::next_spending(&mut tx, &works).await? {
            let level = open.at.iter().find(|(known, _)| *known == directory).and_then(|(_, level)| *level);
            moments.push(Some(level.map_or(due, |level| due.max(level.free_at(lane, now)))));
        }
        Ok(moments.into_iter().flatten().min())
    }
}
