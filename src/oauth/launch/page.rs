//! The pages: HTML without script, for any browser, any width and any way of reading.
//!
//! Part of `oauth::launch`. Sources: WCAG 2.2, CSP Level 3, RFC 9700 section 4.16. What did not come from
//! this gateway's own texts is escaped by [`escape`]. A page has
//! no script, loads nothing, is kept by nobody and shown in no frame.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, VARY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

use super::words::{Texts, Tongue};
use crate::{digest::sha256, markup::escape};

/// How it looks: system fonts, large targets, dark where that is wanted, lines where colours are forced.
const STYLE: &str = include_str!("page.css");

/// A page on its way to be written.
pub(super) struct Page<'a> {
    pub(super) status: StatusCode,
    pub(super) tongue: Tongue,
    /// Plain text.
    pub(super) title: String,
    /// HTML below the title.
    pub(super) body: String,
    /// Where its forms may lead beside this gateway, as CSP writes places.
    pub(super) leads_to: Vec<String>,
    /// What a change of the language sends along; none where there is nothing to change.
    pub(super) again: Option<Again<'a>>,
}

/// How a page is asked for again.
#[derive(Clone, Copy)]
pub(super) struct Again<'a> {
    /// Its name.
    pub(super) page: &'a str,
    /// Where its forms go.
    pub(super) action: &'static str,
}

impl Page<'_> {
    /// The answer.
    pub(super) fn response(self) -> Response<Bytes> {
        let html = self.html();
        let mut response = Response::new(Bytes::from(html));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        guard(headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.extend(self.policy().map(|policy| (CONTENT_SECURITY_POLICY, policy)));
        response
    }

    fn policy(&self) -> Option<HeaderValue> {
        let style = STANDARD.encode(sha256(STYLE.as_bytes()));
        let leads_to: String = self.leads_to.iter().map(|place| format!(" {place}")).collect();
        let text = format!(
            "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'{leads_to}; \
             frame-ancestors 'none'; base-uri 'none'"
        );
        HeaderValue::try_from(text).ok()
    }

    fn html(&self) -> String {
        let (code, texts) = (self.tongue.code(), self.tongue.texts());
        let (title, languages) = (escape(&self.title), self.languages(texts));
        format!(
            "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n\
             {languages}</body>\n</html>\n",
            body = self.body,
        )
    }

    /// The row of languages, a form of its own: Enter in another form does not send it.
    fn languages(&self, texts: &Texts) -> String {
        let Some(Again { page, action }) = self.again else { return String::new() };
        let others = Tongue::ALL.into_iter().filter(|tongue| *tongue != self.tongue);
        let buttons: String = others
            .map(|tongue| {
                let (code, name) = (tongue.code(), tongue.name());
                format!(
                    "<button class=\"plain\" name=\"language\" value=\"{code}\" lang=\"{code}\">\
                     {name}</button>\n"
                )
            })
            .collect();
        format!(
            "<nav aria-label=\"{}\">\n<form method=\"post\" action=\"{action}\">\n{}{buttons}</form>\n\
             </nav>\n",
            texts.languages,
            hidden(page),
        )
    }
}

/// The field that says which page a form belongs to.
pub(super) fn hidden(page: &str) -> String {
    format!("<input type=\"hidden\" name=\"page\" value=\"{}\">\n", escape(page))
}

/// A box to tick, with its label around it, ticked at first.
pub(super) fn tick(name: &str, label: &str) -> String {
    let (name, label) = (escape(name), escape(label));
    format!(
        "<label class=\"choice\"><input type=\"checkbox\" name=\"{name}\" value=\"1\" checked>\
         <span>{label}</span></label>\n"
    )
}

/// One of several.
pub(super) fn one_of(name: &str, value: &str, label: &str, chosen: bool) -> String {
    let (name, value, label) = (escape(name), escape(value), escape(label));
    let chosen = if chosen { " checked" } else { "" };
    format!(
        "<label class=\"choice\"><input type=\"radio\" name=\"{name}\" value=\"{value}\"{chosen}>\
         <span>{label}</span></label>\n"
    )
}

/// Sends the browser on; never so that a form is sent again (RFC 9700 section 4.12).
pub(super) fn redirect(to: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let Ok(to) = HeaderValue::try_from(to) else {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    *response.status_mut() = StatusCode::SEE_OTHER;
    guard(response.headers_mut());
    response.headers_mut().insert(LOCATION, to);
    response
}

/// A URI with more parameters in its query.
pub(super) fn with_query(uri: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    let joint = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{joint}{}", query.finish())
}

/// A URI as CSP names places: scheme and host, or the scheme alone.
pub(super) fn place(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-.:".contains(&b);
    match authority(rest) {
        Some(host) if !host.is_empty() && host.bytes().all(plain) => {
            Some(format!("{scheme}://{host}"))
        }
        // CSP has no way to write an IPv6 address.
        Some(_) | None => Some(format!("{scheme}:")),
    }
}

/// A URI as people know places: its host, or its scheme.
pub(super) fn host(uri: &str) -> &str {
    let (scheme, rest) = uri.split_once(':').unwrap_or((uri, ""));
    authority(rest).filter(|host| !host.is_empty()).unwrap_or(scheme)
}

/// What stands between `//` and the path of a URI, given without its scheme.
fn authority(rest: &str) -> Option<&str> {
    rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?']).next())
}

fn guard(headers: &mut http::HeaderMap) {
    let fixed: [(HeaderName, &'static str); 5] = [
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (VARY, "Cookie, Accept-Language"),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
}
