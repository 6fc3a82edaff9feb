//! The certificates of a gateway: how long they last, for which names, and who vouches for them.
//!
//! Part of `mylife doctor`. Judged by the same library that peers judge them with.

use std::{sync::Arc, time::Duration};

use rustls::{
    CertificateError, Error as TlsError, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::finding::Findings;
use crate::{
    config::{Config, listen::Texts},
    domain::moment::Moment,
    pki::{
        self,
        trust::{self, Trust},
        validity,
    },
};

/// Days below which a certificate is told of, unless a quarter of its time is less.
const SOON: i64 = 30;
const DAY: i64 = 24 * 60 * 60;
/// What mends one that is not for clients.
pub(super) const CLIENT_AUTH: &str = "have one issued that has clientAuth among its uses";

/// What the gateway shows, and the authorities of its peers.
pub(super) fn look(config: &Config, now: Moment, findings: &mut Findings) {
    let listening = &config.listening;
    let Some(Texts { certificate, authorities, revoked }) = listening.texts() else {
        return; // What cannot be read was told with the files.
    };
    let Ok(shown) = pki::certificates(&certificate) else { return };
    let name = listening.certificate_path().display().to_string();
    for certificate in &shown {
        lasts(("certificate", &name), validity::of(certificate), now, &renew(&name), findings);
    }
    let mut roots = RootCertStore { roots: pki::public_anchors().roots.clone() };
    for authority in authorities.iter().filter_map(|text| pki::certificates(text).ok()).flatten() {
        let name = "listen.authorities";
        lasts(("authorities", name), validity::of(&authority), now, &renew(name), findings);
        // One that cannot be used was told as a mistake of the settings.
        roots.add(authority).ok();
    }
    for list in revoked.iter().filter_map(|text| trust::lists(text).ok()).flatten() {
        let name = "listen.revoked";
        lasts(("authorities", name), validity::of_list(&list), now, &renew(name), findings);
    }
    let names = [&config.host].into_iter().chain(&listening.names);
    for host in names {
        trusted(&shown, roots.clone(), host, now, findings);
    }
    if let Some(authorities) = &authorities {
        shown_to_peers(config, &shown, authorities, now, findings);
    }
}

/// What mends one of the gateway's own that ends.
fn renew(name: &str) -> String {
    format!("renew it, put it under {name}, and `systemctl reload mylife`")
}

/// How long a certificate, or a list of revoked ones, lasts.
pub(super) fn lasts(
    (part, name): (&str, &str),
    validity: Option<(Moment, Moment)>,
    now: Moment,
    renew: &str,
    findings: &mut Findings,
) {
    let Some((from, until)) = validity else { return };
    let days = (until.seconds() - now.seconds()) / DAY;
    let soon = SOON.min((until.seconds() - from.seconds()) / DAY / 4);
    if now < from {
        let say = format!("{name} is good from {from} on, which is yet to come");
        findings.wrong(
            part,
            say,
            "set this machine's clock, or take the certificate that is good now",
        );
    } else if until < now {
        findings.wrong(part, format!("{name} ended at {until}"), renew);
    } else if days < soon {
        findings.doubtful(part, format!("{name} lasts {days} days, until {until}"), renew);
    } else {
        findings.fine(part, format!("{name} lasts {days} days"));
    }
}

/// Would somebody who trusts these authorities, and the public ones, believe it under this name?
fn trusted(
    shown: &[CertificateDer<'static>],
    roots: RootCertStore,
    host: &str,
    now: Moment,
    findings: &mut Findings,
) {
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), pki::provider());
    let (Ok(verifier), Some((leaf, rest))) = (verifier.build(), shown.split_first()) else {
        return;
    };
    let Ok(name) = ServerName::try_from(host.to_owned()) else { return };
    match verifier.verify_server_cert(leaf, rest, &name, &[], at(now)) {
        Ok(_) => findings.fine("certificate", format!("it is good for {host}")),
        Err(TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => findings.wrong(
            "certificate",
            format!("it is not for the name {host}"),
            "take one that has this name (subjectAltName), or mend node.url and listen.names",
        ),
        Err(TlsError::InvalidCertificate(CertificateError::UnknownIssuer)) => findings.doubtful(
            "certificate",
            "neither listen.authorities nor a public authority vouches for it",
            "add its intermediates below it in the file; else clients must be given its authority",
        ),
        Err(TlsError::InvalidCertificate(why)) if is_dated(&why) => {}
        Err(error) => findings.wrong(
            "certificate",
            format!("nobody believes it: {error}"),
            "take one that is for servers and clients (extendedKeyUsage), with its intermediates below it",
        ),
    }
}

/// Is it refused for its dates? These are told by themselves.
pub(super) fn is_dated(why: &CertificateError) -> bool {
    use CertificateError as Why;
    matches!(
        why,
        Why::Expired
            | Why::ExpiredContext { .. }
            | Why::NotValidYet
            | Why::NotValidYetContext { .. }
    )
}

/// Peers are shown the same certificate, by one who asks: is it for that?
fn shown_to_peers(
    config: &Config,
    shown: &[CertificateDer<'static>],
    authorities: &str,
    now: Moment,
    findings: &mut Findings,
) {
    let (Some((leaf, rest)), false) = (shown.split_first(), config.setup.peers.is_empty()) else {
        return;
    };
    let Ok(verifier) = Trust::of(authorities).in_clients() else { return };
    // Whose authorities peers believe only they know.
    if let Err(TlsError::InvalidCertificate(why)) = verifier.verify_client_cert(leaf, rest, at(now))
        && is_misused(&why)
    {
        let say = "it is not for clients (extendedKeyUsage), and peers are asked with it";
        findings.wrong("certificate", say, CLIENT_AUTH);
    }
}

/// Is it refused for what it is issued for?
pub(super) fn is_misused(why: &CertificateError) -> bool {
    use CertificateError as Why;
    matches!(why, Why::InvalidPurpose | Why::InvalidPurposeContext { .. })
}

/// An instant as certificates are judged at it.
pub(super) fn at(now: Moment) -> UnixTime {
    let seconds = u64::try_from(now.seconds()).unwrap_or_default();
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}
