//! The manifest: which files there are, and for which holders they are whole.
//!
//! Part of `export`. It follows from what was asked for and from configuration alone: files are of fixed
//! blocks of the id space, listed whether anything is in them or not, and nothing is counted. So it says
//! nothing of what is held. Source: Bulk Data Access 2.0, `export.html#response---complete-status`.

use serde_json::{Value, json};

use crate::{domain::moment::Moment, federation::State, fhir::labels::CANONICAL};

/// One file.
pub struct Output {
    /// The type of its lines.
    pub kind: String,
    /// Where it is.
    pub url: String,
}

/// What the manifest says.
pub struct Manifest<'a> {
    /// `transactionTime`.
    pub at: Moment,
    /// URL of the kick-off.
    pub request: &'a str,
    /// Files of resources.
    pub output: Vec<Output>,
    /// Files of what is gone; `None` where nobody asked since when.
    pub deleted: Option<Vec<Output>>,
    /// Files of what went wrong.
    pub error: Vec<Output>,
    /// How complete each holder's part is, in order of node code.
    pub sources: Vec<(String, State)>,
}

impl Manifest<'_> {
    /// As it leaves.
    pub fn json(&self) -> Value {
        let files = |all: &[Output]| -> Vec<Value> {
            all.iter().map(|one| json!({ "type": one.kind, "url": one.url })).collect()
        };
        let sources = self.sources.iter();
        let state =
            |(node, state): &(String, State)| json!({ "node": node, "state": state.code() });
        let sources: Vec<Value> = sources.map(state).collect();
        let mut extension = serde_json::Map::new();
        extension.insert(format!("{CANONICAL}/StructureDefinition/completeness"), sources.into());
        let mut manifest = json!({
            "transactionTime": self.at.to_string(),
            "request": self.request,
            "requiresAccessToken": true,
            "output": files(&self.output),
            "error": files(&self.error),
            "extension": extension,
        });
        if let (Some(object), Some(deleted)) = (manifest.as_object_mut(), &self.deleted) {
            object.insert("deleted".to_owned(), files(deleted).into());
        }
        manifest
    }
}
