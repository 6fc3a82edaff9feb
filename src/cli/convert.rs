//! `mylife convert`: native documents of files that another system wrote in a form of its own.
//!
//! Part of `cli`. What stands where is said by a filter in the jq language, which is somebody's program: it
//! runs in a process of its own, without surroundings, bounded in time and memory (`apart`). Whatever it
//! makes has to be a good native document; one that is not, or cannot be made, costs its document only.

mod apart;
pub mod inside;
mod table;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use self::{apart::Apart, inside::Told};
use super::{documents, exit::Exit, output::Output, validate::Range};
use crate::{
    error::Result,
    native::{self, Rules, schemas::Schemas},
};

/// What is to be made of what.
#[derive(Args, Debug)]
pub struct Convert {
    /// The filter, in the jq language: from one document to native ones
    pub filter: PathBuf,
    /// JSON, NDJSON, directories of them, or CSV whose first line names the columns
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// What one document may cost
    #[command(flatten)]
    pub bounds: inside::Bounds,
    /// Identity codes that are issued to nobody (900-999)
    #[arg(long, value_enum, default_value_t = Range::Allow)]
    pub test_range: Range,
    /// What is refused as JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// Converts, prints what is good as NDJSON and complains of the rest.
pub fn run(asked: &Convert, output: &mut Output<'_>) -> Result<Exit> {
    let schemas = Schemas::compile()?;
    let rules = asked.test_range.rules(&schemas, output);
    let mut filter = Apart::new(&asked.filter, asked.bounds)?;
    let mut is_amiss = false;
    for path in &asked.files {
        let files = if table::is_one(path) { vec![path.clone()] } else { documents::files(path)? };
        for file in files {
            let found =
                if table::is_one(&file) { table::rows(&file)? } else { documents::of_file(&file)? };
            for one in found {
                let faults = made(&mut filter, &one.bytes, &rules, output)?;
                is_amiss |= !faults.is_empty();
                tell(&one.place, &faults, asked.json, output);
            }
        }
    }
    Ok(Exit::findings(is_amiss))
}

/// Prints what is made of a document; what of it is refused, and why.
fn made(
    filter: &mut Apart,
    document: &[u8],
    rules: &Rules<'_>,
    output: &mut Output<'_>,
) -> Result<Vec<(String, String)>> {
    let all = match filter.convert(document)? {
        Told::Made(all) => all,
        Told::Failed(reason) => return Ok(vec![("filter".to_owned(), reason)]),
    };
    let mut faults = Vec::new();
    for (number, text) in all.iter().enumerate() {
        match native::validate(text.as_bytes(), rules) {
            Ok(_) => output.line(text),
            Err(found) => {
                let number = if all.len() == 1 { String::new() } else { format!("#{number} ") };
                let told = |fault: native::Fault| (format!("{number}{}", fault.path), fault.say);
                faults.extend(found.into_iter().map(told));
            }
        }
    }
    Ok(faults)
}

fn tell(place: &str, faults: &[(String, String)], as_json: bool, output: &mut Output<'_>) {
    if as_json && !faults.is_empty() {
        let fault = |(path, say): &(String, String)| json!({ "path": path, "say": say });
        let faults: Vec<_> = faults.iter().map(fault).collect();
        output.complain(json!({ "document": place, "faults": faults }));
        return;
    }
    for (path, say) in faults {
        output.complain(format_args!("{place}: {path}: {say}"));
    }
}
