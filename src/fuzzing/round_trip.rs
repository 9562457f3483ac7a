//! What the client sends, encoded from anything, and read back by the decoder or by the slow reader.

use super::input::Input;
use super::packets::{field, split};
use crate::codec::{self, Connect, Packet, topic};
use crate::config::{Protocol, QoS, Will};

const MOST: usize = 268_435_460;

pub(super) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    while !input.is_empty() {
        match input.below(6) {
            0 => publish(&mut input),
            1 => connect(&mut input),
            2 => subscribe(&mut input),
            3 => unsubscribe(&mut input),
            4 => small(&mut input),
            _ => changed_in_place(&mut input),
        }
    }
}

fn qos(input: &mut Input<'_>) -> QoS {
    input.pick(&[QoS::AtMostOnce, QoS::AtLeastOnce])
}

fn publish(input: &mut Input<'_>) {
    let (name, qos, retain) = (input.text(), qos(input), input.flag());
    let mut payload = input.bytes().to_vec();
    // Around the lengths at which another byte is needed to say them.
    let around: usize = input.pick(&[0, 0, 0, 128, 16_384, 65_535]);
    payload.resize(payload.len() + around.saturating_sub(input.below(16)), b'.');
    if topic::check_name(&name).is_err() {
        return;
    }
    let packet_id = match qos {
        QoS::AtMostOnce => 0,
        QoS::AtLeastOnce => input.u16().max(1),
    };
    let size = codec::publish_size(name.len(), payload.len(), qos).expect("it can be said");
    let mut packet = vec![0xEE; size];
    let packet = packet.as_mut_slice();
    let place = codec::encode_publish(packet, name.as_bytes(), &payload, qos, retain, packet_id);
    let read_back = |packet: &[u8], dup: bool, packet_id: u16| {
        let Ok(Some((Packet::Publish(publish), size))) =
            codec::decode(packet, Protocol::V3_1_1, MOST)
        else {
            panic!("it cannot be decoded");
        };
        assert_eq!(size, packet.len());
        assert_eq!((publish.topic_name(), publish.payload), (&*name, &*payload));
        assert_eq!((publish.qos, publish.retain), (qos, retain));
        assert_eq!((publish.dup, publish.packet_id), (dup, packet_id));
    };
    read_back(packet, false, packet_id);
    codec::set_publish_dup(packet, true);
    read_back(packet, true, packet_id);
    let mut changed = 0;
    if qos == QoS::AtLeastOnce {
        changed = 0xABCD;
        codec::set_publish_packet_id(packet, place, changed);
    }
    read_back(packet, true, changed);
    codec::set_publish_dup(packet, false);
    read_back(packet, false, changed);
}

fn connect(input: &mut Input<'_>) {
    let client_id = input.text();
    let will = input.flag().then(|| Will {
        topic: input.text(),
        payload: input.bytes().to_vec(),
        qos: qos(input),
        retain: input.flag(),
    });
    let username = input.flag().then(|| input.text());
    // Sometimes more than CONNECT has room for.
    let password = input.flag().then(|| {
        let mut password = input.bytes().to_vec();
        password.resize(password.len() + input.pick(&[0, 0, 65_500]), b'p');
        password
    });
    let connect = Connect {
        protocol: input.pick(&[Protocol::V3_1_1, Protocol::V3_1]),
        clean_session: input.flag(),
        keep_alive_secs: input.u16(),
        client_id: &client_id,
        will: will.as_ref(),
        username: username.as_deref(),
        password: password.as_deref(),
    };
    let mut out = Vec::new();
    let result = codec::encode_connect(&mut out, &connect);
    let topic = will.as_ref().map(|will| &*will.topic);
    let strings = [Some(&*client_id), topic, username.as_deref()];
    let fits = |password: &Vec<u8>| password.len() < 65_536 && username.is_some();
    let valid = strings.iter().flatten().all(|text| !text.contains('\0'))
        && password.as_ref().is_none_or(fits);
    if !valid {
        assert!(result.is_err() && out.is_empty());
        return;
    }
    assert_eq!(result, Ok(()));
    let (packet_type, flags, mut rest, size) = split(&out).expect("a packet");
    assert_eq!((packet_type, flags, size), (1, 0, out.len()));
    let mut next = || {
        let (found, behind) = field(rest).expect("a field");
        rest = behind;
        found
    };
    let (name, level) = match connect.protocol {
        Protocol::V3_1 => (&b"MQIsdp"[..], 3),
        Protocol::V3_1_1 => (&b"MQTT"[..], 4),
    };
    assert_eq!(next(), name);
    let [found, flags, high, low, behind @ ..] = rest else {
        panic!("too short");
    };
    assert_eq!(*found, level);
    assert_eq!(u16::from_be_bytes([*high, *low]), connect.keep_alive_secs);
    rest = behind;
    let mut expected_flags = u8::from(connect.clean_session) * 2;
    let mut next = || {
        let (found, behind) = field(rest).expect("a field");
        rest = behind;
        found
    };
    assert_eq!(next(), client_id.as_bytes());
    if let Some(will) = &will {
        assert_eq!((next(), next()), (will.topic.as_bytes(), &*will.payload));
        expected_flags += 4 + 8 * (will.qos as u8) + 32 * u8::from(will.retain);
    }
    if let Some(username) = &username {
        assert_eq!(next(), username.as_bytes());
        expected_flags += 128;
    }
    if let Some(password) = &password {
        assert_eq!(next(), password);
        expected_flags += 64;
    }
    assert_eq!((*flags, rest.len()), (expected_flags, 0));
}

fn filters(input: &mut Input<'_>) -> Vec<(String, QoS)> {
    (0..1 + input.below(8))
        .map(|_| (input.text(), qos(input)))
        .collect()
}

fn subscribe(input: &mut Input<'_>) {
    let (packet_id, filters) = (input.u16(), filters(input));
    let mut out = Vec::new();
    let borrowed = filters.iter().map(|(filter, qos)| (&**filter, *qos));
    codec::encode_subscribe(&mut out, packet_id, borrowed);
    let mut rest = requested(&out, 8, packet_id);
    for (filter, qos) in &filters {
        let (found, behind) = field(rest).expect("a filter");
        assert_eq!((found, behind[0]), (filter.as_bytes(), *qos as u8));
        rest = &behind[1..];
    }
    assert!(rest.is_empty());
}

fn unsubscribe(input: &mut Input<'_>) {
    let (packet_id, filters) = (input.u16(), filters(input));
    let mut out = Vec::new();
    codec::encode_unsubscribe(
        &mut out,
        packet_id,
        filters.iter().map(|(filter, _)| &**filter),
    );
    let mut rest = requested(&out, 10, packet_id);
    for (filter, _) in &filters {
        let (found, behind) = field(rest).expect("a filter");
        assert_eq!(found, filter.as_bytes());
        rest = behind;
    }
    assert!(rest.is_empty());
}

/// What is behind the packet identifier.
fn requested(out: &[u8], packet_type: u8, packet_id: u16) -> &[u8] {
    let (found, flags, body, size) = split(out).expect("a packet");
    assert_eq!((found, flags, size), (packet_type, 2, out.len()));
    let (id, rest) = body.split_at(2);
    assert_eq!(id, packet_id.to_be_bytes());
    rest
}

fn small(input: &mut Input<'_>) {
    let packet_id = input.u16().max(1);
    let out = codec::puback(packet_id);
    assert_eq!(codec::whole_puback(&out), Some(packet_id));
    let puback = codec::decode(&out, Protocol::V3_1_1, MOST);
    assert_eq!(puback, Ok(Some((Packet::Puback { packet_id }, 4))));
    assert_eq!((codec::PINGREQ, codec::DISCONNECT), ([0xC0, 0], [0xE0, 0]));
    let (topic_len, payload_len) = (input.u64() as usize, input.u64() as usize);
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let fields = 2 + topic_len as u128 + payload_len as u128 + 2 * (qos as u128);
        let fits = topic_len <= 65_535 && fields <= 268_435_455;
        let size = codec::publish_size(topic_len, payload_len, qos);
        assert_eq!(size.is_some(), fits, "{topic_len} {payload_len}");
    }
}

/// Nothing but the bit and the two bytes that are meant may change, whatever the bytes are.
fn changed_in_place(input: &mut Input<'_>) {
    let bytes = input.bytes();
    let mut changed = bytes.to_vec();
    codec::set_publish_packet_id(&mut changed, input.below(256), input.u16());
    let different = bytes
        .iter()
        .zip(&changed)
        .filter(|(one, other)| one != other);
    assert!(different.count() <= 2);
    let mut changed = bytes.to_vec();
    codec::set_publish_dup(&mut changed, input.flag());
    assert_eq!(bytes.get(1..), changed.get(1..));
}
