//! What was asked of the settings: every key that is read, how it is written, and what stands there.
//!
//! Part of `config`, noted by `section` as it reads, so that `mylife config explain` tells of the keys
//! there are and of no others. Never holds a secret.

use std::{cell::RefCell, collections::BTreeMap, ops::RangeInclusive, path::PathBuf};

use super::tree::Place;

/// How a key is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Want {
    /// `true` or `false`.
    Flag {
        /// Where it is not written.
        default: bool,
    },
    /// The path of a file.
    File,
    /// A table, or under `..._file` a file of JSON.
    Json,
    /// A list of texts.
    List,
    /// A whole number.
    Number {
        /// Least and most.
        range: RangeInclusive<u64>,
        /// Where it is not written.
        default: u64,
    },
    /// A path.
    Path,
    /// A list of tables with a form of their own.
    Rows,
    /// A secret, or under `..._file` a file of it.
    Secret,
    /// A table.
    Table,
    /// Tables of this name, `[[...]]`.
    Tables,
    /// A text; how it is written, if that is said.
    Text(String),
    /// One of some words; the first where it is not written.
    Word(Vec<String>),
}

/// A key that was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// `section.key`, of the n-th table of a list `section[n].key`.
    pub key: String,
    /// How it is written.
    pub want: Want,
    /// Where it was written and what stands there; a secret is not shown.
    pub written: Option<(Place, String)>,
    /// The file that it names.
    pub file: Option<PathBuf>,
}

impl Asked {
    /// The key without the places of tables in lists.
    pub fn name(&self) -> String {
        nameless(&self.key)
    }

    /// Is what stands there to be kept from others?
    pub fn is_secret(&self) -> bool {
        self.want == Want::Secret
    }
}

/// A key without the places of tables in lists.
pub fn nameless(key: &str) -> String {
    let parts = key.split('[').enumerate().map(|(at, part)| match (at, part.split_once(']')) {
        (1.., Some((_, rest))) => rest,
        (_, Some(_) | None) => part,
    });
    parts.collect()
}

/// Everything that was asked for in a run.
#[derive(Debug, Default)]
pub struct Questions(RefCell<BTreeMap<String, Asked>>);

impl Questions {
    /// Notes a key; the first to ask says how it is written.
    pub fn add(&self, asked: Asked) {
        self.0.borrow_mut().entry(asked.key.clone()).or_insert(asked);
    }

    /// In order of name.
    pub fn all(&self) -> Vec<Asked> {
        self.0.borrow().values().cloned().collect()
    }
}
