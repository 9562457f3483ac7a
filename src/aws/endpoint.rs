//! What follows from the endpoint's name and port, and the user name by which AWS IoT counts SDKs.

use std::borrow::Cow;

/// What the domains of AWS's public partitions end in.
const SUFFIXES: [&str; 6] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".api.aws",
    ".api.amazonwebservices.com.cn",
    ".api.amazonwebservices.eu",
];

/// Who we are in AWS IoT's metrics.
const METRICS: &str = concat!("SDK=aws_iot_mqtt&Version=", env!("CARGO_PKG_VERSION"));

/// A string of MQTT has a length of two bytes [MQTT-1.5.3].
const LONGEST_STRING: usize = 65_535;

/// The protocol name to offer on a connection with MQTT directly over TLS. Port 443 is HTTP's unless ALPN says otherwise; on other
/// ports AWS IoT expects none. The host says nothing: a custom domain may have any name.
pub fn alpn(port: u16, custom_authorizer: bool) -> Option<&'static str> {
    match (port, custom_authorizer) {
        (443, false) => Some("x-amzn-mqtt-ca"),
        (443, true) => Some("mqtt"),
        _ => None,
    }
}

/// The value of HTTP's header `Host`, which a signature covers: in lower case, and with the port only where the scheme implies
/// another one.
pub fn host_header(host: &str, port: u16, tls: bool) -> String {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let host = match host.contains(':') {
        // The zone of a link-local address is ours alone (RFC 6874 section 4).
        true => format!("[{}]", host.split('%').next().unwrap_or(&host)),
        false => host,
    };
    match (port, tls) {
        (443, true) | (80, false) => host,
        _ => format!("{host}:{port}"),
    }
}

/// Whether the host is AWS's own, by the end of its name. (A custom domain is not to be told from any other host.)
pub fn is_aws(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    without_aws_suffix(&host).is_some()
}

/// What stands before the domain of AWS in a name in lower case; never empty.
pub(super) fn without_aws_suffix(host: &str) -> Option<&str> {
    SUFFIXES
        .iter()
        .find_map(|suffix| host.strip_suffix(suffix).filter(|rest| !rest.is_empty()))
}

/// The user name for CONNECT: `<user name>?SDK=...&Version=...` if metrics are enabled. AWS IoT cuts it off at the last '?' and
/// reads what follows, so that an application's own parameters there (of a custom authorizer) must share one '?' with ours.
pub fn metrics_user_name(user_name: Option<&str>, enabled: bool) -> Option<String> {
    if !enabled {
        return user_name.map(str::to_owned);
    }
    let user_name = user_name.unwrap_or_default();
    let parameters = user_name.rsplit_once('?').map(|(_, parameters)| parameters);
    let joined: Cow<'_, str> = match parameters {
        // Whoever names an SDK of their own wants to be counted as that.
        Some(parameters)
            if parameters
                .split('&')
                .any(|parameter| parameter.starts_with("SDK=")) =>
        {
            user_name.into()
        }
        Some("") => format!("{user_name}{METRICS}").into(),
        Some(parameters) if parameters.ends_with('&') => format!("{user_name}{METRICS}").into(),
        Some(_) => format!("{user_name}&{METRICS}").into(),
        None => format!("{user_name}?{METRICS}").into(),
    };
    // Being counted is not worth a user name that cannot be sent.
    if joined.len() > LONGEST_STRING {
        return Some(user_name.to_owned());
    }
    Some(joined.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpn_is_offered_on_port_443_only() {
        assert_eq!(alpn(443, false), Some("x-amzn-mqtt-ca"));
        assert_eq!(alpn(443, true), Some("mqtt"));
        for port in [8883, 8443, 1883] {
            assert_eq!(alpn(port, false), None);
            assert_eq!(alpn(port, true), None);
        }
    }

    #[test]
    fn the_host_header_is_what_a_signature_covers() {
        for (host, port, tls, expected) in [
            (
                "ABC-ats.iot.eu-west-1.amazonaws.com",
                443,
                true,
                "abc-ats.iot.eu-west-1.amazonaws.com",
            ),
            ("abc.example.com.", 443, true, "abc.example.com"),
            ("localhost", 8443, true, "localhost:8443"),
            ("localhost", 80, true, "localhost:80"),
            ("localhost", 80, false, "localhost"),
            ("localhost", 443, false, "localhost:443"),
            ("127.0.0.1", 1, false, "127.0.0.1:1"),
            ("::1", 443, true, "[::1]"),
            ("FE80::1%eth0", 8443, true, "[fe80::1]:8443"),
        ] {
            assert_eq!(host_header(host, port, tls), expected);
        }
    }

    #[test]
    fn aws_hosts_are_known_by_the_end_of_their_name() {
        for host in [
            "abc-ats.iot.eu-west-1.amazonaws.com",
            "ABC-ats.iot.eu-west-1.AmazonAWS.com",
            "abc-ats.iot.eu-west-1.amazonaws.com.",
            "abc.ats.iot.cn-north-1.amazonaws.com.cn",
            "data.iot-fips.us-gov-west-1.amazonaws.com",
            "abc-ats.iot.eusc-de-east-1.amazonaws.eu",
            "data-ats.iot.us-east-1.api.aws",
        ] {
            assert!(is_aws(host), "{host}");
        }
        for host in [
            "",
            ".",
            "localhost",
            "192.168.0.1",
            "amazonaws.com",
            ".amazonaws.com",
            "notamazonaws.com",
            "abc.notamazonaws.com",
            "abc.amazonaws.com.example.org",
            "abc.amazonaws.com.cn.example.org",
            "abc.amazonaws.community",
            "abc.amazonaws.com..",
            "abc.aws",
            "iot.example.com",
        ] {
            assert!(!is_aws(host), "{host}");
        }
    }

    #[test]
    fn metrics_are_appended_to_the_user_name() {
        let version = env!("CARGO_PKG_VERSION");
        let with = |user_name| metrics_user_name(user_name, true).unwrap();
        assert_eq!(with(None), format!("?SDK=aws_iot_mqtt&Version={version}"));
        assert_eq!(
            with(Some("")),
            format!("?SDK=aws_iot_mqtt&Version={version}")
        );
        assert_eq!(
            with(Some("me")),
            format!("me?SDK=aws_iot_mqtt&Version={version}")
        );
    }

    #[test]
    fn metrics_share_the_question_mark_of_the_application() {
        let version = env!("CARGO_PKG_VERSION");
        let with = |user_name| metrics_user_name(Some(user_name), true).unwrap();
        assert_eq!(
            with("me?x-amz-customauthorizer-name=a"),
            format!("me?x-amz-customauthorizer-name=a&SDK=aws_iot_mqtt&Version={version}")
        );
        assert_eq!(
            with("me?"),
            format!("me?SDK=aws_iot_mqtt&Version={version}")
        );
        assert_eq!(
            with("me?a=1&"),
            format!("me?a=1&SDK=aws_iot_mqtt&Version={version}")
        );
        assert_eq!(with("me?a=1&SDK=Other&b=2"), "me?a=1&SDK=Other&b=2");
        assert_eq!(
            with("me?SDK=x?a=1"),
            format!("me?SDK=x?a=1&SDK=aws_iot_mqtt&Version={version}"),
            "only what follows the last question mark counts"
        );
    }

    #[test]
    fn without_metrics_the_user_name_is_left_alone() {
        assert_eq!(metrics_user_name(None, false), None);
        assert_eq!(metrics_user_name(Some("me"), false).as_deref(), Some("me"));
    }

    #[test]
    fn a_user_name_that_would_become_too_long_is_left_alone() {
        let room = LONGEST_STRING - METRICS.len() - 1;
        let fits = "u".repeat(room);
        assert_eq!(
            metrics_user_name(Some(&fits), true).unwrap().len(),
            LONGEST_STRING
        );
        let too_long = "u".repeat(room + 1);
        assert_eq!(metrics_user_name(Some(&too_long), true).unwrap(), too_long);
    }
}
