//! A page in a browser that asks another origin: it reads what the browser lets it read, and no more.
//!
//! Fetch: what is not simple is asked for beforehand; an answer that does not name the page's origin is
//! kept from it, and so is every header that is not shown.

use std::rc::Rc;

use http::Method;

use super::{
    Node, Reply,
    actor::{Actor, Ask},
};

/// Headers that any page may send without asking, and read without being shown them.
const SIMPLE: [&str; 4] = ["accept", "accept-language", "content-language", "content-type"];
const READ: [&str; 6] =
    ["cache-control", "content-language", "content-length", "content-type", "expires", "pragma"];
const FORM: &str = "application/x-www-form-urlencoded";

/// A page of an origin.
pub(crate) struct Page {
    node: Node,
    wire: Rc<Actor>,
    origin: &'static str,
}

/// What a page sends.
#[derive(Clone, Default)]
pub(crate) struct Sent<'a> {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) kind: Option<&'a str>,
    pub(crate) body: String,
}

/// What a page may see of an answer.
pub(crate) struct Seen(Reply);

impl Seen {
    pub(crate) fn reply(&self) -> &Reply {
        &self.0
    }

    /// A header, if the page may read it.
    pub(crate) fn header(&self, name: &'static str) -> Option<&str> {
        let shown = listed(&self.0, "access-control-expose-headers");
        let may = READ.contains(&name) || shown.iter().any(|one| one == name);
        self.0.header(name).filter(|_| may)
    }
}

impl Page {
    pub(crate) fn at(node: &Node, origin: &'static str) -> Self {
        Self { node: node.clone(), wire: node.world.actor("north-savo"), origin }
    }

    /// What a browser asks beforehand.
    pub(crate) fn beforehand(&self, method: &Method, path: &str, names: &str) -> Reply {
        let mut headers = vec![
            ("origin", self.origin.to_owned()),
            ("access-control-request-method", method.to_string()),
        ];
        if !names.is_empty() {
            headers.push(("access-control-request-headers", names.to_owned()));
        }
        let ask = Ask { headers, ..Ask::default() };
        let reply = self.wire.raw(&self.node, Method::OPTIONS, path, ask);
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        reply
    }

    /// `fetch`: the answer, or why the browser keeps it from the page.
    pub(crate) fn fetch(
        &self,
        method: &Method,
        path: &str,
        sent: Sent<'_>,
    ) -> Result<Seen, &'static str> {
        let simple = |name: &str| SIMPLE.contains(&name);
        let mut names: Vec<&str> =
            sent.headers.iter().map(|(name, _)| *name).filter(|name| !simple(name)).collect();
        if sent.kind.is_some_and(|kind| kind != FORM) {
            names.push("content-type");
        }
        if !names.is_empty() || ![Method::GET, Method::HEAD, Method::POST].contains(method) {
            let reply = self.beforehand(method, path, &names.join(","));
            if !(200..300).contains(&reply.status()) || !self.is_named(&reply) {
                return Err("not allowed beforehand");
            }
            let methods = listed(&reply, "access-control-allow-methods");
            let headers = listed(&reply, "access-control-allow-headers");
            let said = |name: &&str| headers.iter().any(|one| one == name);
            if !methods.contains(&method.as_str().to_lowercase()) || !names.iter().all(said) {
                return Err("method or header not allowed");
            }
        }
        let Sent { mut headers, kind, body } = sent;
        headers.push(("origin", self.origin.to_owned()));
        let ask = Ask { headers, kind, body: body.into(), ..Ask::default() };
        let reply = self.wire.raw(&self.node, method.clone(), path, ask);
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        if self.is_named(&reply) { Ok(Seen(reply)) } else { Err("kept from the page") }
    }

    fn is_named(&self, reply: &Reply) -> bool {
        let named = reply.header("access-control-allow-origin");
        named == Some(self.origin) || named == Some("*")
    }
}

fn listed(reply: &Reply, name: &'static str) -> Vec<String> {
    let text = reply.header(name).unwrap_or_default();
    text.split(',').map(|one| one.trim().to_lowercase()).collect()
}
