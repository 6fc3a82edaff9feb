//! Which pages in browsers may read what answers: cross-origin resource sharing.
//!
//! Around the way. Documents for anybody are for every page; tokens and the FHIR API for pages of
//! registered apps, which are where people are sent back to; pages on which people log in for none. A
//! browser's question beforehand is answered before anybody is authenticated, alike for every address,
//! so it tells nothing. Cookies are never let along. Sources: Fetch, SMART App Launch 2.2
//! `app-launch` (considerations for cross-origin resource sharing).

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use crate::{
    authenticate::registry::Registry,
    listen::body::Body,
    respond,
    route::{self, Call},
};

/// What a page may do at the FHIR API.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");
/// What it may say.
const SAID: HeaderValue = HeaderValue::from_static(
    "Accept, Accept-Language, Authorization, Content-Type, DPoP, If-Match, If-Modified-Since, \
     If-None-Exist, If-None-Match, MyLife-Nodes, Prefer, X-Request-Id",
);
/// What it may read of an answer beside the body and what every page may.
const SHOWN: HeaderValue = HeaderValue::from_static(
    "Content-Location, DPoP-Nonce, ETag, Location, MyLife-Receipt, Retry-After, WWW-Authenticate, \
     X-Progress, X-Request-Id",
);
/// For how long a browser need not ask again, in seconds.
const AGE: HeaderValue = HeaderValue::from_static("600");
const ANYBODY: HeaderValue = HeaderValue::from_static("*");
const VARY: HeaderValue = HeaderValue::from_static(
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
);

/// Where pages of registered apps are.
pub struct Origins(BTreeSet<Box<str>>);

/// For whose pages an address is.
enum Pages {
    /// Everybody's.
    All,
    /// Those of registered apps.
    OfApps,
    /// Nobody's.
    None,
}

impl Origins {
    /// Of all apps.
    pub fn of(registry: &Registry) -> Self {
        Self(registry.origins().map(String::into_boxed_str).collect())
    }

    /// The origin that says it asks, if it is one of these: letter by letter, and said once.
    fn known<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let mut all = headers.get_all(header::ORIGIN).iter();
        let origin = all.next().filter(|_| all.next().is_none())?;
        origin.to_str().ok().filter(|text| self.0.contains(*text)).map(|_| origin)
    }

    /// The answer to a browser that asks beforehand; none to any other request.
    pub(crate) fn beforehand(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        request_id: &str,
    ) -> Option<Response<Body>> {
        let asks = *method == Method::OPTIONS
            && headers.contains_key(header::ORIGIN)
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks {
            return None;
        }
        let mut response = respond::free(StatusCode::NO_CONTENT, request_id);
        let answer = response.headers_mut();
        answer.insert(header::VARY, VARY);
        let allowed = match pages(path) {
            Pages::All => Some(ANYBODY),
            Pages::OfApps => self.known(headers).cloned(),
            Pages::None => None,
        };
        if let Some(origin) = allowed {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, SAID);
            answer.insert(header::ACCESS_CONTROL_MAX_AGE, AGE);
        }
        Some(response)
    }

    /// An answer, readable to the page that asked if it is an app's.
    pub(crate) fn shown(
        &self,
        path: &str,
        asked: &HeaderMap,
        mut response: Response<Body>,
    ) -> Response<Body> {
        if !asked.contains_key(header::ORIGIN) || !matches!(pages(path), Pages::OfApps) {
            return response;
        }
        let headers = response.headers_mut();
        if !headers.contains_key(header::VARY) {
            headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = self.known(asked) {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN);
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        response
    }
}

fn pages(path: &str) -> Pages {
    if matches!(route::recognise(&Method::GET, path), Ok(Call::Public(..))) {
        Pages::All
    } else if path == "/fhir"
        || path.starts_with("/fhir/")
        || ["/oauth/token", "/oauth/revoke"].contains(&path)
    {
        Pages::OfApps
    } else {
        Pages::None
    }
}
