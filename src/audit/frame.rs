//! One record on disk: a leaf hash in the open, everything else sealed.
//!
//! `length u32 | checksum 4 | leaf 32 | key id length u8 | key id | nonce 12 | AES-256-GCM(salt 16 |
//! payload) with tag 16`, numbers big-endian. `length` counts what follows the checksum; the checksum
//! is CRC-32 (ISO-HDLC) of length ‖ what follows: it finds torn writes, the seal finds the rest. Leaf and
//! key id are the seal's additional data, so none can be put beside another's record. A *mark* (`length`
//! 0, checksum, its own offset u64) opens each batch: a mark further on proves that all before it had been
//! synced, which tells a torn tail from damage. Says nothing of files; design 9.

use aws_lc_rs::{
    aead::{Aad, Nonce},
    hmac,
};

use super::tree::{self, Hash};
pub(crate) use crate::seal::audit::AuditKey;
use crate::{
    chance::Chance,
    error::{Error, Result},
    seal::audit::cipher,
};

/// Bytes of a mark.
pub const MARK: usize = 16;
/// Longest payload a record may have.
pub const MAX_PAYLOAD: usize = 1 << 20;

const CHECKED: usize = 8;
const SALT: usize = 16;
const NONCE: usize = 12;
const TAG: usize = 16;
/// Leaf, key id length, nonce, salt and tag: what the emptiest body has.
const BODY: usize = 32 + 1 + NONCE + SALT + TAG;

/// What a record keeps secret. It writes itself where it is sealed, so that it is made in one place.
pub trait Payload {
    /// About how many bytes it has.
    fn about(&self) -> usize;

    /// Writes it behind what is there.
    ///
    /// # Errors
    /// None in practice; `Internal`.
    fn write(&self, frame: &mut Vec<u8>) -> Result<()>;
}

impl<P: AsRef<[u8]> + ?Sized> Payload for P {
    fn about(&self) -> usize {
        self.as_ref().len()
    }

    fn write(&self, frame: &mut Vec<u8>) -> Result<()> {
        frame.extend_from_slice(self.as_ref());
        Ok(())
    }
}

/// A record ready to be written.
pub(super) struct Sealed {
    pub(super) leaf: Hash,
    pub(super) bytes: Vec<u8>,
}

/// What makes the leaf of a record differ from that of any other.
#[derive(Clone, Copy)]
pub(super) enum Salt {
    /// Drawn anew.
    Drawn,
    /// Made of the store's row that keeps the record until it is here: the same record of the same row
    /// has the same leaf, so it is known again. Without the person's key nobody can make it.
    Row(i64),
}

impl Salt {
    fn fill(self, key: &AuditKey, payload: &[u8], drawn: &mut [u8]) {
        let Self::Row(row) = self else { return };
        let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.bytes()));
        mac.update(b"salt of a row");
        mac.update(&row.to_be_bytes());
        mac.update(payload);
        drawn.iter_mut().zip(mac.sign().as_ref()).for_each(|(to, from)| *to = *from);
    }
}

/// The leaf that the record of a row has.
pub(super) fn leaf_of_row(key: &AuditKey, row: i64, payload: &[u8]) -> Hash {
    let mut salt = [0; SALT];
    Salt::Row(row).fill(key, payload, &mut salt);
    tree::leaf(&salt, payload)
}

/// Salts, hashes, seals and frames a payload.
pub(super) fn seal(
    key: &AuditKey,
    payload: &(impl Payload + ?Sized),
    salt: Salt,
    chance: &dyn Chance,
) -> Result<Sealed> {
    let id = key.id.as_bytes();
    let open = CHECKED + size_of::<Hash>() + 1 + id.len();
    let secret = open + NONCE;

    let mut bytes = Vec::with_capacity(secret + SALT + payload.about() + TAG);
    bytes.resize(CHECKED + size_of::<Hash>(), 0);
    bytes.push(u8::try_from(id.len()).map_err(Error::internal)?);
    bytes.extend_from_slice(id);
    let mut random = [0; NONCE + SALT];
    chance.fill(&mut random);
    bytes.extend_from_slice(&random);
    payload.write(&mut bytes)?;
    if bytes.len() - secret - SALT > MAX_PAYLOAD {
        return Err(Error::internal("an audit record longer than a mebibyte"));
    }
    let length = u32::try_from(bytes.len() + TAG - CHECKED).map_err(Error::internal)?;

    let (head, rest) = bytes.split_at_mut(open);
    let (nonce, salted) = rest.split_at_mut(NONCE);
    let (salted_with, payload) = salted.split_at_mut(SALT);
    salt.fill(key, payload, salted_with);
    let leaf = tree::leaf(salted_with, payload);
    let (counted, named) = head.split_at_mut(CHECKED);
    put(counted, length.to_be_bytes());
    put(named, leaf);
    let tag = key
        .ready()?
        .seal_in_place_separate_tag(nonce_of(nonce)?, Aad::from(&*named), salted)
        .map_err(Error::internal)?;
    bytes.extend_from_slice(tag.as_ref());
    let sum = checksum(&bytes);
    put(bytes.get_mut(4..).unwrap_or_default(), sum);
    Ok(Sealed { leaf, bytes })
}

/// Puts these bytes in the first places.
fn put<const N: usize>(places: &mut [u8], bytes: [u8; N]) {
    places.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
}

/// The mark of a batch that begins at `offset` of its segment.
pub(super) fn mark(offset: u64) -> [u8; MARK] {
    let mut mark = [0; MARK];
    let at = offset.to_be_bytes();
    let sum = crc(&[b"mark", &at]);
    mark.iter_mut().skip(4).zip(sum.into_iter().chain(at)).for_each(|(to, from)| *to = from);
    mark
}

/// What stands at a place of a segment.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// The beginning of a batch.
    Mark,
    /// A record.
    Record(Frame<'a>),
}

/// A whole frame as read; its checksum holds.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Leaf hash, as written.
    pub leaf: Hash,
    /// Patient id, or [`AuditKey::NODE`], or [`AuditKey::REVIEWS`].
    pub key_id: &'a str,
    nonce: &'a [u8],
    sealed: &'a [u8],
    open: &'a [u8],
}

/// What a frame's key opens.
pub struct Opened {
    salted: Vec<u8>,
}

impl Opened {
    /// The payload.
    pub fn payload(&self) -> &[u8] {
        self.salted.get(SALT..).unwrap_or_default()
    }

    /// The leaf hash computed anew.
    pub fn leaf(&self) -> Hash {
        tree::leaf(&[], &self.salted)
    }
}

impl Frame<'_> {
    /// Opens the seal.
    ///
    /// # Errors
    /// `Internal` if the key is another one or the bytes were changed.
    pub fn open(&self, key: &[u8; 32]) -> Result<Opened> {
        let mut salted = self.sealed.to_vec();
        let length = cipher(key)?
            .open_in_place(nonce_of(self.nonce)?, Aad::from(self.open), &mut salted)
            .map_err(Error::internal)?
            .len();
        salted.truncate(length);
        Ok(Opened { salted })
    }
}

/// The item at the beginning of `rest`, which is at `offset` of its segment, and its length.
/// `None` if nothing whole and undamaged stands there.
pub fn item(rest: &[u8], offset: u64) -> Option<(Item<'_>, usize)> {
    let length = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
    if length == 0 {
        return rest.starts_with(&mark(offset)).then_some((Item::Mark, MARK));
    }
    let whole = rest.get(..CHECKED.checked_add(length)?)?;
    if length < BODY || whole.get(4..CHECKED)? != checksum(whole) {
        return None;
    }
    let body = whole.get(CHECKED..)?;
    let (leaf, named) = body.split_first_chunk::<32>()?;
    let (id_length, after) = named.split_first()?;
    let (id, secret) = after.split_at_checked(usize::from(*id_length))?;
    let (nonce, sealed) = secret.split_at_checked(NONCE)?;
    let open = body.get(..body.len().checked_sub(secret.len())?)?;
    let key_id = str::from_utf8(id).ok()?;
    Some((Item::Record(Frame { leaf: *leaf, key_id, nonce, sealed, open }), whole.len()))
}

fn checksum(frame: &[u8]) -> [u8; 4] {
    let (length, rest) = frame.split_at_checked(4).unwrap_or_default();
    crc(&[length, rest.get(4..).unwrap_or_default()])
}

fn crc(pieces: &[&[u8]]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    pieces.iter().for_each(|piece| hasher.update(piece));
    hasher.finalize().to_be_bytes()
}

fn nonce_of(bytes: &[u8]) -> Result<Nonce> {
    Nonce::try_assume_unique_for_key(bytes).map_err(Error::internal)
}
