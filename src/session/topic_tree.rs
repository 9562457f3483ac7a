//! Which subscriptions match a topic name, without asking each of them.

use std::collections::HashMap;

/// A tree by topic level: the cost of a look-up grows with the levels of the name, not with the number of filters.
#[derive(Debug, Default)]
pub(super) struct TopicTree {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    literal: HashMap<Box<str>, Node>,
    /// Below a `+`.
    single: Option<Box<Node>>,
    /// Subscriptions whose filter ends here, and those whose filter ends here with `/#` (which is also the level itself [MQTT-4.7.1-2]).
    here: Vec<u64>,
    multi: Vec<u64>,
}

impl TopicTree {
    pub(super) fn insert(&mut self, filter: &str, id: u64) {
        let mut node = &mut self.root;
        for level in filter.split('/') {
            node = match level {
                "#" => {
                    node.multi.push(id);
                    return;
                }
                "+" => node.single.get_or_insert_default(),
                _ => node.literal.entry(level.into()).or_default(),
            };
        }
        node.here.push(id);
    }

    pub(super) fn remove(&mut self, filter: &str, id: u64) {
        self.root.remove(filter.split('/'), id);
    }

    /// The subscriptions whose filter matches `name`, in ascending order of their ids.
    pub(super) fn matching(&self, name: &str) -> Vec<u64> {
        let mut found = Vec::new();
        // A leading wildcard does not match a name that begins with `$` [MQTT-4.7.2-1].
        self.root
            .find(name.split('/'), name.starts_with('$'), &mut found);
        found.sort_unstable();
        found
    }
}

impl Node {
    fn find<'a>(
        &self,
        mut levels: impl Iterator<Item = &'a str> + Clone,
        hidden: bool,
        found: &mut Vec<u64>,
    ) {
        if !hidden {
            found.extend_from_slice(&self.multi);
        }
        let Some(level) = levels.next() else {
            found.extend_from_slice(&self.here);
            return;
        };
        if let Some(node) = self.literal.get(level) {
            node.find(levels.clone(), false, found);
        }
        if let Some(node) = self.single.as_ref().filter(|_| !hidden) {
            node.find(levels, false, found);
        }
    }

    fn remove<'a>(&mut self, mut levels: impl Iterator<Item = &'a str>, id: u64) {
        match levels.next() {
            None => self.here.retain(|&other| other != id),
            Some("#") => self.multi.retain(|&other| other != id),
            Some("+") => {
                if let Some(node) = &mut self.single {
                    node.remove(levels, id);
                    if node.is_empty() {
                        self.single = None;
                    }
                }
            }
            Some(level) => {
                if let Some(node) = self.literal.get_mut(level) {
                    node.remove(levels, id);
                    if node.is_empty() {
                        self.literal.remove(level);
                    }
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.literal.is_empty()
            && self.single.is_none()
            && self.here.is_empty()
            && self.multi.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::topic::matches;

    #[test]
    fn finds_what_comparing_each_filter_finds() {
        let levels = ["a", "b", "", "+", "$SYS"];
        let mut filters = Vec::new();
        for first in levels {
            filters.push(first.to_owned());
            filters.push(format!("{first}/#"));
            for second in levels {
                filters.push(format!("{first}/{second}"));
                filters.push(format!("{first}/{second}/#"));
            }
        }
        filters.push("#".to_owned());
        filters.retain(|filter| !filter.is_empty());
        let mut tree = TopicTree::default();
        for (id, filter) in filters.iter().enumerate() {
            tree.insert(filter, id as u64);
        }
        for name in [
            "a", "a/b", "a/", "/", "//", "$SYS", "$SYS/a", "a/$SYS", "a/b/c/d", "b", "x/y",
        ] {
            let slow: Vec<u64> = (0..filters.len())
                .filter(|&id| matches(&filters[id], name))
                .map(|id| id as u64)
                .collect();
            assert_eq!(tree.matching(name), slow, "{name}");
        }
        for (id, filter) in filters.iter().enumerate() {
            tree.remove(filter, id as u64);
        }
        assert!(tree.root.is_empty());
    }
}
