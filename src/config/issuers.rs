//! `[[issuers]]`: others whose access tokens count here, how each is checked, and how much it may give.
//!
//! Part of `config`. Hosts that are not public, or not on port 443, are named under `[client_keys]`.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    authenticate::{
        issuer::{ClaimRules, Issuer, IssuerLimits},
        jose::{
            address::KeyAddress,
            key::{Algorithm, KeySet},
        },
    },
    config::{clients, section::Section},
    domain::id::is_oid,
    oauth::{
        issuers::{Check, Settings},
        keys::fetch::Rules,
    },
    smart::Scopes,
};

/// How a place on the web is written.
const URL: &str = "https://host/path, without name, password, query and fragment";

/// Reads the issuers, which may be asked where `rules` let them; `own` is the gateway's own address, and
/// `peers` are the issuers of other gateways.
pub fn read(
    sections: Vec<Section<'_>>,
    rules: &Rules,
    own: Option<&str>,
    peers: &[&str],
) -> Vec<Settings> {
    let mut all: Vec<Settings> = Vec::new();
    let (mut ids, mut known) = (BTreeSet::new(), BTreeSet::new());
    let mut opaque = false;
    for mut section in sections {
        if let Some(settings) = settings(&mut section, own) {
            let Settings { issuer, check } = &settings;
            if !ids.insert(issuer.id.clone()) {
                section.fault("id", "is that of an earlier issuer");
            }
            if !known.insert(Arc::clone(&issuer.issuer)) {
                section.fault("issuer", "is that of an earlier issuer");
            }
            if own == Some(&*issuer.issuer) || peers.contains(&&*issuer.issuer) {
                let say = "is that of this gateway, or of a peer, which is under [[peers]] alone";
                section.fault("issuer", say);
            }
            admitted(&section, issuer, check, rules);
            if matches!(check, Check::Introspection { opaque: true, .. }) {
                if opaque {
                    let say = "is said of an earlier issuer: a token that states no issuer is shown \
                               to one alone";
                    section.fault("opaque", say);
                }
                opaque = true;
            }
            all.push(settings);
        }
        section.finish();
    }
    all
}

/// May what must be asked be asked?
fn admitted(section: &Section<'_>, issuer: &Issuer, check: &Check, rules: &Rules) {
    let (key, address) = match check {
        Check::Registered(_) => return,
        Check::Published { address: Some(address), .. } => ("jwks_uri", Some(address.clone())),
        Check::Published { address: None, .. } => ("issuer", KeyAddress::parse(&issuer.issuer)),
        Check::Introspection { endpoint, .. } => ("introspection_endpoint", Some(endpoint.clone())),
    };
    if let Some(Err(why)) = address.map(|address| rules.admit(address.authority())) {
        section.fault(key, format!("{why}: name host:port under inside of [client_keys]"));
    }
}

fn settings(section: &mut Section<'_>, own: Option<&str>) -> Option<Settings> {
    let id = section.required("id", "1 to 32 small letters, digits and '-'", |text| {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        ((1..=32).contains(&text.len()) && text.bytes().all(letter)).then(|| text.to_owned())
    });
    let url = "an https URL without query and fragment, letter by letter as its tokens state it";
    let issuer = section.required("issuer", url, |text| plain(text).map(|_| text.to_owned()));
    let audience = section.text("audience");
    let audience = audience.or_else(|| Some(format!("{}/fhir", own?)));
    let (types, longest) = (types(section), section.number("longest_minutes", 1..=60, 10));
    let check = check(section);
    let claims = claims(section.section("claims"));
    let limits = limits(section.section("limits"));
    if claims.organization.is_none() && limits.organizations.len() > 1 {
        let say = "names several: claims.organization must say which one a token is of";
        section.fault("limits", say);
    }
    if claims.role.is_none() && !limits.roles.is_empty() {
        section.fault("limits", "has roles, and claims.role says of none which one it is");
    }
    let issuer = Issuer {
        id: id?,
        issuer: issuer?.into(),
        audience: audience?,
        plain: types?,
        longest: Duration::from_mins(longest),
        claims,
        limits,
    };
    Some(Settings { issuer, check: check? })
}

fn plain(text: &str) -> Option<KeyAddress> {
    KeyAddress::parse(text).filter(|_| !text.contains('?'))
}

/// Is a plain `JWT` an access token too?
fn types(section: &mut Section<'_>) -> Option<bool> {
    let said = section.texts("types");
    if !said.iter().all(|one| ["at+jwt", "JWT"].contains(&one.as_str())) {
        section.fault("types", "must each be at+jwt or JWT");
        return None;
    }
    Some(said.iter().any(|one| one == "JWT"))
}

fn check(section: &mut Section<'_>) -> Option<Check> {
    #[derive(Clone, Copy)]
    enum Way {
        Keys,
        Introspection,
    }
    if !section.has("check") {
        let say = "is missing: jwks (its keys tell) or introspection (it is asked)";
        section.fault("check", say);
    }
    let words = [("jwks", Way::Keys), ("introspection", Way::Introspection)];
    let way = section.one_of("check", &words, Way::Keys);
    let algorithms = clients::algorithms(section);
    let inline = section.has("jwks") || section.has("jwks_file");
    let keys = inline.then(|| section.json("jwks"));
    let at = section.parsed("jwks_uri", URL, KeyAddress::parse);
    let endpoint = section.parsed("introspection_endpoint", URL, plain);
    let client_id = section.text("client_id");
    let opaque = section.flag("opaque", false);
    let strays: &[&str] = match way {
        Way::Keys => &["introspection_endpoint", "client_id", "opaque"],
        Way::Introspection => {
            &["algorithms", "jwks", "jwks_file", "jwks_uri", "longest_minutes", "types"]
        }
    };
    for stray in strays {
        if section.has(stray) {
            section.fault(stray, "does not go with this check");
        }
    }
    match way {
        Way::Introspection => {
            for (key, is_there) in
                [("introspection_endpoint", endpoint.is_some()), ("client_id", client_id.is_some())]
            {
                if !is_there && !section.has(key) {
                    section.fault(key, "is missing, and check = \"introspection\" needs it");
                }
            }
            Some(Check::Introspection { endpoint: endpoint?, client_id: client_id?, opaque })
        }
        Way::Keys if inline => {
            if section.has("jwks_uri") {
                section.fault("jwks_uri", "stands beside jwks: keep one of them");
            }
            registered(section, &keys??, &algorithms)
        }
        Way::Keys => {
            if algorithms.is_empty() {
                let say = "is missing: how it signs, ES256, ES384, RS256 or RS384";
                section.fault("algorithms", say);
            }
            Some(Check::Published { address: at, algorithms })
        }
    }
}

/// Keys in the entry itself.
fn registered(section: &Section<'_>, set: &Value, algorithms: &[Algorithm]) -> Option<Check> {
    let keys = KeySet::parse(set);
    let keys = keys.map_err(|all| all.iter().for_each(|why| section.fault("jwks", why))).ok()?;
    let known = keys.algorithms();
    let stray = known.iter().find(|algorithm| !algorithms.contains(algorithm));
    if let Some(stray) = stray.filter(|_| !algorithms.is_empty()) {
        section.fault("algorithms", format!("lacks {} of a key", stray.name()));
    }
    Some(Check::Registered(Arc::new(keys)))
}

fn claims(mut section: Section<'_>) -> ClaimRules {
    let usual = ClaimRules::default();
    let rules = ClaimRules {
        client: section.text("client").unwrap_or(usual.client),
        scope: section.text("scope").unwrap_or(usual.scope),
        organization: section.text("organization"),
        role: section.text("role"),
        purpose: section.text("purpose"),
        patient: section.text("patient").unwrap_or(usual.patient),
        user: section.text("user").unwrap_or(usual.user),
    };
    section.finish();
    rules
}

fn limits(mut section: Section<'_>) -> IssuerLimits {
    let (scopes, unknown) = Scopes::parse_noting(&section.texts("scopes").join(" "));
    for scope in unknown {
        section.fault("scopes", format!("{scope:?} is not known"));
    }
    if scopes.native_write() || scopes.launch_write() {
        section.fault("scopes", "mylife/ scopes are for clients of this gateway alone");
    } else if scopes.is_empty() {
        section.fault("scopes", "is missing: what its tokens may ever ask, user/*.rs");
    }
    let limits = IssuerLimits {
        scopes,
        organizations: section.texts("organizations"),
        roles: section.texts("roles"),
        purposes: section.texts("purposes"),
        people_act: section.flag("people_act", false),
    };
    if limits.organizations.is_empty() || !limits.organizations.iter().all(|oid| is_oid(oid)) {
        section.fault("organizations", "must be one or more, each urn:oid: and an OID");
    }
    section.finish();
    limits
}
