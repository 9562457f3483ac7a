//! The region that a signature is for, as the host name says.

use super::endpoint;

/// `<prefix>[-ats].iot.<region>.amazonaws.com` and its relatives: at most two labels between the prefix and `iot` (`ats` in China, and
/// one like `deviceadvisor` or `credentials`), `iot-fips` for FIPS endpoints, and a domain of AWS. Anything else, custom domains and the
/// names of VPC endpoints above all, says nothing: signing for a guessed region gives a refusal that nobody understands.
pub fn of_host(host: &str) -> Option<String> {
    let host = host.to_ascii_lowercase();
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
        _ => &host,
    };
    let rest = endpoint::without_aws_suffix(host.strip_suffix('.').unwrap_or(host))?;
    let mut labels = rest.rsplit('.');
    let region = labels.next()?;
    if !matches!(labels.next()?, "iot" | "iot-fips") || !is_region(region) {
        return None;
    }
    let mut before: Vec<&str> = labels.collect();
    before.reverse();
    let kind = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    match before[..] {
        [prefix] if !prefix.is_empty() => {}
        [prefix, second] if !prefix.is_empty() && kind(second) => {}
        [prefix, "ats", third] if !prefix.is_empty() && kind(third) => {}
        _ => return None,
    }
    Some(region.to_owned())
}

/// Whether it may stand in a credential scope: lower-case letters, digits and dashes, as SigV4 wants it.
pub fn is_region(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_of_aws_iot_name_their_region() {
        for (host, region) in [
            ("a1b2c3-ats.iot.us-east-1.amazonaws.com", "us-east-1"),
            ("a1b2c3.iot.eu-central-1.amazonaws.com", "eu-central-1"),
            ("A1B2C3-ATS.iot.US-WEST-2.AmazonAWS.com", "us-west-2"),
            ("a1b2c3-ats.iot.us-east-1.amazonaws.com.", "us-east-1"),
            ("a1b2c3-ats.iot.us-east-1.amazonaws.com:443", "us-east-1"),
            ("a1b2c3.ats.iot.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            (
                "a1b2c3-ats.iot.cn-northwest-1.amazonaws.com.cn",
                "cn-northwest-1",
            ),
            ("data.iot-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            (
                "t1.deviceadvisor.iot.ap-northeast-1.amazonaws.com",
                "ap-northeast-1",
            ),
            ("c1.credentials.iot.eu-west-1.amazonaws.com", "eu-west-1"),
            ("x.ats.jobs.iot.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("data-ats.iot.us-east-1.api.aws", "us-east-1"),
            ("x-ats.iot.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ] {
            assert_eq!(of_host(host).as_deref(), Some(region), "{host}");
        }
    }

    #[test]
    fn other_hosts_say_nothing() {
        for host in [
            "",
            ".",
            "localhost",
            "127.0.0.1",
            "::1",
            "iot.example.com",
            "amazonaws.com",
            "iot.us-east-1.amazonaws.com",
            ".iot.us-east-1.amazonaws.com",
            "a..iot.us-east-1.amazonaws.com",
            "a.iot..amazonaws.com",
            "a.iot.us_east_1.amazonaws.com",
            "a.iot.us-east-1.amazonaws.com.evil.example",
            "a.iot.us-east-1.amazonaws.community",
            "a.iot.us-east-1.notamazonaws.com",
            "a.notiot.us-east-1.amazonaws.com",
            "a.iot-fipsy.us-east-1.amazonaws.com",
            "a.b1.iot.us-east-1.amazonaws.com",
            "a.b.c.iot.us-east-1.amazonaws.com",
            "a.ats.b.c.iot.us-east-1.amazonaws.com",
            "a.iot.us-east-1.more.amazonaws.com",
            "vpce-0a1b-2c3d.data.iot.us-east-1.vpce.amazonaws.com",
            "a.iot.us-east-1.amazonaws.com..",
            "a.iot.us-east-1.amazonaws.com:44x3",
            "ä.example.com",
        ] {
            assert_eq!(of_host(host), None, "{host}");
        }
    }
}
