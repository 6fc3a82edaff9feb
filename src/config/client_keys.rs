//! `[client_keys]`: whence the keys of clients may be fetched that publish them.
//!
//! Part of `config`. Public hosts on port 443 may be asked without being named here.

use crate::{
    authenticate::jose::address::HTTPS, config::section::Section, oauth::keys::fetch::Rules, pki,
    transport::Authority,
};

/// Reads the section.
pub fn read(mut section: Section<'_>) -> Rules {
    let mut inside = Vec::new();
    for text in section.texts("inside") {
        match authority(&text) {
            Some(authority) => inside.push(authority),
            None => section.fault("inside", "must each be a host, or host:port"),
        }
    }
    let authorities = if section.has("authorities") { section.file("authorities") } else { None };
    let authorities = authorities.map(|(_, pem)| pem.to_string());
    if let Some(Err(error)) = authorities.as_deref().map(pki::anchors) {
        section.fault("authorities", error.say().to_owned());
    }
    if authorities.is_some() && inside.is_empty() {
        section.fault("authorities", "vouch for the hosts under inside, and there are none");
    }
    section.finish();
    Rules { inside, authorities }
}

fn authority(text: &str) -> Option<Authority> {
    let whole = text.parse().or_else(|_| format!("{text}:{HTTPS}").parse());
    whole.ok().filter(|_| !text.contains('/'))
}
