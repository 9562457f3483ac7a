use super::super::tests::Random;
use super::*;

#[test]
fn valid_names() {
    let long = "x".repeat(65_535);
    for name in [
        "a",
        "/",
        "//",
        "a/b",
        "/finance",
        "Accounts payable",
        "$SYS/monitor/Clients",
        "$aws/things/t/shadow/update",
        "été/€/😀",
        "a//b",
        " ",
        "$share/g/f",
        "$",
        "1234567",
        "12345678",
        "123456789",
        &long,
    ] {
        assert_eq!(check_name(name), Ok(()), "{name}");
    }
}

fn detail(checked: Result<(), Error>) -> String {
    let error = checked.unwrap_err();
    assert_eq!(error.code, Code::InvalidTopic);
    error.detail.into_owned()
}

#[test]
fn invalid_names() {
    let wildcard = "a topic name has no wildcards + and # [MQTT-3.3.2-2]";
    assert_eq!(detail(check_name("")), "the topic is empty [MQTT-4.7.3-1]");
    for name in [
        "+",
        "#",
        "a/+",
        "a/#",
        "a+b",
        "sport#",
        "+/123456789",
        "123456789/+",
        "12345678#",
        "1234567+",
    ] {
        assert_eq!(
            detail(check_name(name)),
            format!("topic {name:?}: {wildcard}")
        );
    }
    assert_eq!(
        detail(check_name("a\0")),
        "topic \"a\\0\": it contains U+0000 [MQTT-4.7.3-2]"
    );
    assert_eq!(
        detail(check_name(&"é".repeat(32_768))),
        format!(
            "topic \"{}\"...: 65536 bytes; 65535 is the limit [MQTT-4.7.3-3]",
            "é".repeat(64)
        )
    );
}

#[test]
fn a_forbidden_character_is_found_at_every_place_of_every_length() {
    // Neighbours that the eight-at-a-time arithmetic could take for one: 0x01 behind 0x00, '"', '$', '*', ',', 0x80 and above.
    let around = [
        "x", "\u{1}", "\"", "$", "*", ",", "\u{80}", "é", "\u{A3}", "\u{AB}", "\u{FF}",
    ];
    let mut random = Random(4);
    for length in 1..40 {
        for _ in 0..50 {
            let mut characters: Vec<&str> = (0..length).map(|_| random.pick(&around)).collect();
            assert!(is_name(&characters.concat()), "{characters:?}");
            for place in 0..length {
                let before = characters[place];
                for forbidden in ["\0", "+", "#"] {
                    characters[place] = forbidden;
                    assert!(!is_name(&characters.concat()), "{characters:?}");
                }
                characters[place] = before;
            }
        }
    }
    // All single bytes, alone and within a word.
    for byte in 0..=0x7F_u8 {
        let allowed = !matches!(byte, 0 | b'+' | b'#');
        let character = char::from(byte);
        assert_eq!(is_name(&format!("{character}")), allowed);
        assert_eq!(is_name(&format!("ab{character}cdefghij")), allowed);
    }
}

#[test]
fn valid_filters() {
    let long = "x".repeat(65_535);
    for filter in [
        "a",
        "/",
        "#",
        "+",
        "+/+",
        "/+",
        "+/",
        "sport/tennis/player1/#",
        "sport/#",
        "+/tennis/#",
        "sport/+/player1",
        "/#",
        "+/#",
        "a//#",
        "$SYS/#",
        "$share",
        "$shared/a",
        "$share/g/a",
        "$share/g/#",
        "$share/g/+/a",
        "$share/g//",
        "$share/g/$SYS/#",
        "$share/été/é",
        &long,
    ] {
        assert_eq!(check_filter(filter), Ok(()), "{filter}");
    }
}

#[test]
fn invalid_filters() {
    let hash_level = "# must be a whole level [MQTT-4.7.1-2]";
    let hash_last = "# must be the last level [MQTT-4.7.1-2]";
    let plus_level = "+ must be a whole level [MQTT-4.7.1-3]";
    let group_wildcard = "the group after $share/ has no wildcards + and #";
    for (filter, reason) in [
        ("sport/tennis#", hash_level),
        ("##", hash_level),
        ("#a", hash_level),
        ("a/#b/c", hash_level),
        ("+#", hash_level),
        ("sport/tennis/#/ranking", hash_last),
        ("#/", hash_last),
        ("#/a", hash_last),
        ("sport+", plus_level),
        ("+a", plus_level),
        ("a/++/b", plus_level),
        ("a\0", "it contains U+0000 [MQTT-4.7.3-2]"),
        (
            "$share/",
            "$share is followed by a group and a filter: $share/group/filter",
        ),
        (
            "$share/g",
            "$share is followed by a group and a filter: $share/group/filter",
        ),
        ("$share//a", "the group between $share/ and / is empty"),
        ("$share/+/a", group_wildcard),
        ("$share/g#/a", group_wildcard),
        (
            "$share/g/",
            "the filter after $share/group/ is empty [MQTT-4.7.3-1]",
        ),
        ("$share/g/a#", hash_level),
        ("$share/g/#/a", hash_last),
        ("$share/g/a+/b", plus_level),
        ("\x1B[31m+", plus_level),
    ] {
        assert_eq!(
            detail(check_filter(filter)),
            format!("filter {filter:?}: {reason}")
        );
    }
    assert_eq!(
        detail(check_filter("")),
        "the filter is empty [MQTT-4.7.3-1]"
    );
    assert!(detail(check_filter(&"x".repeat(65_536))).contains("65536 bytes"));
}

#[test]
fn the_inner_filter_of_a_shared_one() {
    for (filter, inner) in [
        ("a/b", "a/b"),
        ("$share/g/a/b", "a/b"),
        ("$share/g//b", "/b"),
        ("$share/g/#", "#"),
        ("$share", "$share"),
        ("$share/g", "$share/g"),
        ("$sharea/g/b", "$sharea/g/b"),
        ("", ""),
    ] {
        assert_eq!(matching_filter(filter), inner);
    }
}

#[test]
fn matches_of_section_4_7() {
    for (filter, name, matching) in [
        // 4.7.1.2
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        (
            "sport/tennis/player1/#",
            "sport/tennis/player1/ranking",
            true,
        ),
        (
            "sport/tennis/player1/#",
            "sport/tennis/player1/score/wimbledon",
            true,
        ),
        ("sport/tennis/player1/#", "sport/tennis/player10", false),
        ("sport/#", "sport", true),
        ("sport/#", "sport/", true),
        ("sport/#", "sports", false),
        ("#", "sport", true),
        ("#", "/", true),
        // 4.7.1.3
        ("sport/tennis/+", "sport/tennis/player1", true),
        ("sport/tennis/+", "sport/tennis/player2", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+/+", "/finance", true),
        ("/+", "/finance", true),
        ("+", "/finance", false),
        ("+/tennis/#", "a/tennis", true),
        ("+/tennis/#", "/tennis/b/c", true),
        ("+/#", "a", true),
        ("+/+/#", "a", false),
        // 4.7.2
        ("#", "$SYS/monitor/Clients", false),
        ("+/monitor/Clients", "$SYS/monitor/Clients", false),
        ("+/#", "$aws", false),
        ("$SYS/#", "$SYS/monitor/Clients", true),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", true),
        ("a/+", "a/$SYS", true),
        ("+/$SYS", "a/$SYS", true),
        // 4.7.3: case and separators count
        ("ACCOUNTS", "Accounts", false),
        ("finance", "/finance", false),
        ("a/", "a", false),
        ("a", "a/", false),
        ("a//b", "a/+/b", false),
        ("a/+/b", "a//b", true),
        ("é/+", "é/€", true),
        // Shared subscriptions, by their inner filter.
        ("$share/g/a/+", "a/b", true),
        ("$share/g/a/+", "$share/g/a/b", false),
        ("$share/g/#", "a/b", true),
        ("$share/g/#", "$SYS/x", false),
        ("$share/g/$SYS/#", "$SYS/x", true),
        ("$share/g/sport/#", "sport", true),
    ] {
        assert_eq!(matches(filter, name), matching, "{filter} {name}");
    }
}

/// Section 4.7 level by level, slow and plain.
fn slow_matches(filter: &str, name: &str) -> bool {
    fn levels_match(filter: &[&str], name: &[&str]) -> bool {
        match (filter, name) {
            (["#"], _) => true,
            ([], []) => true,
            (["+", filter @ ..], [_, name @ ..]) => levels_match(filter, name),
            ([level, filter @ ..], [same, name @ ..]) => {
                level == same && levels_match(filter, name)
            }
            _ => false,
        }
    }
    let mut filter: Vec<&str> = filter.split('/').collect();
    if filter[0] == "$share" && filter.len() > 2 {
        filter.drain(..2);
    }
    if name.starts_with('$') && ["+", "#"].contains(&filter[0]) {
        return false;
    }
    levels_match(&filter, &name.split('/').collect::<Vec<_>>())
}

#[test]
fn matches_agrees_with_a_slow_matcher() {
    let mut random = Random(5);
    let mut seen = [0, 0];
    for _ in 0..200_000 {
        let levels = ["", "a", "b", "ab", "$a", "é"];
        let name: Vec<&str> = (0..1 + random.below(4))
            .map(|_| random.pick(&levels))
            .collect();
        // Made from the name, so that matches are not rare.
        let mut filter: Vec<&str> = Vec::new();
        for &level in &name {
            match random.below(10) {
                0..5 => filter.push(level),
                5..8 => filter.push("+"),
                8 => filter.push(random.pick(&levels)),
                _ => {}
            }
        }
        match random.below(6) {
            0 | 1 => filter.push("#"),
            2 => filter.push(random.pick(&["+", "a", ""])),
            _ => {}
        }
        let mut filter = filter.join("/");
        if random.below(8) == 0 {
            filter.insert_str(0, random.pick(&["$share/g/", "$share/a/"]));
        }
        let name = name.join("/");
        if check_filter(&filter).is_err() || check_name(&name).is_err() {
            continue;
        }
        let expected = slow_matches(&filter, &name);
        assert_eq!(matches(&filter, &name), expected, "{filter:?} {name:?}");
        seen[usize::from(expected)] += 1;
    }
    assert!(seen[0] > 20_000 && seen[1] > 20_000, "{seen:?}");
}

#[test]
fn what_was_never_checked_does_no_harm() {
    let mut random = Random(6);
    let parts = ["#", "+", "/", "a", "$share/", "é", "\0", "$"];
    for _ in 0..100_000 {
        let mut string =
            || -> String { (0..random.below(7)).map(|_| random.pick(&parts)).collect() };
        let (filter, name) = (string(), string());
        matches(&filter, &name);
        matching_filter(&filter);
        let (name_checked, filter_checked) = (check_name(&name), check_filter(&name));
        // Every topic name is a filter that matches itself, unless it means a shared one.
        if name_checked.is_ok() && !name.starts_with(SHARE) {
            assert_eq!(filter_checked, Ok(()));
            assert!(matches(&name, &name), "{name:?}");
        }
    }
}
