//! `[[login]]`: the `OpenID` providers at which people log in to apps.
//!
//! Part of `config`. Hosts that are not public, or not on port 443, are named under `[client_keys]`.

use std::collections::BTreeSet;

use crate::{
    authenticate::jose::address::KeyAddress,
    config::section::Section,
    domain::id::is_oid,
    oauth::{
        keys::fetch::Rules,
        launch::provider::{Claims, Settings},
    },
};

/// Reads the providers, which may be asked where `rules` let them.
pub fn read(sections: Vec<Section<'_>>, rules: &Rules) -> Vec<Settings> {
    let (mut all, mut ids) = (Vec::new(), BTreeSet::new());
    for mut section in sections {
        let settings = settings(&mut section);
        if let Some(settings) = settings {
            if !ids.insert(settings.id.clone()) {
                section.fault("id", "is that of an earlier provider");
            }
            let address = KeyAddress::parse(&settings.issuer);
            if let Some(Err(why)) = address.map(|address| rules.admit(address.authority())) {
                let say = format!("{why}: name host:port under inside of [client_keys]");
                section.fault("issuer", say);
            }
            all.push(settings);
        }
        section.finish();
    }
    all
}

fn settings(section: &mut Section<'_>) -> Option<Settings> {
    let id = section.required("id", "1 to 32 small letters, digits and '-'", |text| {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        ((1..=32).contains(&text.len()) && text.bytes().all(letter)).then(|| text.to_owned())
    });
    let names = ["name_fi", "name_sv", "name_en"].map(|key| section.required_text(key));
    let url = "an https URL without query and fragment, as the provider writes it";
    let issuer = section.required("issuer", url, |text| {
        let plain = !text.contains('?') && KeyAddress::parse(text).is_some();
        plain.then(|| text.to_owned())
    });
    let client_id = section.required_text("client_id");
    let shares = section.has("client_secret") || section.has("client_secret_file");
    let secret = if shares { Some(section.secret("client_secret")?.1) } else { None };
    let secret = secret.map(|secret| zeroize::Zeroizing::new(secret.trim().to_owned()));
    let scope = section.text("scope").unwrap_or_else(|| "openid".to_owned());
    if !scope.split(' ').any(|word| word == "openid") {
        section.fault("scope", "must have openid in it");
    }
    let claims = claims(section);
    let [fi, sv, en] = names;
    Some(Settings {
        id: id?,
        names: [fi?, sv?, en?],
        issuer: issuer?,
        client_id: client_id?,
        secret,
        scope,
        claims,
    })
}

fn claims(section: &mut Section<'_>) -> Claims {
    let claims = Claims {
        person: section.text("person"),
        name: section.text("name"),
        professional: section.text("professional"),
        organization: section.text("organization"),
        role: section.text("role"),
        organizations: section.texts("organizations"),
        roles: section.texts("roles"),
    };
    if claims.person.is_none() && claims.professional.is_none() {
        let say = "name the claim of the identity code (person = \"urn:oid:1.2.246.21\"), or that of \
                   a professional's id (professional)";
        section.fault("", say);
    }
    if !claims.organizations.iter().all(|oid| is_oid(oid)) {
        section.fault("organizations", "each must be urn:oid: and an OID");
    }
    let whole = claims.organization.is_some()
        && claims.role.is_some()
        && !claims.organizations.is_empty()
        && !claims.roles.is_empty();
    if claims.professional.is_some() && !whole {
        let say = "needs organization and role, the claims that say them, and organizations and roles, \
                   the values that are believed";
        section.fault("professional", say);
    }
    claims
}
