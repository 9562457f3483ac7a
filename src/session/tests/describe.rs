//! What the application is told, as short texts.

use crate::config::QoS;
use crate::session::{Event, Inbound};

/// Each of the messages or outcomes of one event.
pub(super) fn one_by_one(event: Event<&'static str, &'static str>) -> Vec<String> {
    match event {
        Event::Messages(messages) => messages.iter_from(0).map(message).collect(),
        Event::Published(published) => {
            let each = published.into_iter();
            each.map(|published| format!("done {} Ok", published.tag))
                .collect()
        }
        other => vec![describe(other)],
    }
}

fn message(inbound: Inbound<'_, &'static str>) -> String {
    assert_eq!(inbound.receipt() != 0, inbound.qos() == QoS::AtLeastOnce);
    let payload = String::from_utf8_lossy(inbound.payload());
    let handlers = &inbound.matched().handlers;
    format!("message {} {payload} for {handlers:?}", inbound.topic())
}

/// Short, for comparing.
fn describe(event: Event<&'static str, &'static str>) -> String {
    match event {
        Event::Online { session_present } => {
            format!("online{}", if session_present { " present" } else { "" })
        }
        Event::Offline { why } => format!("offline {:?}", why.code),
        Event::ConnectFailed { why, next_attempt } => {
            let again = if next_attempt.is_some() {
                ", again"
            } else {
                ""
            };
            format!("connect failed {:?}{again}", why.code)
        }
        Event::Messages(_) | Event::Published(_) => panic!("see `one_by_one`"),
        Event::Done(done) => {
            let name = done.tag.unwrap_or("nobody");
            let mut text = match &done.result {
                Ok(()) => format!("done {name} Ok"),
                Err(why) => format!("done {name} {:?}", why.code),
            };
            if let Some(granted) = done.granted_qos {
                text += &format!(" granted {}", granted as u8);
            }
            if done.left > 0 {
                text += &format!(" left {}", done.left);
            }
            if done.tag.is_none() {
                text += &format!(" {}", done.topic.as_deref().unwrap_or("?"));
            }
            text
        }
        Event::SubscriptionRefused { filter, why } => {
            format!("subscription refused {filter} {:?}", why.code)
        }
        Event::Released(handler) => format!("released {handler}"),
    }
}
