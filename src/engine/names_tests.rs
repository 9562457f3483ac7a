//! Of `names`; not in it, because `races` compiles that file a second time.

use super::names::{Names, SHARED_FOR, Waiting};
use super::shared::lock;
use crate::time::Instant;
use std::sync::Arc;
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
