//! Randomness as an argument: the system's for secrets, a seed's for tests and simulations.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A source of random bytes.
pub trait Random: Send + Sync + std::fmt::Debug {
    /// Fills `out`.
    fn fill(&self, out: &mut [u8]);
}

/// `N` random bytes.
#[must_use]
pub fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut out = [0; N];
    random.fill(&mut out);
    out
}

/// An unguessable text of 256 bits, 43 characters of base64url.
#[must_use]
pub fn token(random: &dyn Random) -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>(random))
}

/// A number below `bound`, every one equally likely.
///
/// # Panics
/// When `bound` is 0.
#[must_use]
pub fn below(random: &dyn Random, bound: u32) -> u32 {
    assert!(bound > 0, "no number is below 0");
    // Values past the last whole multiple would favour the small results.
    let limit = u32::MAX - u32::MAX % bound;
    loop {
        let value = u32::from_le_bytes(bytes(random));
        if value < limit {
            return value % bound;
        }
    }
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) {
        aws_lc_rs::rand::fill(out).expect("a system without randomness cannot serve safely");
    }
}

/// A repeatable generator (SplitMix64) for tests and simulations; never for secrets.
#[derive(Debug)]
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// Every run with this seed gives the same bytes.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().expect("no test panics while it draws");
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Random for SeededRandom {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SeededRandom, SystemRandom, below, token};

    #[test]
    fn tokens_are_long_and_differ() {
        let (one, two) = (token(&SystemRandom), token(&SystemRandom));
        assert_eq!(one.len(), 43);
        assert_ne!(one, two);
    }

    #[test]
    fn seeds_repeat_and_bounds_hold() {
        let draw = |seed| {
            let random = SeededRandom::new(seed);
            (0..100).map(|_| below(&random, 10)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert!(draw(7).iter().all(|n| *n < 10) && (0..10).all(|n| draw(7).contains(&n)));
    }
}
