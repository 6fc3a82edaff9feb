//! What came back, and what every reply must be: its status, headers, type and body.

use std::{collections::BTreeMap, fmt, io::Read as _, sync::LazyLock};

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{Response, header};
use mylife::{
    domain::theme::{Theme, ThemeSet},
    fhir::{guide, schema::Validator},
};
use serde_json::Value;

use super::emitted;

static FHIR: LazyLock<Validator> = LazyLock::new(|| Validator::new().unwrap());

/// The headers a gateway sends, and no others.
const HEADERS: [&str; 32] = [
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "allow",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-security-policy",
    "content-type",
    "date",
    "dpop-nonce",
    "etag",
    "expires",
    "last-modified",
    "location",
    "mylife-receipt",
    "pragma",
    "referrer-policy",
    "retry-after",
    "set-cookie",
    "transfer-encoding",
    "vary",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
    "x-progress",
    "x-request-id",
];

/// One reply, with what it answers.
pub(crate) struct Reply {
    asked: String,
    response: Response<Bytes>,
    json: Value,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(self.response.body());
        write!(f, "{} -> {} {text}", self.asked, self.response.status())
    }
}

impl Reply {
    pub(crate) fn checked(asked: &str, response: Response<Bytes>) -> Self {
        let json = serde_json::from_slice(response.body()).unwrap_or_default();
        let reply = Self { asked: asked.to_owned(), response, json };
        for name in reply.response.headers().keys() {
            assert!(HEADERS.contains(&name.as_str()), "header {name}: {reply:?}");
        }
        if !asked.starts_with("/oauth") {
            reply.check();
        }
        reply
    }

    fn check(&self) {
        let header = |name| self.header(name);
        assert!(header("x-request-id").is_some(), "no request id: {self:?}");
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{self:?}");
        if self.asked.ends_with("$receipt") && self.status() == 200 {
            assert_eq!(header("content-type"), Some("application/json"), "{self:?}");
            assert!(header("mylife-receipt").is_some(), "{self:?}");
            return;
        }
        if header("content-security-policy").is_some() {
            self.check_page();
            return;
        }
        if self.asked.starts_with("/fhir/$export-") && self.status() == 200 {
            return self.check_export();
        }
        let plain = ["/.well-known/", "/schemas/", "/openapi.json"];
        if self.response.body().is_empty()
            || (self.status() == 200 && plain.iter().any(|path| self.asked.contains(path)))
        {
            return;
        }
        assert_eq!(
            header("content-type"),
            Some("application/fhir+json; charset=utf-8"),
            "{self:?}"
        );
        let kind = self.json["resourceType"].as_str();
        // What is published for everybody: another test asks whether it is FHIR.
        emitted::keep(&self.json);
        if kind.is_some_and(|kind| kind == "CapabilityStatement" || guide::TYPES.contains(&kind)) {
            return;
        }
        if self.asked.starts_with("/native") && self.status() < 300 {
            assert!(kind.is_none(), "{self:?}");
            return;
        }
        if is_part(&self.json) {
            assert!(FHIR.matches_schema(&self.json), "{self:?}");
        } else {
            let faults = FHIR.faults(&self.json);
            assert!(faults.is_empty(), "{faults:#?} in {self:?}");
        }
        // What a history tells to be gone has no resource.
        let whole = |entry: &&Value| {
            let resource = entry.get("resource");
            entry["request"]["method"] != "DELETE" && resource.is_some_and(|one| !is_part(one))
        };
        for entry in self.entries().iter().filter(whole) {
            emitted::keep(&entry["resource"]);
            let faults = FHIR.faults(&entry["resource"]);
            assert!(faults.is_empty(), "{faults:#?} in {entry}");
        }
        if self.status() >= 400 {
            assert_eq!(kind, Some("OperationOutcome"), "{self:?}");
            // That something is gone tells of whose it was, so it is no refusal.
            let is_told = self.status() == 410 && !self.is_senders();
            assert_eq!(header("mylife-receipt").is_some(), is_told, "{self:?}");
        } else if kind != Some("OperationOutcome") && !self.is_directory() && !self.is_senders() {
            assert!(header("mylife-receipt").is_some(), "no receipt: {self:?}");
        }
        assert_eq!(header("cache-control"), Some("no-store"), "{self:?}");
    }

    /// A page or a picture needs nothing from elsewhere, runs nothing and is recorded like the rest.
    fn check_page(&self) {
        assert_eq!(self.status(), 200, "{self:?}");
        let header = |name| self.header(name);
        let kinds = ["text/html; charset=utf-8", "image/svg+xml; charset=utf-8"];
        assert!(kinds.contains(&header("content-type").unwrap()), "{self:?}");
        assert!(header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        assert_eq!(header("cache-control"), Some("no-store"), "{self:?}");
        assert!(header("mylife-receipt").is_some(), "no receipt: {self:?}");
        let text = self.text();
        for word in ["<script", "src=", "href=", "@import", "url(http", " onload", " onerror"] {
            assert!(!text.contains(word), "{word} in {self:?}");
        }
    }

    /// A manifest, or a file of lines that are a resource each.
    fn check_export(&self) {
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        if self.asked.starts_with("/fhir/$export-status/") {
            assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
            assert!(self.header("mylife-receipt").is_some(), "no receipt: {self:?}");
            return;
        }
        assert_eq!(self.header("content-type"), Some("application/fhir+ndjson"), "{self:?}");
        for line in self.text().lines() {
            let resource = serde_json::from_str(line).unwrap();
            emitted::keep(&resource);
            let faults = FHIR.faults(&resource);
            assert!(faults.is_empty(), "{faults:#?} in {line}");
        }
    }

    /// Several answers, each with its own receipt, or what is made of nothing but what was sent.
    fn is_senders(&self) -> bool {
        ["/fhir", "/fhir/QuestionnaireResponse/$extract"].contains(&&*self.asked)
    }

    /// What belongs to nobody is not recorded as a disclosure.
    fn is_directory(&self) -> bool {
        let open = [
            "Organization",
            "Practitioner",
            "PractitionerRole",
            "HealthcareService",
            "Location",
            "Questionnaire",
        ];
        let path = self.asked.split('?').next().unwrap_or_default();
        open.iter().any(|kind| path.split('/').nth(2) == Some(kind))
    }

    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(crate) fn header(&self, name: &'static str) -> Option<&str> {
        self.response.headers().get(name).and_then(|v| v.to_str().ok())
    }

    pub(crate) fn json(&self) -> &Value {
        &self.json
    }

    /// The body, unpacked.
    pub(crate) fn text(&self) -> String {
        let sent = self.sent();
        if self.header("content-encoding") != Some("gzip") {
            return String::from_utf8(sent.to_vec()).unwrap();
        }
        let mut text = String::new();
        GzDecoder::new(sent).read_to_string(&mut text).unwrap();
        text
    }

    /// The body as it was sent.
    pub(crate) fn sent(&self) -> &[u8] {
        self.response.body()
    }

    /// Everything two equal replies share: date and request id aside.
    pub(crate) fn bytes(&self) -> (u16, BTreeMap<String, String>, String) {
        let own = ["date", "x-request-id", "mylife-receipt"];
        let headers = self.response.headers().iter().filter(|(n, _)| !own.contains(&n.as_str()));
        let headers = headers.map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned()));
        (self.status(), headers.collect(), self.text())
    }

    /// It was done.
    pub(crate) fn accepted(self) -> Self {
        assert!(self.status() < 300, "{self:?}");
        self
    }

    /// It was refused in this way.
    pub(crate) fn refused(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status(), self.issue()), (status, code), "{self:?}");
        self
    }

    /// Code of the first issue of an `OperationOutcome`.
    pub(crate) fn issue(&self) -> &str {
        self.json["issue"][0]["code"].as_str().unwrap_or_default()
    }

    /// Places of the first issue of an `OperationOutcome`.
    pub(crate) fn expression(&self) -> Vec<&str> {
        let places = self.json["issue"][0]["expression"].as_array();
        places.into_iter().flatten().map(|place| place.as_str().unwrap()).collect()
    }

    pub(crate) fn challenge(&self) -> Option<&str> {
        self.header(header::WWW_AUTHENTICATE.as_str().to_owned().leak())
    }

    fn entries(&self) -> &[Value] {
        self.json["entry"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The resources that match.
    pub(crate) fn matches(&self) -> Vec<&Value> {
        assert_eq!(self.status(), 200, "{self:?}");
        let matches = self.entries().iter().filter(|e| e["search"]["mode"] == "match");
        matches.map(|e| &e["resource"]).collect()
    }

    /// Ids of the resources that match.
    pub(crate) fn ids(&self) -> Vec<String> {
        let id = |r: &&Value| r["id"].as_str().unwrap().to_owned();
        self.matches().iter().map(id).collect()
    }

    /// The completeness statement: state by node.
    pub(crate) fn completeness(&self) -> BTreeMap<String, String> {
        let last = self.entries().last().unwrap();
        assert_eq!(last["search"]["mode"], "outcome", "{self:?}");
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let issues = last["resource"]["issue"].as_array().unwrap();
        let of = |i: &Value| (text(&i["diagnostics"]), text(&i["details"]["coding"][0]["code"]));
        issues.iter().map(of).collect()
    }

    pub(crate) fn total(&self) -> Option<u64> {
        self.json["total"].as_u64()
    }

    /// Path of the next page.
    pub(crate) fn next(&self) -> Option<String> {
        let links = self.json["link"].as_array()?;
        let next = links.iter().find(|l| l["relation"] == "next")?["url"].as_str()?;
        next.find("/fhir").map(|at| next[at..].to_owned())
    }

    /// The self link.
    pub(crate) fn own_link(&self) -> &str {
        self.json["link"][0]["url"].as_str().unwrap()
    }

    /// Something of each theme is there.
    pub(crate) fn shows<const N: usize>(&self, themes: [Theme; N]) -> &Self {
        assert_eq!(self.status(), 200, "{self:?}");
        for theme in themes {
            assert!(self.mentions(theme), "{theme:?} is missing: {self:?}");
        }
        self
    }

    /// Nothing of any of these themes is there.
    pub(crate) fn hides<const N: usize>(&self, themes: [Theme; N]) -> &Self {
        assert_eq!(self.status(), 200, "{self:?}");
        for theme in themes {
            assert!(!self.mentions(theme), "{theme:?} is there: {self:?}");
        }
        self
    }

    fn mentions(&self, theme: Theme) -> bool {
        let (text, code) = (self.text(), theme.code());
        ["code", "linkId"].iter().any(|name| {
            text.contains(&format!("\"{name}\":\"{code}\""))
                || text.contains(&format!("\"{name}\":\"{code}."))
        })
    }

    /// These words stand in it.
    pub(crate) fn says(&self, words: &str) -> &Self {
        assert!(self.text().contains(words), "{words:?} is missing: {self:?}");
        self
    }

    /// These words stand nowhere in it.
    pub(crate) fn keeps_quiet(&self, words: &str) -> &Self {
        assert!(!self.text().contains(words), "{words:?} is there: {self:?}");
        self
    }

    /// Nothing matches.
    pub(crate) fn is_empty(&self) -> &Self {
        assert!(self.matches().is_empty(), "{self:?}");
        self
    }
}

/// The themes that a resource is labelled with.
pub(crate) fn themes(resource: &Value) -> ThemeSet {
    let labels = resource["meta"]["security"].as_array().into_iter().flatten();
    let codes = labels.filter_map(|label| label["code"].as_str());
    codes.filter_map(Theme::from_code).collect()
}

/// Does it say that elements were left out of it?
fn is_part(resource: &Value) -> bool {
    let tags = resource["meta"]["tag"].as_array();
    tags.into_iter().flatten().any(|tag| tag["code"] == "SUBSETTED")
}
