//! Opening a session of the console, and making it whole.

use std::time::Duration;

use platform_core::id::SessionId;
use platform_core::{Error, TenantTx, random};
use platform_web::cookie::{self, Cookie};
use platform_web::{Next, Visit};

use super::arrival::{Arrival, Standing};
use super::role::StaffRole;
use super::store;
use crate::secret;
use crate::sessions::{Key, shorten};

/// A working day and a bit; also gone when the browser ends.
const LIFE: Duration = Duration::from_secs(12 * 60 * 60);
/// For showing or setting up the second factor.
const STEP: Duration = Duration::from_secs(15 * 60);

/// A session that was just opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) session: SessionId,
    standing: Standing,
}

impl Opened {
    /// Where to go on to.
    pub(crate) fn onward(&self, next: &Next) -> Next {
        self.standing.onward(next)
    }
}

/// Opens a session in the caller's transaction and gives its cookie to the visit. The browser's older session ends, and
/// the secret it had before signing in is taken away.
pub(crate) async fn open(
    tx: &mut TenantTx,
    visit: &Visit,
    staff: &store::Staff,
    user_agent: &str,
) -> Result<Opened, Error> {
    if let Some(old) = Key::of(visit) {
        store::sessions::revoke_by_token(tx, old.token()).await?;
    }
    store::sessions::forget_old(tx, staff.id).await?;
    let standing = Standing::of(StaffRole::parse(&staff.role)?, staff.has_factor, false);
    let (clock, random) = (visit.site().clock(), visit.site().random());
    let (session, token) = (SessionId::new(clock, random), random::token(random));
    let life = if standing == Standing::Whole { LIFE } else { STEP };
    let new = store::sessions::New {
        id: session,
        staff: staff.id,
        token: secret::hash("staff session", &token),
        host: &visit.host().host,
        user_agent: shorten(user_agent),
        seconds: life.as_secs_f64(),
    };
    store::sessions::insert(tx, &new).await?;
    visit.set_cookie(&Cookie::new(cookie::STAFF, token));
    visit.set_cookie(&Cookie::removal(cookie::BROWSER));
    Ok(Opened { session, standing })
}

/// The second factor was shown: the session goes on under a new secret, for its whole life if it was not whole before.
pub(super) async fn make_whole(tx: &mut TenantTx, visit: &Visit, arrival: &Arrival) -> Result<(), Error> {
    let token = random::token(visit.site().random());
    store::sessions::prove(tx, arrival.session, &secret::hash("staff session", &token), LIFE.as_secs_f64())
        .await?;
    visit.set_cookie(&Cookie::new(cookie::STAFF, token));
    Ok(())
}
