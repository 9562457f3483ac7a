//! Topic names and filters against a matcher that compares level by level, as section 4.7 tells it.

use super::input::Input;
use crate::codec::topic;

/// Of these a filter or a name is mostly made, so that the fuzzer need not find them.
const PIECES: &[&str] = &[
    "/",
    "+",
    "#",
    "a",
    "b",
    "$",
    "é",
    "$share/",
    "$SYS",
    "\0",
    "/#",
    "+/",
    "long level of a topic",
];

pub(super) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    while !input.is_empty() {
        let (filter, name) = (text(&mut input), text(&mut input));
        assert_eq!(topic::check_name(&name).is_ok(), is_name(&name), "{name:?}");
        assert_eq!(topic::check_name(&filter).is_ok(), is_name(&filter));
        for filter in [&filter, &name] {
            let checked = topic::check_filter(filter);
            assert_eq!(checked.is_ok(), is_filter(filter), "{filter:?} {checked:?}");
        }
        if is_name(&name) && is_filter(&filter) {
            let matches = topic::matches(&filter, &name);
            assert_eq!(matches, slow_match(&filter, &name), "{filter:?} {name:?}");
        }
    }
}

/// Pieces or any characters, and sometimes too long.
pub(super) fn text(input: &mut Input<'_>) -> String {
    match input.below(8) {
        0 => input.text(),
        1 => input.text().repeat(300),
        _ => input
            .bytes()
            .iter()
            .map(|byte| PIECES[usize::from(*byte) % PIECES.len()])
            .collect(),
    }
}

pub(super) fn is_name(name: &str) -> bool {
    let allowed = |character| !matches!(character, '+' | '#' | '\0');
    (1..=65_535).contains(&name.len()) && name.chars().all(allowed)
}

pub(super) fn is_filter(filter: &str) -> bool {
    if filter.is_empty() || filter.len() > 65_535 || filter.contains('\0') {
        return false;
    }
    let mut levels: Vec<&str> = filter.split('/').collect();
    if levels[0] == "$share" && levels.len() > 1 {
        let group = levels[1];
        levels.drain(..2);
        let is_inner = levels.len() > 1 || levels.first().is_some_and(|level| !level.is_empty());
        if group.is_empty() || group.contains(['+', '#']) || !is_inner {
            return false;
        }
    }
    let last = levels.len() - 1;
    levels.iter().enumerate().all(|(at, level)| match *level {
        "+" => true,
        "#" => at == last,
        _ => !level.contains(['+', '#']),
    })
}

/// Both are valid.
pub(super) fn slow_match(filter: &str, name: &str) -> bool {
    let mut wanted: Vec<&str> = filter.split('/').collect();
    let levels: Vec<&str> = name.split('/').collect();
    if wanted[0] == "$share" && wanted.len() > 2 {
        wanted.drain(..2);
    }
    // [MQTT-4.7.2-1]
    if name.starts_with('$') && matches!(wanted[0], "+" | "#") {
        return false;
    }
    match_levels(&wanted, &levels)
}

fn match_levels(wanted: &[&str], levels: &[&str]) -> bool {
    match (wanted, levels) {
        (["#"], _) | ([], []) => true,
        (["+", wanted @ ..], [_, levels @ ..]) => match_levels(wanted, levels),
        ([one, wanted @ ..], [other, levels @ ..]) => one == other && match_levels(wanted, levels),
        _ => false,
    }
}
