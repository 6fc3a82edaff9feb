//! What an app asks for: the authorization request, read strictly.
//!
//! Part of `oauth::launch`. Sources: RFC 6749 section 4.1.1, RFC 7636, RFC 9700 section 2.1, SMART App
//! Launch 2.2 `app-launch`. Until the client and its redirect URI are known nobody is sent anywhere;
//! from then on every mistake goes back to the app.

use serde::{Deserialize, Serialize};

use super::{context::Context as Launched, login::User, words::Tongue};
use crate::{
    authenticate::{jose::claims::is_name, registry::Client},
    oauth::{form::Form, possession, token::TokenEndpoint},
    smart::{
        self, Context, Scopes,
        word::{Word, Words},
    },
};

/// Characters of a challenge: SHA-256 in base64url.
const CHALLENGE: usize = 43;
/// Longest `state`, in bytes.
const MAX_STATE: usize = 2048;

/// An authorization request that can be granted.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Wish {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) state: String,
    pub(super) challenge: String,
    /// As it was asked for.
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    /// Must somebody log in, whoever is logged in?
    pub(super) anew: bool,
    /// Must nobody be asked anything?
    pub(super) silent: bool,
    pub(super) tongue: Tongue,
    /// What the system says that opened the app.
    pub(super) context: Option<Launched>,
    /// Thumbprint of the key that the code is to be bound to (RFC 9449 section 10).
    pub(super) key: Option<[u8; 32]>,
}

/// A request that cannot be granted.
pub(super) enum Fault {
    /// It is not known where to send anybody: said on a page.
    Shown(&'static str),
    /// Said to the app.
    Sent(Back, Trouble),
}

/// Where an answer goes.
pub(super) struct Back {
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
}

/// An error of RFC 6749 section 4.1.2.1, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trouble {
    pub(super) error: &'static str,
    pub(super) why: &'static str,
}

impl Trouble {
    pub(super) const fn new(error: &'static str, why: &'static str) -> Self {
        Self { error, why }
    }
}

impl Wish {
    pub(super) fn back(&self) -> Back {
        Back { redirect_uri: self.redirect_uri.clone(), state: Some(self.state.clone()) }
    }

    /// What of the scope can be granted to this client, to users of these contexts.
    pub(super) fn scopes(&self, client: &Client, contexts: &[Context]) -> Scopes {
        let asked = Scopes::parse(&self.scope).without_ours().only(contexts);
        asked.intersect(client.scopes())
    }

    /// The same of the words; nothing was opened where no system says so.
    pub(super) fn words(&self, client: &Client) -> Words {
        let words = Words::parse(&self.scope).intersect(client.words());
        if self.context.is_some() { words } else { words.without(Word::Launch) }
    }

    /// May they answer? An app that was opened for somebody is for nobody else.
    pub(super) fn is_for(&self, user: &User) -> bool {
        self.context.as_ref().is_none_or(|context| context.is_for(user))
    }

    /// Does it ask for something that this client may have?
    pub(super) fn asks(&self, client: &Client, word: Word) -> bool {
        Words::parse(&self.scope).intersect(client.words()).has(word)
    }
}

impl TokenEndpoint {
    /// Reads a request.
    pub(super) fn wish(&self, form: &Form, tongue: Tongue) -> Result<Wish, Fault> {
        let unknown = Fault::Shown("unknown client, or another redirect_uri than is registered");
        let client = form.value("client_id").and_then(|id| self.registry.client(id));
        let redirect = form.value("redirect_uri");
        let (Some(client), Some(redirect_uri)) = (client, redirect) else { return Err(unknown) };
        if !client.entry().redirect_uris.iter().any(|registered| registered == redirect_uri) {
            return Err(unknown);
        }
        let state = form.value("state").filter(|state| state.len() <= MAX_STATE);
        let sent = |trouble| {
            let (redirect_uri, state) = (redirect_uri.to_owned(), state.map(str::to_owned));
            Fault::Sent(Back { redirect_uri, state }, trouble)
        };
        let parts = Parts { form, client, audience: &self.audience };
        let challenge = parts.check(state.is_some()).map_err(sent)?;
        let prompt: Vec<&str> = form.value("prompt").unwrap_or_default().split(' ').collect();
        Ok(Wish {
            client_id: client.id().to_string(),
            redirect_uri: redirect_uri.to_owned(),
            state: state.unwrap_or_default().to_owned(),
            challenge: challenge.to_owned(),
            scope: form.value("scope").unwrap_or_default().to_owned(),
            nonce: form.value("nonce").map(str::to_owned),
            anew: prompt.contains(&"login") || prompt.contains(&"select_account"),
            silent: prompt == ["none"],
            tongue: form.value("ui_locales").and_then(Tongue::of_list).unwrap_or(tongue),
            context: None,
            key: form.value("dpop_jkt").and_then(possession::named),
        })
    }
}

/// What of a request is left to check once it is known where to answer.
struct Parts<'a> {
    form: &'a Form,
    client: &'a Client,
    audience: &'a str,
}

impl<'a> Parts<'a> {
    /// The challenge, if all the rest is good.
    fn check(&self, has_state: bool) -> Result<&'a str, Trouble> {
        let form = self.form;
        let invalid = |why| Trouble::new("invalid_request", why);
        if form.value("response_type") != Some("code") {
            return Err(match form.value("response_type") {
                None => invalid("no response_type"),
                Some(_) => Trouble::new("unsupported_response_type", "response_type"),
            });
        }
        if form.value("response_mode").is_some_and(|mode| mode != "query") {
            return Err(invalid("response_mode"));
        }
        if form.value("request").is_some() {
            return Err(Trouble::new("request_not_supported", "request"));
        }
        if form.value("request_uri").is_some() {
            return Err(Trouble::new("request_uri_not_supported", "request_uri"));
        }
        if !has_state {
            return Err(invalid("no state, or too long"));
        }
        let audience = form.value("aud").map(|aud| aud.strip_suffix('/').unwrap_or(aud));
        if audience != Some(self.audience) {
            return Err(invalid("aud is not this gateway's FHIR base"));
        }
        if form.value("dpop_jkt").is_some_and(|key| possession::named(key).is_none()) {
            return Err(invalid("dpop_jkt"));
        }
        if form.value("nonce").is_some_and(|nonce| !is_name(nonce)) {
            return Err(invalid("nonce"));
        }
        self.check_scope()?;
        // Without a method the challenge would be plain (RFC 7636 section 4.3).
        if form.value("code_challenge_method") != Some("S256") {
            return Err(invalid("code_challenge_method must be S256"));
        }
        let url = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        let is_hash = |text: &&str| text.len() == CHALLENGE && text.bytes().all(url);
        form.value("code_challenge").filter(is_hash).ok_or_else(|| invalid("code_challenge"))
    }

    /// Is there something in it that somebody could grant?
    fn check_scope(&self) -> Result<(), Trouble> {
        let refused = |why| Trouble::new("invalid_scope", why);
        let text = self.form.value("scope").ok_or_else(|| refused("no scope"))?;
        if text.len() > smart::MAX_TEXT || !smart::grammar::is_scope_text(text) {
            return Err(refused("not a scope parameter"));
        }
        let allowed = Scopes::parse(text).without_ours().intersect(self.client.scopes());
        let launched = [Context::Patient, Context::User].iter().any(|of| allowed.speaks_of(*of));
        let words = Words::parse(text).intersect(self.client.words());
        if launched || words.has(Word::OpenId) {
            Ok(())
        } else {
            Err(refused("nothing in common with what is registered"))
        }
    }
}
