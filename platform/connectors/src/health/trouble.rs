//! Trouble with a source, sorted by who can mend it and how.

use serde::Serialize;

use crate::orderflow::LOCKED;
use crate::orders::SourceError;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $word:literal, $what:literal, $act:literal;)+) => {
        /// Who can mend it. The words stand in the database, pages have sentences of their own for them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum TroubleKind {
            $($(#[$doc])* $kind,)+
        }

        impl TroubleKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// As stored.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$kind => $word,)+ }
            }

            /// What is the matter, in a sentence.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self { $(Self::$kind => $what,)+ }
            }

            /// What a person can do about it.
            #[must_use]
            pub fn act(self) -> &'static str {
                match self { $(Self::$kind => $act,)+ }
            }
        }
    };
}

kinds! {
    /// No connection, or it was lost.
    Unreachable "unreachable", "The order system does not answer.",
        "Ask its administrator whether the server runs and whether its firewall lets us in. Reading goes on by itself once it answers.";
    /// The role or its password.
    Login "login", "The order system does not let our role sign in.",
        "Ask its administrator for the role's password and its line in pg_hba.conf, then store the address again with `portico connector add`.";
    /// Its connections are all taken.
    Full "full", "The order system has no connection left for us.",
        "Ask its administrator to raise the role's connection limit to 3, or wait until its own users need fewer.";
    /// It answered too late.
    Slow "slow", "A statement took longer than the two seconds we allow ourselves.",
        "Usually an index is missing: the dry run names it. Pages are made smaller meanwhile and reading goes on.";
    /// A lock was in the way.
    Locked "locked", "Somebody holds a lock on a table that we read; we did not wait for it.",
        "Nothing, unless it lasts: then ask the administrator who holds the lock (a long change of a table, a backup).";
    /// A right was taken away.
    Rights "rights", "Our role may no longer read something that the mapping names.",
        "Ask the administrator to grant select on it, or take it out of the mapping.";
    /// Tables or columns that are not there.
    Misfit "misfit", "The mapping names tables or columns that the order system does not have.",
        "Mend the mapping where the message names its key, try it with a dry run, and activate it.";
    /// It said no to a statement.
    Refused "refused", "The order system refused a statement.",
        "A dry run names the key of the mapping whose expression it refuses.";
    /// What we stored of it.
    Address "address", "The stored address of the order system cannot be read.",
        "Store the address again with `portico connector add`.";
    /// Our own side.
    Ours "ours", "The trouble is on our side, not at the order system.",
        "Nothing at the order system; reading is tried again. Tell the platform's operators when it stays.";
}

impl TroubleKind {
    /// Reads a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }

    /// Sorts what a source answered; texts end with the state in brackets where the server gave one.
    #[must_use]
    pub fn of(error: &SourceError) -> Self {
        let state = |text: &str| {
            let inside = text.strip_suffix(')').and_then(|text| text.rsplit_once('('));
            inside.map(|(_, state)| state.to_owned()).unwrap_or_default()
        };
        match error {
            SourceError::Slow(text) if text.ends_with(LOCKED) => Self::Locked,
            SourceError::Slow(_) => Self::Slow,
            SourceError::Misfit(faults) if faults.iter().all(|fault| fault.what.starts_with(MAY_NOT)) => {
                Self::Rights
            }
            SourceError::Misfit(_) => Self::Misfit,
            SourceError::Unreachable(text) | SourceError::Refused(text) => match state(text).as_str() {
                "28P01" | "28000" | "3D000" => Self::Login,
                "53300" => Self::Full,
                "42501" => Self::Rights,
                "42P01" | "42703" | "3F000" => Self::Misfit,
                _ if matches!(error, SourceError::Unreachable(_)) => Self::Unreachable,
                _ => Self::Refused,
            },
        }
    }
}

/// How the catalogue's word about a right begins.
const MAY_NOT: &str = "the role may not read";

#[cfg(test)]
mod tests {
    use super::TroubleKind;
    use crate::mapping::Fault;
    use crate::orders::SourceError::{Misfit, Refused, Slow, Unreachable};

    #[test]
    fn trouble_is_sorted_by_who_can_mend_it() {
        let fault = |what: &str| Fault { key: "order.key".into(), what: what.into() };
        for (error, wanted) in [
            (Slow("canceling statement due to lock timeout (55P03)".into()), TroubleKind::Locked),
            (Slow("canceling statement due to statement timeout (57014)".into()), TroubleKind::Slow),
            (Unreachable("no connection within 3 s".into()), TroubleKind::Unreachable),
            (Unreachable("sorry, too many clients already (53300)".into()), TroubleKind::Full),
            (Refused("password authentication failed (28P01)".into()), TroubleKind::Login),
            (Refused("permission denied for table x (42501)".into()), TroubleKind::Rights),
            (Refused("division by zero (22012)".into()), TroubleKind::Refused),
            (Misfit(vec![fault("the role may not read a.b")]), TroubleKind::Rights),
            (Misfit(vec![fault("the role may not read a.b"), fault("has no column")]), TroubleKind::Misfit),
        ] {
            assert_eq!(TroubleKind::of(&error), wanted, "{error}");
        }
        for kind in TroubleKind::ALL {
            assert_eq!(TroubleKind::from_word(kind.word()), Some(*kind));
            assert!(kind.what().ends_with('.') && kind.act().ends_with('.'), "{kind:?}");
        }
    }
}
