//! `[[clients]]`: who may ask this gateway, and for what at most.
//!
//! Part of `config`; the rules are those of the registry.

use crate::{
    authenticate::registry::{ClientEntry, Registry},
    config::section::Section,
};

/// Reads the clients.
pub fn read(sections: Vec<Section<'_>>) -> Vec<ClientEntry> {
    let mut entries: Vec<ClientEntry> = Vec::new();
    for mut section in sections {
        if let Some(entry) = entry(&mut section) {
            if entries.iter().any(|earlier| earlier.client_id == entry.client_id) {
                section.fault("client_id", "is that of an earlier client");
            } else if let Err(all) = Registry::build(vec![entry.clone()]) {
                all.iter().for_each(|said| tell(&section, &entry.client_id, said));
            }
            entries.push(entry);
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
    let jwks = section.json("jwks");
    let entry = ClientEntry {
        client_id: String::new(),
        name: String::new(),
        organization: String::new(),
        jwks: serde_json::Value::Null,
        roles: section.texts("roles"),
        scopes: section.texts("scopes"),
        purposes: section.texts("purposes"),
        register: section.text("register"),
        sector: section.text("sector"),
        declares: section.texts("declares"),
        break_glass: section.flag("break_glass", false),
        people_act: section.flag("people_act", false),
        native_owner: section.flag("native_owner", false),
    };
    Some(ClientEntry {
        client_id: client_id?,
        name: name?,
        organization: organization?,
        jwks: jwks?,
        ..entry
    })
}
