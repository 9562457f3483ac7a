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
        // Nodes are taken out on the way down and put back on the way up. Not by recursion: a filter can have more levels than a
        // thread has room for calls.
        let mut node = std::mem::take(&mut self.root);
        let mut path = Vec::new();
        for level in filter.split('/') {
            let below = match level {
                "+" => node.single.take().map(|below| *below),
                _ => node.literal.remove(level),
            };
            let Some(below) = below else {
                break;
            };
            path.push((level, std::mem::replace(&mut node, below)));
        }
        node.here.retain(|&other| other != id);
        node.multi.retain(|&other| other != id);
        while let Some((level, above)) = path.pop() {
            let below = std::mem::replace(&mut node, above);
            match level {
                _ if below.is_empty() => {}
                "+" => node.single = Some(Box::new(below)),
                _ => {
                    node.literal.insert(level.into(), below);
                }
            }
        }
        self.root = node;
    }

    /// The subscriptions whose filter matches `name`, in ascending order of their ids.
    pub(super) fn matching(&self, name: &str) -> Vec<u64> {
        let mut found = Vec::new();
        // A leading wildcard does not match a name that begins with `$` [MQTT-4.7.2-1].
        let mut left = vec![(&self.root, name.split('/'), name.starts_with('$'))];
        while let Some((node, mut levels, hidden)) = left.pop() {
            if !hidden {
                found.extend_from_slice(&node.multi);
            }
            let Some(level) = levels.next() else {
                found.extend_from_slice(&node.here);
                continue;
            };
            if let Some(node) = node.literal.get(level) {
                left.push((node, levels.clone(), false));
            }
            if let Some(node) = node.single.as_ref().filter(|_| !hidden) {
                left.push((node, levels, false));
            }
        }
        found.sort_unstable();
        found
    }
}

impl Drop for TopicTree {
    fn drop(&mut self) {
        let mut left = vec![std::mem::take(&mut self.root)];
        while let Some(node) = left.pop() {
            left.extend(node.literal.into_values());
            left.extend(node.single.map(|node| *node));
        }
    }
}

impl Node {
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

    /// Calls within calls, one for each level, would overflow the stack of a test's thread, which is eight times as large as a worker's.
    #[test]
    fn p8_a_filter_of_very_many_levels_needs_no_more_stack_than_any_other() {
        let plus = vec!["+"; 32_768].join("/");
        let name = vec!["a"; 32_768].join("/");
        let mut tree = TopicTree::default();
        tree.insert(&plus, 1);
        tree.insert(&name, 2);
        assert_eq!(tree.matching(&name), [1, 2]);
        tree.remove(&name, 2);
        assert_eq!(tree.matching(&name), [1]);
        tree.remove(&plus, 1);
        assert!(tree.root.is_empty());
        tree.insert(&plus, 3);
    }
}
