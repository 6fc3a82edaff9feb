//! The body of a token request: a form, each name once.
//!
//! Part of `oauth`. Source: RFC 6749 section 3.2 and appendix B. Whatever two readers could read
//! differently is refused: broken escapes, text that is no UTF-8, a name given twice.

use http::{HeaderMap, header::CONTENT_TYPE};

use super::refused::Refused;
use crate::percent;

/// Largest body.
const MAX_BODY: usize = 64 * 1024;
/// Most parameters.
const MAX_PARAMETERS: usize = 32;

/// The same of a page.
const MAX_ON_PAGE: usize = 128;

/// Parameters by name.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body of the one content type there is.
    pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refused> {
        if !is_form(headers) {
            return Err(Refused::request("content type"));
        }
        if body.len() > MAX_BODY {
            return Err(Refused::request("body too large"));
        }
        let body = std::str::from_utf8(body).map_err(|_| Refused::request("body is no UTF-8"))?;
        Self::of(body, MAX_PARAMETERS)
    }

    /// Reads what a page sends, which may have more to tick than a token request has to say.
    pub(super) fn of_page(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refused> {
        if !is_form(headers) || body.len() > MAX_BODY {
            return Err(Refused::request("no form, or too large"));
        }
        let body = std::str::from_utf8(body).map_err(|_| Refused::request("body is no UTF-8"))?;
        Self::of(body, MAX_ON_PAGE)
    }

    /// Reads what stands behind the question mark.
    pub(super) fn of_query(query: &str) -> Result<Self, Refused> {
        Self::of(query, MAX_PARAMETERS)
    }

    fn of(text: &str, most: usize) -> Result<Self, Refused> {
        let mut form = Self(Vec::new());
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if form.0.len() == most || form.0.iter().any(|(n, _)| *n == name) {
                return Err(Refused::request("a parameter twice, or too many"));
            }
            form.0.push((name, value));
        }
        Ok(form)
    }

    /// The value of a parameter; one without a value is as good as absent.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let (essence, parameter) = value.split_once(';').unwrap_or((value, ""));
    let parameter = parameter.trim();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
        && (parameter.is_empty() || parameter.eq_ignore_ascii_case("charset=utf-8"))
}

fn decode(text: &str) -> Result<String, Refused> {
    let bytes = percent::decode(&text.replace('+', " "));
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|text| !text.chars().any(char::is_control))
        .ok_or(Refused::request("a parameter that is no text"))
}
