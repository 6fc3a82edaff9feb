//! What this process takes of the machine, as the kernel tells it.
//!
//! Part of `telemetry`. Names are those of every Prometheus client. Where there is no `/proc` nothing is
//! said.

use std::fs;

use super::text::Text;

/// Ticks of a second in `/proc`, on every Linux.
const TICKS: u64 = 100;

/// Writes it.
pub fn write(text: &mut Text) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = resident.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    if let Some(kibibytes) = kibibytes {
        text.gauge("process_resident_memory_bytes", "Resident memory.", kibibytes * 1024);
    }
    if let Some(ticks) = processor() {
        let (whole, part) = (ticks / TICKS, ticks % TICKS);
        let value = format!("{whole}.{part:02}");
        text.counter("process_cpu_seconds_total", "Processor time, user and system.", value);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        text.gauge("process_open_fds", "Open file descriptors.", open.count());
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let most = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    if let Some(most) = most.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()) {
        text.gauge("process_max_fds", "Most open file descriptors.", most);
    }
    text.head("mylife_build_info", "gauge", "The version of the program.");
    text.row("mylife_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
}

fn processor() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field may hold spaces, and ends with the last bracket.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u64>().ok()?, fields.next()?.parse::<u64>().ok()?);
    Some(user + system)
}
