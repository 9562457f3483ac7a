//! Ranges of numbers and shapes of names that come from C.

use super::types::*;
use crate::config::{DropBehavior, EcdsaForm, Protocol, QoS, TlsVersion};
use crate::error::{Code, Error};
use crate::log::Level;
use std::ffi::c_int;
use std::time::Duration;

/// The longest length that two bytes can tell [MQTT-1.5.3].
pub(super) const LONGEST: usize = 65_535;
/// The largest packet of MQTT: a fixed header of 5 bytes and a remaining length of 268,435,455 [MQTT-2.2.3].
const LARGEST_PACKET: usize = 268_435_460;
/// Room for a CONNECT with a client id, whatever else is configured.
const SMALLEST_PACKET_LIMIT: usize = 128;

fn invalid(detail: impl Into<String>) -> Error {
    Error::new(Code::InvalidArgument, detail.into())
}

#[inline]
pub(super) fn qos(qos: c_int) -> Result<QoS, Error> {
    match qos {
        AWS_IOT_MQTT_QOS_0 => Ok(QoS::AtMostOnce),
        AWS_IOT_MQTT_QOS_1 => Ok(QoS::AtLeastOnce),
        _ => Err(wrong_qos(qos)),
    }
}

#[cold]
#[inline(never)]
fn wrong_qos(qos: c_int) -> Error {
    match qos {
        2 => invalid("QoS 2: AWS IoT has none, use 0 or 1"),
        _ => invalid(format!("qos is {qos}, use 0 or 1")),
    }
}

pub(super) fn protocol(protocol: c_int) -> Result<Protocol, Error> {
    match protocol {
        AWS_IOT_MQTT_PROTOCOL_3_1 => Ok(Protocol::V3_1),
        AWS_IOT_MQTT_PROTOCOL_3_1_1 => Ok(Protocol::V3_1_1),
        _ => Err(invalid(format!(
            "protocol is {protocol}, use AWS_IOT_MQTT_PROTOCOL_3_1_1 (4) or AWS_IOT_MQTT_PROTOCOL_3_1 (3)"
        ))),
    }
}

pub(super) fn tls_version(version: c_int) -> Result<TlsVersion, Error> {
    match version {
        AWS_IOT_MQTT_TLS_1_2 => Ok(TlsVersion::V1_2),
        AWS_IOT_MQTT_TLS_1_3 => Ok(TlsVersion::V1_3),
        _ => Err(invalid(format!(
            "version is {version}, use AWS_IOT_MQTT_TLS_1_2 (12) or AWS_IOT_MQTT_TLS_1_3 (13)"
        ))),
    }
}

pub(super) fn ecdsa_form(signature_form: c_int) -> Result<EcdsaForm, Error> {
    match signature_form {
        AWS_IOT_MQTT_SIGNATURE_DER => Ok(EcdsaForm::Der),
        AWS_IOT_MQTT_SIGNATURE_RAW => Ok(EcdsaForm::Raw),
        _ => Err(invalid(format!(
            "signature_form is {signature_form}, use AWS_IOT_MQTT_SIGNATURE_DER (0) or AWS_IOT_MQTT_SIGNATURE_RAW (1)"
        ))),
    }
}

pub(super) fn drop_behavior(drop_behavior: c_int) -> Result<DropBehavior, Error> {
    match drop_behavior {
        AWS_IOT_MQTT_DROP_OLDEST => Ok(DropBehavior::Oldest),
        AWS_IOT_MQTT_DROP_NEWEST => Ok(DropBehavior::Newest),
        _ => Err(invalid(format!(
            "drop_behavior is {drop_behavior}, use AWS_IOT_MQTT_DROP_OLDEST (0) or AWS_IOT_MQTT_DROP_NEWEST (1)"
        ))),
    }
}

pub(super) fn level(level: c_int) -> Result<Level, Error> {
    match level {
        AWS_IOT_MQTT_LOG_ERROR => Ok(Level::Error),
        AWS_IOT_MQTT_LOG_WARNING => Ok(Level::Warning),
        AWS_IOT_MQTT_LOG_INFO => Ok(Level::Info),
        AWS_IOT_MQTT_LOG_DEBUG => Ok(Level::Debug),
        _ => Err(invalid(format!(
            "level is {level}, use 1 (errors) to 4 (debug)"
        ))),
    }
}

/// `None` is no limit by count.
pub(super) fn queue_size(queue_size: i64) -> Result<Option<usize>, Error> {
    if queue_size == AWS_IOT_MQTT_QUEUE_UNLIMITED {
        return Ok(None);
    }
    usize::try_from(queue_size).map(Some).map_err(|_| {
        invalid(format!(
            "queue_size is {queue_size}, use -1 (no limit), 0 (no queue) or more"
        ))
    })
}

/// The pause between two operations; zero for as fast as possible.
pub(super) fn draining_interval(hz: f64) -> Result<Duration, Error> {
    if hz == AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE {
        return Ok(Duration::ZERO);
    }
    if !hz.is_finite() || hz < 0.0 {
        return Err(invalid(format!(
            "hz is {hz}, use a number above 0 or AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE"
        )));
    }
    Duration::try_from_secs_f64(1.0 / hz)
        .map_err(|_| invalid(format!("hz is {hz}: the queue would never be drained")))
}

/// Zero would mean that nothing can ever succeed.
pub(super) fn time_out(ms: u32, name: &str) -> Result<Duration, Error> {
    match ms {
        0 => Err(invalid(format!("{name} is 0, use at least 1"))),
        _ => Ok(Duration::from_millis(u64::from(ms))),
    }
}

/// Two bytes on the wire [MQTT-3.1.2.10].
pub(super) fn keep_alive(secs: u32) -> Result<u16, Error> {
    u16::try_from(secs)
        .map_err(|_| invalid(format!("keep_alive_secs is {secs}, use 0 (none) to 65535")))
}

pub(super) fn in_flight_window(window: u32) -> Result<u16, Error> {
    match u16::try_from(window) {
        Ok(window) if window > 0 => Ok(window),
        _ => Err(invalid(format!(
            "in_flight_window is {window}, use 1 to 65535"
        ))),
    }
}

pub(super) fn memory_limit(bytes: usize) -> Result<usize, Error> {
    match bytes {
        0 => Err(invalid("memory_limit is 0: nothing could ever be accepted")),
        _ => Ok(bytes),
    }
}

pub(super) fn max_packet_size(bytes: usize) -> Result<usize, Error> {
    if (SMALLEST_PACKET_LIMIT..=LARGEST_PACKET).contains(&bytes) {
        return Ok(bytes);
    }
    Err(invalid(format!(
        "max_packet_size is {bytes}, use {SMALLEST_PACKET_LIMIT} to {LARGEST_PACKET} [MQTT-2.2.3]"
    )))
}

/// For everything that MQTT writes with a length of two bytes.
pub(super) fn length(bytes: usize, name: &str) -> Result<(), Error> {
    if bytes <= LONGEST {
        return Ok(());
    }
    Err(invalid(format!(
        "{name} has {bytes} bytes, MQTT allows {LONGEST}"
    )))
}

/// A host name or an address, without what people paste along with it.
pub(super) fn host(host: &str) -> Result<(), Error> {
    let wrong = |what: &str| Err(invalid(format!("host {host:?} {what}")));
    if host.is_empty() {
        return Err(invalid("host is empty"));
    }
    if host.len() > 253 {
        return Err(invalid(format!(
            "host has {} bytes, a host name has at most 253",
            host.len()
        )));
    }
    // A URL may hold a password or be signed, so it is not repeated.
    if host.contains("://") {
        return Err(invalid("host has a scheme; give the bare host name"));
    }
    if host.contains(['/', '?', '#', '@']) {
        return Err(invalid("host is a part of a URL; give the bare host name"));
    }
    if host.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return wrong("has a space or a control character");
    }
    if !host.is_ascii() {
        return wrong("is not ASCII; give its ASCII form (xn--...)");
    }
    if host.contains(['[', ']']) {
        return wrong("has brackets; give an IPv6 address without them");
    }
    // An IPv6 address has at least two colons.
    if host.matches(':').count() == 1 {
        return wrong("has a port; give the port as the next argument");
    }
    Ok(())
}

/// Protocol names of ALPN (RFC 7301 section 3.1), separated by commas.
pub(super) fn alpn(protocols: &str) -> Result<Vec<String>, Error> {
    if protocols.is_empty() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for name in protocols.split(',').map(str::trim) {
        match name.len() {
            0 => {
                return Err(invalid(format!(
                    "protocols \"{protocols}\" has an empty name"
                )));
            }
            1..=255 => names.push(name.to_owned()),
            length => {
                return Err(invalid(format!(
                    "protocols has a name of {length} bytes, the longest of ALPN is 255"
                )));
            }
        }
    }
    // They travel in a list whose length has two bytes.
    if names.iter().map(|name| name.len() + 1).sum::<usize>() > LONGEST - 2 {
        return Err(invalid("protocols has more names than ALPN can send"));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T>(result: Result<T, Error>, words: &str) {
        let error = result.err().expect("must be refused");
        assert_eq!(error.code, Code::InvalidArgument);
        assert!(error.detail.contains(words), "{error}");
    }

    #[test]
    fn qos_2_is_refused_with_the_reason() {
        assert_eq!(qos(0), Ok(QoS::AtMostOnce));
        assert_eq!(qos(1), Ok(QoS::AtLeastOnce));
        refused(qos(2), "QoS 2: AWS IoT has none, use 0 or 1");
        for wrong in [-1, 3, 128, 256, 257, c_int::MAX, c_int::MIN] {
            refused(qos(wrong), "use 0 or 1");
        }
    }

    #[test]
    fn choices_are_their_constants_and_nothing_else() {
        assert_eq!(protocol(3), Ok(Protocol::V3_1));
        assert_eq!(protocol(4), Ok(Protocol::V3_1_1));
        refused(protocol(5), "protocol is 5");
        assert_eq!(drop_behavior(0), Ok(DropBehavior::Oldest));
        assert_eq!(drop_behavior(1), Ok(DropBehavior::Newest));
        refused(drop_behavior(-1), "drop_behavior is -1");
        assert_eq!(level(1), Ok(Level::Error));
        assert_eq!(level(4), Ok(Level::Debug));
        refused(level(0), "level is 0");
        refused(level(5), "level is 5");
    }

    #[test]
    fn queue_sizes_are_minus_one_zero_or_more() {
        assert_eq!(queue_size(-1), Ok(None));
        assert_eq!(queue_size(0), Ok(Some(0)));
        assert_eq!(queue_size(20), Ok(Some(20)));
        refused(queue_size(-2), "queue_size is -2");
        refused(queue_size(i64::MIN), "no limit");
    }

    #[test]
    fn a_draining_frequency_is_a_number_above_zero_or_the_constant() {
        assert_eq!(draining_interval(0.0), Ok(Duration::ZERO));
        assert_eq!(draining_interval(-0.0), Ok(Duration::ZERO));
        assert_eq!(draining_interval(2.0), Ok(Duration::from_millis(500)));
        assert_eq!(draining_interval(0.5), Ok(Duration::from_secs(2)));
        assert_eq!(draining_interval(1e12), Ok(Duration::ZERO));
        for wrong in [-1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            refused(draining_interval(wrong), "use a number above 0");
        }
        refused(draining_interval(f64::MIN_POSITIVE), "never");
        refused(draining_interval(5e-324), "never");
    }

    #[test]
    fn numbers_keep_their_ranges() {
        assert_eq!(time_out(1, "timeout_ms"), Ok(Duration::from_millis(1)));
        refused(time_out(0, "timeout_ms"), "timeout_ms is 0");
        assert_eq!(keep_alive(0), Ok(0));
        assert_eq!(keep_alive(65_535), Ok(65_535));
        refused(keep_alive(65_536), "keep_alive_secs is 65536");
        assert_eq!(in_flight_window(1), Ok(1));
        assert_eq!(in_flight_window(65_535), Ok(65_535));
        refused(in_flight_window(0), "in_flight_window is 0");
        refused(in_flight_window(65_536), "in_flight_window is 65536");
        refused(memory_limit(0), "memory_limit is 0");
        assert_eq!(max_packet_size(268_435_460), Ok(268_435_460));
        refused(max_packet_size(268_435_461), "268435461");
        refused(max_packet_size(127), "127");
        assert_eq!(length(65_535, "username"), Ok(()));
        refused(length(65_536, "username"), "username has 65536 bytes");
    }

    #[test]
    fn alpn_names_are_separated_by_commas() {
        assert_eq!(alpn(""), Ok(Vec::new()));
        assert_eq!(alpn("mqtt"), Ok(vec!["mqtt".into()]));
        assert_eq!(
            alpn("x-amzn-mqtt-ca, http/1.1"),
            Ok(vec!["x-amzn-mqtt-ca".into(), "http/1.1".into()])
        );
        assert_eq!(alpn(&"a".repeat(255)).map(|names| names.len()), Ok(1));
        refused(alpn(&"a".repeat(256)), "256 bytes");
        for wrong in [",", "mqtt,", ",mqtt", "a,,b", " "] {
            refused(alpn(wrong), "empty name");
        }
        refused(alpn(&["a"; 40_000].join(",")), "more names");
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_nothing_around_it() {
        for right in [
            "a1b2c3-ats.iot.eu-central-1.amazonaws.com",
            "localhost",
            "127.0.0.1",
            "::1",
            "fe80::1%eth0",
        ] {
            assert_eq!(host(right), Ok(()), "{right}");
        }
        assert_eq!(host(&"a".repeat(253)), Ok(()));
        refused(host(&"a".repeat(254)), "254");
        refused(host(""), "empty");
        refused(host("mqtts://broker"), "scheme");
        refused(host("broker/mqtt"), "URL");
        refused(host("user@broker"), "URL");
        refused(host("my broker"), "space");
        refused(host("broker\n"), "control");
        refused(host("bröker"), "ASCII");
        refused(host("[::1]"), "brackets");
        refused(host("broker:8883"), "port");
    }

    #[test]
    fn a_url_in_the_place_of_a_host_may_hold_a_secret_and_is_not_quoted() {
        for (url, words) in [
            ("mqtts://user:hush@broker", "scheme"),
            ("wss://broker/mqtt?X-Amz-Signature=hush", "scheme"),
            ("user:hush@broker", "URL"),
            ("broker?X-Amz-Signature=hush", "URL"),
            ("broker/hush", "URL"),
            ("broker#hush", "URL"),
        ] {
            refused(host(url), words);
            let error = host(url).unwrap_err();
            assert!(!error.detail.contains("hush"), "{error}");
        }
    }
}
