//! `[law]`: the law table, here or in a file of its own.
//!
//! Part of `config`. Which law permits what is signed off by a lawyer; a mistake in it stops the
//! start.

use crate::{
    config::{beside, section::Section, typed},
    consent::law::{CoveredThemes, Law},
};

/// Reads the section.
pub fn read(section: Section<'_>) -> Law {
    beside::read(section, |section, mistakes| {
        let place = section.place().clone();
        let law = Law {
            grounds: typed::rows(section.node("grounds"), "grounds", mistakes),
            bars: typed::rows(section.node("bars"), "bars", mistakes),
            officer_roles: section
                .texts("officer_roles")
                .iter()
                .map(|r| r.as_str().into())
                .collect(),
        };
        for said in odd(&law) {
            let key = "law".to_owned();
            mistakes.add(crate::config::Mistake { place: place.clone(), key, say: said });
        }
        law
    })
}

/// What the form allows and nobody can have meant.
fn odd(law: &Law) -> Vec<String> {
    let mut said = Vec::new();
    for (n, ground) in law.grounds.iter().enumerate() {
        if law.grounds.iter().take(n).any(|earlier| earlier.id == ground.id) {
            said.push(format!("ground {:?} stands twice", ground.id));
        }
        if matches!(ground.themes, CoveredThemes::Listed(themes) if themes.unknown) {
            said.push(format!("ground {:?} names a theme that is none of the ten", ground.id));
        }
    }
    for (n, bar) in law.bars.iter().enumerate() {
        if law.bars.iter().take(n).any(|earlier| earlier.id == bar.id) {
            said.push(format!("bar {:?} stands twice", bar.id));
        }
        if bar.labels.is_empty() && bar.persons.is_empty() && !bar.turvakielto {
            said.push(format!("bar {:?} bars nothing", bar.id));
        }
    }
    said
}
