//! The file of the master key: made once, read at start-up.
//!
//! Belongs to `seal`. 32 random bytes, written as hex and read as hex or base64. The file must be
//! its owner's alone; what it holds must never be printed, not even in an error.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    path::Path,
    sync::Arc,
};

use base64::{
    Engine,
    alphabet::{Alphabet, STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use crate::{
    chance::Chance,
    error::{Error, Kind, Result},
    seal::Keys,
};

/// More than any way of writing 32 bytes.
const LONGEST: u64 = 256;

/// Reads the master key and derives the gateway's keys.
///
/// # Errors
/// [`Kind::Invalid`] if others than the owner may read the file (Unix), or if it does not hold 32
/// random bytes; [`Kind::Unavailable`] if it cannot be read.
pub fn read(path: &Path, chance: Arc<dyn Chance>) -> Result<Keys> {
    let file = File::open(path).map_err(|cause| {
        refusal(Kind::Unavailable, path, "cannot be read: make one with `mylife pki`")
            .because(cause)
    })?;
    refuse_shared(&file, path)?;
    let mut text = Zeroizing::new(String::with_capacity(256));
    file.take(LONGEST).read_to_string(&mut text).map_err(|cause| {
        refusal(Kind::Invalid, path, "is not text: write 32 bytes as hex or base64").because(cause)
    })?;
    let bytes = decode(text.trim()).ok_or_else(|| {
        refusal(Kind::Invalid, path, "does not hold 32 bytes: write them as hex or base64")
    })?;
    Keys::from_master(&bytes, chance)
}

/// Derives the gateway's keys from a master key that was handed over as text.
///
/// # Errors
/// [`Kind::Invalid`] if it is not 32 random bytes as hex or base64.
pub fn parse(text: &str, chance: Arc<dyn Chance>) -> Result<Keys> {
    let bytes = decode(text.trim())
        .ok_or_else(|| Error::invalid("A master key is 32 bytes, written as hex or base64."))?;
    Keys::from_master(&bytes, chance)
}

/// Makes a new master key, readable by its owner alone. Never replaces a file.
///
/// # Errors
/// [`Kind::Conflict`] if there is a file already; [`Kind::Unavailable`] if none can be written.
pub fn create(path: &Path, chance: &dyn Chance) -> Result<()> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    chance.fill(bytes.as_mut());
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in bytes.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    text.push('\n');
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = |mut file: File| file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    options.open(path).and_then(write).map_err(|cause| {
        if cause.kind() == std::io::ErrorKind::AlreadyExists {
            refusal(Kind::Conflict, path, "exists already: keep it, what it sealed needs it")
        } else {
            refusal(Kind::Unavailable, path, "cannot be written: check its directory")
                .because(cause)
        }
    })
}

fn refusal(kind: Kind, path: &Path, why: &str) -> Error {
    Error::new(kind, format!("The master key file {} {why}.", path.display()))
}

#[cfg(unix)]
fn refuse_shared(file: &File, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    // The six lowest bits are those of group and others.
    let mode = file.metadata().map_err(Error::unavailable)?.permissions().mode();
    if mode.trailing_zeros() >= 6 {
        return Ok(());
    }
    Err(refusal(Kind::Invalid, path, "may be read by others: `chmod 600` it"))
}

#[cfg(not(unix))]
fn refuse_shared(_: &File, _: &Path) -> Result<()> {
    Ok(())
}

fn decode(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    from_hex(text).or_else(|| from_base64(text, &STANDARD)).or_else(|| from_base64(text, &URL_SAFE))
}

fn from_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut digits = text.chars().map(|c| c.to_digit(16));
    let mut bytes = Zeroizing::new([0; 32]);
    for byte in bytes.iter_mut() {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    digits.next().is_none().then_some(bytes)
}

fn from_base64(text: &str, alphabet: &Alphabet) -> Option<Zeroizing<[u8; 32]>> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = Zeroizing::new(GeneralPurpose::new(alphabet, lenient).decode(text).ok()?);
    decoded.as_slice().try_into().ok().map(Zeroizing::new)
}
