//! `mylife circle`: the Circle of Life of a native assessment, drawn without a gateway.
//!
//! Part of `cli`. For whoever runs or connects a gateway: what a picture will look like can be seen
//! before anything is pushed. Nothing is decided, stored or recorded; it draws what is in the file, as
//! somebody sees it who may see everything.

use std::{fs, path::PathBuf};

use clap::{Args, ValueEnum};

use super::{exit::Exit, output::Output, people, validate::Range};
use crate::{
    chance::SeededChance,
    circle::{self, Shown, draw, numbers, page},
    directory::Directory,
    domain::id::NodeCode,
    error::{Error, Kind, Result},
    fhir::types::ResourceType,
    mapping::{chart::Chart, kept::whole},
};

/// What is to be drawn.
#[derive(Args, Debug)]
pub struct Circle {
    /// A native assessment; of several the one answered last
    pub file: PathBuf,
    /// The language of the picture
    #[arg(long, value_enum, default_value_t = Language::Fi)]
    pub lang: Language,
    /// Where to; .html makes the page with the table, .json the numbers [default: SVG to standard output]
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Identity codes that are issued to nobody (900-999)
    #[arg(long, value_enum, default_value_t = Range::Allow)]
    pub test_range: Range,
}

/// The languages there are.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Language {
    /// Finnish.
    Fi,
    /// Swedish.
    Sv,
    /// English.
    En,
}

impl Language {
    const fn code(self) -> &'static str {
        match self {
            Self::Fi => "fi",
            Self::Sv => "sv",
            Self::En => "en",
        }
    }
}

/// Draws and writes.
pub fn run(asked: &Circle, output: &mut Output<'_>) -> Result<Exit> {
    let now = output.around.clock.now();
    let (found, bad) = people::read(&asked.file, asked.test_range.into(), now, output)?;
    let node = NodeCode::parse("0").ok_or_else(|| Error::internal("a node code"))?;
    let custodian = "urn:mylife:node:0".into();
    let (chance, directory) = (SeededChance::new(0), Directory::default().into());
    let mut latest: Option<circle::Circle> = None;
    for documents in found.into_values() {
        let compartment = people::compartment(&documents, &[], (&node, &custodian), now, &chance)?;
        let chart = Chart::new(&compartment, &directory);
        for resource in chart.resources(&compartment, ResourceType::QuestionnaireResponse) {
            let of = circle::Circle::of(&whole(resource)?);
            if latest.as_ref().is_none_or(|known| known.at() < of.at()) {
                latest = Some(of);
            }
        }
    }
    let Some(circle) = latest else {
        output.complain("There is no assessment in it.");
        return Ok(if bad { Exit::Findings } else { Exit::Usage });
    };
    let shown = Shown { now: &circle, before: None, asked: &[], language: asked.lang.code() };
    match &asked.out {
        None => output.line(draw::svg(&shown, draw::Place::Alone)),
        Some(path) => {
            let ending = path.extension().and_then(|ending| ending.to_str());
            let text = match ending {
                Some("html" | "htm") => page::html(&shown),
                Some("json") => numbers::parameters(&shown).to_string(),
                Some(_) | None => draw::svg(&shown, draw::Place::Alone),
            };
            fs::write(path, text).map_err(|error| {
                let say = format!("{} cannot be written: {}.", path.display(), error.kind());
                Error::new(Kind::Invalid, say).because(error)
            })?;
        }
    }
    Ok(Exit::findings(bad))
}
