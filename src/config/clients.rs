//! `[[clients]]`: who may ask this gateway, and for what at most.
//!
//! Part of `config`; the rules are those of the registry.

use crate::{
    authenticate::{
        jose::{address::KeyAddress, key::Algorithm},
        registry::{CertificateEntry, ClientEntry, NotifyEntry, Registry},
    },
    config::section::Section,
    oauth::keys::fetch::Rules,
};

/// Reads the clients; those who publish their keys do so where `rules` let them.
pub fn read(sections: Vec<Section<'_>>, rules: &Rules) -> Vec<ClientEntry> {
    let mut entries: Vec<ClientEntry> = Vec::new();
    let mut letting = Vec::new();
    for mut section in sections {
        let mut may_act = None;
        if let Some(entry) = entry(&mut section) {
            if entries.iter().any(|earlier| earlier.client_id == entry.client_id) {
                section.fault("client_id", "is that of an earlier client");
            } else if let Err(all) = Registry::build(vec![entry.clone()]) {
                all.iter().for_each(|said| tell(&section, &entry.client_id, said));
            }
            for (key, url) in addresses(&entry) {
                let address = KeyAddress::parse(url);
                if let Some(Err(why)) = address.map(|address| rules.admit(address.authority())) {
                    let say = format!("{why}: name host:port under inside of [client_keys]");
                    section.fault(key, say);
                }
            }
            may_act.clone_from(&entry.may_act);
            entries.push(entry);
        }
        letting.push((section, may_act));
    }
    for (section, may_act) in letting {
        let exchanges =
            |id: &String| entries.iter().any(|one| one.client_id == *id && one.exchanges);
        if may_act.is_some_and(|id| !exchanges(&id)) {
            section.fault("may_act", "is no client with exchanges = true");
        }
        section.finish();
    }
    entries
}

/// What the registry says starts with the key's name, where it is a key's fault.
fn tell(section: &Section<'_>, id: &str, said: &str) {
    let said = said.strip_prefix(&format!("client {id:?}: ")).unwrap_or(said);
    match said.split_once(": ") {
        Some((key, say)) if !key.contains([' ', ',']) => section.fault(key, say),
        Some(_) | None => section.fault("", said),
    }
}

fn entry(section: &mut Section<'_>) -> Option<ClientEntry> {
    let client_id = section.required_text("client_id");
    let name = section.required_text("name");
    let organization = section.required_text("organization");
    let jwks_uri = section.text("jwks_uri");
    let public = section.flag("public", false);
    let tls_client_auth = certified(section);
    let elsewhere = jwks_uri.is_some() || public || tls_client_auth.is_some();
    let inline = !elsewhere || section.has("jwks") || section.has("jwks_file");
    let jwks = inline.then(|| section.json("jwks"));
    let entry = ClientEntry {
        client_id: String::new(),
        name: String::new(),
        organization: String::new(),
        jwks: None,
        jwks_uri,
        tls_client_auth: tls_client_auth.unwrap_or_default(),
        algorithms: algorithms(section),
        roles: section.texts("roles"),
        scopes: section.texts("scopes"),
        purposes: section.texts("purposes"),
        register: section.text("register"),
        sector: section.text("sector"),
        declares: section.texts("declares"),
        break_glass: section.flag("break_glass", false),
        people_act: section.flag("people_act", false),
        introspects: section.flag("introspects", false),
        exchanges: section.flag("exchanges", false),
        may_act: section.text("may_act"),
        native_owner: section.flag("native_owner", false),
        public,
        redirect_uris: section.texts("redirect_uris"),
        dpop_bound_access_tokens: section.flag("dpop_bound_access_tokens", false),
        user_organizations: section.texts("user_organizations"),
        notify: notify(section),
    };
    let (client_id, name, organization) = (client_id?, name?, organization?);
    let jwks = match jwks {
        Some(found) => Some(found?),
        None => None,
    };
    Some(ClientEntry { client_id, name, organization, jwks, ..entry })
}

/// Whatever the gateway asks on behalf of a client, or sends it.
fn addresses(entry: &ClientEntry) -> Vec<(&'static str, &str)> {
    let NotifyEntry { urls, token_url, .. } = &entry.notify;
    let keys = entry.jwks_uri.iter().map(|url| ("jwks_uri", url.as_str()));
    let notified = urls.iter().map(|url| ("notify.urls", url.as_str()));
    let tokens = token_url.iter().map(|url| ("notify.token_url", url.as_str()));
    keys.chain(notified).chain(tokens).collect()
}

/// Who its certificate says it is, where that is said.
fn certified(section: &mut Section<'_>) -> Option<CertificateEntry> {
    let is_said = section.has("tls_client_auth");
    let mut section = section.section("tls_client_auth");
    let entry = CertificateEntry {
        subject_dn: section.text("subject_dn"),
        san_dns: section.text("san_dns"),
        san_uri: section.text("san_uri"),
        san_ip: section.text("san_ip"),
    };
    section.finish();
    is_said.then_some(entry)
}

/// Where it may be notified.
fn notify(section: &mut Section<'_>) -> NotifyEntry {
    let mut section = section.section("notify");
    let shares = section.has("secret") || section.has("secret_file");
    let secret = if shares { section.secret("secret") } else { None };
    let entry = NotifyEntry {
        urls: section.texts("urls"),
        secret: secret.map(|(_, text)| text.trim().to_owned()),
        token_url: section.text("token_url"),
        token_client: section.text("token_client"),
        token_scope: section.text("token_scope"),
    };
    section.finish();
    entry
}

/// How something may be signed.
pub(super) fn algorithms(section: &mut Section<'_>) -> Vec<Algorithm> {
    const KNOWN: [Algorithm; 4] =
        [Algorithm::Es384, Algorithm::Rs384, Algorithm::Es256, Algorithm::Rs256];
    let named = |text: &String| KNOWN.into_iter().find(|known| known.name() == text);
    let said = section.texts("algorithms");
    let known: Vec<Algorithm> = said.iter().filter_map(named).collect();
    if known.len() < said.len() {
        let all: Vec<&str> = KNOWN.iter().map(|known| known.name()).collect();
        section.fault("algorithms", format!("must each be one of {}", all.join(", ")));
    }
    known
}
