//! Signature Version 4 of the request that opens MQTT over WebSocket: `GET /mqtt` with everything in the query.

use super::date;
use crate::config::IamCredentials;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use zeroize::Zeroizing;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const METHOD: &str = "GET";
const PATH: &str = "/mqtt";
/// SHA-256 of the empty body.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What a signature is for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The `Host` header exactly as it is sent; see `endpoint::host_header`.
    pub host: &'a str,
    /// Both in lower case.
    pub region: &'a str,
    pub service: &'a str,
    /// When it is signed, in seconds since 1970. AWS takes it for some minutes around that.
    pub time: u64,
    /// `X-Amz-Expires`. AWS IoT seems to ignore it, and AWS's own clients send none but for Python's.
    pub expires_secs: Option<u32>,
}

/// Path and query to ask for. It is as good as the credentials while it is fresh: a secret, made anew for each attempt.
///
/// The session token comes last and is not signed: AWS IoT refuses a signature that covers it.
pub fn presigned_path(credentials: &IamCredentials, request: &Request<'_>) -> Zeroizing<String> {
    let date_time = date::basic(request.time);
    let query = query(credentials, request, &date_time);
    let signature = signature(credentials, request, &date_time, &query);
    let token = credentials.session_token.as_ref();
    // At once as long as it gets, so that growing leaves no pieces behind.
    let length = query.len() + 3 * token.map_or(0, |token| token.len()) + 160;
    let mut path = Zeroizing::new(String::with_capacity(length));
    path.push_str(PATH);
    path.push('?');
    path.push_str(&query);
    path.push_str("&X-Amz-Signature=");
    path.push_str(&signature);
    if let Some(token) = token {
        path.push_str("&X-Amz-Security-Token=");
        encode(token, &mut path);
    }
    path
}

/// The canonical query: names in order, names and values encoded. Without token and signature.
fn query(credentials: &IamCredentials, request: &Request<'_>, date_time: &str) -> String {
    let mut query = format!("X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential=");
    encode(&credentials.access_key_id, &mut query);
    encode("/", &mut query);
    encode(&scope(request, date_time), &mut query);
    let _ = write!(query, "&X-Amz-Date={date_time}");
    if let Some(seconds) = request.expires_secs {
        let _ = write!(query, "&X-Amz-Expires={seconds}");
    }
    query.push_str("&X-Amz-SignedHeaders=host");
    query
}

/// For which day, region and service the signing key is good.
fn scope(request: &Request<'_>, date_time: &str) -> String {
    let (region, service) = (request.region, request.service);
    format!("{}/{region}/{service}/aws4_request", day(date_time))
}

fn day(date_time: &str) -> &str {
    date_time.split('T').next().unwrap_or(date_time)
}

fn canonical_request(host: &str, query: &str) -> String {
    format!("{METHOD}\n{PATH}\n{query}\nhost:{host}\n\nhost\n{EMPTY}")
}

fn string_to_sign(request: &Request<'_>, date_time: &str, query: &str) -> String {
    let hash = Sha256::digest(canonical_request(request.host, query));
    let scope = scope(request, date_time);
    format!("{ALGORITHM}\n{date_time}\n{scope}\n{}", hex(&hash))
}

fn signing_key(
    credentials: &IamCredentials,
    request: &Request<'_>,
    date_time: &str,
) -> Zeroizing<[u8; 32]> {
    let secret = credentials.secret_access_key.as_bytes();
    let mut seed = Zeroizing::new(Vec::with_capacity(4 + secret.len()));
    seed.extend_from_slice(b"AWS4");
    seed.extend_from_slice(secret);
    let day = mac(&seed, day(date_time));
    let region = mac(&*day, request.region);
    let service = mac(&*region, request.service);
    mac(&*service, "aws4_request")
}

fn signature(
    credentials: &IamCredentials,
    request: &Request<'_>,
    date_time: &str,
    query: &str,
) -> String {
    let key = signing_key(credentials, request, date_time);
    let signature = mac(&*key, &string_to_sign(request, date_time, query));
    hex(&*signature)
}

fn mac(key: &[u8], text: &str) -> Zeroizing<[u8; 32]> {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Zeroizing::default();
    };
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// UriEncode of SigV4: all but the unreserved characters of RFC 3986, with upper-case digits.
fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                into.push(char::from(byte));
            }
            _ => {
                let _ = write!(into, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests;
