//! How a domain goes on after a look at its DNS. Pure: the report, the clock and the domain decide.

use acme::probe::{Check, Code, Level, Report};
use chrono::{DateTime, TimeDelta, Utc};

use super::cadence::{self, CLAIM_LIFE, GRACE};
use super::{Domain, Proof, State, What};

/// Where a domain goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) to: State,
    pub(super) what: Option<What>,
    /// How long until the next look; none when nothing is waited for.
    pub(super) next: Option<TimeDelta>,
    pub(super) proof: Option<Proof>,
    /// Whether the present holder has to go for it.
    pub(super) takes: bool,
}

impl Turn {
    fn to(to: State, what: Option<What>, next: Option<TimeDelta>) -> Self {
        Self { to, what, next, proof: None, takes: false }
    }
}

/// Decides. `contested`: another tenant holds the host.
pub(super) fn turn(domain: &Domain, report: &Report, contested: bool, now: DateTime<Utc>) -> Turn {
    match domain.state {
        State::Claimed | State::WaitingDns | State::Blocked => claim(domain, report, contested, now),
        State::Verified => verified(domain, report, now),
        State::Live => live(domain, report),
        State::Moved => moved(domain, report, now),
        State::Released => released(domain, report, contested, now),
        State::Expired => Turn::to(State::Expired, None, None),
    }
}

fn claim(domain: &Domain, report: &Report, contested: bool, now: DateTime<Utc>) -> Turn {
    if let Some(proof) = report.proof {
        let what = if contested { What::Took } else { What::Verified };
        let verified = verified(domain, report, now);
        return Turn { what: Some(what), proof: Some(proof.into()), takes: contested, ..verified };
    }
    let age = now - domain.claimed_at;
    if age > CLAIM_LIFE {
        return Turn::to(State::Expired, Some(What::Expired), None);
    }
    let next = Some(cadence::waiting(age, is_watched(domain, now)));
    let blocked = contested && report.arrives == Some(true);
    Turn::to(if blocked { State::Blocked } else { State::WaitingDns }, None, next)
}

fn verified(domain: &Domain, report: &Report, now: DateTime<Utc>) -> Turn {
    let lost = report.proof.is_none() && report.arrives == Some(false);
    if lost {
        return Turn::to(State::WaitingDns, None, Some(cadence::AGAIN));
    }
    // Proven, and its certificate waits for its visitors, or for something else to be mended.
    let waits = report.arrives == Some(false) || report.obstacles().next().is_some();
    let next = if waits {
        cadence::waiting(now - domain.claimed_at, is_watched(domain, now))
    } else {
        cadence::settled(domain.id)
    };
    Turn::to(State::Verified, None, Some(next))
}

fn is_watched(domain: &Domain, now: DateTime<Utc>) -> bool {
    domain.watched_until.is_some_and(|until| until > now)
}

fn live(domain: &Domain, report: &Report) -> Turn {
    // Certified before the switch: proven, and its visitors still to come.
    let to_come = domain.arrived_at.is_none() && report.proof.is_some();
    // Only a definite answer counts: name servers that fail say nothing about where a customer has gone.
    if report.arrives == Some(false) && !to_come {
        return Turn::to(State::Moved, Some(What::Moved), Some(cadence::MOVED));
    }
    let what = match (is_troubled(report), domain.troubled_since) {
        (true, None) => Some(What::Troubled),
        (false, Some(_)) => Some(What::Recovered),
        _ => None,
    };
    Turn::to(State::Live, what, Some(cadence::settled(domain.id)))
}

fn moved(domain: &Domain, report: &Report, now: DateTime<Utc>) -> Turn {
    // A proxy hides where the host goes; the proof by TXT then says that it is still meant.
    let back = report.arrives == Some(true) || (report.arrives.is_none() && report.proof.is_some());
    if back {
        return Turn::to(State::Live, Some(What::Returned), Some(cadence::settled(domain.id)));
    }
    let over = domain.moved_at.is_some_and(|since| now - since >= GRACE);
    if over && report.arrives == Some(false) {
        return Turn::to(State::Released, Some(What::Released), Some(cadence::AFTERWARDS));
    }
    Turn::to(State::Moved, None, Some(cadence::MOVED))
}

/// Given up: nobody else can ever use its target, but whoever runs the DNS should know that a record was left behind.
/// Where another tenant has the host now, records that lead here are that tenant's business.
fn released(domain: &Domain, report: &Report, contested: bool, now: DateTime<Utc>) -> Turn {
    // Somebody who looks by hand meanwhile needs no mail about what he sees.
    let due = domain.checked_at.is_none_or(|at| now - at >= cadence::AFTERWARDS - TimeDelta::days(1));
    let left = due && report.arrives == Some(true) && !contested;
    let over = domain.ended_at.is_none_or(|since| now - since >= cadence::MEMORY);
    Turn::to(State::Released, left.then_some(What::StillPoints), (!over).then_some(cadence::AFTERWARDS))
}

/// Whether the next certificate would be refused.
pub(super) fn is_troubled(report: &Report) -> bool {
    !is_early(report) && troubles(report).next().is_some()
}

/// Whether the next certificate needs no visitor to come here: its challenge is delegated.
pub(super) fn is_early(report: &Report) -> bool {
    report.arrives != Some(true) && report.check(Code::ChallengeDelegated).is_some()
}

/// What stands in the way of the next certificate.
pub(super) fn troubles(report: &Report) -> impl Iterator<Item = &Check> {
    report.obstacles().filter(|check| check.level == Level::Fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use acme::probe::Proof as Shown;
    use platform_core::id::{DomainId, TenantId};
    use uuid::Uuid;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn domain(state: State) -> Domain {
        Domain {
            id: DomainId(Uuid::nil()),
            tenant: TenantId(Uuid::nil()),
            host: Host::parse("success.brightwater.example").unwrap(),
            state,
            label: String::new(),
            nonce: String::new(),
            proof: None,
            redirect_to: None,
            report: None,
            claimed_at: now() - TimeDelta::hours(1),
            checked_at: None,
            next_check: None,
            watched_until: None,
            verified_at: None,
            live_at: None,
            arrived_at: Some(now()),
            moved_at: None,
            troubled_since: None,
            ended_at: Some(now() - TimeDelta::days(7)),
        }
    }

    fn report(arrives: Option<bool>, proof: Option<Shown>, fault: Option<Code>) -> Report {
        Report {
            host: String::new(),
            at: now(),
            zone: None,
            servers: Vec::new(),
            provider: None,
            proxy: None,
            proof,
            arrives,
            checks: fault.map(|code| Check::theirs(code, "", "")).into_iter().collect(),
            next_look: None,
        }
    }

    #[track_caller]
    fn goes(domain: &Domain, report: &Report, contested: bool, to: State, what: Option<What>) {
        let turn = turn(domain, report, contested, now());
        assert_eq!((turn.to, turn.what), (to, what));
        assert_eq!(turn.next.is_none(), to == State::Expired);
        assert_eq!(turn.takes, what == Some(What::Took));
    }

    #[test]
    fn a_claim_waits_until_it_is_proven_or_too_old() {
        let (yes, no) = (Some(true), Some(false));
        let claimed = domain(State::Claimed);
        goes(&claimed, &report(no, None, Some(Code::NoName)), false, State::WaitingDns, None);
        goes(&claimed, &report(yes, Some(Shown::Cname), None), false, State::Verified, Some(What::Verified));
        goes(&claimed, &report(no, Some(Shown::Txt), None), false, State::Verified, Some(What::Verified));
        // Held by another: pointing here is not enough, a TXT record is.
        goes(&claimed, &report(yes, None, None), true, State::Blocked, None);
        goes(&claimed, &report(no, None, None), true, State::WaitingDns, None);
        goes(&claimed, &report(yes, Some(Shown::Txt), None), true, State::Verified, Some(What::Took));
        let old = Domain { claimed_at: now() - TimeDelta::days(8), ..domain(State::WaitingDns) };
        goes(&old, &report(no, None, None), false, State::Expired, Some(What::Expired));
        goes(&old, &report(yes, Some(Shown::Cname), None), false, State::Verified, Some(What::Verified));
    }

    #[test]
    fn a_verified_host_that_loses_its_proof_waits_again() {
        let verified = domain(State::Verified);
        goes(&verified, &report(Some(false), None, None), false, State::WaitingDns, None);
        goes(&verified, &report(Some(false), Some(Shown::Txt), None), false, State::Verified, None);
        goes(&verified, &report(None, None, Some(Code::FailingServer)), false, State::Verified, None);
        // A certificate that cannot be had yet is looked after as often as a claim; one that is on its way is not.
        let next = |fault| {
            turn(&verified, &report(Some(true), Some(Shown::Cname), fault), false, now()).next.unwrap()
        };
        assert!(next(Some(Code::CaaNobody)) < TimeDelta::hours(1) && next(None) >= TimeDelta::days(1));
    }

    #[test]
    fn a_live_host_moves_comes_back_or_is_let_go() {
        let live = domain(State::Live);
        goes(&live, &report(Some(false), None, Some(Code::NoName)), false, State::Moved, Some(What::Moved));
        goes(&live, &report(None, None, Some(Code::FailingServer)), false, State::Live, Some(What::Troubled));
        goes(&live, &report(Some(true), None, None), false, State::Live, None);
        // Certified by a delegated challenge before its DNS is switched.
        let early = Domain { arrived_at: None, ..domain(State::Live) };
        goes(&early, &report(Some(false), Some(Shown::Txt), None), false, State::Live, None);
        goes(&early, &report(Some(false), None, None), false, State::Moved, Some(What::Moved));
        let moved = |days| Domain { moved_at: Some(now() - TimeDelta::days(days)), ..domain(State::Moved) };
        goes(&moved(1), &report(Some(false), None, None), false, State::Moved, None);
        goes(&moved(6), &report(Some(true), None, None), false, State::Live, Some(What::Returned));
        goes(&moved(8), &report(None, Some(Shown::Txt), None), false, State::Live, Some(What::Returned));
        goes(&moved(7), &report(Some(false), None, None), false, State::Released, Some(What::Released));
        // Nobody can tell: not the moment to let go.
        goes(&moved(9), &report(None, None, Some(Code::SilentServer)), false, State::Moved, None);
    }

    #[test]
    fn a_record_that_was_left_behind_is_told_each_week_and_not_for_ever() {
        let released = domain(State::Released);
        goes(&released, &report(Some(true), None, None), false, State::Released, Some(What::StillPoints));
        goes(&released, &report(Some(false), None, None), false, State::Released, None);
        goes(&released, &report(None, None, Some(Code::SilentServer)), false, State::Released, None);
        // It leads to its new holder.
        goes(&released, &report(Some(true), None, None), true, State::Released, None);
        let seen = Domain { checked_at: Some(now() - TimeDelta::days(2)), ..released.clone() };
        goes(&seen, &report(Some(true), None, None), false, State::Released, None);
        let old = Domain { ended_at: Some(now() - TimeDelta::days(92)), ..released };
        assert_eq!(turn(&old, &report(Some(true), None, None), false, now()).next, None);
    }

    #[test]
    fn trouble_is_told_once_and_so_is_its_end() {
        let (live, trouble) = (domain(State::Live), report(Some(true), None, Some(Code::CaaOtherIssuer)));
        goes(&live, &trouble, false, State::Live, Some(What::Troubled));
        let troubled = Domain { troubled_since: Some(now()), ..live };
        goes(&troubled, &trouble, false, State::Live, None);
        goes(&troubled, &report(Some(true), None, None), false, State::Live, Some(What::Recovered));
    }
}
