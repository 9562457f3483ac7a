//! Credentials in the environment, and what all sources have to keep to.

use crate::config::IamCredentials;
use crate::error::{Code, Error};
use zeroize::Zeroizing;

use super::date;

/// Where the shared credentials file and its profile are named, and where the environment's credentials are.
pub const FILE_VARIABLE: &str = "AWS_SHARED_CREDENTIALS_FILE";
pub const PROFILE_VARIABLE: &str = "AWS_PROFILE";
const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";

/// The environment's credentials; `lookup` gives a variable's value. `None`: there are none, and a token alone is none. A key without
/// its other half is a mistake that would hide behind whatever the next source has.
pub fn from_environment(
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<Option<IamCredentials>, Error> {
    let value = |name| {
        lookup(name)
            .filter(|value| !value.is_empty())
            .map(Zeroizing::new)
    };
    let half = |set: &str, missing: &str| {
        let detail = format!("{set} is set in the environment, but {missing} is not");
        Err(Error::new(Code::Credentials, detail))
    };
    match (value(KEY_ID), value(SECRET)) {
        (Some(access_key_id), Some(secret_access_key)) => Ok(Some(IamCredentials {
            access_key_id: String::clone(&access_key_id),
            secret_access_key,
            session_token: value(TOKEN),
            expires: None,
        })),
        (None, None) => Ok(None),
        (Some(_), None) => half(KEY_ID, SECRET),
        (None, Some(_)) => half(SECRET, KEY_ID),
    }
}

/// Whether they can be signed with at all. `source`: who gave them, for people.
pub fn check(credentials: &IamCredentials, source: &str) -> Result<(), Error> {
    let wrong = |why: &str| {
        Err(Error::new(
            Code::Credentials,
            format!("credentials from {source}: {why}"),
        ))
    };
    let (id, secret) = (
        &credentials.access_key_id,
        credentials.secret_access_key.as_str(),
    );
    if id.is_empty() || secret.is_empty() {
        return wrong("the access key id or the secret access key is empty");
    }
    if !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return wrong("the access key id has a blank or another character that no key id has");
    }
    let token = credentials.session_token.as_ref();
    for (name, text) in [
        ("secret access key", secret),
        ("session token", token.map_or("", |token| token.as_str())),
    ] {
        // A line break at the end of what was read from a file, most often; AWS IoT would refuse it and nobody would know why.
        if text.trim() != text {
            return wrong(&format!(
                "the {name} begins or ends with a blank or a line break"
            ));
        }
    }
    Ok(())
}

/// Whether they are still good at `now`.
pub fn check_expiry(credentials: &IamCredentials, now: u64, source: &str) -> Result<(), Error> {
    match credentials.expires {
        Some(expires) if expires <= now => Err(Error::new(
            Code::Credentials,
            format!(
                "credentials from {source} (key {}) have expired at {}; it is {} by this device's clock, corrected by the server's where that is known",
                credentials.key_hint(),
                date::readable(expires),
                date::readable(now),
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(
        variables: &'static [(&'static str, &'static str)],
    ) -> impl Fn(&str) -> Option<String> {
        move |name| {
            let found = variables.iter().find(|(known, _)| *known == name)?;
            Some(found.1.to_owned())
        }
    }

    #[test]
    fn the_environment_gives_a_key_with_or_without_a_token() {
        let found = from_environment(environment(&[(KEY_ID, "id"), (SECRET, "secret")]))
            .unwrap()
            .unwrap();
        assert_eq!(found.access_key_id, "id");
        assert_eq!(*found.secret_access_key, "secret");
        assert_eq!((found.session_token, found.expires), (None, None));
        let all = [(KEY_ID, "id"), (SECRET, "secret"), (TOKEN, "token")];
        let found = from_environment(|name| environment(&[])(name).or(lookup(&all, name)))
            .unwrap()
            .unwrap();
        assert_eq!(found.session_token.unwrap().as_str(), "token");
    }

    fn lookup(variables: &[(&str, &str)], name: &str) -> Option<String> {
        let found = variables.iter().find(|(known, _)| *known == name)?;
        Some(found.1.to_owned())
    }

    #[test]
    fn a_token_alone_and_empty_variables_are_no_credentials() {
        assert_eq!(from_environment(environment(&[])), Ok(None));
        assert_eq!(from_environment(environment(&[(TOKEN, "token")])), Ok(None));
        assert_eq!(
            from_environment(environment(&[(KEY_ID, ""), (SECRET, ""), (TOKEN, "t")])),
            Ok(None)
        );
    }

    #[test]
    fn half_a_key_is_a_mistake_that_is_named() {
        for (set, missing) in [(KEY_ID, SECRET), (SECRET, KEY_ID)] {
            let error = from_environment(|name| (name == set).then(|| "value".into())).unwrap_err();
            assert_eq!(error.code, Code::Credentials);
            assert!(
                error.detail.starts_with(&format!("{set} is set")),
                "{error}"
            );
            assert!(
                error.detail.contains(&format!("{missing} is not")),
                "{error}"
            );
            assert!(!error.detail.contains("value"), "{error}");
        }
    }

    fn key(id: &str, secret: &str) -> IamCredentials {
        IamCredentials {
            access_key_id: id.into(),
            secret_access_key: Zeroizing::new(secret.into()),
            session_token: None,
            expires: Some(1_768_478_400),
        }
    }

    #[test]
    fn keys_that_cannot_be_right_are_refused_without_quoting_them() {
        assert_eq!(check(&key("AKID+/=&", "gehéim/+"), "x"), Ok(()));
        for (id, secret, why) in [
            ("", "hush", "empty"),
            ("AKID", "", "empty"),
            ("AK ID", "hush", "blank"),
            ("AKID\n", "hush", "blank"),
            ("AKÏD", "hush", "character"),
            ("AKID", "hush\n", "line break"),
            ("AKID", " hush", "blank"),
        ] {
            let error = check(&key(id, secret), "the test").unwrap_err();
            assert_eq!(error.code, Code::Credentials);
            assert!(
                error.detail.contains(why) && error.detail.contains("the test"),
                "{error}"
            );
            assert!(!error.detail.contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_session_token_with_a_line_break_around_it_is_refused_without_quoting_it() {
        let with_token = |token: &str| IamCredentials {
            session_token: Some(Zeroizing::new(token.into())),
            ..key("AKID", "secret")
        };
        assert_eq!(check(&with_token("FwoGZXIv+/=="), "x"), Ok(()));
        for token in ["hush\n", "hush\r\n", " hush", "hush\t"] {
            let error = check(&with_token(token), "the test").unwrap_err();
            assert_eq!(error.code, Code::Credentials);
            for part in ["the test", "session token", "line break"] {
                assert!(error.detail.contains(part), "{error}");
            }
            assert!(!error.detail.contains("hush"), "{error}");
        }
    }

    #[test]
    fn expired_credentials_are_refused_with_both_times() {
        let key = key("AKIDEXAMPLE", "secret");
        assert_eq!(check_expiry(&key, 1_768_478_399, "the test"), Ok(()));
        let error = check_expiry(&key, 1_768_478_400, "the test").unwrap_err();
        assert_eq!(error.code, Code::Credentials);
        for part in ["the test", "...MPLE", "2026-01-15 12:00:00 UTC"] {
            assert!(error.detail.contains(part), "{error}");
        }
        let for_ever = IamCredentials {
            expires: None,
            ..key
        };
        assert_eq!(check_expiry(&for_ever, u64::MAX, "the test"), Ok(()));
    }
}
