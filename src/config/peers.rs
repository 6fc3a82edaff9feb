//! `[[peers]]`: the other gateways, how each is known, and for whom it may speak.
//!
//! Part of `config`; `mylife pki gateway` prints an entry.

use std::fs;

use crate::{
    authenticate::{
        jose::key::KeySet,
        peer::{Peer, PeerLimits, Peers},
    },
    config::{
        node::{URL, authority},
        section::Section,
        tree::Node,
    },
    domain::id::{NodeCode, is_oid},
    gateway::open::PeerSetup,
    handle::PublicKey,
    pki,
};

/// Reads the peers of the gateway with the code `own`. One without data asks all of them, one with
/// data only those that say so.
pub fn read(
    sections: Vec<Section<'_>>,
    own: Option<&NodeCode>,
    holds_data: bool,
) -> Vec<PeerSetup> {
    let (mut setups, mut known) = (Vec::new(), Vec::new());
    for mut section in sections {
        if let Some((setup, peer)) = peer(&mut section, !holds_data) {
            if own == Some(&setup.code) {
                section.fault("code", "is that of this gateway");
            }
            known.push(peer);
            if let Err(said) = Peers::build(known.clone()) {
                let last = said.last().map_or("", |said| said.as_str());
                section.fault("", last.split_once(": ").map_or(last, |(_, say)| say));
                known.pop();
            }
            setups.push(setup);
        }
        section.finish();
    }
    setups
}

fn peer(section: &mut Section<'_>, default_asked: bool) -> Option<(PeerSetup, Peer)> {
    let code = section.required("code", "1 to 8 small letters and digits", NodeCode::parse);
    let url = section.required("url", URL, |t| authority(t).map(|a| (t.to_owned(), a)));
    let organization = section
        .required("organization", "urn:oid: and an OID", |t| is_oid(t).then(|| t.to_owned()));
    let jwks = section.json("jwks").and_then(|jwks| match KeySet::parse(&jwks) {
        Ok(keys) => Some((jwks, keys)),
        Err(all) => {
            all.into_iter().for_each(|said| section.fault("jwks", said));
            None
        }
    });
    let certificate = certificate(section);
    let want = "the 32 bytes in base64url that `mylife pki gateway` prints";
    let handle = section.required("handle_key", want, |text| PublicKey::parse(text).ok());
    let limits = limits(section.section("limits"));
    let asked = section.flag("asked", default_asked);
    let ((issuer, address), (jwks, keys)) = (url?, jwks?);
    let (code, organization, certificate) = (code?, organization?, certificate?);
    let peer = Peer {
        code: code.clone(),
        issuer: issuer.clone(),
        organization: organization.clone(),
        keys,
        certificate,
        limits: limits.clone(),
    };
    Some((
        PeerSetup {
            code,
            issuer,
            organization,
            address,
            jwks,
            certificate,
            handle: handle?,
            limits,
            asked,
        },
        peer,
    ))
}

fn limits(mut section: Section<'_>) -> PeerLimits {
    let limits = PeerLimits {
        organizations: section.texts("organizations"),
        roles: section.texts("roles"),
        purposes: section.texts("purposes"),
        registers: section.texts("registers"),
        sectors: section.texts("sectors"),
        declares: section.texts("declares"),
        counts: section.flag("counts", false),
    };
    if limits.organizations.iter().any(|organization| !is_oid(organization)) {
        section.fault("organizations", "must each be urn:oid: and an OID");
    }
    section.finish();
    limits
}

/// SHA-256 of the certificate: as hex, or of a PEM file.
fn certificate(section: &mut Section<'_>) -> Option<[u8; 32]> {
    let written = section.node("certificate").map(Node::json);
    let thumbprint = written.as_ref().and_then(|said| hex(said.as_str()?));
    if written.is_none() || thumbprint.is_some() {
        section.required_text("certificate")?;
        return thumbprint;
    }
    // Asked for as a path, so that a file of another content is noticed.
    let path = section.path("certificate")?;
    let Ok(pem) = fs::read_to_string(&path) else {
        section.fault("certificate", "must be 64 hex digits, or a PEM file that can be read");
        return None;
    };
    let read = pki::certificates(&pem);
    let read =
        read.inspect_err(|error| section.fault("certificate", error.say().to_owned())).ok()?;
    read.first().map(|certificate| pki::thumbprint(certificate))
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let mut digits = text.chars().filter(|c| *c != ':').map(|c| c.to_digit(16));
    let mut bytes = [0; 32];
    for byte in &mut bytes {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    digits.next().is_none().then_some(bytes)
}
