//! A small certificate authority of our own, and what every TLS end needs of certificates.
//!
//! Beside the way: `mylife pki` and the demo issue with it, `listen` and `federation` read with it.
//! Certificates follow RFC 5280, thumbprints RFC 8705 section 3 (`x5t#S256`). The authority is for
//! trying things out and for closed networks of few peers, and must not be taken for a public one.

mod der;
pub mod name;
pub mod trust;
pub mod validity;

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber,
};
use rustls::{
    ClientConfig,
    crypto::{self, CryptoProvider},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
    time_provider::TimeProvider,
};
use zeroize::Zeroizing;

use crate::{
    clock::Clock,
    digest::sha256,
    domain::moment::Moment,
    error::{Error, Result},
};

const DAY: Duration = Duration::from_hours(24);
/// Name of the demo's authority; it vouches for nobody.
pub const THROW_AWAY: &str = "My Life demo, throw-away authority";

/// An authority outlives what it issues.
const AUTHORITY_DAYS: u32 = 3650;
const LEAF_DAYS: u32 = 397;

/// A certificate authority with an ECDSA P-256 key, able to issue.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    issued: Issued,
}

/// A certificate and the key that goes with it, as PEM text.
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// PKCS#8; wiped from memory when dropped.
    pub key: Zeroizing<String>,
}

impl Ca {
    /// A new authority, good for ten years from `now`.
    ///
    /// # Errors
    /// `Internal` if the machine makes no key, or no day of the instant.
    pub fn new(name: &str, now: Moment) -> Result<Self> {
        let key = KeyPair::generate().map_err(Error::internal)?;
        let params = authority(name, now)?;
        let certificate = params.self_signed(&key).map_err(Error::internal)?.pem();
        let issued = Issued { certificate, key: Zeroizing::new(key.serialize_pem()) };
        Ok(Self { issuer: Issuer::new(params, key), issued })
    }

    /// An authority made earlier under the same `name`. A key that cannot be read is `Invalid`.
    pub fn load(name: &str, issued: Issued, now: Moment) -> Result<Self> {
        let unreadable = |e| Error::invalid("The authority's key is not a PKCS#8 PEM.").because(e);
        let key = KeyPair::from_pem(&issued.key).map_err(unreadable)?;
        Ok(Self { issuer: Issuer::new(authority(name, now)?, key), issued })
    }

    /// The authority's own certificate and key.
    pub fn issued(&self) -> &Issued {
        &self.issued
    }

    /// A certificate for a server reached under these names and addresses, for 397 days.
    ///
    /// # Errors
    /// As [`Ca::new`]; `Invalid` for what is neither a host nor an address.
    pub fn server(&self, names: &[&str], now: Moment) -> Result<Issued> {
        self.leaf(names.first().copied().unwrap_or("server"), names, SERVER, now)
    }

    /// A certificate by which a client shows who it is, for 397 days.
    ///
    /// # Errors
    /// As [`Ca::server`].
    pub fn client(&self, name: &str, now: Moment) -> Result<Issued> {
        self.leaf(name, &[], CLIENT, now)
    }

    /// A certificate for both directions: what a gateway is to its peers.
    ///
    /// # Errors
    /// As [`Ca::server`].
    pub fn gateway(&self, names: &[&str], now: Moment) -> Result<Issued> {
        self.leaf(names.first().copied().unwrap_or("gateway"), names, BOTH, now)
    }

    /// The list of what it has revoked: serial numbers, each with when that was. PEM, good for so many days
    /// from `now` (RFC 5280 section 5).
    ///
    /// # Errors
    /// `Internal` if it cannot be signed, or an instant is no day.
    pub fn revoked(&self, all: &[(Vec<u8>, Moment)], now: Moment, days: u32) -> Result<String> {
        let one = |(serial, at): &(Vec<u8>, Moment)| {
            let (year, month, day) = date(*at)?;
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(serial),
                revocation_time: rcgen::date_time_ymd(year, month, day),
                reason_code: None,
                invalidity_date: None,
            })
        };
        let ((year, month, day), end) = (date(now)?, date(now.plus(DAY * days))?);
        let params = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(year, month, day),
            next_update: rcgen::date_time_ymd(end.0, end.1, end.2),
            crl_number: now.seconds().unsigned_abs().into(),
            issuing_distribution_point: None,
            revoked_certs: all.iter().map(one).collect::<Result<_>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).map_err(Error::internal)?;
        list.pem().map_err(Error::internal)
    }

    fn leaf(
        &self,
        name: &str,
        names: &[&str],
        uses: &[ExtendedKeyUsagePurpose],
        now: Moment,
    ) -> Result<Issued> {
        let names: Vec<String> = names.iter().map(|&n| n.to_owned()).collect();
        let mut params = CertificateParams::new(names)
            .map_err(|e| Error::invalid("A name is not a DNS name or address.").because(e))?;
        params.distinguished_name = distinguished(name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = uses.to_vec();
        params.use_authority_key_identifier_extension = true;
        valid(&mut params, now, LEAF_DAYS)?;
        let key = KeyPair::generate().map_err(Error::internal)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(Error::internal)?.pem();
        Ok(Issued { certificate, key: Zeroizing::new(key.serialize_pem()) })
    }
}

impl Issued {
    /// Writes `NAME.pem`, and `NAME.key` which its owner alone may read.
    pub fn write(&self, dir: &Path, name: &str) -> io::Result<()> {
        write_secret(&dir.join(format!("{name}.key")), self.key.as_bytes())?;
        fs::write(dir.join(format!("{name}.pem")), &self.certificate)
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issued")
    }
}

const SERVER: &[ExtendedKeyUsagePurpose] = &[ExtendedKeyUsagePurpose::ServerAuth];
const CLIENT: &[ExtendedKeyUsagePurpose] = &[ExtendedKeyUsagePurpose::ClientAuth];
const BOTH: &[ExtendedKeyUsagePurpose] =
    &[ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];

fn authority(name: &str, now: Moment) -> Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut params, now, AUTHORITY_DAYS)?;
    Ok(params)
}

fn distinguished(name: &str) -> DistinguishedName {
    let mut to = DistinguishedName::new();
    to.push(DnType::CommonName, name);
    to
}

/// From the day before `now`, so that a clock that is a little slow accepts it too.
fn valid(params: &mut CertificateParams, now: Moment, days: u32) -> Result<()> {
    let (from, until) = (date(now.minus(DAY))?, date(now.plus(DAY * days))?);
    params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
    params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    Ok(())
}

/// Year, month and day in UTC.
fn date(at: Moment) -> Result<(i32, u8, u8)> {
    let at = Timestamp::from_millisecond(at.millis()).map_err(Error::internal)?;
    let date = at.to_zoned(TimeZone::UTC).date();
    Ok((i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs()))
}

/// Replaces a file in one step by one that only its owner may read (mode 0600).
pub fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("new");
    match fs::remove_file(&aside) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        Ok(()) | Err(_) => (),
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, path)
}

/// SHA-256 of a certificate's DER form: its thumbprint of RFC 8705.
pub fn thumbprint(certificate: &[u8]) -> [u8; 32] {
    sha256(certificate)
}

/// All certificates of a PEM text; none at all is `Invalid`.
pub fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = || Error::invalid("There is no readable PEM certificate.");
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<std::result::Result<_, _>>()
        .map_err(|e| wrong().because(e))?;
    if all.is_empty() { Err(wrong()) } else { Ok(all) }
}

/// The private key of a PEM text.
///
/// # Errors
/// `Invalid` if there is none that can be read.
pub fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|e| Error::invalid("There is no readable PEM private key.").because(e))
}

/// The certificates of a PEM text as anchors of trust.
///
/// # Errors
/// `Invalid` if there is none, or one that vouches for nobody.
pub fn anchors(pem: &str) -> Result<Arc<rustls::RootCertStore>> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots
            .add(certificate)
            .map_err(|e| Error::invalid("An authority's certificate is unusable.").because(e))?;
    }
    Ok(Arc::new(roots))
}

/// The authorities of the public web, those that Mozilla's programme lists.
pub fn public_anchors() -> Arc<rustls::RootCertStore> {
    Arc::new(rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
}

/// How servers are reached by a client that shows no certificate.
///
/// # Errors
/// `Internal` if the provider knows no protocol version.
pub fn nameless(
    anchors: Arc<rustls::RootCertStore>,
    time: Arc<CertificateTime>,
) -> Result<ClientConfig> {
    let mut settings = ClientConfig::builder_with_details(provider(), time)
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(anchors)
        .with_no_client_auth();
    settings.alpn_protocols = alpn();
    Ok(settings)
}

/// What both ends speak inside TLS (RFC 7301): HTTP/1.1 alone.
pub fn alpn() -> Vec<Vec<u8>> {
    vec![b"http/1.1".to_vec()]
}

/// The refusal of a key that is not that of its certificate.
pub fn mismatch(cause: rustls::Error) -> Error {
    let say = "Certificate and key do not go together: name the key that it was issued for, and have it \
               stand before its intermediates.";
    Error::invalid(say).because(cause)
}

/// The one cryptography provider of the program.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(crypto::aws_lc_rs::default_provider())
}

/// Our clock, as rustls asks for it when it checks a certificate's dates.
pub struct CertificateTime(pub Arc<dyn Clock>);

impl TimeProvider for CertificateTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().seconds()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

impl fmt::Debug for CertificateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateTime")
    }
}
