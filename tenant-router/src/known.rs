//! One entry of the route table: a name and its route side by side in the bucket, so that a look-up fetches one place in
//! memory where a map of pointers fetches two or three.

use crate::host::Host;
use crate::table::Route;

/// Longer names are rare and live apart.
const SHORT: usize = 46;

/// A known host with its route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    name: Name,
    pub(crate) route: Route,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Short { length: u8, text: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl Known {
    pub(crate) fn new(host: &Host, route: Route) -> Self {
        Self { name: Name::new(host.as_str().as_bytes()), route }
    }

    /// Whether this is the entry of a name in its canonical spelling.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.bytes() == name.as_bytes()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.name.bytes()
    }

    pub(crate) fn host(&self) -> Host {
        let text = std::str::from_utf8(self.name.bytes()).expect("made from a Host");
        Host::parse(text).expect("made from a Host")
    }
}

impl Name {
    fn new(bytes: &[u8]) -> Self {
        let mut text = [0; SHORT];
        match text.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Self::Short { length: u8::try_from(bytes.len()).expect("at most 46"), text }
            }
            None => Self::Long(bytes.into()),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Short { length, text } => &text[..usize::from(*length)],
            Self::Long(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Kind;
    use platform_core::id::TenantId;
    use uuid::Uuid;

    #[test]
    fn names_of_every_length_are_kept() {
        let route = Route { tenant: TenantId(Uuid::nil()), slug: "a".into(), domain: None, kind: Kind::Live };
        for length in 1..=60 {
            let host = Host::parse(&format!("{}.example", "a".repeat(length))).unwrap();
            let known = Known::new(&host, route.clone());
            assert!(known.is(host.as_str()) && !known.is("b.example"));
            assert_eq!(known.host(), host);
        }
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Name>() <= 48, "{}", size_of::<Name>());
        assert!(size_of::<Known>() <= 128, "{}", size_of::<Known>());
    }
}
