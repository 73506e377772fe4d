//! The report: what people, the console's wizard and programs read. It is stored as it is.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::knock::Heard;
use super::points::Place;
use super::proof::Proof;
use super::provider::Fields;
use super::{Want, proxy};
use crate::dns::is_within;

/// What a check is about, and what came of it; stable, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    // the zone and its servers
    WalkCut,
    Unregistered,
    ServersAnswer,
    SilentServer,
    LameServer,
    RefusingServer,
    FailingServer,
    ServerWithoutAddress,
    DelegationDiffers,
    ServersDiffer,
    DnssecBogus,
    ResolversFail,
    ResolverSilent,
    ResolversBehind,
    // where the host points
    PointsHere,
    PointsHereByAddress,
    Proxied,
    ProxyPasses,
    ProxyBlocks,
    NoName,
    NoRecord,
    WrongCname,
    OldTarget,
    DoubledTarget,
    DoubledName,
    CnameAtApex,
    CnameBesideOthers,
    CnameLoop,
    CnameDangles,
    WrongAddress,
    StaleAddress,
    WildcardAnswers,
    Unclaimed,
    Unseen,
    TargetUnresolved,
    TargetsReady,
    TargetsWithoutCaa,
    // whose it is
    ProofByCname,
    ProofByTxt,
    ProofMissing,
    ProofWrong,
    ProofQuoted,
    ProofDoubled,
    ProofContested,
    // whether a certificate can be had
    CaaAllows,
    CaaUntilCname,
    CaaOtherIssuer,
    CaaNobody,
    CaaAccount,
    CaaMethod,
    CaaCritical,
    CaaUnreadable,
    ChallengeDelegated,
    ChallengeShadowed,
    ChallengeElsewhere,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing waits for it.
    Note,
    /// Time alone will mend it.
    Wait,
    /// Somebody has to do something.
    Fail,
}

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Whoever runs the host's DNS.
    Customer,
    /// The platform.
    Us,
    /// The certificate authority.
    Authority,
    Nobody,
}

/// What was seen, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    pub said: String,
    pub by: Vec<String>,
}

/// A record to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub name: String,
    pub kind: String,
    pub value: String,
    /// As the form of the zone's DNS provider wants it; none when the provider is not known.
    pub fields: Option<Fields>,
}

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub code: Code,
    pub level: Level,
    /// The name that it is about.
    pub name: String,
    /// What came of it, in a sentence.
    pub says: String,
    /// Empty where nothing in particular was expected.
    pub expected: String,
    pub seen: Vec<Sighting>,
    pub who: Who,
    /// What to do, in a sentence or two.
    pub fix: Option<String>,
    /// Records that the fix is about.
    pub records: Vec<Record>,
    /// Until when somebody may still see an old answer.
    pub until: Option<DateTime<Utc>>,
}

impl Check {
    /// A check with nothing but its finding.
    #[must_use]
    pub fn new(code: Code, level: Level, who: Who, name: &str, says: impl Into<String>) -> Self {
        Self {
            code,
            level,
            name: name.to_owned(),
            says: says.into(),
            expected: String::new(),
            seen: Vec::new(),
            who,
            fix: None,
            records: Vec::new(),
            until: None,
        }
    }

    /// As it should be.
    #[must_use]
    pub fn well(code: Code, name: &str, says: impl Into<String>) -> Self {
        Self::new(code, Level::Ok, Who::Nobody, name, says)
    }

    /// The customer has to act.
    #[must_use]
    pub fn theirs(code: Code, name: &str, says: impl Into<String>) -> Self {
        Self::new(code, Level::Fail, Who::Customer, name, says)
    }

    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    #[must_use]
    pub fn seen(mut self, seen: Vec<Sighting>) -> Self {
        self.seen = seen;
        self
    }

    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    #[must_use]
    pub fn records(mut self, records: Vec<Record>) -> Self {
        self.records = records;
        self
    }

    #[must_use]
    pub fn until(mut self, until: Option<DateTime<Utc>>) -> Self {
        self.until = until;
        self
    }

    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }
}

/// Groups what several servers say.
pub(super) fn sightings(said: impl IntoIterator<Item = (String, String)>) -> Vec<Sighting> {
    let mut seen: Vec<Sighting> = Vec::new();
    for (by, said) in said {
        match seen.iter_mut().find(|sighting| sighting.said == said) {
            Some(known) => known.by.push(by),
            None => seen.push(Sighting { said, by: vec![by] }),
        }
    }
    seen
}

/// The provider of the zone's DNS, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    pub name: String,
    /// Its page for this zone's records.
    pub link: String,
}

/// Everything about one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub host: String,
    pub at: DateTime<Utc>,
    /// The zone that the host is in, such as `brightwater.example`.
    pub zone: Option<String>,
    pub servers: Vec<String>,
    pub provider: Option<Host>,
    /// Whose proxy stands in front of the host.
    pub proxy: Option<String>,
    /// The proof of ownership that holds now.
    pub proof: Option<Proof>,
    /// Whether visitors of the host come to this platform: none when nobody could tell.
    pub arrives: Option<bool>,
    pub checks: Vec<Check>,
    /// When the platform looks again by itself.
    pub next_look: Option<DateTime<Utc>>,
}

impl Report {
    pub(super) fn new(
        want: &Want,
        facts: &Facts,
        checks: Vec<Check>,
        proof: Option<Proof>,
        place: Option<Place>,
    ) -> Self {
        let zone = facts.zone();
        let apex = zone.map(|zone| zone.apex.clone()).filter(|apex| is_within(&want.host, apex));
        let provider = facts.provider().map(|provider| Host {
            name: provider.name.to_owned(),
            link: provider.link(apex.as_deref().unwrap_or_default()),
        });
        // Any target of ours brings visitors here; whose they are, the TXT record says.
        let meant = matches!(place, Some(Place::OldTarget(_))) && proof == Some(Proof::Txt);
        // What came through the proxy came here.
        let passes = matches!(place, Some(Place::Proxied(_))) && facts.knocked == Some(Heard::Ours);
        let arrives = if meant || passes { Some(true) } else { place.and_then(|place| place.arrives()) };
        let proxy =
            facts.deciding().into_iter().flat_map(super::facts::Reading::addresses).find_map(proxy::of);
        Self {
            host: want.host.clone(),
            at: facts.at,
            zone: apex,
            servers: zone.map_or_else(Vec::new, |zone| {
                zone.servers.iter().map(|server| server.name.clone()).collect()
            }),
            provider,
            proxy: proxy.map(str::to_owned),
            proof,
            arrives,
            checks,
            next_look: None,
        }
    }

    /// The worst of the checks.
    #[must_use]
    pub fn level(&self) -> Level {
        self.checks.iter().map(|check| check.level).max().unwrap_or(Level::Ok)
    }

    /// The check of a code.
    #[must_use]
    pub fn check(&self, code: Code) -> Option<&Check> {
        self.checks.iter().find(|check| check.code == code)
    }

    /// What stands between the host and a certificate: an order before these are mended would fail at the authority.
    pub fn obstacles(&self) -> impl Iterator<Item = &Check> {
        let about_proof = |code: Code| {
            matches!(
                code,
                Code::ProofMissing
                    | Code::ProofWrong
                    | Code::ProofQuoted
                    | Code::ProofDoubled
                    | Code::ProofContested
            )
        };
        self.checks
            .iter()
            .filter(move |check| check.level >= Level::Wait && !about_proof(check.code))
            .filter(|check| check.code != Code::ResolversBehind)
    }
}
