//! What the gateway answered to each question, for the bare server to send again.
//!
//! Beside the way. One head for all, each with its own body: a server that sent one body again and
//! again would have it at hand in the processor's cache, as no server has that serves many people.

use std::{collections::HashMap, fs, path::Path};

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

/// The file with the head: `name: value` a line.
const HEAD: &str = "answers.head";
/// The file with what was asked, a line each: a path, a blank and how many bytes its body has.
const ASKED: &str = "answers.asked";
/// The file with the bodies, one after the other.
const BODIES: &str = "answers.bodies";

/// Answers as they were sent.
pub(crate) struct Answers {
    /// The head of all, without length and date, which hyper writes itself.
    pub(crate) head: Vec<(HeaderName, HeaderValue)>,
    /// The body to each path.
    pub(crate) bodies: HashMap<String, Bytes>,
}

/// Keeps answers in a directory.
pub(crate) fn keep<'a>(dir: &Path, head: &str, answers: impl Iterator<Item = (&'a str, &'a [u8])>) {
    let own = |line: &&str| line.starts_with("content-length") || line.starts_with("date");
    let lines = head.lines().filter(|line| line.contains(": ") && !own(line));
    let lines: Vec<String> = lines.map(|line| format!("{line}\n")).collect();
    let (mut asked, mut bodies) = (String::new(), Vec::new());
    for (path, body) in answers {
        asked.push_str(&format!("{path} {}\n", body.len()));
        bodies.extend_from_slice(body);
    }
    let files =
        [(HEAD, lines.concat().into_bytes()), (ASKED, asked.into_bytes()), (BODIES, bodies)];
    for (name, bytes) in files {
        fs::write(dir.join(name), bytes).unwrap();
    }
}

impl Answers {
    /// Those of a directory.
    pub(crate) fn kept(dir: &Path) -> Self {
        let text = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
        let split = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.parse().unwrap(), value.parse().unwrap())
        };
        let head = text(HEAD).lines().map(split).collect();
        let mut rest = Bytes::from(fs::read(dir.join(BODIES)).unwrap());
        let body = |line: &str| {
            let (path, length) = line.rsplit_once(' ').unwrap();
            // Memory of its own for each, as an answer that was made has.
            let body = rest.split_to(length.parse().unwrap());
            (path.to_owned(), Bytes::copy_from_slice(&body))
        };
        Self { head, bodies: text(ASKED).lines().map(body).collect() }
    }
}
