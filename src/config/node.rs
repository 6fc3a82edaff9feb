//! `[node]`: which gateway this is.
//!
//! Part of `config`.

use crate::{
    config::section::Section,
    domain::{
        id::{NodeCode, is_oid},
        identity::{TestRange, WrongCheck},
        moment::Moment,
    },
    transport::Authority,
};

/// How a gateway's own address, and that of a peer, is written.
pub const URL: &str = "https://host or https://host:port, without a path";

/// Which gateway this is.
pub struct Node {
    /// Its node code.
    pub code: NodeCode,
    /// The controller it stands in front of, `urn:oid:...`.
    pub organization: String,
    /// Own base without a path.
    pub url: String,
    /// Host of the base.
    pub host: String,
    /// Has it data of its own?
    pub holds_data: bool,
    /// When law table and directory, as they are, came into force.
    pub activated: Moment,
    /// Which of several settings these are.
    pub settings: u64,
    /// What becomes of identity codes that are issued to nobody.
    pub test_range: TestRange,
    /// What is logged.
    pub log: String,
}

/// Reads the section.
pub fn read(mut section: Section<'_>) -> Option<Node> {
    let code = section.required("code", "1 to 8 small letters and digits", NodeCode::parse);
    let organization = section
        .required("organization", "urn:oid: and an OID", |t| is_oid(t).then(|| t.to_owned()));
    let url = section.required("url", URL, |t| authority(t).map(|a| (t.to_owned(), a)));
    let holds_data = section.flag("holds_data", true);
    let instant = "an instant, 2026-01-01T00:00:00Z: when law table and directory came into force";
    let activated = section.required("activated", instant, Moment::parse);
    let settings = section.number("settings", 1..=1_000_000_000, 1);
    let ranges = [
        ("refuse", TestRange::Refuse),
        ("allow", TestRange::Allow(WrongCheck::Refuse)),
        ("warn", TestRange::Allow(WrongCheck::Warn)),
    ];
    let test_range = section.one_of("test_range", &ranges, TestRange::Refuse);
    let words = "a level (error, warn, info, debug) or filters, mylife=debug,hyper=warn";
    let is_filter =
        |t: &str| tracing_subscriber::EnvFilter::try_new(t).is_ok().then(|| t.to_owned());
    let log = section.parsed("log", words, is_filter).unwrap_or_else(|| "info".to_owned());
    section.finish();
    let (url, at) = url?;
    Some(Node {
        code: code?,
        organization: organization?,
        url,
        host: at.host().to_owned(),
        holds_data,
        activated: activated?,
        settings,
        test_range,
        log,
    })
}

/// Host and port of a base without a path.
pub fn authority(url: &str) -> Option<Authority> {
    let rest = url.strip_prefix("https://")?;
    if rest.is_empty() || rest.contains(['/', '?', '#', '@', ' ']) {
        return None;
    }
    rest.parse().ok().or_else(|| format!("{rest}:443").parse().ok())
}
