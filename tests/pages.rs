//! The pages: README and the rest at the top, everything in `docs/`, and those beside examples and tests. Their links lead to files that are there
//! and to headings that are on them.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file, by its path from here; what is built, and what others' installers bring, is not ours.
fn pages() -> BTreeSet<PathBuf> {
    let mut pages = BTreeSet::new();
    let mut directories = vec![root().to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory") {
            let entry = entry.expect("an entry");
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if entry.file_type().expect("its kind").is_dir() {
                let ours = !name.starts_with('.')
                    && !["target", "build", "node_modules"].contains(&name.as_ref());
                directories.extend(ours.then_some(path));
            } else if name.ends_with(".md") {
                pages.insert(path.strip_prefix(root()).expect("below").to_path_buf());
            }
        }
    }
    pages
}

fn read(page: &Path) -> String {
    std::fs::read_to_string(root().join(page))
        .unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// The text without blocks and spans of code: a lambda of C++ looks like a link.
fn prose(text: &str) -> String {
    let mut fenced = false;
    text.lines()
        .filter(|line| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            !fence && !fenced
        })
        .map(|line| {
            // The text of a link may be code, so that only code with a link in it goes.
            let parts = line.split('`').enumerate();
            let kept = parts.filter(|(place, part)| place % 2 == 0 || !part.contains("]("));
            kept.map(|(_, part)| part).collect::<String>() + "\n"
        })
        .collect()
}

fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let targets = prose.split("](").skip(1);
    targets
        .filter_map(|target| target.split(')').next())
        .map(str::to_owned)
        .collect()
}

/// As GitHub makes them of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let heading = |line: &str| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            _ => letter.is_alphanumeric().then_some(letter),
        });
        kept.collect()
    };
    let mut fenced = false;
    text.lines()
        .filter(|line| {
            fenced ^= line.trim_start().starts_with("```");
            !fenced && line.starts_with('#')
        })
        .map(heading)
        .collect()
}

fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(plain.pop(), "{} leaves", path.display()),
            other => plain.push(other),
        }
    }
    plain
}

/// Why a link of the page leads nowhere.
fn broken(page: &Path, link: &str) -> Option<String> {
    if link.starts_with("https://") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => page.to_path_buf(),
        file => without_dots(&page.with_file_name("").join(file)),
    };
    if !root().join(&target).exists() {
        return Some("there is no such file".to_owned());
    }
    let known = anchor.is_empty()
        || target.extension().is_none_or(|ending| ending != "md")
        || anchors(&read(&target)).contains(anchor);
    (!known).then(|| "there is no such heading".to_owned())
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let mut count = 0;
    let mut wrong = String::new();
    for page in &pages {
        for link in links(&read(page)) {
            count += 1;
            if let Some(why) = broken(page, &link) {
                wrong += &format!("{}: {link}: {why}\n", page.display());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(pages.len() > 25, "{} pages", pages.len());
    assert!(count > 150, "{count} links");
}

#[test]
fn a_link_that_leads_nowhere_is_noticed() {
    let page = Path::new("docs/guide/README.md");
    let of = |text: &str| {
        let links = links(text).into_iter();
        links.filter_map(|link| broken(page, &link)).count()
    };
    assert_eq!(
        of("[a](install.md) [b](../../README.md#ways-in) [c](https://example.com)"),
        0
    );
    assert_eq!(of("[a](nowhere.md)"), 1);
    assert_eq!(
        of("[`a`](../../README.md#no-such-heading) [b](#the-guide)"),
        1
    );
    assert_eq!(of("```cpp\n[&](auto x) {}\n```\n`[](int)`"), 0);
}

/// A file of the repository that a page names in code is there, too: `tests/x.rs`, `docs/x.md`.
#[test]
fn every_file_that_a_page_names_is_there() {
    let mut wrong = String::new();
    let mut count = 0;
    for page in pages() {
        for name in read(&page).split('`').skip(1).step_by(2) {
            let ours = [
                "tests/",
                "docs/",
                "c-examples/",
                "src/",
                "include/",
                "cmake/",
            ]
            .iter()
            .any(|room| name.starts_with(room));
            if !ours || name.contains(['*', ' ', '{', '<', '\n']) {
                continue;
            }
            count += 1;
            if !root().join(name.trim_end_matches('/')).exists() {
                wrong += &format!("{}: {name} is not there\n", page.display());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count > 50, "{count} names");
}

/// The Python example has every call of the reference, which `tests/ffi/calls.py` shows.
#[test]
fn every_call_of_the_python_sdk_is_in_its_table() {
    let client = read(Path::new("c-examples/ffi/python/aws_iot_mqtt/client.py"));
    let table = read(Path::new("docs/guide/migrate-python.md"));
    let calls: Vec<&str> = client
        .lines()
        .filter_map(|line| line.strip_prefix("    def ")?.split('(').next())
        .filter(|name| !name.starts_with('_'))
        .collect();
    let ours = ["close", "onOperationFailed"];
    for call in calls.iter().filter(|call| !ours.contains(call)) {
        let row = table
            .lines()
            .any(|line| line.starts_with('|') && line.contains(&format!("`{call}`")));
        assert!(row, "docs/guide/migrate-python.md has no row for {call}");
    }
    assert!(calls.len() > 25, "{calls:?}");
}
