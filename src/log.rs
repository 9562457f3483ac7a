//! Log lines of one client, for the application's own sink. There is no global logger, and no line holds a secret.

use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Error = 1,
    Warning = 2,
    Info = 3,
    Debug = 4,
}

/// What takes the lines of the log.
pub type Sink = Arc<dyn Fn(Level, &str) + Send + Sync>;

/// Where lines go, and from which level on. The sink is called on whatever thread has something to say, possibly with locks
/// of the library held, so it must not call the library.
#[derive(Clone)]
pub struct Log {
    level: Level,
    sink: Option<Sink>,
}

impl Log {
    pub fn none() -> Self {
        Log {
            level: Level::Error,
            sink: None,
        }
    }

    pub fn new(level: Level, sink: Sink) -> Self {
        Log {
            level,
            sink: Some(sink),
        }
    }

    pub fn enabled(&self, level: Level) -> bool {
        self.sink.is_some() && level <= self.level
    }

    /// `line` is only built when somebody listens.
    pub fn write(&self, level: Level, line: impl FnOnce() -> String) {
        if let Some(sink) = self.sink.as_ref().filter(|_| level <= self.level) {
            sink(level, &line());
        }
    }
}
