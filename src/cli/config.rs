//! `mylife config explain`: what a key is for, how it is written, and where it was set.
//!
//! Part of `cli`. It tells of the keys that the reader of the settings asks for, noted as it asks, so it
//! cannot tell of another. A secret is never shown.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::{exit::Exit, output::Output};
use crate::{
    config::{
        self,
        asked::{Asked, Want, nameless},
        meaning,
    },
    domain::near::nearest,
    error::{Error, Kind, Result},
};

/// What is asked of the settings.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Say what a key is for, how it is written, and where it was set
    Explain {
        /// `section.key`, a section for all its keys, or nothing for every key
        key: Option<String>,
        /// Settings in which it may be set, TOML
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// One setting, above environment and file
        #[arg(long, value_name = "SECTION.KEY=VALUE")]
        set: Vec<String>,
        /// One JSON object for each key
        #[arg(long)]
        json: bool,
    },
}

/// Explains.
pub fn run(asked: &Config, output: &mut Output<'_>) -> Result<Exit> {
    let Config::Explain { key, config, set, json } = asked;
    let around = output.around;
    let all = config::keys(&around.clock, &around.chance);
    let wanted = nameless(key.as_deref().unwrap_or(""));
    let below = format!("{wanted}.");
    let is_meant =
        |one: &&Asked| wanted.is_empty() || one.key == wanted || one.key.starts_with(&below);
    let meant: Vec<&Asked> = all.iter().filter(is_meant).collect();
    if meant.is_empty() {
        let near = nearest(&wanted, all.iter().map(|one| one.key.as_str()));
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        return Err(Error::new(Kind::Invalid, format!("There is no key {wanted}{near}")));
    }
    let written = match config {
        None => Vec::new(),
        Some(path) => {
            let said = around.environment.clone().with(set.clone());
            config::explained(path, &said, &around.clock, &around.chance).1
        }
    };
    for one in meant {
        let here = written.iter().filter(|here| here.name() == one.key && here.written.is_some());
        if *json {
            tell_json(one, here, output);
        } else {
            tell(one, here, config.is_some(), output);
        }
    }
    Ok(Exit::Fine)
}

fn tell<'a>(
    one: &Asked,
    here: impl Iterator<Item = &'a Asked>,
    is_read: bool,
    output: &mut Output<'_>,
) {
    output.line(&one.key);
    output.line(format_args!("  {}", meaning::of(&one.key).unwrap_or_default()));
    output.line(format_args!("  {}", form(&one.want)));
    let mut any = false;
    for set in here {
        let Some((place, shown)) = &set.written else { continue };
        output.line(format_args!("  set in {place}: {} = {shown}", set.key));
        any = true;
    }
    if is_read && !any && is_value(&one.want) {
        output.line("  not set");
    }
    if let Some(variable) = variable(one) {
        output.line(format_args!("  environment: {variable}"));
    }
}

fn tell_json<'a>(one: &Asked, here: impl Iterator<Item = &'a Asked>, output: &mut Output<'_>) {
    let set: Vec<_> = here
        .filter_map(|set| {
            let (place, shown) = set.written.as_ref()?;
            Some(json!({ "key": set.key, "place": place.to_string(), "value": shown }))
        })
        .collect();
    output.line(json!({
        "key": one.key, "meaning": meaning::of(&one.key), "form": form(&one.want),
        "environment": variable(one), "set": set,
    }));
}

fn is_value(want: &Want) -> bool {
    !matches!(want, Want::Table | Want::Tables | Want::Rows)
}

/// The variable that sets it; lists of tables stand in the file alone.
fn variable(one: &Asked) -> Option<String> {
    const LISTS: [&str; 5] = ["clients.", "filters.", "issuers.", "login.", "peers."];
    let settable = is_value(&one.want) && !LISTS.iter().any(|list| one.key.starts_with(list));
    settable.then(|| format!("MYLIFE__{}", one.key.to_ascii_uppercase().replace('.', "__")))
}

fn form(want: &Want) -> String {
    match want {
        Want::Flag { default } => format!("true or false; default {default}"),
        Want::File => "the path of a file".to_owned(),
        Want::Json => "a table, or under ..._file the path of a JSON file".to_owned(),
        Want::List => "a list of texts; default none".to_owned(),
        Want::Number { range, default } => {
            let (least, most) = (range.start(), range.end());
            format!("a whole number from {least} to {most}; default {default}")
        }
        Want::Path => "a path, from the directory of the file".to_owned(),
        Want::Rows => "a list of tables".to_owned(),
        Want::Secret => "a secret, or under ..._file the path of a file of it".to_owned(),
        Want::Table => "a section".to_owned(),
        Want::Tables => "a list of sections, [[...]]".to_owned(),
        Want::Text(form) if form.is_empty() => "a text".to_owned(),
        Want::Text(form) => form.clone(),
        Want::Word(words) => {
            let default = words.first().map_or("", String::as_str);
            format!("one of {}; default {default}", words.join(", "))
        }
    }
}
