//! In which form something is answered that machines and people read: FHIR JSON, a page, a picture.
//!
//! Part of `respond`. `_format` names one, else `Accept` by weight (RFC 9110 section 12.5.1); whoever
//! takes anything gets FHIR JSON. Decides nothing about what is in it.

use http::{HeaderMap, HeaderValue, header};

use crate::error::{Error, Kind, Result};

/// A form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// FHIR JSON.
    Fhir,
    /// A page of HTML.
    Page,
    /// A picture, SVG.
    Picture,
}

impl Form {
    /// Its media type.
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Fhir => "application/fhir+json; charset=utf-8",
            Self::Page => "text/html; charset=utf-8",
            Self::Picture => "image/svg+xml; charset=utf-8",
        })
    }

    /// Does a media range, or a value of `_format`, mean this form?
    fn is_meant(self, range: &str) -> bool {
        let names: &[&str] = match self {
            Self::Fhir => &[
                "application/fhir+json",
                "application/fhir json",
                "application/json",
                "text/json",
                "json",
                "application/*",
            ],
            Self::Page => &["text/html", "html", "text/*"],
            Self::Picture => &["image/svg+xml", "image/svg xml", "svg", "image/*"],
        };
        range == "*/*" || names.iter().any(|name| name.eq_ignore_ascii_case(range))
    }
}

/// The form that is asked for, of those there are; the first is for whoever takes anything.
///
/// # Errors
/// `NotAcceptable` if it is none of them.
pub fn form(query: Option<&str>, headers: &HeaderMap, known: &[Form]) -> Result<Form> {
    let meant = |range: &str| known.iter().copied().find(|form| form.is_meant(range));
    let named = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .find(|(name, _)| name == "_format")
        .map(|(_, value)| value.into_owned());
    if let Some(named) = named {
        return meant(without_parameters(&named)).ok_or_else(refused);
    }
    let all = headers.get_all(header::ACCEPT);
    let mut best = (None, 0.0);
    let mut is_asked = false;
    for part in all.iter().filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(',')) {
        is_asked = true;
        let weight = part.split(';').find_map(|word| word.trim().strip_prefix("q="));
        let weight = weight.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
        if let Some(form) = meant(without_parameters(part)).filter(|_| weight > best.1) {
            best = (Some(form), weight);
        }
    }
    match best.0 {
        None if is_asked => Err(refused()),
        found => found.or_else(|| known.first().copied()).ok_or_else(refused),
    }
}

fn without_parameters(range: &str) -> &str {
    range.split(';').next().unwrap_or_default().trim()
}

fn refused() -> Error {
    let say =
        "It is written as application/fhir+json and text/html; a picture as image/svg+xml too.";
    Error::new(Kind::NotAcceptable, say)
}
