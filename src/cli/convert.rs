//! `mylife convert`: native documents of files that another system wrote in a form of its own.
//!
//! Part of `cli`. What stands where is said by a filter in the jq language, which runs apart
//! (`native::foreign`). Whatever it makes has to be a good native document; one that is not, or cannot be
//! made, costs its document only. Here a filter is written, so it may make several of one, and what it says
//! of a document is shown.

use std::{
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, builder::RangedI64ValueParser, value_parser};
use serde_json::json;

use super::{documents, exit::Exit, output::Output, validate::Range};
use crate::{
    error::{Error, Kind, Result},
    json::Limits,
    native::{
        self, Rules,
        foreign::{self, Form, Program, apart::Apart, inside},
        schemas::Schemas,
    },
};

/// How long a document is waited for; whoever waits can end it.
const PATIENCE: Duration = Duration::from_hours(2);

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
    pub bounds: Bounds,
    /// Identity codes that are issued to nobody (900-999)
    #[arg(long, value_enum, default_value_t = Range::Allow)]
    pub test_range: Range,
    /// What is refused as JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// What one document may cost, as of a filter of the settings.
#[derive(Args, Clone, Copy, Debug)]
pub struct Bounds {
    /// Seconds of a processor that the filter may take for a document
    #[arg(long, default_value_t = foreign::Bounds::default().seconds, value_parser = within(foreign::Bounds::SECONDS))]
    pub seconds: u32,
    /// Mebibytes of memory that the filter may take
    #[arg(long, default_value_t = foreign::Bounds::default().mebibytes, value_parser = within(foreign::Bounds::MEBIBYTES))]
    pub mebibytes: u32,
}

/// A number of such a range, which is that of the settings too.
fn within(range: RangeInclusive<u32>) -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(i64::from(*range.start())..=i64::from(*range.end()))
}

impl From<Bounds> for foreign::Bounds {
    fn from(Bounds { seconds, mebibytes }: Bounds) -> Self {
        Self { seconds, mebibytes }
    }
}

/// What a filter is run by: it comes as the first line, and the documents after it.
#[derive(Args, Debug)]
pub struct Filter {
    /// Its bounds
    #[command(flatten)]
    pub bounds: Bounds,
}

/// Runs a filter for the process that started this one.
pub fn filter(asked: &Filter) -> Result<Exit> {
    inside::run(asked.bounds.into())?;
    Ok(Exit::Fine)
}

/// Converts, prints what is good as NDJSON and complains of the rest.
pub fn run(asked: &Convert, output: &mut Output<'_>) -> Result<Exit> {
    let schemas = Schemas::compile()?;
    let rules = asked.test_range.rules(&schemas, output);
    let shown = asked.filter.display();
    let code = fs::read_to_string(&asked.filter)
        .map_err(|error| documents::unreadable(&asked.filter, error))?;
    let mylife = output.around.environment.program();
    let bounds = asked.bounds.into();
    let program = Program { mylife, code: code.into(), bounds, patience: PATIENCE };
    let mut filter = Apart::new(program)
        .map_err(|error| Error::new(error.kind(), format!("{shown}: {}", error.say())))?;
    let mut is_amiss = false;
    for path in &asked.files {
        let form = form_of(path);
        for file in documents::files_of_form(path, form)? {
            for one in documents::of_form(&file, form)? {
                let faults = made(&mut filter, &one.bytes, &rules, output)?;
                is_amiss |= !faults.is_empty();
                tell(&one.place, &faults, asked.json, output);
            }
        }
    }
    Ok(Exit::findings(is_amiss))
}

/// Is it a table, by its name?
fn form_of(path: &Path) -> Form {
    let is_table = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"));
    if is_table { Form::Csv } else { Form::Json }
}

/// Prints what is made of a document; what of it is refused, and why.
fn made(
    filter: &mut Apart,
    document: &[u8],
    rules: &Rules<'_>,
    output: &mut Output<'_>,
) -> Result<Vec<(String, String)>> {
    let failed = |reason: String| Ok(vec![("filter".to_owned(), reason)]);
    let all = match filter.convert(document, &Limits::default()) {
        Ok(Ok(all)) => all,
        Ok(Err(failure)) => return failed(failure.aloud),
        Err(error) if matches!(error.kind(), Kind::Invalid | Kind::TooLarge) => {
            return failed(error.say().to_owned());
        }
        Err(error) => return Err(error),
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
