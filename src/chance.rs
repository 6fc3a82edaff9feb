//! The only door to randomness.
//!
//! Floor of the house. The real door is the operating system's generator; tests open a seeded one,
//! so that a run can be repeated byte for byte.

use std::{cell::RefCell, mem, sync::Mutex, time::Duration};

/// Fills bytes nobody can foresee.
pub trait Chance: Send + Sync {
    /// Fills all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Bytes a thread draws at once: a draw of a few costs as much as one of many.
const DRAWN: usize = 1024;

/// The operating system's generator.
#[derive(Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    fn fill(&self, bytes: &mut [u8]) {
        AHEAD.with_borrow_mut(|ahead| ahead.fill(bytes));
    }
}

/// Bytes drawn ahead; each is given once and forgotten.
struct Ahead {
    bytes: [u8; DRAWN],
    left: usize,
}

thread_local! {
    /// Of each thread, so that nobody waits for anybody.
    static AHEAD: RefCell<Ahead> = const { RefCell::new(Ahead { bytes: [0; DRAWN], left: 0 }) };
}

impl Ahead {
    fn fill(&mut self, bytes: &mut [u8]) {
        if bytes.len() > self.left {
            if bytes.len() > DRAWN / 4 {
                return draw(bytes);
            }
            draw(&mut self.bytes);
            self.left = DRAWN;
        }
        let given = self.bytes.iter_mut().skip(self.left - bytes.len());
        self.left -= bytes.len();
        bytes.iter_mut().zip(given).for_each(|(to, from)| *to = mem::take(from));
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the door")]
#[expect(clippy::expect_used, reason = "a machine without randomness must stop, not go on")]
fn draw(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("the operating system gives random bytes");
}

/// A repeatable sequence for tests and for the demo's synthetic people; never for secrets.
pub struct SeededChance(Mutex<u64>);

impl SeededChance {
    /// The same seed gives the same sequence.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Chance for SeededChance {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for byte in bytes {
            // SplitMix64 (Steele, Lea, Flood 2014).
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z >> 56) as u8;
        }
    }
}

/// `n` characters of the lower-case base32 alphabet of RFC 4648, five random bits each.
pub fn base32(chance: &dyn Chance, n: usize) -> String {
    let mut bytes = vec![0_u8; n];
    chance.fill(&mut bytes);
    letters(&bytes)
}

/// A character of base32 for five bits of each byte.
pub fn letters(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = bytes.to_vec();
    for byte in &mut text {
        *byte = ALPHABET.get(usize::from(*byte & 31)).copied().unwrap_or_default();
    }
    String::from_utf8(text).unwrap_or_default()
}

/// Between half of it and all of it, so that many that failed together do not come back together.
pub fn jitter(whole: Duration, chance: &dyn Chance) -> Duration {
    let mut bytes = [0; 2];
    chance.fill(&mut bytes);
    let half = whole / 2;
    half + half.mul_f64(f64::from(u16::from_be_bytes(bytes)) / f64::from(u16::MAX))
}
