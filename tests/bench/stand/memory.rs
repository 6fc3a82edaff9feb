//! How much memory a process has.

use std::fs;

/// What the kernel says of a process, named by its number or `self`, in KB: `VmRSS` is what is resident,
/// `RssAnon` what of it is in no file, `VmHWM` the most that was resident at any time.
pub(crate) fn memory(process: &str, which: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(which)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
