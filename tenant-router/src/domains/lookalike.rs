//! Names that look like something they are not: letters of several scripts in one label, or the platform's own name in
//! other letters (UTS 39).

use idna::uts46::Uts46;
use unicode_security::MixedScript;
use unicode_security::confusable_detection::skeleton;

use crate::host::Host;

/// What a name looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Likeness {
    /// This label has letters of several scripts.
    Mixed(String),
    /// This label looks like the platform's name.
    Platform(String),
}

/// Judges a name beside the platform's.
pub(super) fn of(host: &Host, base: &Host) -> Option<Likeness> {
    let labels: Vec<String> = host.labels().map(shown).collect();
    if let Some(mixed) = labels.iter().find(|label| !label.is_ascii() && !label.is_single_script()) {
        return Some(Likeness::Mixed(mixed.clone()));
    }
    let ours: Vec<&str> = base.labels().collect();
    let brand = ours.first().copied().unwrap_or_default();
    // The very same letters are no disguise: `portico.kunde.de` may be a company's own portico.
    let disguised = |label: &&String| label.as_str() != brand && seen(label) == seen(brand);
    if let Some(label) = labels.iter().find(disguised) {
        return Some(Likeness::Platform(label.clone()));
    }
    let end: Vec<String> = labels.iter().rev().take(ours.len()).rev().map(|label| seen(label)).collect();
    let whole = ours.iter().map(|label| seen(label)).collect::<Vec<_>>() == end;
    whole.then(|| Likeness::Platform(labels.join(".")))
}

/// A label as a browser shows it.
fn shown(label: &str) -> String {
    let (unicode, outcome) = Uts46::new().to_unicode(
        label.as_bytes(),
        idna::uts46::AsciiDenyList::EMPTY,
        idna::uts46::Hyphens::Allow,
    );
    if outcome.is_ok() { unicode.into_owned() } else { label.to_owned() }
}

/// What the eye makes of it. Digits stand for the letters that they are taken for.
fn seen(label: &str) -> String {
    let letters: String = skeleton(label).flat_map(char::to_lowercase).collect();
    skeleton(&letters.replace('0', "o").replace('1', "l").replace('3', "e").replace('5', "s")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(name: &str) -> Option<Likeness> {
        of(&Host::parse(name).unwrap(), &Host::parse("portico.example").unwrap())
    }

    #[test]
    fn disguises_are_seen() {
        for name in [
            // Several Cyrillic letters, one, a digit; the last changes a letter that is no other's double.
            "роrtiсо.kunde.de",
            "pоrtico.kunde.de",
            "p0rtico.kunde.de",
            "portlco.kunde.de",
        ] {
            let found = likeness(name);
            let expected = name == "portlco.kunde.de";
            assert_eq!(found.is_none(), expected, "{name}: {found:?}");
        }
        assert_eq!(likeness("раураl.kunde.de"), Some(Likeness::Mixed("раураl".into())));
        // One script throughout: every letter is Cyrillic.
        let base = Host::parse("scope.example").unwrap();
        assert!(matches!(of(&Host::parse("ѕсоре.kunde.de").unwrap(), &base), Some(Likeness::Platform(_))));
        assert!(matches!(likeness("a.p0rtico.example"), Some(Likeness::Platform(_))));
    }

    #[test]
    fn honest_names_pass() {
        for name in [
            "success.kunde-a.de",
            "müller.de",
            "κατάστημα.gr",
            "москва.рф",
            "例え.jp",
            "ドメイン名例.jp",
            "한국.kr",
            "portico.kunde.de",
            "support.kunde.de",
            "0800.kunde.de",
        ] {
            assert_eq!(likeness(name), None, "{name}");
        }
    }
}
