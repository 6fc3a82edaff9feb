//! What was found: how bad, where, what, and what mends it; one line each.
//!
//! Part of `mylife doctor`.

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// As it should be.
    Fine,
    /// It works, and will not for ever.
    Doubtful,
    /// It does not work.
    Wrong,
}

impl Level {
    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Doubtful => "warning",
            Self::Wrong => "error",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Where: `disk`, `peer 900`.
    pub part: String,
    /// What.
    pub say: String,
    /// What mends it.
    pub mend: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:7} {}: {}", self.level.name(), self.part, self.say)?;
        match &self.mend {
            Some(mend) => write!(f, " -> {mend}"),
            None => Ok(()),
        }
    }
}

/// Everything that was found, in order.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// As it should be.
    pub fn fine(&mut self, part: impl Into<String>, say: impl Into<String>) {
        let (part, say) = (part.into(), say.into());
        self.0.push(Finding { level: Level::Fine, part, say, mend: None });
    }

    /// It works, and will not for ever.
    pub fn doubtful(
        &mut self,
        part: impl Into<String>,
        say: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.add(Level::Doubtful, part.into(), say.into(), mend.into());
    }

    /// It does not work.
    pub fn wrong(
        &mut self,
        part: impl Into<String>,
        say: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.add(Level::Wrong, part.into(), say.into(), mend.into());
    }

    fn add(&mut self, level: Level, part: String, say: String, mend: String) {
        self.0.push(Finding { level, part, say, mend: Some(mend) });
    }

    /// All of them.
    pub fn all(&self) -> &[Finding] {
        &self.0
    }
}

/// Two clocks side by side; `ahead` is how much ours is before the other, in milliseconds.
pub fn clocks(part: &str, ahead: i64, findings: &mut Findings) {
    let seconds = ahead.abs() / 1000;
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    match seconds {
        // A header tells whole seconds, and its way takes some time.
        0..=2 => findings.fine(part, "its clock and ours agree"),
        3..=20 => findings.doubtful(
            part,
            format!("our clock is {seconds} s {way} its"),
            "have both machines follow NTP",
        ),
        _ => findings.wrong(
            part,
            format!("our clock is {seconds} s {way} its: tokens and assertions are refused"),
            "set the clock that is wrong, and have it follow NTP",
        ),
    }
}
