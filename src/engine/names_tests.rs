//! Of `names`; not in it, because `races` compiles that file a second time.

use super::names::{Answer, Names, SHARED_FOR, Waiting};
use super::shared::lock;
use crate::error::{Code, Error};
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
}

#[test]
fn who_comes_a_little_later_is_told_the_answer() {
    let names = Names::default();
    let (questions, answered) = (AtomicUsize::new(0), Arc::default());
    let ask = || {
        questions.fetch_add(1, Ordering::SeqCst);
        Ok(Vec::new())
    };
    let at = |part: u32| Instant::ZERO + SHARED_FOR * part / 4;
    assert_eq!(names.known(NAME, at(0)), None);
    for (part, expected) in [(0, 1), (1, 1), (3, 1), (4, 2), (7, 2), (8, 3)] {
        if names.known(NAME, at(part)).is_none() {
            names.resolve(NAME, at(part), ask, count(&answered));
        }
        assert_eq!(questions.load(Ordering::SeqCst), expected, "{part}");
        assert_eq!(names.known(NAME, at(part)), Some(Vec::new()));
        assert_eq!(names.known(("example.com", 443), at(part)), None);
    }
    // Who asks nevertheless is not told what is known.
    names.resolve(NAME, at(8), ask, count(&answered));
    assert_eq!(questions.load(Ordering::SeqCst), 4);
    assert_eq!(answered.load(Ordering::SeqCst), 4);
    assert_eq!(names.known(NAME, at(12)), None);
    // What nobody will be told any more goes with the next question.
    names.resolve(("other.com", 8883), at(12), ask, count(&answered));
    assert_eq!(lock(&names.asked).len(), 1);
}

#[test]
fn a_failure_is_told_to_those_who_wait_and_to_nobody_else() {
    let names = Names::default();
    let failed = Arc::new(AtomicUsize::new(0));
    let told = || -> Waiting {
        let failed = Arc::clone(&failed);
        Box::new(move |answer| {
            assert_eq!(answer.map_err(|error| error.code), Err(Code::Dns));
            failed.fetch_add(1, Ordering::SeqCst);
        })
    };
    let outer = || {
        names.resolve(NAME, Instant::ZERO, || unreachable!(), told());
        Err(Error::new(Code::Dns, "no such name"))
    };
    names.resolve(NAME, Instant::ZERO, outer, told());
    assert_eq!(failed.load(Ordering::SeqCst), 2);
    assert_eq!(names.known(NAME, Instant::ZERO), None);
    let answered = Arc::default();
    names.resolve(NAME, Instant::ZERO, || Ok(Vec::new()), count(&answered));
    assert_eq!(answered.load(Ordering::SeqCst), 1);
}

#[test]
fn a_resolver_that_panics_leaves_nobody_alone() {
    let names = Names::default();
    let told = Arc::new(AtomicUsize::new(0));
    let then = Arc::clone(&told);
    let then = move |answer: Answer| {
        assert_eq!(answer.map_err(|error| error.code), Err(Code::Internal));
        then.fetch_add(1, Ordering::SeqCst);
    };
    names.resolve(NAME, Instant::ZERO, || panic!("on purpose"), Box::new(then));
    assert_eq!(told.load(Ordering::SeqCst), 1);
}
