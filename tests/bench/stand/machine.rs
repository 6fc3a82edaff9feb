//! What a figure is worth: the machine it was taken on, and its spread.

use std::{fs, thread};

/// Processor, cores, memory and kernel, in one line.
pub(crate) fn line() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split(':').nth(1).unwrap_or("?").trim().to_owned()
    };
    let model = after(&read("/proc/cpuinfo"), "model name");
    let memory = after(&read("/proc/meminfo"), "MemTotal");
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{cores} cores of {model}, {memory}, Linux {}", kernel.trim())
}

/// First quartile, median and third quartile.
pub(crate) fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| all[(all.len() - 1) * quarter / 4])
}

/// `median [first quartile-third quartile]`.
pub(crate) fn spread(values: impl Iterator<Item = f64>, digits: usize) -> String {
    let [low, middle, high] = quartiles(values);
    format!("{middle:.digits$} [{low:.digits$}-{high:.digits$}]")
}
