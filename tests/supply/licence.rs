//! SPDX licence expressions: `(MIT OR Apache-2.0) AND Unicode-3.0`, and the older `MIT/Apache-2.0`, which means OR.

/// Whether one choice of licences is enough, each of which is good.
pub fn allowed(expression: &str, good: impl Fn(&str) -> bool) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut words = words.as_slice();
    let result = any(&mut words, &good);
    result && words.is_empty()
}

fn any(words: &mut &[&str], good: &dyn Fn(&str) -> bool) -> bool {
    let mut result = all(words, good);
    while words.first() == Some(&"OR") {
        *words = &words[1..];
        // Both sides are read, whatever the first one was.
        result |= all(words, good);
    }
    result
}

fn all(words: &mut &[&str], good: &dyn Fn(&str) -> bool) -> bool {
    let mut result = one(words, good);
    while words.first() == Some(&"AND") {
        *words = &words[1..];
        result &= one(words, good);
    }
    result
}

fn one(words: &mut &[&str], good: &dyn Fn(&str) -> bool) -> bool {
    let Some((&first, rest)) = words.split_first() else {
        return false;
    };
    *words = rest;
    if first == "(" {
        let result = any(words, good);
        let closed = words.first() == Some(&")");
        *words = words.get(1..).unwrap_or_default();
        return result && closed;
    }
    // An exception to a licence is a name of its own.
    if let ["WITH", exception, rest @ ..] = *words {
        *words = rest;
        return good(&format!("{first} WITH {exception}"));
    }
    good(first)
}

#[test]
fn a_choice_needs_one_good_licence_and_a_sum_needs_all() {
    let good = |id: &str| ["MIT", "ISC", "Apache-2.0"].contains(&id);
    for expression in [
        "MIT",
        "MIT OR GPL-3.0",
        "GPL-3.0/MIT",
        "ISC AND (Apache-2.0 OR GPL-3.0)",
        "Apache-2.0 WITH LLVM-exception OR MIT",
    ] {
        assert!(allowed(expression, good), "{expression}");
    }
    for expression in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR ISC) AND GPL-3.0",
        "GPL-3.0 OR (MIT AND GPL-2.0)",
        "Apache-2.0 WITH LLVM-exception",
        "MIT ISC",
        "(MIT",
    ] {
        assert!(!allowed(expression, good), "{expression}");
    }
}
