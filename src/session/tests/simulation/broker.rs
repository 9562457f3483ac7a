//! The model broker: honest, but slow, forgetful, overloaded and sometimes out of order where TCP allows it.

use super::super::packets::{self, Sent};
use super::random::Random;
use crate::codec::topic;
use std::collections::{BTreeMap, HashSet, VecDeque};

/// How the broker feels; in percent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mood {
    pub(super) unreachable: u64,
    pub(super) refuses_connect: u64,
    pub(super) ignores_connect: u64,
    /// Takes a packet and does nothing at all with it, as AWS IoT does when it throttles.
    pub(super) throttles: u64,
    /// Does what is asked and never says so.
    pub(super) forgets_to_acknowledge: u64,
    pub(super) refuses_filters: u64,
    pub(super) ignores_pings: u64,
    pub(super) closes_on_poison: bool,
}

#[derive(Default)]
pub(super) struct Broker {
    /// The session of our client, if the broker holds one.
    pub(super) session: Option<BTreeMap<String, u8>>,
    /// Numbers of the operations whose PUBLISH has arrived.
    pub(super) received: HashSet<usize>,
    connection: Option<Connection>,
    messages: u32,
}

#[derive(Default)]
struct Connection {
    unread: Vec<u8>,
    greeted: bool,
    clean: bool,
    ignored: bool,
    requests: VecDeque<Vec<u8>>,
    pubacks: Vec<u16>,
    pings: usize,
    next_id: u16,
    /// On their way to the client.
    out: Vec<u8>,
}

impl Broker {
    pub(super) fn accept(&mut self) {
        self.connection = Some(Connection::default());
    }

    /// The connection is gone.
    pub(super) fn lost(&mut self) {
        let connection = self.connection.take();
        if connection.is_some_and(|connection| connection.greeted && connection.clean) {
            self.session = None;
        }
    }

    pub(super) fn has_connection(&self) -> bool {
        self.connection.is_some()
    }

    /// Bytes for the client.
    pub(super) fn out(&mut self) -> Vec<u8> {
        let connection = self.connection.as_mut();
        connection.map_or(Vec::new(), |connection| std::mem::take(&mut connection.out))
    }

    /// Reads bytes of the client. True: and closes the connection.
    pub(super) fn read(&mut self, bytes: &[u8], random: &mut Random, mood: &Mood) -> bool {
        let Some(mut connection) = self.connection.take() else {
            return false;
        };
        connection.unread.extend_from_slice(bytes);
        let mut closes = false;
        while let Some((packet, length)) = packets::read(&connection.unread) {
            connection.unread.drain(..length);
            closes = self.packet(&mut connection, packet, random, mood);
            if closes {
                break;
            }
        }
        self.connection = Some(connection);
        closes
    }

    fn packet(
        &mut self,
        connection: &mut Connection,
        packet: Sent,
        random: &mut Random,
        mood: &Mood,
    ) -> bool {
        if connection.ignored {
            return false;
        }
        let throttled = random.chance(mood.throttles);
        let silent = random.chance(mood.forgets_to_acknowledge);
        match packet {
            Sent::Connect {
                protocol_level,
                clean_session,
                ..
            } => {
                assert!(!connection.greeted, "[MQTT-3.1.0-2]");
                if random.chance(mood.ignores_connect) {
                    connection.ignored = true;
                } else if random.chance(mood.refuses_connect) {
                    let code = random.pick(&[2, 3, 5, 7]);
                    connection.out.extend(packets::connack(false, code));
                    connection.ignored = true;
                } else {
                    connection.greeted = true;
                    connection.clean = clean_session;
                    if clean_session {
                        self.session = None;
                    }
                    let present = self.session.is_some();
                    self.session.get_or_insert_default();
                    let told = present && protocol_level == 4;
                    connection.out.extend(packets::connack(told, 0));
                }
            }
            Sent::Disconnect => return true,
            Sent::Pingreq => {
                if !random.chance(mood.ignores_pings) {
                    connection.pings += 1;
                }
            }
            Sent::Puback(_) => {}
            Sent::Publish {
                topic,
                payload,
                qos,
                packet_id,
                ..
            } => {
                if mood.closes_on_poison && topic == "poison" {
                    return true;
                }
                if qos > 0 && throttled {
                    return false;
                }
                self.received.insert(super::wire::number_of(&payload));
                if qos > 0 && !silent {
                    connection.pubacks.push(packet_id);
                }
            }
            Sent::Subscribe { packet_id, filters } => {
                assert!(filters.len() <= 8, "AWS IoT takes 8 filters a SUBSCRIBE");
                if throttled {
                    return false;
                }
                let mut codes = Vec::new();
                for (filter, qos) in filters {
                    if random.chance(mood.refuses_filters) {
                        codes.push(0x80);
                    } else {
                        codes.push(qos);
                        if let Some(session) = &mut self.session {
                            session.insert(filter, qos);
                        }
                    }
                }
                if !silent {
                    let suback = packets::suback(packet_id, &codes);
                    connection.requests.push_back(suback);
                }
            }
            Sent::Unsubscribe { packet_id, filters } => {
                if throttled {
                    return false;
                }
                for filter in filters {
                    if let Some(session) = &mut self.session {
                        session.remove(&filter);
                    }
                }
                if !silent {
                    connection.requests.push_back(packets::unsuback(packet_id));
                }
            }
        }
        false
    }

    /// One answer goes out: PUBACKs in any order, SUBACKs and UNSUBACKs in that of the requests. False: there is none.
    pub(super) fn answer(&mut self, random: &mut Random) -> bool {
        let Some(connection) = &mut self.connection else {
            return false;
        };
        for kind in [random.below(3), 0, 1, 2] {
            match kind {
                0 if !connection.pubacks.is_empty() => {
                    let any = match random.below(2) {
                        0 => 0,
                        _ => random.below(connection.pubacks.len()),
                    };
                    let packet_id = connection.pubacks.remove(any);
                    connection.out.extend(packets::puback(packet_id));
                    return true;
                }
                1 => {
                    if let Some(answer) = connection.requests.pop_front() {
                        connection.out.extend(answer);
                        return true;
                    }
                }
                2 if connection.pings > 0 => {
                    connection.pings -= 1;
                    connection.out.extend(packets::PINGRESP);
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    /// Somebody publishes something that the client may have subscribed.
    pub(super) fn publish(&mut self, random: &mut Random) {
        let (Some(connection), Some(session)) = (&mut self.connection, &self.session) else {
            return;
        };
        let name = random.pick(&["a", "a/x", "a/x/y", "b", "f0", "f3", "f7"]);
        let wanted = session.keys().any(|filter| topic::matches(filter, name));
        // One that nobody subscribed comes too, as after an UNSUBSCRIBE that is under way.
        if !connection.greeted || !(wanted || random.chance(10)) {
            return;
        }
        self.messages += 1;
        let packet_id = match random.chance(70) {
            true => {
                connection.next_id += 1;
                connection.next_id
            }
            false => 0,
        };
        let payload = format!("{:06}", self.messages);
        let packet = packets::publish(name, payload.as_bytes(), packet_id);
        connection.out.extend(packet);
    }
}
