//! What replicas must have alike: a digest of all that decisions read beside a person's data.
//!
//! Part of `config`. The law table, the directory, clients, issuers, peers and the instant of activation, with
//! the files they name; not where a process listens, stores or logs. Sources: design 3.1; without it two
//! replicas would decide differently about the same question.

use std::fs;

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::Value;

use super::{
    asked::{Asked, Want},
    tree::{Node, Table},
};

/// The sections that decisions read.
const SECTIONS: [&str; 5] = ["clients", "directory", "issuers", "law", "peers"];

/// What tells settings that decide otherwise from these.
pub(super) fn digest(table: &Table, asked: &[Asked]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let mut take = |bytes: &[u8]| {
        context.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(bytes);
    };
    let said = |node: Option<&Node>| node.map_or(Value::Null, Node::json).to_string();
    for section in SECTIONS {
        take(said(table.get(section)).as_bytes());
    }
    let activated = match table.get("node").map(|node| &node.value) {
        Some(super::tree::Value::Table(node)) => node.get("activated"),
        Some(_) | None => None,
    };
    take(said(activated).as_bytes());
    let is_read = |one: &&Asked| {
        let section = one.name();
        let section = section.split('.').next().unwrap_or_default();
        SECTIONS.contains(&section) && matches!(one.want, Want::File | Want::Path)
    };
    for one in asked.iter().filter(is_read) {
        if let Some(file) = &one.file {
            take(one.key.as_bytes());
            // What cannot be read is a mistake that its section tells.
            take(&fs::read(file).unwrap_or_default());
        }
    }
    let mut digest = [0; 32];
    digest.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    digest
}
