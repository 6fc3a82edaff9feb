//! Documents that another system wrote in a form of its own, made native by a filter in the jq language.
//!
//! Before the check of `native`, which judges what was made like anything that is pushed. What stands where
//! in the other form is said by the filter, which is somebody's program: it runs in a process of its own
//! (`apart`, whose other end is `inside`), without surroundings, bounded in time and memory. `table` and
//! [`Form::documents`] say how a body holds several documents. Knows neither the wire nor the store.

pub mod apart;
pub mod inside;
mod table;

use std::{ops::RangeInclusive, path::PathBuf, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use self::apart::Apart;
use crate::{
    error::{Error, Kind, Result},
    json,
    native::NativeKind,
};

/// How documents of another system are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// One JSON text.
    Json,
    /// A JSON text on each line.
    Ndjson,
    /// Rows of a table whose first line names the columns: each an object of texts (RFC 4180).
    Csv,
}

impl Form {
    /// The documents of a body, each with its line, from 1; after one more than `most` nothing is read.
    ///
    /// # Errors
    /// `Invalid` if it is no table, or a row has not as many values as there are names; `TooCostly` if its
    /// names are too long to be said of each.
    pub fn documents(self, body: &[u8], most: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        match self {
            Self::Json => Ok(vec![(1, body.to_vec())]),
            Self::Ndjson => {
                let lines = (1..).zip(body.split(|byte| *byte == b'\n'));
                let full = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
                let some = full.take(most.saturating_add(1));
                Ok(some.map(|(number, line)| (number, line.to_vec())).collect())
            }
            Self::Csv => table::rows(body, most),
        }
    }
}

/// What a filter may take for one document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bounds {
    /// Seconds of a processor.
    pub seconds: u32,
    /// Mebibytes of memory.
    pub mebibytes: u32,
}

impl Bounds {
    /// What may be said of seconds.
    pub const SECONDS: RangeInclusive<u32> = 1..=60;
    /// What may be said of mebibytes.
    pub const MEBIBYTES: RangeInclusive<u32> = 64..=4096;
}

impl Default for Bounds {
    fn default() -> Self {
        Self { seconds: 5, mebibytes: 128 }
    }
}

/// A filter, and how it is run.
#[derive(Clone)]
pub struct Program {
    /// The program that runs it when called as `mylife filter`.
    pub mylife: PathBuf,
    /// Its text, in the jq language.
    pub code: Arc<str>,
    /// What it may take.
    pub bounds: Bounds,
    /// How long it is waited for: longer than it may take of a processor that is shared by many.
    pub patience: Duration,
}

/// A filter of the settings.
pub struct Filter {
    /// Its name there.
    pub name: String,
    /// How it is run.
    pub program: Program,
    /// What it makes.
    pub makes: NativeKind,
    /// What it reads.
    pub form: Form,
    /// The type that says on the wire that a body is of the form it reads; without parameters.
    pub content_type: String,
    /// Clients whose documents it makes native.
    pub clients: Vec<String>,
    /// Files to try it on.
    pub examples: Vec<PathBuf>,
}

/// The filters of a gateway, and how many documents they are at work on.
#[derive(Clone, Default)]
pub struct Filters {
    /// All of them.
    pub all: Vec<Arc<Filter>>,
    /// Documents that are worked on at a time, each in a process of its own.
    pub abreast: usize,
    /// Documents that may wait for their turn; one more is refused.
    pub queue: usize,
}

/// Why nothing was made of a document.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Failure {
    /// Did the filter meet one of its bounds?
    pub costly: bool,
    /// In words of ours and of the filter, none of which are the document's.
    pub say: String,
    /// As the filter said it, for whoever has the document before them: it may repeat parts of that.
    pub aloud: String,
}

impl Failure {
    fn new(costly: bool, say: impl Into<String>) -> Self {
        let say = say.into();
        Self { costly, aloud: say.clone(), say }
    }
}

impl Filter {
    /// Does the client push such documents under this type, and are they to become this?
    pub fn reads(&self, client: &str, content_type: &str, makes: NativeKind) -> bool {
        self.makes == makes
            && self.content_type.eq_ignore_ascii_case(content_type)
            && self.clients.iter().any(|known| known == client)
    }

    /// The one document that it makes of one, in the process `apart`.
    ///
    /// # Errors
    /// `Unprocessable` or, where it met a bound, `TooCostly`, naming the filter and the reason in words
    /// that are none of the document's; `Invalid` or `TooLarge` for what is not strict JSON;
    /// `Unavailable` if the process cannot be started, or does not answer in time.
    pub fn make(
        &self,
        apart: &mut Apart,
        document: &[u8],
        limits: &json::Limits,
    ) -> Result<Vec<u8>> {
        let made = apart.convert(document, limits)?.map_err(|failure| self.failed(&failure))?;
        let one = <[String; 1]>::try_from(made).map_err(|all| {
            let number = all.len();
            self.failed(&Failure::new(
                false,
                format!("it makes {number} documents, where one is due"),
            ))
        })?;
        let made = one.concat().into_bytes();
        if NativeKind::named(&made) == Some(self.makes) {
            return Ok(made);
        }
        let say = format!("what it makes is no {}", self.makes.schema());
        Err(self.failed(&Failure::new(false, say)).at("$.schema"))
    }

    /// What is said of something that it made.
    pub fn told(&self, say: &str) -> String {
        format!("Of what the filter {} made: {say}", self.name)
    }

    fn failed(&self, failure: &Failure) -> Error {
        let kind = if failure.costly { Kind::TooCostly } else { Kind::Unprocessable };
        let (name, say) = (&self.name, &failure.say);
        Error::new(kind, format!("The filter {name} makes nothing of this document: {say}; {MEND}"))
    }
}

/// What to do about a document of which nothing comes.
const MEND: &str = "correct the document, or have the gateway's operator try the filter on it with \
                    `mylife convert`.";

impl Filters {
    /// The filter of a name, if it reads what a client owns.
    pub fn named(&self, client: &str, name: &str) -> Option<&Arc<Filter>> {
        let owns = |filter: &Filter| filter.clients.iter().any(|known| known == client);
        self.all.iter().find(|filter| filter.name == name && owns(filter))
    }
}
