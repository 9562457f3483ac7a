//! Our signatures against AWS's own implementation, which also says no where it should.

mod support;

use aws_credential_types::Credentials;
use aws_iot_mqtt::aws::sigv4::{Request, presigned_path};
use aws_iot_mqtt::config::IamCredentials;
use aws_sigv4::http_request::{
    SessionTokenMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use std::time::{Duration, UNIX_EPOCH};
use support::sigv4::{Key, verify};
use zeroize::Zeroizing;

const HOST: &str = "a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2026-01-15 12:00:00
const TIME: u64 = 1_768_478_400;

fn awkward() -> String {
    (' '..='~').chain("äß€𝄞".chars()).collect()
}

fn credentials(id: &str, secret: &str, token: Option<&str>) -> IamCredentials {
    IamCredentials {
        access_key_id: id.into(),
        secret_access_key: Zeroizing::new(secret.into()),
        session_token: token.map(|token| Zeroizing::new(token.into())),
        expires: None,
    }
}

fn request(host: &str, expires_secs: Option<u32>) -> Request<'_> {
    Request {
        host,
        region: "us-east-1",
        service: "iotdevicegateway",
        time: TIME,
        expires_secs,
    }
}

fn keys(credentials: &IamCredentials) -> impl Fn(&str) -> Option<Key> {
    let key = Key {
        secret_access_key: credentials.secret_access_key.to_string(),
        session_token: credentials
            .session_token
            .as_ref()
            .map(|token| token.to_string()),
    };
    let known = credentials.access_key_id.clone();
    move |id| (id == known).then(|| key.clone())
}

/// AWS's signer does the whole of it: canonical request, key and signature. It signs queries with X-Amz-Expires only.
fn signed_by_aws(credentials: &IamCredentials, host: &str, expires: u32) -> String {
    let identity = Credentials::from_keys(
        credentials.access_key_id.clone(),
        credentials.secret_access_key.to_string(),
        None,
    )
    .into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.session_token_mode = SessionTokenMode::Exclude;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.expires_in = Some(Duration::from_secs(expires.into()));
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("iotdevicegateway")
        .time(UNIX_EPOCH + Duration::from_secs(TIME))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = format!("wss://{host}/mqtt");
    let headers = [("host", host)];
    let request =
        SignableRequest::new("GET", uri, headers.into_iter(), SignableBody::Bytes(b"")).unwrap();
    sign(request, &parameters).unwrap().into_parts().1
}

#[test]
fn aws_signs_the_same_request_with_the_same_signature() {
    let awkward = awkward();
    for (id, secret, host) in [
        ("AKIDEXAMPLE", SECRET, HOST),
        ("AKID+/=&EXAMPLE", SECRET, HOST),
        ("AKIDEXAMPLE", awkward.as_str(), HOST),
        ("AKIDEXAMPLE", SECRET, "localhost:8443"),
    ] {
        for expires in [1, 300, 86_400] {
            let credentials = credentials(id, secret, None);
            let ours = presigned_path(&credentials, &request(host, Some(expires)));
            let theirs = signed_by_aws(&credentials, host, expires);
            assert!(
                ours.contains(&format!("&X-Amz-Signature={theirs}")),
                "{id} {host} {expires}: {theirs} in {}",
                *ours
            );
        }
    }
}

#[test]
fn signatures_are_good_with_every_awkward_byte() {
    let awkward = awkward();
    for token in [None, Some("t+/=="), Some(awkward.as_str())] {
        for expires in [None, Some(300)] {
            let credentials = credentials("AKID+/=&", &awkward, token);
            let path = presigned_path(&credentials, &request(HOST, expires));
            let signed = verify("GET", &path, HOST, keys(&credentials)).unwrap();
            assert_eq!(signed.access_key_id, "AKID+/=&");
            assert_eq!(signed.region, "us-east-1");
            assert_eq!(signed.service, "iotdevicegateway");
            assert_eq!(signed.seconds(), TIME);
        }
    }
}

/// The check above would be worth nothing if it let pass what AWS would not.
#[test]
fn one_flipped_bit_anywhere_is_refused() {
    let credentials = credentials("AKIDEXAMPLE", SECRET, Some("token/+"));
    let path = presigned_path(&credentials, &request(HOST, None));
    assert!(verify("GET", &path, HOST, keys(&credentials)).is_ok());
    for at in 0..path.len() {
        for bit in 0..7 {
            let mut flipped = path.as_bytes().to_vec();
            flipped[at] ^= 1 << bit;
            let flipped = String::from_utf8(flipped).unwrap();
            assert!(
                verify("GET", &flipped, HOST, keys(&credentials)).is_err(),
                "byte {at}, bit {bit}: {flipped}"
            );
        }
    }
}

#[test]
fn another_host_key_secret_or_token_is_refused() {
    let ours = credentials("AKIDEXAMPLE", SECRET, Some("token"));
    let path = presigned_path(&ours, &request(HOST, None));
    let refused = |why: &str, host: &str, keys: &dyn Fn(&str) -> Option<Key>| {
        let error = verify("GET", &path, host, keys).unwrap_err();
        assert!(error.contains(why), "{why}: {error}");
    };
    refused("signature", "localhost", &keys(&ours));
    refused("signature", &format!("{HOST}:443"), &keys(&ours));
    refused("not known", HOST, &|_| None);
    let other_secret = credentials("AKIDEXAMPLE", "wJalrXUtnFEMI", Some("token"));
    refused("signature", HOST, &keys(&other_secret));
    let other_token = credentials("AKIDEXAMPLE", SECRET, None);
    refused("token", HOST, &keys(&other_token));
    assert!(verify("POST", &path, HOST, keys(&ours)).is_err());
}
