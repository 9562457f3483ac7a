//! The AWS IoT credentials provider: a device certificate against temporary credentials of the role behind a role alias.

use super::date;
use crate::config::{IamCredentials, IotCredentialsProvider};
use crate::error::{Code, Error};
use serde_json::Value;
use zeroize::Zeroizing;

/// Header that names the thing, for policies that ask for it.
pub const THING_NAME_HEADER: &str = "x-amzn-iot-thingname";

/// Credentials are fetched anew this long before they end, as AWS's own clients do (they take 5 to 15 minutes), so that a signature
/// is good even where the clock is a little late.
const BEFORE_EXPIRY_SECS: u64 = 300;

/// The path to ask for. A role alias needs no encoding: see [`is_role_alias`].
pub fn path(provider: &IotCredentialsProvider) -> String {
    format!("/role-aliases/{}/credentials", provider.role_alias)
}

/// 1 to 128 letters, digits and `_=,@-`, as AWS IoT lets them be named; all of them may stand in a path.
pub fn is_role_alias(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_=,@-".contains(&byte))
}

/// 1 to 128 letters, digits and `:_-`.
pub fn is_thing_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b":_-".contains(&byte))
}

/// What the service answered.
pub fn credentials(
    provider: &IotCredentialsProvider,
    status: u16,
    body: &[u8],
) -> Result<IamCredentials, Error> {
    match status {
        200 => parse(body).map_err(|what| {
            let detail = format!("the AWS IoT credentials provider gave an answer {what}");
            Error::new(Code::Credentials, detail)
        }),
        _ => Err(refused(provider, status, body)),
    }
}

/// When to fetch them anew, where `now` is when they came: 5 minutes before they end, and of short ones after half of their life.
pub fn refresh_at(credentials: &IamCredentials, now: u64) -> u64 {
    let expires = credentials.expires.unwrap_or(now);
    let life = expires.saturating_sub(now);
    expires - BEFORE_EXPIRY_SECS.min(life / 2).min(expires)
}

/// What is wrong with the text is said without quoting it.
fn parse(body: &[u8]) -> Result<IamCredentials, String> {
    let mut answer: Value =
        serde_json::from_slice(body).map_err(|_| "that is not JSON".to_owned())?;
    let mut take = |name: &str| match answer.get_mut("credentials")?.get_mut(name)?.take() {
        Value::String(text) => Some(Zeroizing::new(text)).filter(|text| !text.is_empty()),
        _ => None,
    };
    // All at once, so that what is there is wiped even where something else is missing.
    let fields = [
        "accessKeyId",
        "secretAccessKey",
        "sessionToken",
        "expiration",
    ]
    .map(|name| (name, take(name)));
    let [access_key_id, secret_access_key, session_token, expiration] =
        fields.map(|(name, value)| value.ok_or_else(|| format!("without credentials.{name}")));
    let (access_key_id, expiration) = (access_key_id?, expiration?);
    let (secret_access_key, session_token) = (secret_access_key?, session_token?);
    let expires = date::rfc3339(&expiration)
        .ok_or_else(|| "whose credentials.expiration is not a date of RFC 3339".to_owned())?;
    Ok(IamCredentials {
        access_key_id: access_key_id.to_string(),
        secret_access_key,
        session_token: Some(session_token),
        expires: Some(expires),
    })
}

fn refused(provider: &IotCredentialsProvider, status: u16, body: &[u8]) -> Error {
    let said = message(body).map_or(String::new(), |message| format!(" \"{message}\""));
    let alias = &provider.role_alias;
    let (code, why) = match status {
        403 => (
            Code::Forbidden,
            format!(
                ": is the certificate active, does its policy allow iot:AssumeRoleWithCertificate on role alias {alias}, is {} attached to it, and does the role trust credentials.iot.amazonaws.com?",
                match &provider.thing_name {
                    Some(thing) => format!("thing {thing}"),
                    None => "the thing (no name was configured)".to_owned(),
                }
            ),
        ),
        404 => (
            Code::Credentials,
            format!(
                ": is there a role alias {alias} in this account and region? Capital letters matter; and the host must be the one of `aws iot describe-endpoint --endpoint-type iot:CredentialProvider`"
            ),
        ),
        429 | 500..=599 => (
            Code::Credentials,
            ": the service is busy or out of order".to_owned(),
        ),
        _ => (Code::Credentials, String::new()),
    };
    let detail =
        format!("the AWS IoT credentials provider answered HTTP status {status}{said}{why}");
    Error::new(code, detail)
}

/// AWS's own words, fit for one line of a log.
fn message(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let message = answer["message"].as_str().or(answer["Message"].as_str())?;
    let message: String = message
        .chars()
        .filter(|character| !character.is_control())
        .take(200)
        .collect();
    (!message.is_empty()).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> IotCredentialsProvider {
        IotCredentialsProvider {
            host: "c1.credentials.iot.eu-west-1.amazonaws.com".into(),
            port: 443,
            role_alias: "My-Role".into(),
            thing_name: Some("lamp".into()),
        }
    }

    #[test]
    fn the_answer_of_aws_is_understood() {
        let body = br#"{"credentials":{"accessKeyId":"ASIAX","secretAccessKey":"s/e+c","sessionToken":"t==","expiration":"2018-01-18T09:18:06Z"},"more":[1]}"#;
        let found = credentials(&provider(), 200, body).unwrap();
        assert_eq!(found.access_key_id, "ASIAX");
        assert_eq!(*found.secret_access_key, "s/e+c");
        assert_eq!(found.session_token.unwrap().as_str(), "t==");
        assert_eq!(found.expires, Some(1_516_267_086));
        assert_eq!(path(&provider()), "/role-aliases/My-Role/credentials");
    }

    #[test]
    fn an_answer_that_is_none_is_refused_and_not_quoted() {
        let nested = "[".repeat(60_000);
        for (body, why) in [
            ("", "not JSON"),
            ("hush", "not JSON"),
            ("{\"credentials\":{\"accessKeyId\":\"hush", "not JSON"),
            (nested.as_str(), "not JSON"),
            ("{}", "accessKeyId"),
            ("[]", "accessKeyId"),
            ("\"hush\"", "accessKeyId"),
            (r#"{"credentials":null}"#, "accessKeyId"),
            (r#"{"credentials":["hush"]}"#, "accessKeyId"),
            (r#"{"credentials":{"accessKeyId":7}}"#, "accessKeyId"),
            (r#"{"credentials":{"accessKeyId":""}}"#, "accessKeyId"),
            (
                r#"{"credentials":{"accessKeyId":"hush","expiration":"hush"}}"#,
                "secretAccessKey",
            ),
            (
                r#"{"credentials":{"accessKeyId":"hush","expiration":"hush","secretAccessKey":"hush"}}"#,
                "sessionToken",
            ),
            (
                r#"{"credentials":{"accessKeyId":"hush","secretAccessKey":"hush","sessionToken":"hush"}}"#,
                "expiration",
            ),
            (
                r#"{"credentials":{"secretAccessKey":"hush","sessionToken":"hush","accessKeyId":"hush","expiration":"soon"}}"#,
                "RFC 3339",
            ),
        ] {
            let error = credentials(&provider(), 200, body.as_bytes()).unwrap_err();
            assert_eq!(error.code, Code::Credentials);
            assert!(error.detail.contains(why), "{why}: {error}");
            assert!(!error.detail.contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_refusal_tells_what_to_look_at() {
        let error = credentials(&provider(), 403, br#"{"message":"Access\nDenied"}"#).unwrap_err();
        assert_eq!(error.code, Code::Forbidden);
        for part in [
            "403",
            "\"AccessDenied\"",
            "iot:AssumeRoleWithCertificate",
            "My-Role",
            "thing lamp",
        ] {
            assert!(error.detail.contains(part), "{part}: {error}");
        }
        let anonymous = IotCredentialsProvider {
            thing_name: None,
            ..provider()
        };
        let error = credentials(&anonymous, 403, b"<html>").unwrap_err();
        assert!(error.detail.contains("no name was configured"), "{error}");
        let error = credentials(&provider(), 404, b"").unwrap_err();
        assert_eq!(error.code, Code::Credentials);
        assert!(error.detail.contains("My-Role"), "{error}");
        for status in [204, 301, 400, 429, 500, 503] {
            let error = credentials(&provider(), status, b"{}").unwrap_err();
            assert_eq!(error.code, Code::Credentials);
            assert!(error.detail.contains(&status.to_string()), "{error}");
        }
        let long = format!(r#"{{"message":"{}"}}"#, "x".repeat(10_000));
        let error = credentials(&provider(), 400, long.as_bytes()).unwrap_err();
        assert!(error.detail.len() < 400, "{}", error.detail.len());
    }

    #[test]
    fn credentials_are_fetched_anew_before_they_end() {
        let expiring = |expires| IamCredentials {
            access_key_id: String::new(),
            secret_access_key: Zeroizing::default(),
            session_token: None,
            expires,
        };
        assert_eq!(refresh_at(&expiring(Some(4_600)), 1_000), 4_300);
        assert_eq!(refresh_at(&expiring(Some(1_600)), 1_000), 1_300);
        assert_eq!(
            refresh_at(&expiring(Some(1_200)), 1_000),
            1_100,
            "half of a short life"
        );
        assert_eq!(refresh_at(&expiring(Some(1_000)), 1_000), 1_000);
        assert_eq!(refresh_at(&expiring(Some(900)), 1_000), 900);
        assert_eq!(refresh_at(&expiring(None), 1_000), 1_000);
    }

    #[test]
    fn names_are_checked_as_aws_does() {
        for name in ["a", "My-Role_1=,@", &"x".repeat(128)] {
            assert!(is_role_alias(name), "{name}");
        }
        for name in [
            "",
            "a/b",
            "a b",
            "a%20",
            "ä",
            "a\r\nX: y",
            "a?b",
            &"x".repeat(129),
        ] {
            assert!(!is_role_alias(name), "{name}");
            assert!(!is_thing_name(name), "{name}");
        }
        assert!(is_thing_name("My:Thing_1-2"));
        assert!(!is_thing_name("a=b"));
    }
}
