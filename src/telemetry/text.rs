//! Prometheus text format 0.0.4, line by line.
//!
//! Part of `telemetry`. Values of labels are words of the program and node codes; they are escaped all
//! the same.

use std::fmt::{Display, Write as _};

use super::histogram::{BOUNDS, Histogram};

/// A text of metrics.
#[derive(Default)]
pub struct Text(String);

/// A label and its value.
pub type Label<'a> = (&'a str, &'a str);

impl Text {
    /// What a metric is; before its rows.
    pub fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    /// One row.
    pub fn row(&mut self, name: &str, labels: &[Label<'_>], value: impl Display) {
        let labels = labelled(labels, None);
        self.write(format_args!("{name}{labels} {value}"));
    }

    /// A gauge without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.row(name, &[], value);
    }

    /// A counter without labels.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        self.row(name, &[], value);
    }

    /// The rows of a histogram.
    pub fn histogram(&mut self, name: &str, labels: &[Label<'_>], times: &Histogram) {
        let counts = times.cumulative();
        let bounds = BOUNDS.iter().map(|bound| seconds(*bound)).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(&counts) {
            let labels = labelled(labels, Some(&bound));
            self.write(format_args!("{name}_bucket{labels} {count}"));
        }
        let all = labelled(labels, None);
        self.write(format_args!("{name}_sum{all} {}", seconds(times.sum())));
        let count = counts.last().copied().unwrap_or_default();
        self.write(format_args!("{name}_count{all} {count}"));
    }

    /// All of it.
    pub fn into_string(self) -> String {
        self.0
    }

    fn write(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        writeln!(self.0, "{line}").ok();
    }
}

/// Seconds of microseconds, without digits that say nothing.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn labelled(labels: &[Label<'_>], bound: Option<&str>) -> String {
    let all = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
    let all: Vec<String> =
        all.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
