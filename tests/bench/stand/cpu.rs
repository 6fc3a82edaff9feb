//! What a process has spent.

use std::fs;

/// CPU time of this process, all threads, in microseconds.
pub(crate) fn cpu() -> f64 {
    cpu_of("self", "")
}

/// CPU time of a process, named by its number, in microseconds: of the threads whose names begin like this.
pub(crate) fn cpu_of(process: &str, threads: &str) -> f64 {
    let all = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let nanos = all.filter_map(|thread| {
        let path = thread.unwrap().path();
        let name = fs::read_to_string(path.join("comm")).ok()?;
        let text = fs::read_to_string(path.join("schedstat")).ok()?;
        name.starts_with(threads).then(|| text.split(' ').next()?.parse::<f64>().ok())?
    });
    nanos.sum::<f64>() / 1000.0
}
