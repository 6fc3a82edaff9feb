//! Who asks as it was stated and signed, with what the holder's own data add: an [`Asker`].
//!
//! Part of `consent`: `release` states what a grant says, `explain` what somebody asks about, and both
//! become an asker here alone, so that neither can read of the holder's data what the other does not.
//! Source: `consent` 1.4, `q`; design 6 (organisation parents and care relation come from the holder).

use std::sync::Arc;

use crate::{
    compartment::Compartment,
    consent::{
        asker::{Asker, BreakGlass, Gateway},
        cover::{Interaction, ScopeCover},
        purpose::Purpose,
    },
    directory::Directory,
    domain::{moment::Moment, plan::PlanStatus},
};

/// What is stated of who asks.
#[derive(Clone)]
pub struct Stated<'a> {
    /// `urn:oid:...`.
    pub organization: &'a str,
    /// Organisations of the gateways on the way, nearest first; `None` for one that is not known here.
    pub through: &'a [Option<String>],
    /// `Type/id` of the person who acts.
    pub subject: Option<&'a str>,
    /// The client.
    pub client: &'a str,
    /// Roles of the person who acts.
    pub roles: Vec<Arc<str>>,
    /// The register it works in.
    pub register: Option<&'a str>,
    /// The sector it works in.
    pub sector: Option<&'a str>,
    /// Ids of the grounds it declares.
    pub declared: Vec<Arc<str>>,
    /// Its purpose.
    pub purpose: Option<&'a str>,
    /// The emergency it declares.
    pub break_glass: Option<BreakGlass>,
    /// What its scopes cover.
    pub scopes: ScopeCover,
}

impl Stated<'_> {
    /// The request as the decision reads it.
    pub fn asks(
        self,
        compartment: &Compartment,
        directory: &Directory,
        interaction: Interaction,
        now: Moment,
    ) -> Asker {
        let chain = |oid: &str| directory.names(oid);
        let orgs = chain(self.organization);
        let through = self.through.iter().map(|oid| Gateway { orgs: oid.as_deref().map(chain) });
        // A system that asks by itself is a Device: a prohibition against a person is not about it.
        let subject = self.subject.map_or_else(|| device(self.client), str::to_owned);
        Asker {
            now,
            care_relation: in_team(compartment, directory, &orgs, &subject),
            subject: Some(subject.into()),
            orgs,
            through: through.collect(),
            roles: self.roles,
            client: Some(self.client.into()),
            register: self.register.map(Into::into),
            sector: self.sector.map(Into::into),
            declared: self.declared,
            purpose: self.purpose.map(Purpose::of),
            action: Some("access".into()),
            scopes: self.scopes,
            interaction,
            break_glass: self.break_glass,
        }
    }
}

/// The name of a client as a requester, in the alphabet of FHIR ids.
fn device(client: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    format!("Device/{}", client.chars().map(plain).take(64).collect::<String>())
}

/// A care relation holds if the requester or one of its organisations is in the team of an active
/// plan of the person.
fn in_team(
    compartment: &Compartment,
    directory: &Directory,
    orgs: &[Arc<str>],
    subject: &str,
) -> bool {
    let active = compartment.plans.iter().filter(|p| p.native.status == PlanStatus::Active);
    active.flat_map(|p| &p.native.team).filter(|member| member.active).any(|member| {
        let oid = directory.oid(member.organization.as_str());
        oid.is_some_and(|oid| orgs.iter().any(|org| **org == *oid))
            || subject.strip_prefix("Practitioner/") == Some(member.practitioner.as_str())
    })
}
