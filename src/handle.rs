//! Sealed handles: a person's identity code, readable by one peer only, for one minute.
//!
//! Part of widening a question to other nodes. The node that knows the person seals the code to each
//! peer's public key; the asking gateway carries handles it cannot read. X25519 (RFC 7748) with a key
//! of one use, HKDF-SHA256 (RFC 5869), AES-256-GCM. The text has one length whatever it holds. It
//! must never be logged, and what it opens to must never be put into a URL.

use std::{fmt, time::Duration};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{self, PrivateKey, UnparsedPublicKey, X25519},
    hkdf::{HKDF_SHA256, Salt},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use zeroize::Zeroizing;

use crate::{
    chance::Chance,
    domain::moment::Moment,
    error::{Error, Result},
};

/// System of handles that one gateway seals for another.
pub const SYSTEM: &str = "https://mylife.example/fhir/sid/peer-handle";
/// How long a handle can be opened.
pub const LIFE: Duration = Duration::from_mins(1);
/// The longest secret that fits.
pub const LONGEST: usize = ROOM - 1;

const VERSION: u8 = 1;
const KEY: usize = 32;
const EXPIRY: usize = 8;
const TAG: usize = 16;
/// Room for one length byte and the secret.
const ROOM: usize = 64;
const SEALED: usize = 1 + KEY + EXPIRY + ROOM + TAG;

/// Whose hands a handle passes through; both ends must name the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Route<'a> {
    /// Node code of the gateway that carries it: the one that asks.
    pub from: &'a str,
    /// Node code of the only gateway that may open it.
    pub to: &'a str,
}

/// A peer's public half, from configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PublicKey([u8; KEY]);

/// A gateway's own long-term half.
pub struct HandleKey {
    private: PrivateKey,
    public: PublicKey,
}

impl PublicKey {
    /// Reads the base64url text of configuration.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("A handle key is 32 bytes in base64url.");
        let bytes = BASE64URL.decode(text).map_err(|_| wrong())?;
        Ok(Self(bytes.try_into().map_err(|_| wrong())?))
    }

    /// Seals `secret` for this peer. Longer than [`LONGEST`] bytes is `Invalid`.
    pub fn seal(
        &self,
        secret: &str,
        route: Route<'_>,
        now: Moment,
        chance: &dyn Chance,
    ) -> Result<String> {
        let (once, public) = fresh(chance)?;
        let expiry = now.plus(LIFE).millis().to_be_bytes();
        let key = derive(&once, self.0, public, self.0)?;
        let mut room = pad(secret)?;
        let tag = key
            .seal_in_place_separate_tag(nonce(), Aad::from(bound(route, expiry)), room.as_mut())
            .map_err(Error::internal)?;
        let mut sealed = Vec::with_capacity(SEALED);
        sealed.push(VERSION);
        for part in [&public[..], &expiry, &room[..], tag.as_ref()] {
            sealed.extend_from_slice(part);
        }
        Ok(BASE64URL.encode(sealed))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL.encode(self.0))
    }
}

impl HandleKey {
    /// A new key.
    ///
    /// # Errors
    /// `Internal` if the cipher refuses.
    pub fn generate(chance: &dyn Chance) -> Result<(Self, Zeroizing<String>)> {
        let mut bytes = Zeroizing::new([0; KEY]);
        chance.fill(bytes.as_mut());
        let text = Zeroizing::new(BASE64URL.encode(bytes.as_ref()));
        Ok((Self::from_bytes(&bytes)?, text))
    }

    /// Reads the private half's base64url text.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("A handle key is 32 bytes in base64url.");
        let bytes = Zeroizing::new(BASE64URL.decode(text).map_err(|_| wrong())?);
        Self::from_bytes(bytes.as_slice().try_into().map_err(|_| wrong())?)
    }

    /// The half that peers are configured with.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Opens a handle that was sealed to this key. One that was altered, belongs to another route or
    /// key, or whose minute is over is `Invalid`, all with the same words.
    pub fn open(&self, handle: &str, route: Route<'_>, now: Moment) -> Result<Zeroizing<String>> {
        self.unseal(handle, route, now).ok_or_else(|| {
            Error::invalid("The handle is not valid here and now; ask for a new one.")
        })
    }

    fn unseal(&self, handle: &str, route: Route<'_>, now: Moment) -> Option<Zeroizing<String>> {
        let sealed = BASE64URL.decode(handle).ok().filter(|s| s.len() == SEALED)?;
        let (version, rest) = sealed.split_first()?;
        let (public, rest) = rest.split_first_chunk::<KEY>()?;
        let (expiry, room) = rest.split_first_chunk::<EXPIRY>()?;
        let until = Moment::from_millis(i64::from_be_bytes(*expiry));
        let timely = now < until && until <= now.plus(LIFE.saturating_mul(2));
        if *version != VERSION || !timely {
            return None;
        }
        let key = derive(&self.private, *public, *public, self.public.0).ok()?;
        let mut room = Zeroizing::new(room.to_vec());
        let open = key.open_in_place(nonce(), Aad::from(bound(route, *expiry)), &mut room).ok()?;
        let (length, text) = open.split_first()?;
        let text = text.get(..usize::from(*length))?;
        Some(Zeroizing::new(std::str::from_utf8(text).ok()?.to_owned()))
    }

    fn from_bytes(bytes: &[u8; KEY]) -> Result<Self> {
        let private = PrivateKey::from_private_key(&X25519, bytes).map_err(Error::internal)?;
        let public = PublicKey(public_half(&private)?);
        Ok(Self { private, public })
    }
}

impl fmt::Debug for HandleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HandleKey({})", self.public)
    }
}

fn fresh(chance: &dyn Chance) -> Result<(PrivateKey, [u8; KEY])> {
    let (HandleKey { private, public }, _) = HandleKey::generate(chance)?;
    Ok((private, public.0))
}

fn public_half(private: &PrivateKey) -> Result<[u8; KEY]> {
    let public = private.compute_public_key().map_err(Error::internal)?;
    public.as_ref().try_into().map_err(Error::internal)
}

/// The key both ends come to; `once` and `to` are the public halves it is bound to.
fn derive(
    ours: &PrivateKey,
    theirs: [u8; KEY],
    once: [u8; KEY],
    to: [u8; KEY],
) -> Result<LessSafeKey> {
    let refused = || Error::invalid("A handle key is not usable.");
    let theirs = UnparsedPublicKey::new(&X25519, theirs);
    agreement::agree(ours, theirs, refused(), |shared| {
        let prk = Salt::new(HKDF_SHA256, b"mylife/handle/1").extract(shared);
        let key = prk
            .expand(&[&once, &to], &AES_256_GCM)
            .map(UnboundKey::from)
            .map_err(Error::internal)?;
        Ok(LessSafeKey::new(key))
    })
}

/// Every key seals once, so the nonce may be constant.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// Lengths stand before the names, so that no two routes share one text.
fn bound(route: Route<'_>, expiry: [u8; EXPIRY]) -> Vec<u8> {
    let mut to = vec![VERSION];
    for name in [route.from, route.to] {
        to.extend_from_slice(&name.len().to_be_bytes());
        to.extend_from_slice(name.as_bytes());
    }
    to.extend_from_slice(&expiry);
    to
}

fn pad(secret: &str) -> Result<Zeroizing<[u8; ROOM]>> {
    let too_long = || Error::invalid("The secret does not fit into a handle.");
    let length = u8::try_from(secret.len()).map_err(|_| too_long())?;
    let mut room = Zeroizing::new([0; ROOM]);
    let (first, rest) = room.split_first_mut().ok_or_else(too_long)?;
    *first = length;
    rest.get_mut(..secret.len()).ok_or_else(too_long)?.copy_from_slice(secret.as_bytes());
    Ok(room)
}
