//! The parts of `deny.toml` that can be held without a network. It is our own file in a fixed form, so its lines are enough.

use std::collections::BTreeSet;

pub struct Deny {
    allow: BTreeSet<String>,
    /// Crate and licence.
    exceptions: BTreeSet<(String, String)>,
    /// `name@version`
    pub skip: BTreeSet<String>,
    pub banned: BTreeSet<String>,
}

impl Deny {
    pub fn read(text: &str) -> Deny {
        let mut deny = Deny {
            allow: BTreeSet::new(),
            exceptions: BTreeSet::new(),
            skip: BTreeSet::new(),
            banned: BTreeSet::new(),
        };
        let mut list = "";
        for line in text.lines() {
            let line = line.trim();
            if let Some((key, value)) = line.split_once(" = [")
                && !line.starts_with('{')
            {
                list = key;
                if list == "allow" {
                    deny.allow.extend(quoted(value));
                }
            }
            if !line.starts_with('{') {
                continue;
            }
            let words = quoted(line);
            match list {
                "exceptions" => {
                    let (name, licences) = words.split_first().expect("a crate");
                    deny.exceptions
                        .extend(licences.iter().map(|id| (name.clone(), id.clone())));
                }
                "skip" => deny.skip.extend(words),
                "deny" => deny.banned.extend(words),
                _ => {}
            }
        }
        assert!(!deny.allow.is_empty(), "deny.toml allows no licence");
        deny
    }

    pub fn allows(&self, name: &str, licence: &str) -> bool {
        self.allow.contains(licence)
            || self
                .exceptions
                .contains(&(name.to_owned(), licence.to_owned()))
    }
}

fn quoted(line: &str) -> Vec<String> {
    line.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}
