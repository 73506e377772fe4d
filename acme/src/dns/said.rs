//! The answer to one question, read: the records, a lawful absence, or trouble and whose.

use std::fmt;

use super::message::{Answer, Code, Data, Kind};

/// Longest chain of aliases that is followed.
const LONGEST_CHAIN: usize = 16;

/// Why a server gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Trouble {
    #[error("does not answer")]
    Silent,
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error("refuses to answer (REFUSED)")]
    Refused,
    #[error("fails (SERVFAIL{})", words(.0))]
    Fails(Option<(u16, String)>),
    #[error("is not set up for this zone")]
    Lame,
    #[error("answers with the error code {0}")]
    Odd(u16),
    #[error("answers with something unreadable: {0}")]
    Garbled(String),
    #[error("follows the aliases in a circle")]
    Loop,
    #[error("has an address that is not of the public internet")]
    Forbidden,
    #[error("has no address")]
    NoAddress,
}

fn words(extended: &Option<(u16, String)>) -> String {
    match extended {
        Some((number, words)) if words.is_empty() => format!(", extended error {number}"),
        Some((_, words)) => format!(", {words}"),
        None => String::new(),
    }
}

/// What one server says to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// `chain`: the aliases on the way, in order. `data` is empty where the chain leads out of the server's zones.
    Found {
        chain: Vec<String>,
        data: Vec<Data>,
        ttl: u32,
    },
    /// The name exists (at the end of `chain`), without such a record.
    NoRecord {
        chain: Vec<String>,
        keep: Option<u32>,
    },
    /// The name does not exist. `keep`: seconds for which resolvers may remember that.
    NoName {
        chain: Vec<String>,
        keep: Option<u32>,
    },
    Failed(Trouble),
}

impl Said {
    /// Reads the answer to `name`/`kind`. `own`: the server was asked as the zone's own and has to say so.
    #[must_use]
    pub fn read(name: &str, kind: Kind, own: bool, answer: &Answer) -> Self {
        match answer.code {
            Code::NoError | Code::NoName => {}
            Code::ServerFailure => return Self::Failed(Trouble::Fails(answer.extended.clone())),
            Code::Refused => return Self::Failed(Trouble::Refused),
            Code::Other(code) => return Self::Failed(Trouble::Odd(code)),
        }
        if own && !answer.authoritative {
            return Self::Failed(Trouble::Lame);
        }
        let Some((chain, end, mut ttl)) = follow(name, kind, answer) else {
            return Self::Failed(Trouble::Loop);
        };
        let mut data = Vec::new();
        for rr in answer.answers.iter().filter(|rr| rr.name == end && rr.data.kind() == kind) {
            ttl = ttl.min(rr.ttl);
            data.push(rr.data.clone());
        }
        data.sort();
        data.dedup();
        if !data.is_empty() {
            return Self::Found { chain, data, ttl };
        }
        let keep = answer.negative_ttl();
        match (answer.code, chain.is_empty()) {
            (Code::NoName, _) => Self::NoName { chain, keep },
            // The zone's own server stops where the alias leaves the zone: that is an answer, and no absence.
            (_, false) if own && keep.is_none() => Self::Found { chain, data, ttl },
            _ => Self::NoRecord { chain, keep },
        }
    }

    /// The records, if there are any.
    #[must_use]
    pub fn data(&self) -> &[Data] {
        match self {
            Self::Found { data, .. } => data,
            _ => &[],
        }
    }

    /// The aliases on the way.
    #[must_use]
    pub fn chain(&self) -> &[String] {
        match self {
            Self::Found { chain, .. } | Self::NoRecord { chain, .. } | Self::NoName { chain, .. } => chain,
            Self::Failed(_) => &[],
        }
    }

    /// What went wrong.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Failed(trouble) => Some(trouble),
            _ => None,
        }
    }

    /// Seconds for which a resolver may keep this answer.
    #[must_use]
    pub fn keep(&self) -> Option<u32> {
        match self {
            Self::Found { ttl, .. } => Some(*ttl),
            Self::NoRecord { keep, .. } | Self::NoName { keep, .. } => *keep,
            Self::Failed(_) => None,
        }
    }

    /// Whether two servers say the same; times do not count.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Found { chain: a, data: x, .. }, Self::Found { chain: b, data: y, .. }) => {
                a == b && x == y
            }
            (Self::NoRecord { chain: a, .. }, Self::NoRecord { chain: b, .. })
            | (Self::NoName { chain: a, .. }, Self::NoName { chain: b, .. }) => a == b,
            (Self::Failed(a), Self::Failed(b)) => a == b,
            _ => false,
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain: Vec<String> = self.chain().iter().map(|name| format!("CNAME {name}")).collect();
        let end = match self {
            Self::Found { data, .. } => {
                data.iter().map(|one| format!("{} {one}", one.kind())).collect::<Vec<_>>().join(", ")
            }
            Self::NoRecord { .. } => "no such record".to_owned(),
            Self::NoName { .. } => "no such name".to_owned(),
            Self::Failed(trouble) => trouble.to_string(),
        };
        let parts: Vec<String> = chain.into_iter().chain((!end.is_empty()).then_some(end)).collect();
        f.write_str(&parts.join(" -> "))
    }
}

/// Follows the aliases within one answer: the chain, the name at its end, the shortest life on the way.
fn follow(name: &str, kind: Kind, answer: &Answer) -> Option<(Vec<String>, String, u32)> {
    let (mut chain, mut end, mut ttl) = (Vec::new(), name.to_owned(), u32::MAX);
    if kind == Kind::Cname {
        return Some((chain, end, ttl));
    }
    loop {
        // A record of the kind beside an alias: both are there, and the record is the answer.
        if answer.answers.iter().any(|rr| rr.name == end && rr.data.kind() == kind) {
            return Some((chain, end, ttl));
        }
        let alias = answer.answers.iter().find_map(|rr| match &rr.data {
            Data::Cname(target) if rr.name == end => Some((target.clone(), rr.ttl)),
            _ => None,
        });
        let Some((target, life)) = alias else { return Some((chain, end, ttl)) };
        if target == name || chain.contains(&target) || chain.len() == LONGEST_CHAIN {
            return None;
        }
        ttl = ttl.min(life);
        chain.push(target.clone());
        end = target;
    }
}
