//! The gateways this one believes, and how far.
//!
//! Part of the step `authenticate`. A peer is known by its certificate and its keys, and speaks for
//! no organisation, role or purpose that this holder's own configuration does not list: a peer that
//! falls into wrong hands widens nothing beyond that.

use serde::Deserialize;

use super::{jose::key::KeySet, statement::Statement};
use crate::domain::id::{NodeCode, is_oid};

/// Another gateway.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its node code.
    pub code: NodeCode,
    /// The issuer of what it signs.
    pub issuer: String,
    /// The controller it stands in front of, `urn:oid:...`: a recipient of what passes through it.
    pub organization: String,
    /// The keys it signs with.
    pub keys: KeySet,
    /// SHA-256 of its TLS client certificate in DER.
    pub certificate: [u8; 32],
    /// For whom it may speak.
    pub limits: PeerLimits,
}

/// For whom a peer may speak. What is not listed it may not say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerLimits {
    /// Organisations, `urn:oid:...`.
    pub organizations: Vec<String>,
    /// Roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Purposes, codes of v3-ActReason.
    #[serde(default)]
    pub purposes: Vec<String>,
    /// Registers.
    #[serde(default)]
    pub registers: Vec<String>,
    /// Sectors.
    #[serde(default)]
    pub sectors: Vec<String>,
    /// Grounds in law that its clients may declare.
    #[serde(default)]
    pub declares: Vec<String>,
    /// May it be told how many people are in each cell of an indicator, exactly? It adds up those of
    /// several gateways, and only what it makes of the sums is told to anybody.
    #[serde(default)]
    pub counts: bool,
}

impl PeerLimits {
    /// May the peer say this? An emergency and a person's own access need the proof of the client or
    /// the person themselves, so no peer can state them.
    pub fn admit(&self, said: &Statement) -> bool {
        let in_list = |list: &[String], value: &String| list.contains(value);
        in_list(&self.organizations, &said.organization)
            && said.purpose.as_ref().is_none_or(|p| in_list(&self.purposes, p))
            && said.roles.iter().all(|r| in_list(&self.roles, r))
            && said.register.as_ref().is_none_or(|r| in_list(&self.registers, r))
            && said.sector.as_ref().is_none_or(|s| in_list(&self.sectors, s))
            && said.declared.iter().all(|d| in_list(&self.declares, &d.id))
            && said.break_glass.is_none()
            && said.patient.is_none()
            && !said.people_act()
    }
}

/// All peers.
#[derive(Debug, Default)]
pub struct Peers(Vec<Peer>);

impl Peers {
    /// Checks that each peer can be told from the others; gives back all mistakes.
    pub fn build(peers: Vec<Peer>) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        for (n, peer) in peers.iter().enumerate() {
            let earlier = || peers.iter().take(n);
            let mut once = |twice: bool, what: &str| {
                if twice {
                    mistakes.push(format!("peer {}: {what} is that of another peer", peer.code));
                }
            };
            once(earlier().any(|p| p.code == peer.code), "its code");
            once(earlier().any(|p| p.issuer == peer.issuer), "its issuer");
            once(earlier().any(|p| p.certificate == peer.certificate), "its certificate");
            if !is_oid(&peer.organization) {
                mistakes
                    .push(format!("peer {}: organization must be urn:oid: and an OID", peer.code));
            }
        }
        if mistakes.is_empty() { Ok(Self(peers)) } else { Err(mistakes) }
    }

    /// The peer of a client certificate.
    pub fn of_certificate(&self, certificate: &[u8; 32]) -> Option<&Peer> {
        self.0.iter().find(|peer| peer.certificate == *certificate)
    }

    /// The peer of a node code.
    pub fn of_code(&self, code: &NodeCode) -> Option<&Peer> {
        self.0.iter().find(|peer| peer.code == *code)
    }

    /// The peer of an issuer, letter by letter.
    pub fn of_issuer(&self, issuer: &str) -> Option<&Peer> {
        self.0.iter().find(|peer| peer.issuer == issuer)
    }

    /// The organisation of an issuer; none if it is no peer's.
    pub fn organization(&self, issuer: &str) -> Option<&str> {
        self.of_issuer(issuer).map(|peer| peer.organization.as_str())
    }

    /// Are there none?
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
