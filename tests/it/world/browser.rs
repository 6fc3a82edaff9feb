//! Somebody at a browser, and the app that sent them: forms are filled in as the pages have them.

use std::{cell::RefCell, rc::Rc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use mylife::authenticate::registry::ClientEntry;
use serde_json::{Value, json};

use super::{
    Node, Reply,
    actor::{Actor, Ask},
};

/// Where the app of the stories has people sent back to.
pub(crate) const BACK: &str = "https://app.example/back";
/// What the app keeps secret until it changes its code, and what it shows before.
pub(crate) const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more";
const FORM: &str = "application/x-www-form-urlencoded";

/// Apps that every gateway of the world knows.
pub(crate) fn apps() -> Vec<ClientEntry> {
    let [_, county, city] = super::actor::ORGANIZATIONS;
    let app = |id: &str, oid: &str, scopes: &[&str], more: Value| {
        let mut entry = json!({
            "client_id": id, "name": "My <Days> & I", "organization": format!("urn:oid:{oid}"),
            "scopes": scopes, "purposes": ["PATRQT"], "public": true, "redirect_uris": [BACK],
        });
        for (key, value) in more.as_object().unwrap() {
            entry[key] = value.clone();
        }
        serde_json::from_value(entry).unwrap()
    };
    let words = ["launch/patient", "openid", "fhirUser", "offline_access", "online_access"];
    let own = [&["patient/*.rs", "patient/Consent.crus"][..], &words].concat();
    let work = [&["user/*.rs", "patient/*.rs", "launch"][..], &words].concat();
    vec![
        app("my-days", city, &own, json!({})),
        app("their-days", county, &own, json!({ "redirect_uris": ["https://other.example/back"] })),
        app(
            "worker-app",
            county,
            &work,
            json!({ "purposes": ["TREAT", "CAREMGT"], "roles": ["case-worker", "nurse"] }),
        ),
    ]
}

/// A browser with its cookie, at one gateway.
pub(crate) struct Browser {
    node: Node,
    wire: Rc<Actor>,
    pub(crate) cookie: RefCell<Option<String>>,
    language: &'static str,
}

impl Browser {
    pub(crate) fn at(node: &Node) -> Self {
        Self::speaking(node, "en")
    }

    pub(crate) fn speaking(node: &Node, language: &'static str) -> Self {
        let wire = node.world.actor("north-savo");
        Self { node: node.clone(), wire, cookie: RefCell::default(), language }
    }

    fn send(&self, method: Method, path: &str, ask: Ask<'_>) -> Reply {
        let mut headers = ask.headers.clone();
        headers.push(("accept-language", self.language.to_owned()));
        headers.extend(self.cookie.borrow().iter().map(|cookie| ("cookie", cookie.clone())));
        let reply = self.wire.raw(&self.node, method, path, Ask { headers, ..ask });
        if let Some(set) = reply.header("set-cookie") {
            let cookie = set.split(';').next().unwrap().to_owned();
            assert!(set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{set}");
            *self.cookie.borrow_mut() = Some(cookie);
        }
        reply
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, Ask::default())
    }

    pub(crate) fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Reply {
        let body = encoded(pairs);
        self.send(Method::POST, path, Ask { kind: Some(FORM), body: body.into(), ..Ask::default() })
    }

    /// An app sends its user here.
    pub(crate) fn launch(&self, wish: &[(&str, &str)]) -> Reply {
        self.get(&format!("/oauth/authorize?{}", encoded(wish)))
    }

    /// Presses the button of somebody's name.
    pub(crate) fn logs_in(&self, page: &Reply, name: &str) -> Reply {
        let text = page.text();
        let at = text.find(&format!(">{name}</button>")).unwrap_or_else(|| panic!("{text}"));
        let number = text[..at].rsplit('"').nth(1).unwrap().to_owned();
        self.post("/oauth/login", &[("page", &name_of(page)), ("as", &number)])
    }

    /// Ticks everything but what is named and presses a button.
    pub(crate) fn answers(&self, page: &Reply, without: &[&str], more: &[(&str, &str)]) -> Reply {
        let text = page.text();
        let boxes = text.split("type=\"checkbox\" name=\"").skip(1);
        let names: Vec<&str> = boxes.map(|rest| rest.split('"').next().unwrap()).collect();
        let name = name_of(page);
        let mut pairs = vec![("page", name.as_str())];
        pairs.extend(names.iter().filter(|name| !without.contains(name)).map(|name| (*name, "1")));
        pairs.extend_from_slice(more);
        self.post("/oauth/consent", &pairs)
    }

    /// Allows what is asked for, about themselves.
    pub(crate) fn allows(&self, page: &Reply) -> Reply {
        self.answers(page, &[], &[("do", "allow"), ("whose", "own")])
    }

    /// An app changes a code for tokens.
    pub(crate) fn redeem(&self, changes: &[(&str, &str)]) -> Reply {
        let plain = [
            ("grant_type", "authorization_code"),
            ("client_id", "my-days"),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        self.wire.ask_token(&self.node, &encoded(&changed(&plain, changes)))
    }

    /// From nothing to tokens, as somebody of a name, for a scope.
    pub(crate) fn tokens(&self, name: &str, scope: &str) -> Value {
        let page = self.logs_in(&self.launch(&wish(&self.node, &[("scope", scope)])), name);
        let code = parameter(&self.allows(&page), "code");
        let reply = self.redeem(&[("code", &code)]);
        assert_eq!(reply.status(), 200, "{reply:?}");
        reply.json().clone()
    }

    /// Asks for data with a token.
    pub(crate) fn reads(&self, token: &Value, path: &str) -> Reply {
        let token = token["access_token"].as_str().unwrap();
        let headers = vec![("authorization", format!("Bearer {token}"))];
        let nodes = Some(self.node.code());
        self.wire.raw(&self.node, Method::GET, path, Ask { headers, nodes, ..Ask::default() })
    }
}

/// An app asks for a new token, with changes to the usual form.
pub(crate) fn refreshes(node: &Node, token: &Value, changes: &[(&str, &str)]) -> Reply {
    let token = token["refresh_token"].as_str().unwrap_or("none");
    let plain =
        [("grant_type", "refresh_token"), ("client_id", "my-days"), ("refresh_token", token)];
    node.world.actor("north-savo").ask_token(node, &encoded(&changed(&plain, changes)))
}

/// What the app asks for; a pair with the value `-` is left out.
pub(crate) fn wish(
    node: &Node,
    changes: &[(&'static str, &str)],
) -> Vec<(&'static str, &'static str)> {
    let aud: &'static str = format!("{}/fhir", node.identity.url).leak();
    let challenge: &'static str = challenge(VERIFIER).leak();
    let plain = [
        ("response_type", "code"),
        ("client_id", "my-days"),
        ("redirect_uri", BACK),
        ("scope", "launch/patient patient/*.rs"),
        ("state", "a state & more"),
        ("aud", aud),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ];
    let changes: Vec<(&str, &str)> =
        changes.iter().map(|(name, value)| (*name, &*(*value).to_owned().leak())).collect();
    changed(&plain, &changes)
}

pub(crate) fn challenge(verifier: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.as_ref())
}

fn changed<'a>(
    plain: &[(&'a str, &'a str)],
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let kept = plain.iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
    kept.chain(changes).filter(|(_, value)| *value != "-").copied().collect()
}

pub(crate) fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The page that a form belongs to.
pub(crate) fn name_of(page: &Reply) -> String {
    let text = page.text();
    let (_, rest) = text.split_once("name=\"page\" value=\"").unwrap_or_else(|| panic!("{page:?}"));
    rest.split('"').next().unwrap().to_owned()
}

/// A parameter of the address that a reply sends to.
pub(crate) fn parameter(reply: &Reply, name: &str) -> String {
    let to = reply.header("location").unwrap_or_else(|| panic!("{reply:?}"));
    let (_, query) = to.split_once('?').unwrap();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(n, _)| n == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}
