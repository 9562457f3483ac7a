//! Bytes from the network, decoded: by the codec, by its short ways, and by the slow reader.

use super::input::Input;
use super::packets;
use crate::codec::{self, Packet};
use crate::config::Protocol;
use crate::error::{Code, Error};

type Decoded<'a> = Result<Option<(Packet<'a>, usize)>, Error>;

/// So many bytes of a packet are also looked at cut off.
const CUTS: usize = 48;

pub(super) fn decode(data: &[u8]) {
    let mut input = Input::new(data);
    let protocol = input.pick(&[Protocol::V3_1_1, Protocol::V3_1]);
    let most = input.pick(&[1 << 20, 128, 300, 268_435_460]);
    let mut stream = input.rest();
    let mut last_name = String::new();
    while !stream.is_empty() {
        let decoded = codec::decode(stream, protocol, most);
        check_cuts(stream, protocol, most, &decoded);
        check_short_ways(stream, most, &last_name, &decoded);
        let slow = packets::read(stream, protocol).filter(|(_, size)| *size <= most);
        match decoded {
            Ok(Some((packet, size))) => {
                assert_eq!(Some((packet, size)), slow);
                assert_eq!(codec::packet_size(stream), Ok(Some(size)));
                if let Packet::Publish(publish) = packet {
                    publish.topic_name().clone_into(&mut last_name);
                }
                stream = &stream[size..];
            }
            Ok(None) => {
                assert_eq!(slow, None);
                if let Ok(Some(size)) = codec::packet_size(stream) {
                    assert!(size > stream.len() && size <= most);
                }
                return;
            }
            Err(why) => {
                assert_eq!(slow, None, "{why}");
                assert!(
                    matches!(why.code, Code::Protocol | Code::PacketTooLarge),
                    "{why:?}"
                );
                assert!(why.detail.len() > 10, "{why:?}");
                return;
            }
        }
    }
}

/// Fewer bytes give the same or nothing yet; never another packet, nor an error that more bytes would heal.
fn check_cuts(stream: &[u8], protocol: Protocol, most: usize, whole: &Decoded<'_>) {
    for end in 0..stream.len().min(CUTS) {
        let cut = codec::decode(&stream[..end], protocol, most);
        let complete = matches!(whole, Ok(Some((_, size))) if *size <= end);
        let expected = if complete {
            cut == *whole
        } else {
            cut == Ok(None) || (whole.is_err() && cut == *whole)
        };
        assert!(expected, "{cut:?} at {end}, {whole:?} of all");
    }
}

/// What the short ways see is what the long way sees.
fn check_short_ways(stream: &[u8], most: usize, last_name: &str, whole: &Decoded<'_>) {
    let publish = match whole {
        Ok(Some((Packet::Publish(publish), size))) => Some((*publish, *size)),
        _ => None,
    };
    let own_name = publish.map_or("", |(publish, _)| publish.topic_name());
    for name in ["", own_name, last_name, "a"] {
        let expected = publish.filter(|(publish, _)| publish.topic_name() == name);
        let short = codec::whole_publish(stream, most, name);
        assert_eq!(short, expected, "{name:?} known");
    }
    let puback = match whole {
        Ok(Some((Packet::Puback { packet_id }, 4))) if stream[0] == 0x40 => Some(*packet_id),
        _ => None,
    };
    assert_eq!(codec::whole_puback(stream), puback);
}
