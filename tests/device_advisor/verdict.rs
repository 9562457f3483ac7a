//! What a test of Device Advisor says of a device.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Warnings(&'static str),
    Fail(&'static str),
    /// Something went wrong that no test foresees.
    Broken(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Pass => f.write_str("pass"),
            Verdict::Warnings(why) => write!(f, "pass with warnings: {why}"),
            Verdict::Fail(why) => write!(f, "**fail**: {why}"),
            Verdict::Broken(why) => write!(f, "broken: {why}"),
        }
    }
}

/// The two ways in which each test is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings {
    /// Those that the page recommends.
    Recommended,
    Defaults,
}

impl Settings {
    /// As `tests/c/advisor.c` calls them.
    pub fn name(self) -> &'static str {
        match self {
            Settings::Recommended => "settings",
            Settings::Defaults => "defaults",
        }
    }
}
