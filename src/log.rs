//! Log lines of one client, for the application's own sink. There is no global logger, and no line holds a secret.

use std::sync::{Arc, PoisonError, RwLock};

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
    /// Shared by all copies, so that it can be taken from all of them at once.
    sink: Option<Arc<RwLock<Option<Sink>>>>,
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
            sink: Some(Arc::new(RwLock::new(Some(sink)))),
        }
    }

    pub fn enabled(&self, level: Level) -> bool {
        self.sink.is_some() && level <= self.level
    }

    /// `line` is only built when somebody listens.
    pub fn write(&self, level: Level, line: impl FnOnce() -> String) {
        let Some(sink) = self.sink.as_ref().filter(|_| level <= self.level) else {
            return;
        };
        #[cold]
        #[inline(never)]
        fn pass(sink: &RwLock<Option<Sink>>, level: Level, line: impl FnOnce() -> String) {
            if let Some(sink) = &*sink.read().unwrap_or_else(PoisonError::into_inner) {
                sink(level, &line());
            }
        }
        pass(sink, level, line);
    }

    /// Takes the sink away from all copies, and waits for lines that are being written. Drops it, which runs code of the application.
    pub fn revoke(&self) {
        let taken = self
            .sink
            .as_ref()
            .and_then(|sink| sink.write().unwrap_or_else(PoisonError::into_inner).take());
        drop(taken);
    }
}
