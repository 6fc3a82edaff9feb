//! `mylife sandbox`: invented people and their documents, as a municipality's system would push them.
//!
//! Part of `cli`. The same arguments give the same bytes, today and next year: time is an argument too. Identity
//! codes are of those that are issued to nobody. Nothing is stored or recorded.

use clap::Args;

use super::{exit::Exit, output::Output};
use crate::{
    demo::people::{self, Home},
    domain::{day::Day, moment::Moment},
    error::{Error, Result},
};

/// What is to be invented.
#[derive(Args, Debug)]
pub struct Sandbox {
    /// How many people
    #[arg(long, default_value_t = 50)]
    pub people: u32,
    /// Another seed gives other people
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The day on which all of it is looked at, YYYY-MM-DD
    #[arg(long, default_value = "2026-11-01")]
    pub today: String,
    /// Only what this municipality holds: 297, 205 or 049
    #[arg(long)]
    pub municipality: Option<String>,
}

/// Prints one document a line, each after those it names.
pub fn run(asked: &Sandbox, output: &mut Output<'_>) -> Result<Exit> {
    let noon = || Moment::parse(&format!("{}T12:00:00Z", Day::parse(&asked.today)?));
    let now = noon().ok_or_else(|| Error::invalid("--today is a day as 2026-11-01."))?;
    let known = |code: &String| people::municipalities().any(|one| one == code);
    if asked.municipality.as_ref().is_some_and(|code| !known(code)) {
        return Err(Error::invalid("--municipality is one of 297, 205 and 049."));
    }
    let is_wanted = |home: &&Home| {
        asked.municipality.as_ref().is_none_or(|code| home.municipality.code == code)
    };
    people::crowd(asked.people, asked.seed, now, |somebody| {
        for home in somebody.homes.iter().filter(is_wanted) {
            for (_, _, document) in home.documents()? {
                output.line(str::from_utf8(&document).map_err(Error::internal)?);
            }
        }
        Ok(())
    })?;
    Ok(Exit::Fine)
}
