//! The subscriptions that the broker granted.

use super::messages::Matched;
use super::topic_tree::TopicTree;
use crate::codec::topic;
use crate::config::QoS;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Subscription<H> {
    pub(super) filter: Arc<str>,
    /// As asked for; this is what is asked for again on a new connection.
    pub(super) qos: QoS,
    pub(super) handler: Option<H>,
    pub(super) manual: bool,
    /// The broker has acknowledged it in the session that it holds for us now. What it has not is asked for on the next
    /// connection, whatever CONNACK says of a session.
    pub(super) confirmed: bool,
}

/// In the order of subscribing, found by filter and by topic name.
#[derive(Debug)]
pub(super) struct Subscriptions<H> {
    next: u64,
    granted: BTreeMap<u64, Subscription<H>>,
    by_filter: HashMap<Arc<str>, u64>,
    tree: TopicTree,
    /// A topic name that has passed the checks: that of the last message, as messages of one topic often come in a row. Empty: none.
    last_name: String,
    /// Whom it is for.
    last_matched: Option<Arc<Matched<H>>>,
}

impl<H> Default for Subscriptions<H> {
    fn default() -> Self {
        Subscriptions {
            next: 0,
            granted: BTreeMap::new(),
            by_filter: HashMap::new(),
            tree: TopicTree::default(),
            last_name: String::new(),
            last_matched: None,
        }
    }
}

impl<H: Clone> Subscriptions<H> {
    pub(super) fn contains(&self, filter: &str) -> bool {
        self.by_filter.contains_key(filter)
    }

    pub(super) fn get(&self, filter: &str) -> Option<&Subscription<H>> {
        self.granted.get(self.by_filter.get(filter)?)
    }

    /// The broker has a new session for us, or may have.
    pub(super) fn unconfirm(&mut self) {
        for subscription in self.granted.values_mut() {
            subscription.confirmed = false;
        }
    }

    pub(super) fn get_mut(&mut self, filter: &str) -> Option<&mut Subscription<H>> {
        self.granted.get_mut(self.by_filter.get(filter)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Subscription<H>> {
        self.granted.values()
    }

    /// A subscription was granted. The same filter again replaces handler and QoS and keeps its place. Gives the handler that
    /// was replaced.
    pub(super) fn insert(&mut self, subscription: Subscription<H>) -> Option<H> {
        self.forget_last();
        if let Some(place) = self.by_filter.get(&subscription.filter) {
            let replaced = self.granted.insert(*place, subscription);
            return replaced.and_then(|replaced| replaced.handler);
        }
        let place = self.next;
        self.next += 1;
        self.tree
            .insert(topic::matching_filter(&subscription.filter), place);
        self.by_filter
            .insert(Arc::clone(&subscription.filter), place);
        self.granted.insert(place, subscription);
        None
    }

    pub(super) fn remove(&mut self, filter: &str) -> Option<Subscription<H>> {
        let place = self.by_filter.remove(filter)?;
        self.forget_last();
        self.tree.remove(topic::matching_filter(filter), place);
        self.granted.remove(&place)
    }

    /// A topic name that has passed the checks: that of the last message; or empty.
    #[inline(always)]
    pub(super) fn last_name(&self) -> &str {
        &self.last_name
    }

    /// Whom a message to that topic is for.
    #[inline(always)]
    pub(super) fn last_matched(&self) -> Option<&Arc<Matched<H>>> {
        self.last_matched.as_ref()
    }

    /// `topic` is a valid one, in UTF-8.
    pub(super) fn matching(&mut self, topic: &[u8]) -> &Arc<Matched<H>> {
        if self.last_name.as_bytes() != topic {
            self.forget_last();
        }
        let (granted, tree) = (&self.granted, &self.tree);
        let last_name = &mut self.last_name;
        self.last_matched.get_or_insert_with(|| {
            last_name.push_str(std::str::from_utf8(topic).unwrap_or_default());
            let mut matched = Matched {
                handlers: Vec::new(),
                manual: false,
            };
            let places = tree.matching(last_name);
            for subscription in places.iter().filter_map(|place| granted.get(place)) {
                matched.handlers.extend(subscription.handler.clone());
                matched.manual |= subscription.manual;
            }
            Arc::new(matched)
        })
    }

    fn forget_last(&mut self) {
        self.last_name.clear();
        self.last_matched = None;
    }

    /// All handlers, when the session ends.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = H> + use<H> {
        let granted = std::mem::take(self).granted;
        granted
            .into_values()
            .filter_map(|subscription| subscription.handler)
    }
}
