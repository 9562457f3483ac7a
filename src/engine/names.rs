//! Name resolution on dialers. Clients of one endpoint that connect at the same time share one question: ten thousand of them would be
//! a load on the resolver, and wait in line for the dialers.

use super::shared::lock;
use super::sync::Mutex;
use crate::error::Error;
use crate::time::Instant;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub(super) type Answer = Result<Vec<SocketAddr>, Error>;
pub(super) type Waiting = Box<dyn FnOnce(Answer) + Send>;

/// Whoever comes later asks anew: the question may hang, and the network may have changed since.
pub(super) const SHARED_FOR: Duration = Duration::from_secs(1);

/// The questions that are being asked. Answers are not remembered: how long one holds is the system's resolver's business.
#[derive(Default)]
pub(super) struct Names {
    pub(super) asked: Mutex<HashMap<(String, u16), Arc<Question>>>,
}

pub(super) struct Question {
    since: Instant,
    /// `None`: answered.
    waiting: Mutex<Option<Vec<Waiting>>>,
}

impl Names {
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
            let recent = asked
                .get(&name)
                .filter(|question| now.since(question.since) < SHARED_FOR);
            if let Some(question) = recent {
                if let Some(waiting) = lock(&question.waiting).as_mut() {
                    return waiting.push(then);
                }
            }
            let question = Arc::new(Question {
                since: now,
                waiting: Mutex::new(Some(vec![then])),
            });
            asked.insert(name.clone(), Arc::clone(&question));
            question
        };
        let answer = ask();
        {
            let mut asked = lock(&self.asked);
            // A later question for this name may have taken the place.
            if asked
                .get(&name)
                .is_some_and(|current| Arc::ptr_eq(current, &question))
            {
                asked.remove(&name);
            }
        }
        let waiting = lock(&question.waiting).take().unwrap_or_default();
        for then in waiting {
            then(answer.clone());
        }
    }
}
