//! What the application is told, as short texts.

use crate::config::QoS;
use crate::session::Event;

/// Short, for comparing.
pub(super) fn describe(event: Event<&'static str, &'static str>) -> String {
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
        Event::Message(inbound) => {
            let message = &inbound.message;
            let payload = String::from_utf8_lossy(message.payload()).into_owned();
            let text = format!(
                "message {} {payload} for {:?}",
                message.topic(),
                inbound.matched.handlers
            );
            assert_eq!(inbound.receipt != 0, message.qos == QoS::AtLeastOnce);
            text
        }
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
