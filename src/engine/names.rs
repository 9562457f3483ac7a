//! Name resolution on dialers. Clients of one endpoint that connect at the same time share one question: ten thousand of them would be
//! a load on the resolver, and wait in line for the dialers.

use super::shared::lock;
use crate::error::Error;
use crate::time::Instant;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) type Answer = Result<Vec<SocketAddr>, Error>;
type Waiting = Box<dyn FnOnce(Answer) + Send>;

/// Whoever comes later asks anew: the question may hang, and the network may have changed since.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// The questions that are being asked. Answers are not remembered: how long one holds is the system's resolver's business.
#[derive(Default)]
pub(super) struct Names {
    asked: Mutex<HashMap<(String, u16), Arc<Question>>>,
}

struct Question {
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
            if let Some(question) = asked.get(&name)
                && now.since(question.since) < SHARED_FOR
                && let Some(waiting) = lock(&question.waiting).as_mut()
            {
                return waiting.push(then);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const NAME: (&str, u16) = ("example.com", 8883);

    fn count(answered: &Arc<AtomicUsize>) -> Waiting {
        let answered = Arc::clone(answered);
        Box::new(move |answer| {
            assert_eq!(answer.map(|addresses| addresses.len()).ok(), Some(0));
            answered.fetch_add(1, Ordering::SeqCst);
        })
    }

    #[test]
    fn who_asks_the_same_meanwhile_shares_the_answer() {
        let names = Names::default();
        let (questions, answered) = (AtomicUsize::new(0), Arc::default());
        let ask = || {
            questions.fetch_add(1, Ordering::SeqCst);
            Ok(Vec::new())
        };
        let outer = || {
            // While this question is open, others come.
            for _ in 0..100 {
                names.resolve(NAME, Instant::ZERO, ask, count(&answered));
            }
            assert_eq!(answered.load(Ordering::SeqCst), 0);
            names.resolve(("other.com", 8883), Instant::ZERO, ask, count(&answered));
            let late = Instant::ZERO + SHARED_FOR;
            names.resolve(NAME, late, ask, count(&answered));
            assert_eq!(answered.load(Ordering::SeqCst), 2, "theirs are their own");
            Ok(Vec::new())
        };
        names.resolve(NAME, Instant::ZERO, outer, count(&answered));
        assert_eq!(answered.load(Ordering::SeqCst), 103);
        assert_eq!(questions.load(Ordering::SeqCst), 2);
        // An answer is not kept.
        names.resolve(NAME, Instant::ZERO, ask, count(&answered));
        assert_eq!(questions.load(Ordering::SeqCst), 3);
        assert!(lock(&names.asked).is_empty());
    }
}
