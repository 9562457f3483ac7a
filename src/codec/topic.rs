//! Topic names and topic filters: what is valid, and which filter matches which name (section 4.7).

use super::wire::MAX_STRING;
use crate::error::{Code, Error};

#[cfg(test)]
mod tests;

/// What makes a subscription a shared one. Defined by MQTT 5 (section 4.8.2); AWS IoT and mosquitto have it over 3.1.1 too.
const SHARE: &str = "$share/";

/// The topic name that an application has given as bytes, if a message may be published to it.
pub fn name(topic: &[u8]) -> Result<&str, Error> {
    let topic = std::str::from_utf8(topic).map_err(|error| Error::not_utf8("topic", &error))?;
    check_name(topic)?;
    Ok(topic)
}

/// Whether a message may be published to `topic`.
pub fn check_name(topic: &str) -> Result<(), Error> {
    if is_name(topic) && topic.len() <= MAX_STRING {
        return Ok(());
    }
    check_string("topic", topic)?;
    Err(invalid(
        "topic",
        topic,
        "a topic name has no wildcards + and # [MQTT-3.3.2-2]",
    ))
}

/// Whether `filter` may be subscribed.
pub fn check_filter(filter: &str) -> Result<(), Error> {
    check_string("filter", filter)?;
    let wrong = |reason| Err(invalid("filter", filter, reason));
    let mut levels = filter;
    if let Some(shared) = filter.strip_prefix(SHARE) {
        let Some((group, inner)) = shared.split_once('/') else {
            return wrong("$share is followed by a group and a filter: $share/group/filter");
        };
        if group.is_empty() {
            return wrong("the group between $share/ and / is empty");
        }
        if group.contains(['+', '#']) {
            return wrong("the group after $share/ has no wildcards + and #");
        }
        if inner.is_empty() {
            return wrong("the filter after $share/group/ is empty [MQTT-4.7.3-1]");
        }
        levels = inner;
    }
    let mut levels = levels.split('/').peekable();
    while let Some(level) = levels.next() {
        if level.contains('#') {
            if level != "#" {
                return wrong("# must be a whole level [MQTT-4.7.1-2]");
            }
            if levels.peek().is_some() {
                return wrong("# must be the last level [MQTT-4.7.1-2]");
            }
        }
        if level.contains('+') && level != "+" {
            return wrong("+ must be a whole level [MQTT-4.7.1-3]");
        }
    }
    Ok(())
}

/// The filter that topic names are compared with: the inner one of `$share/group/filter`.
#[inline]
pub fn matching_filter(filter: &str) -> &str {
    match filter.strip_prefix(SHARE) {
        Some(shared) => shared.split_once('/').map_or(filter, |(_, inner)| inner),
        None => filter,
    }
}

/// Whether a message with the topic `name` is one that `filter` asks for. Both have passed their checks.
pub fn matches(filter: &str, name: &str) -> bool {
    let filter = matching_filter(filter).as_bytes();
    let name = name.as_bytes();
    // [MQTT-4.7.2-1]: $SYS and $aws are seen only by those who name them.
    if name.first() == Some(&b'$') && matches!(filter.first(), Some(b'#' | b'+')) {
        return false;
    }
    let mut position = 0;
    for (index, &wanted) in filter.iter().enumerate() {
        match wanted {
            b'#' => return true,
            // Any one level, an empty one too.
            b'+' => {
                let rest = &name[position..];
                position += rest
                    .iter()
                    .position(|&byte| byte == b'/')
                    .unwrap_or(rest.len());
            }
            _ if name.get(position) == Some(&wanted) => position += 1,
            // # stands for the parent level as well: "sport/#" matches "sport".
            _ => return position == name.len() && filter[index..] == *b"/#",
        }
    }
    position == name.len()
}

/// Whether `bytes` of valid UTF-8 are a topic name, its length apart: not empty, without U+0000, + and #. Runs for every message that has another topic than the one before.
#[inline]
pub(super) fn is_name(topic: &str) -> bool {
    let bytes = topic.as_bytes();
    let mut words = bytes.chunks_exact(8);
    match (bytes.last_chunk(), bytes.len()) {
        (_, 0) => false,
        (None, _) => !bytes.iter().any(|&byte| byte == 0 || byte & !0x08 == b'#'),
        // The last eight bytes overlap the word before: cheaper than going through the rest one by one.
        (Some(last), _) => {
            let mut found = forbidden(*last);
            for word in &mut words {
                if let Ok(word) = word.try_into() {
                    found |= forbidden(word);
                }
            }
            found == 0
        }
    }
}

/// Not zero: one of eight bytes is 0, '+' or '#'. The two wildcards differ in bit 3 only.
#[inline]
fn forbidden(word: [u8; 8]) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Not zero exactly if a byte of `word` is 0: only then, or where the byte below borrows, does a subtraction set a clear upper bit.
    let has_zero = |word: u64| word.wrapping_sub(EACH) & !word & (EACH << 7);
    let word = u64::from_ne_bytes(word);
    has_zero(word) | has_zero((word & !(EACH * 0x08)) ^ (EACH * b'#' as u64))
}

/// What names and filters have in common.
fn check_string(kind: &'static str, string: &str) -> Result<(), Error> {
    if string.is_empty() {
        return Err(Error::new(
            Code::InvalidTopic,
            format!("the {kind} is empty [MQTT-4.7.3-1]"),
        ));
    }
    if string.len() > MAX_STRING {
        let reason = format!(
            "{} bytes; {MAX_STRING} is the limit [MQTT-4.7.3-3]",
            string.len()
        );
        return Err(invalid(kind, string, &reason));
    }
    if string.contains('\0') {
        return Err(invalid(kind, string, "it contains U+0000 [MQTT-4.7.3-2]"));
    }
    Ok(())
}

#[cold]
fn invalid(kind: &'static str, string: &str, reason: &str) -> Error {
    Error::new(
        Code::InvalidTopic,
        format!("{kind} {}: {reason}", shortened(string)),
    )
}

/// In quotes and escaped, so that a control character in a topic cannot spoil a terminal or a log.
fn shortened(string: &str) -> String {
    const MOST: usize = 64;
    match string.char_indices().nth(MOST) {
        None => format!("{string:?}"),
        Some((end, _)) => format!("{:?}...", &string[..end]),
    }
}
