//! Name resolution on dialers. Clients of one endpoint that connect at the same time share one question: ten thousand of them would be
//! a load on the resolver, and wait in line for the dialers.

use super::shared::lock;
use super::sync::Mutex;
use crate::error::{Code, Error};
use crate::time::Instant;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

pub(super) type Answer = Result<Vec<SocketAddr>, Error>;
pub(super) type Waiting = Box<dyn FnOnce(Answer) + Send>;

/// Whoever comes later asks anew: the question may hang, and the network may have changed since.
pub(super) const SHARED_FOR: Duration = Duration::from_secs(1);

/// The questions of this moment. How long an answer holds is the system's resolver's business; here it only serves those who would have shared
/// the question had they come a little earlier, so that clients that are made in a row need no dialer each.
#[derive(Default)]
pub(super) struct Names {
    pub(super) asked: Mutex<HashMap<(String, u16), Arc<Question>>>,
}

pub(super) struct Question {
    since: Instant,
    progress: Mutex<Progress>,
}

enum Progress {
    Asking(Vec<Waiting>),
    Answered(Vec<SocketAddr>),
    /// Which is told to those who have waited and to nobody else.
    Failed,
}

impl Question {
    fn is_recent(&self, now: Instant) -> bool {
        now.since(self.since) < SHARED_FOR
    }
}

impl Names {
    /// What somebody else was just told. Not for a client whose last attempt failed or whose connection was lost: the network may be another.
    pub(super) fn known(&self, (host, port): (&str, u16), now: Instant) -> Option<Vec<SocketAddr>> {
        let asked = lock(&self.asked);
        let question = asked.get(&(host.to_owned(), port))?;
        match &*lock(&question.progress) {
            Progress::Answered(addresses) if question.is_recent(now) => Some(addresses.clone()),
            _ => None,
        }
    }

    /// Gives the answer of `ask` to `then`: here, or on the thread that is asking the same already.
    pub(super) fn resolve(
        &self,
        (host, port): (&str, u16),
        now: Instant,
        ask: impl FnOnce() -> Answer,
        then: Waiting,
    ) {
        let name = (host.to_owned(), port);
        let question = {
            let mut asked = lock(&self.asked);
            asked.retain(|_, question| question.is_recent(now));
            if let Some(question) = asked.get(&name) {
                if let Progress::Asking(waiting) = &mut *lock(&question.progress) {
                    return waiting.push(then);
                }
            }
            let question = Arc::new(Question {
                since: now,
                progress: Mutex::new(Progress::Asking(vec![then])),
            });
            asked.insert(name, Arc::clone(&question));
            question
        };
        // A panic must not leave those alone who wait.
        let answer = catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|_| {
            let why = "internal error while a name was resolved";
            Err(Error::new(Code::Internal, why))
        });
        let progress = match &answer {
            Ok(addresses) => Progress::Answered(addresses.clone()),
            Err(_) => Progress::Failed,
        };
        let asking = std::mem::replace(&mut *lock(&question.progress), progress);
        if let Progress::Asking(waiting) = asking {
            for then in waiting {
                then(answer.clone());
            }
        }
    }
}
