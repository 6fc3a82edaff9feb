//! Values at rest: sealed, keyed, and looked up without being read.
//!
//! Floor of the house: named by the store, the log and the cursors, names none of them. One master
//! key per gateway; every use has a key of its own, derived by HKDF-SHA256 (RFC 5869) under a fixed
//! label, so that no value made for one use means anything in another. Sealing is AES-256-GCM
//! (NIST SP 800-38D) with a random nonce; where equal input must give equal output it is
//! AES-256-GCM-SIV (RFC 8452). No key, plaintext or identity code may reach a log or an error text.

use std::{fmt, iter, sync::Arc};

use aws_lc_rs::{
    aead::{
        AES_256_GCM, AES_256_GCM_SIV, Aad, Algorithm, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
    },
    hkdf, hmac,
};
use zeroize::Zeroizing;

use crate::{
    chance::Chance,
    error::{Error, Kind, Result},
};

pub mod audit;
pub mod master;

/// First byte of everything sealed, so that another form can follow.
const FORM: u8 = 1;

/// Fewest distinct bytes of a master key; chance gives fewer once in far more than 2^40 keys.
const DISTINCT: usize = 16;

/// Keyed HMAC of an identity code: the only form in which one is looked up.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct IdentityMac(pub [u8; 32]);

impl fmt::Debug for IdentityMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityMac(..)")
    }
}

/// What does not open: changed, moved to another place, or sealed under another key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Forged;

impl fmt::Display for Forged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sealed value was changed, moved, or sealed under another key")
    }
}

impl std::error::Error for Forged {}

/// The keys of one gateway, all derived from its master key. Wiped when dropped.
pub struct Keys {
    identity: hmac::Key,
    general: hmac::Key,
    random: LessSafeKey,
    fixed: LessSafeKey,
    chance: Arc<dyn Chance>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Keys {
    /// Derives every key from 32 bytes; `chance` gives the nonces.
    ///
    /// # Errors
    /// [`Kind::Invalid`] if the bytes are plainly not random.
    pub fn from_master(master: &[u8; 32], chance: Arc<dyn Chance>) -> Result<Self> {
        let mut seen = [false; 256];
        for byte in master {
            if let Some(mark) = seen.get_mut(usize::from(*byte)) {
                *mark = true;
            }
        }
        if seen.iter().filter(|mark| **mark).count() < DISTINCT {
            return Err(Error::new(
                Kind::Invalid,
                "The master key is not random: make one with `mylife pki`.",
            ));
        }
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"mylife/1").extract(master);
        Ok(Self {
            identity: mac_key(&root, "identity code")?,
            general: mac_key(&root, "mac")?,
            random: sealing_key(&root, "seal", &AES_256_GCM)?,
            fixed: sealing_key(&root, "seal fixed", &AES_256_GCM_SIV)?,
            chance,
        })
    }

    /// Look-up value of a personal identity code, over all 11 characters: the century sign matters.
    pub fn identity_mac(&self, code: &str) -> IdentityMac {
        IdentityMac(tag(&self.identity, &[code.as_bytes()]))
    }

    /// HMAC-SHA256 of `bytes`, for one use: equal bytes under two labels have nothing in common.
    pub fn mac(&self, label: &'static str, bytes: &[u8]) -> [u8; 32] {
        tag(&self.general, &[&length(label), label.as_bytes(), bytes])
    }

    /// Seals a value into its place: `what` names the kind of place, `row` the one place. It opens
    /// only there. 29 bytes longer than `plain`; never the same twice.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the cipher refuses, which it does beyond 64 GiB.
    pub fn seal(&self, what: &'static str, row: &[&str], plain: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.chance.fill(&mut nonce);
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + plain.len() + 16);
        sealed.push(FORM);
        sealed.extend_from_slice(&nonce);
        close(&self.random, nonce, what, row, plain, &mut sealed)?;
        Ok(sealed)
    }

    /// Opens what [`Keys::seal`] sealed into this place.
    ///
    /// # Errors
    /// [`Forged`] for anything else.
    pub fn open(
        &self,
        what: &'static str,
        row: &[&str],
        sealed: &[u8],
    ) -> std::result::Result<Vec<u8>, Forged> {
        let (form, rest) = sealed.split_first().ok_or(Forged)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Forged)?;
        if *form != FORM {
            return Err(Forged);
        }
        reveal(&self.random, *nonce, what, row, body)
    }

    /// As [`Keys::seal`], but equal input gives equal output, 17 bytes longer than `plain`. For
    /// values a caller carries and compares (cursors); it shows that two of them are equal.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the cipher refuses, which it does beyond 64 GiB.
    pub fn seal_fixed(&self, what: &'static str, row: &[&str], plain: &[u8]) -> Result<Vec<u8>> {
        let mut sealed = Vec::with_capacity(1 + plain.len() + 16);
        sealed.push(FORM);
        close(&self.fixed, [0; NONCE_LEN], what, row, plain, &mut sealed)?;
        Ok(sealed)
    }

    /// Opens what [`Keys::seal_fixed`] sealed into this place.
    ///
    /// # Errors
    /// [`Forged`] for anything else.
    pub fn open_fixed(
        &self,
        what: &'static str,
        row: &[&str],
        sealed: &[u8],
    ) -> std::result::Result<Vec<u8>, Forged> {
        let (form, body) = sealed.split_first().ok_or(Forged)?;
        if *form != FORM {
            return Err(Forged);
        }
        reveal(&self.fixed, [0; NONCE_LEN], what, row, body)
    }
}

/// Asks HKDF for a key's worth of bytes.
struct KeyBytes;

impl hkdf::KeyType for KeyBytes {
    fn len(&self) -> usize {
        32
    }
}

fn derive(root: &hkdf::Prk, label: &str) -> Result<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    root.expand(&[label.as_bytes()], KeyBytes)
        .and_then(|okm| okm.fill(bytes.as_mut()))
        .map_err(Error::internal)?;
    Ok(bytes)
}

fn mac_key(root: &hkdf::Prk, label: &str) -> Result<hmac::Key> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, derive(root, label)?.as_ref()))
}

fn sealing_key(root: &hkdf::Prk, label: &str, how: &'static Algorithm) -> Result<LessSafeKey> {
    let bytes = derive(root, label)?;
    UnboundKey::new(how, bytes.as_ref()).map(LessSafeKey::new).map_err(Error::internal)
}

fn tag(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(context.sign().as_ref()) {
        *to = *from;
    }
    out
}

/// Put before a part, its length keeps a row of parts from being read as another row.
fn length(part: &str) -> [u8; 8] {
    u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes()
}

fn place(what: &str, row: &[&str]) -> Aad<Vec<u8>> {
    let mut place = vec![FORM];
    for part in iter::once(&what).chain(row) {
        place.extend_from_slice(&length(part));
        place.extend_from_slice(part.as_bytes());
    }
    Aad::from(place)
}

/// Appends ciphertext and tag to `to`.
fn close(
    key: &LessSafeKey,
    nonce: [u8; NONCE_LEN],
    what: &str,
    row: &[&str],
    plain: &[u8],
    to: &mut Vec<u8>,
) -> Result<()> {
    let head = to.len();
    to.extend_from_slice(plain);
    let (_, body) = to.split_at_mut(head);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag =
        key.seal_in_place_separate_tag(nonce, place(what, row), body).map_err(Error::internal)?;
    to.extend_from_slice(tag.as_ref());
    Ok(())
}

fn reveal(
    key: &LessSafeKey,
    nonce: [u8; NONCE_LEN],
    what: &str,
    row: &[&str],
    body: &[u8],
) -> std::result::Result<Vec<u8>, Forged> {
    let mut plain = body.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let opened = key.open_in_place(nonce, place(what, row), &mut plain).map_err(|_| Forged)?;
    let length = opened.len();
    plain.truncate(length);
    Ok(plain)
}
