//! Which order is taken next, and when there is one: by lane, within the tokens that are left.

use chrono::{DateTime, Utc};
use platform_core::db::{Error as DbError, System, SystemTx};

use crate::authority::Authority;
use crate::budget::{Bucket, Lane, delta};
use crate::issuer::Issuer;
use crate::store::{self, OrderRow};

impl Issuer {
    /// Takes the next order: first those ahead of bulk that have a token, then those that need none, then bulk.
    pub(crate) async fn claim(&self) -> Result<Option<OrderRow>, DbError> {
        let now = self.clock.now();
        let lease = now + delta(self.config.lease);
        let mut tx = self.db.system(System::Certificates).await?;
        let away = self.away(&mut tx, now).await?;
        let mut row = self.claim_spending(&mut tx, lease, Lane::First, &away).await?;
        if row.is_none() {
            row = store::claim_free(&mut tx, now, lease, &away).await?;
        }
        if row.is_none() {
            row = self.claim_spending(&mut tx, lease, Lane::Bulk, &away).await?;
        }
        tx.commit().await?;
        Ok(row)
    }

    async fn claim_spending(
        &self,
        tx: &mut SystemTx,
        lease: DateTime<Utc>,
        lane: Lane,
        away: &[String],
    ) -> Result<Option<OrderRow>, DbError> {
        let now = self.clock.now();
        for authority in self.config.authorities.iter().filter(|known| !away.contains(&known.directory)) {
            let Some(open) = self.open_lane(tx, authority, lane).await? else { continue };
            let row = store::claim_spending(tx, now, lease, &authority.directory, open).await?;
            if row.is_some() {
                return Ok(row);
            }
        }
        Ok(None)
    }

    /// The last lane that has a token: the one asked for, or the one before bulk.
    async fn open_lane(
        &self,
        tx: &mut SystemTx,
        authority: &Authority,
        lane: Lane,
    ) -> Result<Option<Lane>, DbError> {
        let Some(limit) = authority.limits.orders else { return Ok(Some(lane)) };
        let orders = Bucket::orders(&authority.directory, limit);
        for lane in [lane, lane.min(Lane::Renewal)] {
            if orders.left(tx, lane, self.clock.now()).await? > 0 {
                return Ok(Some(lane));
            }
        }
        Ok(None)
    }

    /// When something is due next, by the issuer's clock; none when nothing is.
    ///
    /// # Errors
    /// The database's answer.
    pub async fn next_look(&self) -> Result<Option<DateTime<Utc>>, DbError> {
        let now = self.clock.now();
        let mut tx = self.db.system(System::Certificates).await?;
        let away = self.away(&mut tx, now).await?;
        let mut moments = vec![
            store::next_free(&mut tx, &away).await?,
            self.next_renewal(&mut tx, now, &away).await?,
            self.next_revocation(&mut tx, &away).await?,
            self.next_try(&mut tx, now).await?,
        ];
        for authority in self.config.authorities.iter().filter(|known| !away.contains(&known.directory)) {
            for lane in Lane::ALL {
                let due = store::next_spending(&mut tx, &authority.directory, lane).await?;
                moments.push(match (due, authority.limits.orders) {
                    (Some(due), Some(limit)) => {
                        let orders = Bucket::orders(&authority.directory, limit);
                        Some(due.max(orders.free_at(&mut tx, lane, now).await?))
                    }
                    (due, _) => due,
                });
            }
        }
        Ok(moments.into_iter().flatten().min())
    }
}
