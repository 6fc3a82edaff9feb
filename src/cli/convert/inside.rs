//! The process in which a filter runs: a line in, a line out, until nothing comes.
//!
//! Part of `convert`, started by it as `mylife filter`. It has an empty environment and no file but the
//! filter, bounds its own memory, and before each document the processor time it may take from there on; who
//! takes more is ended by the kernel (setrlimit(2)), and whoever asked starts another for the next document.

use std::{
    io::{self, BufRead, Write},
    path::PathBuf,
};

use clap::Args;
use jaq_core::{
    Compiler, Ctx, Vars,
    data::JustLut,
    load::{Arena, File, Loader, span},
    unwrap_valr,
};
use jaq_json::{Val, read};
use rustix::{
    process::{Resource, Rlimit, setrlimit},
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};

use crate::{
    cli::{documents::unreadable, exit::Exit},
    error::{Error, Result},
};

/// Most documents that are made of one.
const MOST: usize = 1000;

/// What one document may cost.
#[derive(Args, Clone, Copy, Debug)]
pub struct Bounds {
    /// Seconds of a processor that the filter may take for a document
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// Mebibytes of memory that the filter may take
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(64..=65536))]
    pub mebibytes: u32,
}

/// A filter to run.
#[derive(Args, Debug)]
pub struct Filter {
    /// The filter
    pub filter: PathBuf,
    /// Its bounds
    #[command(flatten)]
    pub bounds: Bounds,
}

/// What is told of a document, or at the beginning of the filter.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Told {
    /// The texts of what was made of it; at the beginning none.
    Made(Vec<String>),
    /// Why nothing was.
    Failed(String),
}

/// Tells whoever asked.
fn told(told: &Told) -> Result<()> {
    let mut line = serde_json::to_vec(told).map_err(Error::internal)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line).and_then(|()| out.flush()).map_err(Error::unavailable)
}

/// Compiles, then answers each line with one.
///
/// # Errors
/// `Invalid` when the filter cannot be read; `Unavailable` when nobody listens.
pub fn run(asked: &Filter) -> Result<Exit> {
    let code =
        std::fs::read_to_string(&asked.filter).map_err(|error| unreadable(&asked.filter, error))?;
    bound(Resource::Data, u64::from(asked.bounds.mebibytes) << 20)?;
    let program = File { code: &*code, path: () };
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let (arena, loader) = (Arena::default(), Loader::new(defs));
    let at = |part: &str| {
        let before = code.get(..span(&code, part).start).unwrap_or_default();
        format!("line {}", before.split('\n').count())
    };
    let modules = match loader.load(&arena, program) {
        Ok(modules) => modules,
        Err(errors) => return refuse(&parts(errors), at),
    };
    let filter = match Compiler::default().with_funs(funs).compile(modules) {
        Ok(filter) => filter,
        Err(errors) => {
            let all = errors.into_iter().flat_map(|(_, errors)| errors);
            let say = |(name, what): (_, jaq_core::compile::Undefined)| {
                (name, format!("there is no such {}", what.as_str()))
            };
            return refuse(&all.map(say).collect::<Vec<_>>(), at);
        }
    };
    told(&Told::Made(Vec::new()))?;
    for line in io::stdin().lock().lines() {
        let line = line.map_err(Error::unavailable)?;
        let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec;
        let used = u64::try_from(used).unwrap_or_default();
        // Whole seconds are what the kernel counts: one more than was begun.
        bound(Resource::Cpu, used + 1 + u64::from(asked.bounds.seconds))?;
        told(&made(&filter, &line))?;
    }
    Ok(Exit::Fine)
}

fn made(filter: &jaq_core::compile::Filter<jaq_core::Native<JustLut<Val>>>, line: &str) -> Told {
    let input = match read::parse_single(line.as_bytes()) {
        Ok(input) => input,
        Err(error) => return Told::Failed(format!("the document is no JSON: {error}")),
    };
    let ctx = Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let mut all = Vec::new();
    for one in filter.id.run((ctx, input)).map(unwrap_valr) {
        match one {
            Ok(one) if all.len() < MOST => all.push(one.to_string()),
            Ok(_) => {
                return Told::Failed(format!("the filter makes more than {MOST} documents of it"));
            }
            Err(error) => return Told::Failed(format!("the filter failed: {error}")),
        }
    }
    Told::Made(all)
}

/// Bounds what this process may take.
fn bound(what: Resource, most: u64) -> Result<()> {
    let limit = Rlimit { current: Some(most), maximum: None };
    setrlimit(what, limit).map_err(|error| Error::internal(io::Error::from(error)))
}

/// Where a filter is wrong, and how.
type Wrong<'a> = (&'a str, String);

fn parts(errors: jaq_core::load::Errors<&str, ()>) -> Vec<Wrong<'_>> {
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

fn refuse(wrong: &[Wrong<'_>], at: impl Fn(&str) -> String) -> Result<Exit> {
    let one = |(part, say): &Wrong<'_>| {
        let near = part.split_whitespace().next().unwrap_or("the end");
        format!("{}, at {near}: {say}", at(part))
    };
    told(&Told::Failed(wrong.iter().map(one).collect::<Vec<_>>().join("; ")))?;
    Ok(Exit::Usage)
}
