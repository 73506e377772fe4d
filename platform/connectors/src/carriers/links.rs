//! Where a parcel can be followed: the carrier's own page, by carrier and shape of the number. Pure.

use super::numbers::{self, bare};

/// A carrier that has a page for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Ups,
    Fedex,
    DhlExpress,
    DhlParcel,
    Usps,
    Dpd,
    Gls,
    LaPoste,
    RoyalMail,
}

/// The address to show for a parcel: the source's own when it is `https`, else ours. None where a number could be
/// anything: a link that leads to "not found" is worse than a number to copy.
#[must_use]
pub fn link(source: Option<&str>, carrier: Option<&str>, number: Option<&str>) -> Option<String> {
    let own = source.filter(|url| url.starts_with("https://"));
    own.map(str::to_owned).or_else(|| by_number(carrier, number?))
}

fn by_number(carrier: Option<&str>, number: &str) -> Option<String> {
    let number = bare(number);
    let carrier = match carrier.map(named) {
        Some(Named::Known(candidates)) => candidates.iter().copied().find(|carrier| fits(*carrier, &number)),
        Some(Named::Other) => None,
        Some(Named::Nobody) | None => telling(&number),
    }?;
    // Letters and digits alone: nothing to escape.
    Some(match carrier {
        Carrier::Ups => format!("https://www.ups.com/track?tracknum={number}"),
        Carrier::Fedex => format!("https://www.fedex.com/fedextrack/?trknbr={number}"),
        Carrier::DhlExpress => {
            format!("https://www.dhl.com/en/express/tracking.html?AWB={number}")
        }
        Carrier::DhlParcel => {
            format!("https://www.dhl.de/de/privatkunden/dhl-sendungsverfolgung.html?piececode={number}")
        }
        Carrier::Usps => format!("https://tools.usps.com/go/TrackConfirmAction?tLabels={number}"),
        Carrier::Dpd => format!("https://tracking.dpd.de/status/en_US/parcel/{number}"),
        Carrier::Gls => format!("https://gls-group.com/EU/en/parcel-tracking/?match={number}"),
        Carrier::LaPoste => format!("https://www.laposte.fr/outils/suivre-vos-envois?code={number}"),
        Carrier::RoyalMail => format!("https://www.royalmail.com/track-your-item#/tracking-results/{number}"),
    })
}

/// What a source's word for a carrier means.
enum Named {
    Known(&'static [Carrier]),
    /// Somebody of whom we know no page; their numbers may look like another's.
    Other,
    Nobody,
}

fn named(carrier: &str) -> Named {
    use Carrier::{DhlExpress, DhlParcel, Dpd, Fedex, Gls, LaPoste, RoyalMail, Ups, Usps};
    let words: String =
        carrier.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let has = |name: &str| {
        format!(" {} ", words.split_whitespace().collect::<Vec<_>>().join(" ")).contains(&format!(" {name} "))
    };
    if words.trim().is_empty() {
        return Named::Nobody;
    }
    // Freight goes by other numbers on other pages.
    if has("freight") || has("ltl") {
        return Named::Other;
    }
    let known: &[(&[&str], &[Carrier])] = &[
        (&["usps", "us postal service", "united states postal service"], &[Usps]),
        (&["ups", "united parcel service"], &[Ups]),
        (&["fedex", "federal express"], &[Fedex]),
        (&["dhl", "dhle", "deutsche post"], &[DhlExpress, DhlParcel]),
        (&["dpd"], &[Dpd]),
        (&["gls"], &[Gls]),
        (&["la poste", "laposte", "colissimo"], &[LaPoste]),
        (&["royal mail", "royalmail"], &[RoyalMail]),
    ];
    let found = known.iter().find(|(names, _)| names.iter().any(|name| has(name)));
    found.map_or(Named::Other, |(_, carriers)| Named::Known(carriers))
}

/// Whether a number has the shape of this carrier's.
fn fits(carrier: Carrier, number: &str) -> bool {
    let country = numbers::s10(number);
    match carrier {
        Carrier::Ups => numbers::ups(number),
        Carrier::Fedex => numbers::fedex(number),
        Carrier::DhlExpress => numbers::dhl_express(number),
        Carrier::DhlParcel => numbers::dhl_parcel(number) || country == Some("DE"),
        Carrier::Usps => numbers::usps(number) || country == Some("US"),
        Carrier::Dpd => numbers::dpd(number),
        Carrier::Gls => numbers::gls(number),
        Carrier::LaPoste => numbers::colissimo(number) || country == Some("FR"),
        Carrier::RoyalMail => country == Some("GB"),
    }
}

/// Whose number it is, where the number alone tells.
fn telling(number: &str) -> Option<Carrier> {
    use Carrier::{DhlParcel, LaPoste, RoyalMail, Ups, Usps};
    if numbers::ups(number) {
        return Some(Ups);
    }
    if numbers::usps(number) {
        return Some(Usps);
    }
    match numbers::s10(number)? {
        "US" => Some(Usps),
        "GB" => Some(RoyalMail),
        "FR" => Some(LaPoste),
        "DE" => Some(DhlParcel),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(carrier: &str, number: &str) -> Option<String> {
        link(None, Some(carrier).filter(|name| !name.is_empty()), Some(number))
    }

    #[test]
    fn carriers_have_their_pages() {
        for (carrier, number, begins) in [
            (
                "UPS Ground",
                "1Z 999 AA1 01 2345 6784",
                "https://www.ups.com/track?tracknum=1Z999AA10123456784",
            ),
            ("FedEx", "9865 7878 8855", "https://www.fedex.com/"),
            ("DHL Express", "3318810025", "https://www.dhl.com/"),
            ("USPS Priority", "9400111899223818218407", "https://tools.usps.com/"),
            ("DPD", "01545052371235", "https://tracking.dpd.de/"),
            ("GLS", "12345678901", "https://gls-group.com/"),
            ("La Poste", "6A12345678901", "https://www.laposte.fr/"),
            ("Royal Mail", "RB 123 456 785 GB", "https://www.royalmail.com/"),
            ("", "1Z999AA10123456784", "https://www.ups.com/"),
            ("", "RB123456785GB", "https://www.royalmail.com/"),
        ] {
            assert!(own(carrier, number).is_some_and(|url| url.starts_with(begins)), "{carrier} {number}");
        }
    }

    #[test]
    fn a_number_that_could_be_anything_leads_nowhere() {
        for (carrier, number) in [
            ("UPS", "1Z999AA10123456785"),
            ("DHL Freight", "3318810025"),
            ("Smith & Sons Haulage", "1Z999AA10123456784"),
            ("", "3318810025"),
            ("", "986578788855"),
            ("FedEx", "\"><script>"),
        ] {
            assert_eq!(own(carrier, number), None, "{carrier} {number}");
        }
    }

    #[test]
    fn the_source_knows_better_as_long_as_it_is_safe() {
        let number = Some("1Z999AA10123456784");
        assert_eq!(
            link(Some("https://t.example/1"), Some("UPS"), number).as_deref(),
            Some("https://t.example/1")
        );
        let ours = link(Some("http://t.example/1"), Some("UPS"), number);
        assert!(ours.is_some_and(|url| url.starts_with("https://www.ups.com/")));
        assert_eq!(link(Some("http://t.example/1"), Some("Somebody"), number), None);
        assert_eq!(link(None, None, None), None);
    }
}
