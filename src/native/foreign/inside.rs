//! The process in which a filter runs: a line in, a line out, until nothing comes.
//!
//! Part of `foreign`, started by `apart` as `mylife filter`. It has an empty environment and opens nothing:
//! its first line is the filter. It bounds its own memory and, before each document, the processor time it may
//! take from there on; who takes more is ended by the kernel (setrlimit(2)), and whoever asked starts
//! another for the next document.

use std::io::{self, BufRead, Write};

use jaq_core::{
    Compiler, Ctx, Vars,
    compile::Undefined,
    data::JustLut,
    load::{Arena, File, Import, Loader, import, span},
    unwrap_valr,
};
use jaq_json::{Val, read};
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};

use super::{Bounds, Failure};
use crate::error::{Error, Result};

/// Most documents that are made of one.
const MOST: usize = 1000;
/// Most bytes of what is made of a document.
pub(super) const LARGEST: usize = 16 << 20;
/// Files that are open: the two pipes, and nothing for complaints.
const OPEN: u64 = 3;

/// What is told of a document, or at the beginning of the filter.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Told {
    /// The texts of what was made of it; at the beginning none.
    Made(Vec<String>),
    /// Why nothing was.
    Failed(Failure),
}

/// Tells whoever asked.
fn tell(told: &Told) -> Result<()> {
    let mut line = serde_json::to_vec(told).map_err(Error::internal)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line).and_then(|()| out.flush()).map_err(Error::unavailable)
}

/// Compiles the filter of the first line, then answers each line with one.
///
/// # Errors
/// `Invalid` when the filter is none, which has been told; `Unavailable` when nobody listens.
pub fn run(bounds: Bounds) -> Result<()> {
    // What it has in memory is of people, so nothing of it is written when it is ended.
    for (what, most) in
        [(Resource::Core, 0), (Resource::Fsize, 0), (Resource::Nofile, OPEN), (Resource::Nproc, 0)]
    {
        bound(what, most)?;
    }
    bound(Resource::Data, u64::from(bounds.mebibytes) << 20)?;
    bound_time(bounds)?;
    let mut lines = io::stdin().lock().lines();
    let first = lines.next().transpose().map_err(Error::unavailable)?.unwrap_or_default();
    let code: String = serde_json::from_str(&first).map_err(Error::internal)?;
    let program = File { code: &*code, path: () };
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let (arena, loader) = (Arena::default(), Loader::new(defs));
    let alone = |_: Import<'_, _, _>| Err("a filter has nothing but the document".to_owned());
    let modules = loader
        .load(&arena, program)
        .and_then(|modules| import(&modules, alone).map(|()| modules))
        .map_err(|errors| refused(&code, &misread(errors)))?;
    let filter = Compiler::default().with_funs(funs).compile(modules).map_err(|errors| {
        let all = errors.into_iter().flat_map(|(_, errors)| errors);
        let say =
            |(name, what): (_, Undefined)| (name, format!("there is no such {}", what.as_str()));
        refused(&code, &all.map(say).collect::<Vec<_>>())
    })?;
    tell(&Told::Made(Vec::new()))?;
    for line in lines {
        let line = line.map_err(Error::unavailable)?;
        bound_time(bounds)?;
        tell(&made(&filter, &code, &line))?;
    }
    Ok(())
}

fn made(
    filter: &jaq_core::compile::Filter<jaq_core::Native<JustLut<Val>>>,
    code: &str,
    line: &str,
) -> Told {
    let failed = |costly, say: &str| Told::Failed(Failure::new(costly, say));
    let Ok(input) = read::parse_single(line.as_bytes()) else {
        return failed(false, "the document is no JSON that it can read");
    };
    let ctx = Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let (mut all, mut bytes) = (Vec::new(), 0);
    for one in filter.id.run((ctx, input)).map(unwrap_valr) {
        let one = match one {
            Ok(one) => one.to_string(),
            Err(error) => {
                let (say, aloud) = (hushed(&error.to_string(), code), error.to_string());
                let aloud = format!("the filter failed: {aloud}");
                return Told::Failed(Failure { costly: false, say, aloud });
            }
        };
        bytes += one.len();
        all.push(one);
        if all.len() > MOST {
            return failed(true, &format!("it makes more than {MOST} documents of it"));
        }
        if bytes > LARGEST {
            return failed(true, &format!("it makes more than {LARGEST} bytes of it"));
        }
    }
    Told::Made(all)
}

/// What may be told of an error to those who must not learn what the document says: a text that stands so
/// in the filter, or our own words for what the language says of values.
fn hushed(error: &str, code: &str) -> String {
    const TYPES: [&str; 7] = [
        "array",
        "integer",
        "iterable (array or object)",
        "number",
        "object",
        "rangeable (array or string)",
        "string",
    ];
    if error.len() > 2 && error.starts_with('"') && code.contains(error) {
        return format!("it fails with {error}");
    }
    let wanted = TYPES.iter().find(|name| error.ends_with(&format!(" as {name}")));
    match wanted.filter(|_| error.starts_with("cannot use ")) {
        Some(wanted) => format!("it finds something else where it needs an {wanted}"),
        None if error.starts_with("cannot index ") => {
            "it looks for a member or an entry in something that has none".to_owned()
        }
        None if error.starts_with("cannot calculate ") => {
            "it calculates with what cannot be calculated with".to_owned()
        }
        None => {
            "it fails, and how is not told here, as that may be words of the document".to_owned()
        }
    }
}

/// Bounds the time from here on.
fn bound_time(bounds: Bounds) -> Result<()> {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec;
    let used = u64::try_from(used).unwrap_or_default();
    // Whole seconds are what the kernel counts: one more than was begun.
    bound(Resource::Cpu, used + 1 + u64::from(bounds.seconds))
}

/// Bounds what this process may take; what bounds it already stays.
fn bound(what: Resource, most: u64) -> Result<()> {
    let maximum = getrlimit(what).maximum;
    let limit = Rlimit { current: Some(maximum.map_or(most, |bound| bound.min(most))), maximum };
    setrlimit(what, limit).map_err(|error| Error::internal(io::Error::from(error)))
}

/// Where a filter is wrong, and how.
type Wrong<'a> = (&'a str, String);

fn misread(errors: jaq_core::load::Errors<&str, ()>) -> Vec<Wrong<'_>> {
    use jaq_core::load::Error as Load;
    let of = |error| match error {
        Load::Io(all) => all,
        Load::Lex(all) => all
            .into_iter()
            .map(|(what, part)| (part, format!("expected {}", what.as_str())))
            .collect(),
        Load::Parse(all) => all
            .into_iter()
            .map(|(what, part)| (part, format!("expected {}", what.as_str())))
            .collect::<Vec<_>>(),
    };
    errors.into_iter().flat_map(|(_, error)| of(error)).collect()
}

/// Tells what is wrong with the filter.
fn refused(code: &str, wrong: &[Wrong<'_>]) -> Error {
    let one = |(part, say): &Wrong<'_>| {
        let near = part.split_whitespace().next().unwrap_or("the end");
        let before = code.get(..span(code, part).start).unwrap_or_default();
        format!("line {}, at {near}: {say}", before.split('\n').count())
    };
    let say = wrong.iter().map(one).collect::<Vec<_>>().join("; ");
    match tell(&Told::Failed(Failure::new(false, say.clone()))) {
        Ok(()) => Error::invalid(say),
        Err(error) => error,
    }
}
