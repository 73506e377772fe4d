//! The shapes of tracking numbers, with their check digits where they are public. Pure.
//!
//! Sources: UPS "Tracking number check digit" (1Z numbers), FedEx developer guide (12 and 15 digits), USPS Publication 199
//! (IMpb), UPU standard S10 (international mail), DHL Express waybills (modulo 7), DPD parcel label specification
//! (ISO/IEC 7064 mod 37,36). GLS and Colissimo publish a length and no check digit that holds in every country.

/// Upper-case letters and digits.
#[must_use]
pub fn bare(number: &str) -> String {
    number.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// UPS: `1Z`, fifteen letters or digits, a check digit.
pub(super) fn ups(number: &str) -> bool {
    let Some(rest) = number.strip_prefix("1Z").filter(|rest| rest.len() == 16) else { return false };
    let value = |(at, c): (usize, char)| {
        let value = c.to_digit(10).unwrap_or_else(|| (u32::from(c) - 63) % 10);
        if at % 2 == 1 { value * 2 } else { value }
    };
    let sum: u32 = rest.chars().take(15).enumerate().map(value).sum();
    rest.chars().last().and_then(|c| c.to_digit(10)) == Some((10 - sum % 10) % 10)
}

/// FedEx Express: twelve digits; FedEx Ground: fifteen.
pub(super) fn fedex(number: &str) -> bool {
    let Some(digits) = digits(number) else { return false };
    match digits.len() {
        12 => {
            let weights = [3, 1, 7].into_iter().cycle();
            let sum: u32 = digits[..11].iter().zip(weights).map(|(digit, weight)| digit * weight).sum();
            sum % 11 % 10 == digits[11]
        }
        15 => modulo_10(&digits),
        _ => false,
    }
}

/// USPS: twenty or twenty-two digits that begin with 9.
pub(super) fn usps(number: &str) -> bool {
    let digits = digits(number);
    digits.is_some_and(|digits| matches!(digits.len(), 20 | 22) && digits[0] == 9 && modulo_10(&digits))
}

/// DHL Express: ten digits, the last is the rest of the others by seven.
pub(super) fn dhl_express(number: &str) -> bool {
    number.len() == 10
        && number.split_at(9).0.parse::<u64>().is_ok_and(|waybill| (waybill % 7).to_string() == number[9..])
}

/// DHL's parcels in Germany: `00340` and fifteen more digits.
pub(super) fn dhl_parcel(number: &str) -> bool {
    digits(number)
        .is_some_and(|digits| number.starts_with("00340") && digits.len() == 20 && modulo_10(&digits))
}

/// DPD: fourteen digits, and a check character after them on labels.
pub(super) fn dpd(number: &str) -> bool {
    let bare = number.len() == 14 && digits(number).is_some();
    let labelled =
        number.len() == 15 && digits(&number[..14]).is_some() && number.ends_with(mod_37_36(&number[..14]));
    bare || labelled
}

/// GLS: eleven or twelve digits, or eight letters and digits of a track id.
pub(super) fn gls(number: &str) -> bool {
    matches!(number.len(), 11 | 12) && digits(number).is_some() || number.len() == 8
}

/// Colissimo: two signs and eleven digits.
pub(super) fn colissimo(number: &str) -> bool {
    number.len() == 13
        && number.is_char_boundary(2)
        && digits(&number[2..]).is_some()
        && !number.starts_with("00")
}

/// International mail: two letters, eight digits, a check digit, and the country of the post that took it in.
pub(super) fn s10(number: &str) -> Option<&str> {
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase());
    if number.len() != 13 || !number.is_ascii() || !letters(&number[..2]) || !letters(&number[11..]) {
        return None;
    }
    let digits = digits(&number[2..11])?;
    let sum: u32 =
        digits[..8].iter().zip([8, 6, 4, 2, 3, 5, 9, 7]).map(|(digit, weight)| digit * weight).sum();
    let check = match 11 - sum % 11 {
        10 => 0,
        11 => 5,
        check => check,
    };
    (check == digits[8]).then(|| &number[11..])
}

fn digits(text: &str) -> Option<Vec<u32>> {
    if text.is_empty() { None } else { text.chars().map(|c| c.to_digit(10)).collect() }
}

/// Weights 3 and 1 by turns, from the digit before the last on to the left.
fn modulo_10(digits: &[u32]) -> bool {
    let Some((check, rest)) = digits.split_last() else { return false };
    let sum: u32 =
        rest.iter().rev().zip([3, 1].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
    (10 - sum % 10) % 10 == *check
}

fn mod_37_36(text: &str) -> char {
    let value = |c: char| c.to_digit(36).unwrap_or_default();
    let mut product = 36;
    for c in text.chars() {
        let sum = (product + value(c)) % 36;
        product = if sum == 0 { 36 } else { sum } * 2 % 37;
    }
    char::from_digit((37 - product) % 36, 36).unwrap_or('0').to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_hold() {
        for number in ["1Z999AA10123456784", "1Z879E930346834440", "1Z5R89390357567127"] {
            assert!(ups(number), "{number}");
        }
        for number in ["986578788855", "477179081230", "041441760228964"] {
            assert!(fedex(number), "{number}");
        }
        assert!(usps("9400111899223818218407") && usps("9205590164917312751089"));
        assert!(dhl_express("3318810025"));
        assert_eq!(s10("RB123456785GB"), Some("GB"));
        assert!(dpd("01545052371235") && gls("12345678901") && colissimo("6A12345678901"));
    }

    #[test]
    fn a_wrong_digit_is_no_number() {
        for number in ["1Z999AA10123456785", "1Z999AA1012345678", "1Z\u{e9}", ""] {
            assert!(!ups(number), "{number}");
        }
        assert!(!fedex("986578788856") && !usps("9400111899223818218408") && !dhl_express("3318810026"));
        assert_eq!(s10("RB123456784GB"), None);
        assert_eq!(s10("\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}1"), None);
        assert!(!dpd("1545052371235") && !gls("123") && !colissimo("123"));
    }

    #[test]
    fn dpd_labels_carry_a_check_character() {
        let number = "01545052371235";
        assert!(dpd(&format!("{number}{}", mod_37_36(number))));
        let wrong = if mod_37_36(number) == 'A' { 'B' } else { 'A' };
        assert!(!dpd(&format!("{number}{wrong}")));
    }
}
