//! Certificates that others show this gateway: those of peers, as far as the settings name their files, and those of
//! clients that the operator names.
//!
//! Part of `mylife doctor`. Judged as at the door: by the authorities of `listen` and what these have revoked.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustls::{CertificateError, Error as TlsError, pki_types::CertificateDer};

use super::{
    certificates::{CLIENT_AUTH, at, is_dated, is_misused, lasts},
    finding::Findings,
};
use crate::{
    authenticate::registry::{ClientKeys, Registry},
    config::{Config, asked::Asked, listen::Texts},
    domain::moment::Moment,
    gateway::open::Setup,
    pki::{self, name::Names, trust::Trust, validity},
};

/// Looks at each.
pub(super) fn look(
    config: &Config,
    keys: &[Asked],
    named: &[PathBuf],
    now: Moment,
    findings: &mut Findings,
) {
    for (at, peer) in config.setup.peers.iter().enumerate() {
        let key = format!("peers[{at}].certificate");
        let file = keys.iter().find(|one| one.key == key).and_then(|one| one.file.as_deref());
        // Of one that is said by its thumbprint alone nothing is known.
        let file = file.filter(|file| file.is_file());
        if let Some(shown) = file.and_then(|file| pki::certificates(&text(file)?).ok()) {
            let part = format!("peer {}", peer.code);
            is_good(config, (&part, "its certificate"), &shown, now, findings);
        }
    }
    for file in named {
        let part = format!("client certificate {}", file.display());
        match text(file).map(|text| pki::certificates(&text)) {
            Some(Ok(shown)) => {
                is_good(config, (&part, "it"), &shown, now, findings);
                is_of(&config.setup, &part, &shown, findings);
            }
            Some(Err(_)) | None => findings.wrong(
                part,
                "there is no readable PEM certificate",
                "have its owner send the certificate, not its key, and name that file",
            ),
        }
    }
}

fn text(file: &Path) -> Option<String> {
    fs::read_to_string(file).ok()
}

/// Does it last, and would it be believed of a client?
fn is_good(
    config: &Config,
    (part, name): (&str, &str),
    shown: &[CertificateDer<'static>],
    now: Moment,
    findings: &mut Findings,
) {
    let Some((leaf, rest)) = shown.split_first() else { return };
    let renew = "have its owner renew it, and take the new one here";
    lasts((part, name), validity::of(leaf), now, renew, findings);
    let Some(Texts { authorities, revoked, .. }) = config.listening.texts() else { return };
    let Some(authorities) = &authorities else {
        findings.wrong(
            part,
            "no certificate of anybody counts, as there are no authorities",
            "name those that vouch for clients and peers under listen.authorities",
        );
        return;
    };
    // What is wrong with these was told as a mistake of the settings.
    let trust = Trust { authorities, revoked: revoked.as_deref() };
    let Ok(verifier) = trust.in_clients() else { return };
    let why = match verifier.verify_client_cert(leaf, rest, at(now)) {
        Ok(_) => {
            findings.fine(part, format!("{name} would be believed"));
            return;
        }
        Err(TlsError::InvalidCertificate(why)) => why,
        Err(other) => {
            findings.wrong(part, format!("{name} is not believed: {other}"), renew);
            return;
        }
    };
    if is_dated(&why) {
        return;
    }
    let (say, mend) = refused(&why);
    findings.wrong(part, format!("{name} is refused at the door: {say}"), mend);
}

/// Why a certificate is refused, beside its dates, and what mends it.
fn refused(why: &CertificateError) -> (&'static str, &'static str) {
    use CertificateError as Why;
    let known = [
        (
            matches!(why, Why::UnknownIssuer),
            "none of listen.authorities vouches for it",
            "add its authority there, or have its owner show the intermediates too, below it in one file",
        ),
        (
            matches!(why, Why::Revoked),
            "its authority has revoked it",
            "have its owner take a new one from the authority; if it was lost, nothing is to be mended",
        ),
        (
            matches!(why, Why::UnknownRevocationStatus),
            "listen.revoked has no list of its authority",
            "add the list of that authority to the file",
        ),
        (
            matches!(why, Why::ExpiredRevocationList | Why::ExpiredRevocationListContext { .. }),
            "the list of its authority in listen.revoked has ended",
            "fetch the new list, put it into the file, and `systemctl reload mylife`",
        ),
        (is_misused(why), "it is not for clients (extendedKeyUsage)", CLIENT_AUTH),
    ];
    let other = ("it is not in order", "have its owner take a new one from the authority");
    let found = known.into_iter().find(|(is_it, ..)| *is_it);
    found.map_or(other, |(_, say, mend)| (say, mend))
}

/// Which client is known by it?
fn is_of(setup: &Setup, part: &str, shown: &[CertificateDer<'static>], findings: &mut Findings) {
    let Some(leaf) = shown.first() else { return };
    let thumbprint = pki::thumbprint(leaf);
    let peer = setup.peers.iter().find(|peer| peer.certificate == thumbprint);
    if let Some(peer) = peer {
        return findings.fine(part, format!("it is that of peer {}", peer.code));
    }
    let names = Names::of(leaf);
    // What is wrong with them was told as a mistake of the settings.
    let Ok(registry) = Registry::build(setup.clients.clone()) else { return };
    let of = registry.clients().filter(|client| match client.keys() {
        ClientKeys::Certified(name) => names.has(name),
        ClientKeys::Absent | ClientKeys::Published { .. } | ClientKeys::Registered(_) => false,
    });
    let mut of: Vec<&str> = of.map(|client| &**client.id()).collect();
    of.sort_unstable();
    match of.as_slice() {
        [] => {
            let written: Vec<String> = names.alternatives().collect();
            let one = match written.as_slice() {
                [] => "its subject as tls_client_auth.subject_dn, CN=...,O=...,C=FI".to_owned(),
                all => format!("one of its names: tls_client_auth.{}", all.join(", ")),
            };
            let mend = format!("register its owner under [[clients]] by {one}");
            findings.wrong(part, "no client is known by a name of it", mend);
        }
        [one] => findings.fine(part, format!("it is that of client {one}")),
        several => findings.doubtful(
            part,
            format!("whoever has it can be any of the clients {}", several.join(", ")),
            "register each by a name that no other's certificate has",
        ),
    }
}
