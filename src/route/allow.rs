//! Which methods an address takes, for the header `Allow`.
//!
//! Part of `route`: asked of [`recognise`] itself, so that it cannot say otherwise. Source: RFC 9110
//! section 10.2.1.

use http::Method;

use super::recognise;

/// The lists there are: `GET`, `HEAD`, `POST`, `PUT`, `DELETE`, and the header that says so.
const LISTS: [([bool; 5], &str); 11] = [
    ([true, true, false, false, false], "GET, HEAD"),
    ([true, true, true, false, false], "GET, HEAD, POST"),
    ([true, true, false, true, false], "GET, HEAD, PUT"),
    ([true, true, true, true, false], "GET, HEAD, POST, PUT"),
    ([true, true, false, true, true], "GET, HEAD, PUT, DELETE"),
    ([true, true, true, true, true], "GET, HEAD, POST, PUT, DELETE"),
    ([true, false, true, false, false], "GET, POST"),
    ([true, false, false, false, true], "DELETE, GET"),
    ([true, false, false, false, false], "GET"),
    ([false, false, true, false, false], "POST"),
    ([false, false, false, true, false], "PUT"),
];

/// The methods of a path, for `Allow`.
pub fn allow(path: &str) -> &'static str {
    let is = |method: Method| recognise(&method, path).is_ok();
    let taken = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE].map(is);
    LISTS.iter().find(|(list, _)| *list == taken).map_or("PUT", |(_, said)| said)
}
