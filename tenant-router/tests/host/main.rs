//! The host parser against a slow reference, over texts that are put together from what makes names go wrong. The fuzz
//! target in `fuzz/` goes on where this ends.

mod reference;

use tenant_router::Host;

const PIECES: &[&str] = &[
    "a",
    "b",
    "z",
    "A",
    "Z",
    "0",
    "9",
    "1",
    "127",
    "0x",
    "0X7f",
    "-",
    "-",
    ".",
    ".",
    ".",
    ".",
    ":",
    "443",
    ":443",
    ":0",
    ":65536",
    "_",
    "*",
    "@",
    "/",
    "%",
    " ",
    "\0",
    "\r\n",
    "[",
    "]",
    "::1",
    "xn--",
    "XN--",
    "xn--mnchen-3ya",
    "xn--a",
    "xn--ls8h",
    "ü",
    "Ü",
    "ß",
    "é",
    "e\u{301}",
    "。",
    "．",
    "\u{ad}",
    "\u{200b}",
    "\u{200d}",
    "\u{202e}",
    "\u{feff}",
    "½",
    "①",
    "例え",
    "ا",
    "א",
    "💩",
    "İ",
    "ſ",
    "K",
    "example",
    "success",
    "brightwater",
    "com",
    "xn",
    "--",
];
const LABEL: &str = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk";

/// The same walk in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

fn parse(text: &str) -> reference::Parsed {
    Host::parse_with_port(text).ok().map(|(host, port)| (host.to_string(), port))
}

#[test]
fn texts_put_together_from_trouble() {
    let (mut dice, mut taken) = (Dice(3), 0);
    for _ in 0..60_000 {
        let text: String = (0..=dice.below(9)).map(|_| PIECES[dice.below(PIECES.len())]).collect();
        reference::agree(&text, parse);
        taken += usize::from(parse(&text).is_some());
    }
    println!("{taken} of 60,000 are hosts");
    assert!(taken > 2_000, "the texts say something about good names too");
}

#[test]
fn names_near_the_limits_of_length_and_depth() {
    let mut dice = Dice(5);
    for _ in 0..5_000 {
        let mut text = String::new();
        for at in 0..1 + dice.below(12) {
            if at > 0 {
                text.push('.');
            }
            let length = if dice.below(3) == 0 { 60 + dice.below(6) } else { 1 + dice.below(30) };
            text.extend(LABEL.chars().cycle().take(length));
        }
        if dice.below(4) == 0 {
            text.push('.');
        }
        reference::agree(&text, parse);
    }
}

#[test]
fn every_single_character_between_two_good_ones() {
    // All of the first plane, and every 31st beyond.
    let some = |c: &char| (*c as u32) < 0x1_0000 || (*c as u32).is_multiple_of(31);
    for character in ('\0'..='\u{3ffff}').filter(some) {
        reference::agree(&format!("a{character}b.example"), parse);
    }
}
