//! The server's side of Signature Version 4: is a signed request for MQTT over WebSocket good? By AWS's own implementation.

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A key that the server knows.
#[derive(Clone, Debug)]
pub struct Key {
    pub secret_access_key: String,
    /// Which token must come with it.
    pub session_token: Option<String>,
}

/// What a good signature was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub access_key_id: String,
    pub region: String,
    pub service: String,
    /// `20260115T120000Z`
    pub time: String,
}

impl Signed {
    /// When it was signed.
    pub fn seconds(&self) -> u64 {
        let time = time_of(&self.time).expect("it was verified");
        time.duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs()
    }
}

/// `host`: the header as it came. `keys`: the key of an access key id. What is wrong is said as AWS would not: in detail.
pub fn verify(
    method: &str,
    path_and_query: &str,
    host: &str,
    keys: impl Fn(&str) -> Option<Key>,
) -> Result<Signed, String> {
    let (path, query) = path_and_query.split_once('?').ok_or("no query")?;
    if method != "GET" || path != "/mqtt" {
        return Err(format!("{method} {path} instead of GET /mqtt"));
    }
    let mut parameters = Vec::new();
    let (mut signature, mut token) = (None, None);
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=').ok_or("a parameter without =")?;
        let value = decode(value)?;
        let slot = match name {
            "X-Amz-Signature" => &mut signature,
            "X-Amz-Security-Token" => &mut token,
            _ => {
                parameters.push((name.to_owned(), value));
                continue;
            }
        };
        if slot.replace(value).is_some() {
            return Err(format!("{name} twice"));
        }
    }
    let parameter = |name: &str| {
        let mut values = parameters.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Ok(value.as_str()),
            _ => Err(format!("{name} is not there once")),
        }
    };
    if parameter("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256" {
        return Err("another algorithm".into());
    }
    if parameter("X-Amz-SignedHeaders")? != "host" {
        return Err("signed headers are not the host alone".into());
    }
    let time = parameter("X-Amz-Date")?;
    let credential = parameter("X-Amz-Credential")?;
    // From behind: a key id may hold slashes.
    let mut parts = credential.rsplitn(5, '/');
    let mut part = || {
        parts
            .next()
            .ok_or("a credential with fewer than five parts")
    };
    let (end, service, region, day, id) = (part()?, part()?, part()?, part()?, part()?);
    if end != "aws4_request" || !time.starts_with(&format!("{day}T")) {
        return Err(format!("the scope {credential} does not fit {time}"));
    }
    let key = keys(id).ok_or_else(|| format!("the key {id} is not known"))?;
    if token != key.session_token {
        return Err("the session token is another one".into());
    }

    let mut sorted: Vec<&(String, String)> = parameters.iter().collect();
    sorted.sort();
    let canonical: Vec<String> = sorted
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    let canonical = format!(
        "GET\n/mqtt\n{}\nhost:{host}\n\nhost\n{}",
        canonical.join("&"),
        hex(&Sha256::digest(b""))
    );
    let hash = hex(&Sha256::digest(canonical));
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{time}\n{day}/{region}/{service}/aws4_request\n{hash}");
    let signing_key = generate_signing_key(&key.secret_access_key, time_of(time)?, region, service);
    let expected = calculate_signature(signing_key, to_sign.as_bytes());
    if signature.as_deref() != Some(expected.as_str()) {
        return Err("the signature does not match".into());
    }
    Ok(Signed {
        access_key_id: id.into(),
        region: region.into(),
        service: service.into(),
        time: time.into(),
    })
}

/// `20260115T120000Z`, by way of the form that HTTP has.
pub fn time_of(amz_date: &str) -> Result<SystemTime, String> {
    let wrong = || format!("{amz_date} is no date");
    let digits = |range: std::ops::Range<usize>| -> Result<u64, String> {
        let text = amz_date.get(range).ok_or_else(wrong)?;
        text.parse().map_err(|_| wrong())
    };
    if amz_date.len() != 16 || !amz_date.ends_with('Z') || amz_date.as_bytes()[8] != b'T' {
        return Err(wrong());
    }
    let (year, month, day) = (digits(0..4)?, digits(4..6)?, digits(6..8)?);
    let leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    if year < 1970 || !(1..=12).contains(&month) || day < 1 || day > lengths[month as usize - 1] {
        return Err(wrong());
    }
    let years = (1970..year)
        .map(|year| 365 + u64::from(leap(year)))
        .sum::<u64>();
    let days = years + lengths[..month as usize - 1].iter().sum::<u64>() + day - 1;
    let time = digits(9..11)? * 3_600 + digits(11..13)? * 60 + digits(13..15)?;
    Ok(UNIX_EPOCH + Duration::from_secs(days * 86_400 + time))
}

fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap_or(b'?'), rest.next().unwrap_or(b'?')];
                // Canonical encoding has capital letters.
                if digits.iter().any(u8::is_ascii_lowercase) {
                    return Err(format!("lower-case digits in {text}"));
                }
                let digits = String::from_utf8_lossy(&digits).into_owned();
                bytes.push(u8::from_str_radix(&digits, 16).map_err(|_| "a broken %")?);
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => bytes.push(byte),
            _ => return Err(format!("'{}' is not encoded", char::from(byte))),
        }
    }
    String::from_utf8(bytes).map_err(|_| "not UTF-8".into())
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
