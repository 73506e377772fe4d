//! The second factor's rules: begun, confirmed by its first code, shown, lost. Pure of pages; transactions are the caller's.

use chrono::{DateTime, Utc};
use platform_core::id::{FactorId, StaffId};
use platform_core::secrets::{Binding, Sealer};
use platform_core::{Error, TenantTx, id, random};
use platform_web::Site;

use super::store::factors as store;
use super::{recovery, totp};

/// Wrong tries in a quarter of an hour.
const TRIES: i32 = 5;

/// What somebody typed to show their second factor.
#[derive(Debug)]
pub(super) enum Typed {
    /// Six digits.
    Code(String),
    /// As it is compared.
    Recovery(String),
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tried {
    ByCode,
    ByRecovery,
    Wrong,
    /// Too often. Seconds until the next try.
    Limited(u64),
    /// There is no factor.
    Nothing,
}

/// Compares what was typed and uses it up. A wrong try has to be committed too.
pub(super) async fn show(
    tx: &mut TenantTx,
    sealer: &Sealer,
    now: DateTime<Utc>,
    staff: StaffId,
    typed: &Typed,
) -> Result<Tried, Error> {
    let Some(factor) = store::confirmed(tx, staff).await? else { return Ok(Tried::Nothing) };
    if factor.wrong >= TRIES {
        let seconds = std::time::Duration::try_from_secs_f64(factor.wait).unwrap_or_default().as_secs();
        return Ok(Tried::Limited(seconds.max(1)));
    }
    let secret = sealer.open(&binding(tx, factor.id), &factor.secret)?;
    let (fits, step, tried) = match typed {
        Typed::Code(code) => {
            let step = totp::step(&secret, now, factor.last_step, code);
            (step.is_some(), step.unwrap_or_default(), Tried::ByCode)
        }
        Typed::Recovery(code) => {
            let fits = store::use_recovery(tx, factor.id, &recovery::hash(&secret, code)).await?;
            (fits, factor.last_step, Tried::ByRecovery)
        }
    };
    if fits {
        store::accept(tx, factor.id, step).await?;
        Ok(tried)
    } else {
        store::count_wrong(tx, factor.id).await?;
        Ok(Tried::Wrong)
    }
}

/// Begins a factor with a new secret.
pub(super) async fn begin(
    tx: &mut TenantTx,
    site: &Site,
    sealer: &Sealer,
    staff: StaffId,
) -> Result<(), Error> {
    let id = FactorId::new(site.clock(), site.random());
    let secret: [u8; totp::SECRET] = random::bytes(site.random());
    let sealed = sealer.seal(&binding(tx, id), &secret);
    store::begin(tx, staff, id, &sealed).await
}

/// The secret of the factor that was begun.
pub(super) async fn begun(
    tx: &mut TenantTx,
    sealer: &Sealer,
    staff: StaffId,
) -> Result<Option<(FactorId, Vec<u8>)>, Error> {
    let Some(begun) = store::begun(tx, staff).await? else { return Ok(None) };
    let secret = sealer.open(&binding(tx, begun.id), &begun.secret)?;
    Ok(Some((begun.id, secret)))
}

/// Makes the begun factor the person's own if the code is one of its. Gives its recovery codes as they are shown, once.
pub(super) async fn confirm(
    tx: &mut TenantTx,
    site: &Site,
    sealer: &Sealer,
    staff: StaffId,
    code: &str,
) -> Result<Option<Vec<String>>, Error> {
    let Some((id, secret)) = begun(tx, sealer, staff).await? else { return Ok(None) };
    let Some(step) = totp::step(&secret, site.clock().now(), 0, code) else { return Ok(None) };
    store::confirm(tx, staff, id, step).await?;
    make_codes(tx, site, id, &secret).await.map(Some)
}

/// New recovery codes in place of the old ones; none when there is no factor.
pub(super) async fn renew_codes(
    tx: &mut TenantTx,
    site: &Site,
    sealer: &Sealer,
    staff: StaffId,
) -> Result<Option<Vec<String>>, Error> {
    let Some(factor) = store::confirmed(tx, staff).await? else { return Ok(None) };
    let secret = sealer.open(&binding(tx, factor.id), &factor.secret)?;
    make_codes(tx, site, factor.id, &secret).await.map(Some)
}

async fn make_codes(
    tx: &mut TenantTx,
    site: &Site,
    factor: FactorId,
    secret: &[u8],
) -> Result<Vec<String>, Error> {
    let (clock, random) = (site.clock(), site.random());
    let codes: Vec<String> = (0..recovery::CODES).map(|_| recovery::code(random)).collect();
    let hashes: Vec<_> =
        codes.iter().map(|code| (id::uuid(clock, random), recovery::hash(secret, code))).collect();
    store::set_recovery(tx, factor, &hashes).await?;
    Ok(codes.iter().map(|code| recovery::shown(code)).collect())
}

fn binding(tx: &TenantTx, factor: FactorId) -> Binding {
    Binding { table: "staff_factors", column: "secret", tenant: Some(tx.tenant()), row: factor.0 }
}
