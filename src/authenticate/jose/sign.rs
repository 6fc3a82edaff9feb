//! Private keys: what this gateway signs with.
//!
//! Part of `jose`. Keys come as JWK (RFC 7517) or as PKCS#8 PEM (RFC 5208); new ones are made as JWK
//! on P-256 or P-384. A private key is parsed once and has no `Debug` that shows it. Randomness is
//! that of the cryptographic library: a key must never be repeatable.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPairComponents, KeySize},
    signature::{
        self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, KeyPair, RsaKeyPair, RsaPublicKeyComponents,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::{Zeroize, Zeroizing};

use super::{
    TokenKind,
    claims::Registered,
    key::{Algorithm, KeySet, PublicKey},
};
use crate::error::{Error, Result};

/// A private key and the public one that goes with it.
pub struct Signer {
    algorithm: Algorithm,
    key: Private,
    public: PublicKey,
    kid: String,
}

enum Private {
    Elliptic(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// The private members of a JWK.
#[derive(Deserialize)]
struct Secret {
    d: String,
    #[serde(default)]
    p: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    dp: String,
    #[serde(default)]
    dq: String,
    #[serde(default)]
    qi: String,
}

#[derive(Serialize)]
struct Payload<'a, C> {
    #[serde(flatten)]
    registered: &'a Registered,
    #[serde(flatten)]
    claims: &'a C,
}

impl Drop for Secret {
    fn drop(&mut self) {
        let Self { d, p, q, dp, dq, qi } = self;
        [d, p, q, dp, dq, qi].into_iter().for_each(Zeroize::zeroize);
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads a private JWK; its name is its `kid`, or its thumbprint where it has none.
    ///
    /// # Errors
    /// `Invalid` for what is no private key on P-256 or P-384 or of RSA; it never repeats the text.
    pub fn from_jwk(text: &str) -> Result<Self> {
        let public: PublicKey = serde_json::from_str(text).map_err(|why| unreadable(&why))?;
        let secret: Secret = serde_json::from_str(text).map_err(|why| unreadable(&why))?;
        let kid = public.kid.clone();
        let key = match (public.kty.as_str(), public.crv.as_deref()) {
            ("EC", Some(curve)) => elliptic(curve, &public, &secret)?,
            ("RSA", _) => rsa(&public, &secret)?,
            _ => return Err(unusable("a private key must be EC or RSA")),
        };
        Self::new(key, kid)
    }

    /// Reads an unencrypted PKCS#8 PEM; without `kid` its name is its thumbprint.
    ///
    /// # Errors
    /// As [`Signer::from_jwk`].
    pub fn from_pem(text: &str, kid: Option<&str>) -> Result<Self> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())
            .map_err(|_| unusable("a private key must be unencrypted PKCS#8 PEM"))?;
        let der = der.secret_pkcs8_der();
        let elliptic = |curve| EcdsaKeyPair::from_pkcs8(curve, der).map(Private::Elliptic);
        let key = elliptic(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .or_else(|_| elliptic(&ECDSA_P384_SHA384_FIXED_SIGNING))
            .or_else(|_| RsaKeyPair::from_pkcs8(der).map(Private::Rsa))
            .map_err(|_| unusable("a private key must be on P-256 or P-384, or RSA"))?;
        Self::new(key, kid.map(str::to_owned))
    }

    fn new(key: Private, kid: Option<String>) -> Result<Self> {
        let (algorithm, mut public) = key.public();
        let kid = kid.unwrap_or_else(|| public.thumbprint());
        public.kid = Some(kid.clone());
        public.alg = Some(algorithm.name().to_owned());
        public.usage = Some("sig".to_owned());
        // The same rules hold for what is published as for what is accepted.
        KeySet::of([&public]).map_err(|why| unusable(why.join("; ")))?;
        Ok(Self { algorithm, key, public, kid })
    }

    /// The same with SHA-256, as ID tokens are signed (`OpenID` Connect Core 3.1.3.7).
    ///
    /// # Errors
    /// `Invalid` for a key that is not RSA.
    pub fn for_identity(mut self) -> Result<Self> {
        match self.key {
            Private::Rsa(_) => {
                self.algorithm = Algorithm::Rs256;
                self.public.alg = Some(Algorithm::Rs256.name().to_owned());
                Ok(self)
            }
            Private::Elliptic(_) => Err(unusable("a key for ID tokens must be RSA")),
        }
    }

    /// The public key, as it is published.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// How it signs.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key's name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs a token of one kind, in compact form: the registered claims and those of its kind.
    ///
    /// # Errors
    /// `Internal` if the key does not sign.
    pub fn sign(
        &self,
        kind: TokenKind,
        registered: &Registered,
        claims: &impl Serialize,
    ) -> Result<String> {
        let header = json!({ "alg": self.algorithm, "kid": self.kid, "typ": kind.typ() });
        let payload = serde_json::to_vec(&Payload { registered, claims });
        self.sign_raw(header.to_string().as_bytes(), &payload.map_err(Error::internal)?)
    }

    /// Signs any header and payload, as they are.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub fn sign_raw(&self, header: &[u8], payload: &[u8]) -> Result<String> {
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.key.sign(token.as_bytes(), self.algorithm)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl Private {
    fn sign(&self, message: &[u8], algorithm: Algorithm) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Elliptic(key) => {
                let signature = key.sign(&random, message).map_err(Error::internal)?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let padding: &dyn signature::RsaEncoding = match algorithm {
                    Algorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
                    Algorithm::Rs384 | Algorithm::Es256 | Algorithm::Es384 => {
                        &signature::RSA_PKCS1_SHA384
                    }
                };
                key.sign(padding, &random, message, &mut signature).map_err(Error::internal)?;
                Ok(signature)
            }
        }
    }

    fn public(&self) -> (Algorithm, PublicKey) {
        match self {
            Self::Elliptic(key) => {
                let point = key.public_key().as_ref();
                let p256 = key.algorithm() == &ECDSA_P256_SHA256_FIXED_SIGNING;
                let (algorithm, curve) =
                    if p256 { (Algorithm::Es256, "P-256") } else { (Algorithm::Es384, "P-384") };
                let (x, y) = halves(point);
                let public = PublicKey {
                    kty: "EC".to_owned(),
                    crv: Some(curve.to_owned()),
                    x: Some(URL_SAFE_NO_PAD.encode(x)),
                    y: Some(URL_SAFE_NO_PAD.encode(y)),
                    ..PublicKey::default()
                };
                (algorithm, public)
            }
            Self::Rsa(key) => {
                let number = |n: &[u8]| Some(URL_SAFE_NO_PAD.encode(n));
                let key = key.public_key();
                let public = PublicKey {
                    kty: "RSA".to_owned(),
                    n: number(key.modulus().big_endian_without_leading_zero()),
                    e: number(key.exponent().big_endian_without_leading_zero()),
                    ..PublicKey::default()
                };
                (Algorithm::Rs384, public)
            }
        }
    }
}

/// A new private RSA key of 2048 bits, PKCS#8 PEM: for ID tokens.
///
/// # Errors
/// `Internal` if the machine makes none.
pub fn generate_rsa() -> Result<Zeroizing<String>> {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(Error::internal)?;
    let der: Pkcs8V1Der<'_> = key.as_der().map_err(Error::internal)?;
    let text = Zeroizing::new(STANDARD.encode(der.as_ref()));
    let mut pem = Zeroizing::new("-----BEGIN PRIVATE KEY-----\n".to_owned());
    for line in text.as_bytes().chunks(64) {
        pem.push_str(std::str::from_utf8(line).map_err(Error::internal)?);
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem)
}

/// How the names of keys begin that a demo makes and leaves lying about.
pub const THROW_AWAY: &str = "mylife-demo-";

/// A new private key on a curve as JWK, named by its thumbprint.
///
/// # Errors
/// As [`generate_rsa`].
pub fn generate(algorithm: Algorithm) -> Result<Zeroizing<String>> {
    named(algorithm, "")
}

/// The same for a demo: its name says so, and settings of a gateway in earnest refuse it.
///
/// # Errors
/// As [`generate_rsa`].
pub fn throw_away(algorithm: Algorithm) -> Result<Zeroizing<String>> {
    named(algorithm, THROW_AWAY)
}

fn named(algorithm: Algorithm, prefix: &str) -> Result<Zeroizing<String>> {
    let curve = match algorithm {
        Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        Algorithm::Rs256 | Algorithm::Rs384 => {
            return Err(unusable("keys are made on P-256 or P-384 only"));
        }
    };
    let key = EcdsaKeyPair::generate(curve).map_err(Error::internal)?;
    let secret: EcPrivateKeyBin<'_> = key.private_key().as_be_bytes().map_err(Error::internal)?;
    let d = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_ref()));
    let (algorithm, public) = Private::Elliptic(key).public();
    let (crv, x, y) = (&public.crv, &public.x, &public.y);
    let jwk = json!({
        "kty": "EC", "kid": format!("{prefix}{}", public.thumbprint()), "alg": algorithm, "use": "sig",
        "crv": crv, "x": x, "y": y, "d": d.as_str(),
    });
    Ok(Zeroizing::new(jwk.to_string()))
}

fn elliptic(curve: &str, public: &PublicKey, secret: &Secret) -> Result<Private> {
    let curve: &'static EcdsaSigningAlgorithm = match curve {
        "P-256" => &ECDSA_P256_SHA256_FIXED_SIGNING,
        "P-384" => &ECDSA_P384_SHA384_FIXED_SIGNING,
        _ => return Err(unusable("a private key must be on P-256 or P-384")),
    };
    let x = number(public.x.as_deref().unwrap_or_default())?;
    let y = number(public.y.as_deref().unwrap_or_default())?;
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    EcdsaKeyPair::from_private_key_and_public_key(curve, &number(&secret.d)?, &point)
        .map(Private::Elliptic)
        .map_err(|_| unusable("the private key and its public part do not belong together"))
}

fn rsa(public: &PublicKey, secret: &Secret) -> Result<Private> {
    let components = KeyPairComponents {
        public_key: RsaPublicKeyComponents {
            n: number(public.n.as_deref().unwrap_or_default())?,
            e: number(public.e.as_deref().unwrap_or_default())?,
        },
        d: number(&secret.d)?,
        p: number(&secret.p)?,
        q: number(&secret.q)?,
        dP: number(&secret.dp)?,
        dQ: number(&secret.dq)?,
        qInv: number(&secret.qi)?,
    };
    RsaKeyPair::from_components(&components)
        .map(Private::Rsa)
        .map_err(|_| unusable("the private key is no whole RSA key of 2048 to 4096 bits"))
}

/// The two coordinates of an uncompressed point.
fn halves(point: &[u8]) -> (&[u8], &[u8]) {
    let coordinates = point.get(1..).unwrap_or_default();
    coordinates.split_at(coordinates.len() / 2)
}

fn number(text: &str) -> Result<Zeroizing<Vec<u8>>> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map(Zeroizing::new)
        .map_err(|_| unusable("a private key has a member that is not base64url"))
}

fn unreadable(why: &serde_json::Error) -> Error {
    // Only the place is told: the text of the error can quote the key.
    Error::invalid(format!("a private key is no JWK (line {})", why.line()))
}

fn unusable(say: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid(say)
}
