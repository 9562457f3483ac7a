//! The vectors of `testdata/sigv4_vectors.json`, byte by byte.

use super::*;
use crate::aws::{endpoint, region};
use serde_json::Value;

fn file() -> Value {
    serde_json::from_str(include_str!("../testdata/sigv4_vectors.json")).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}"))
}

/// `20260115T120000Z`
fn seconds(amz_date: &str) -> u64 {
    let (date, time) = amz_date.split_once('T').unwrap();
    let iso = format!(
        "{}-{}-{}T{}:{}:{}",
        &date[..4],
        &date[4..6],
        &date[6..],
        &time[..2],
        &time[2..4],
        &time[4..]
    );
    date::rfc3339(&iso).unwrap()
}

struct Vector {
    name: String,
    credentials: IamCredentials,
    host: String,
    host_header: String,
    region: String,
    service: String,
    time: u64,
    expires_secs: Option<u32>,
    expect: Value,
}

impl Vector {
    fn request(&self) -> Request<'_> {
        Request {
            host: &self.host_header,
            region: &self.region,
            service: &self.service,
            time: self.time,
            expires_secs: self.expires_secs,
        }
    }
}

fn vectors() -> Vec<Vector> {
    let file = file();
    let vectors = file["vectors"].as_array().unwrap().iter();
    vectors
        .map(|vector| {
            let input = &vector["input"];
            let token = text(input, "session_token");
            let port = input["port"].as_u64().unwrap().try_into().unwrap();
            Vector {
                name: text(vector, "name").into(),
                credentials: IamCredentials {
                    access_key_id: text(input, "access_key").into(),
                    secret_access_key: Zeroizing::new(text(input, "secret_key").into()),
                    session_token: (!token.is_empty()).then(|| Zeroizing::new(token.into())),
                    expires: None,
                },
                host: text(input, "host").into(),
                host_header: endpoint::host_header(text(input, "host"), port, true),
                region: text(input, "region").into(),
                service: text(input, "service").into(),
                time: seconds(text(input, "amz_date")),
                expires_secs: input["expires"]
                    .as_u64()
                    .map(|secs| secs.try_into().unwrap()),
                expect: vector["expect"].clone(),
            }
        })
        .collect()
}

#[test]
fn every_step_of_every_vector() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 13);
    for vector in &vectors {
        let (name, request, expect) = (&vector.name, vector.request(), &vector.expect);
        let date_time = date::basic(request.time);
        assert_eq!(request.host, text(expect, "host_header"), "{name}");
        let query = query(&vector.credentials, &request, &date_time);
        assert_eq!(query, text(expect, "canonical_query"), "{name}");
        let canonical = canonical_request(request.host, &query);
        assert_eq!(canonical, text(expect, "canonical_request"), "{name}");
        assert_eq!(
            hex(&Sha256::digest(&canonical)),
            text(expect, "canonical_request_sha256"),
            "{name}"
        );
        let to_sign = string_to_sign(&request, &date_time, &query);
        assert_eq!(to_sign, text(expect, "string_to_sign"), "{name}");
        let key = signing_key(&vector.credentials, &request, &date_time);
        assert_eq!(hex(&*key), text(expect, "signing_key_hex"), "{name}");
        let signature = signature(&vector.credentials, &request, &date_time, &query);
        assert_eq!(signature, text(expect, "signature"), "{name}");
        let path = presigned_path(&vector.credentials, &request);
        let url = format!("wss://{}{}", request.host, *path);
        assert_eq!(url, text(&expect["urls"], "strict"), "{name}");
    }
}

#[test]
fn the_region_is_in_the_host_or_configured() {
    for vector in vectors() {
        let found = region::of_host(&vector.host);
        match vector.name.as_str() {
            // The upstream tests of Python's SDK use a name without a prefix of an account.
            "07-custom-domain-explicit-region" => assert_eq!(found, None),
            name => assert_eq!(found.as_ref(), Some(&vector.region), "{name}"),
        }
    }
}

#[test]
fn neither_the_token_nor_the_connection_header_is_signed() {
    let vectors = vectors();
    let file = file();
    let negative = file["negative"].as_array().unwrap();
    assert_eq!(negative.len(), 2);
    for not in negative {
        let same = |vector: &&Vector| vector.name == text(not, "of");
        let vector = vectors.iter().find(same).expect("the vector it is of");
        let path = presigned_path(&vector.credentials, &vector.request());
        assert!(!path.contains(text(not, "signature")), "{}", vector.name);
    }
}

#[test]
fn no_piece_is_left_behind_by_growing() {
    for vector in vectors() {
        let path = presigned_path(&vector.credentials, &vector.request());
        let token = vector.credentials.session_token.as_ref();
        let query = text(&vector.expect, "canonical_query").len();
        let reserved = query + 3 * token.map_or(0, |token| token.len()) + 160;
        assert_eq!(path.capacity(), reserved, "{}: it has grown", vector.name);
    }
}

#[test]
fn a_secret_longer_than_a_block_is_hashed_by_hmac() {
    // RFC 4231, test case 6.
    let signed = mac(
        &[0xaa; 131],
        "Test Using Larger Than Block-Size Key - Hash Key First",
    );
    assert_eq!(
        hex(&*signed),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    );
}
