//! What a custom authorizer of AWS IoT is told, in the user name of CONNECT.

use crate::config::CustomAuthorizer;
use crate::error::{Code, Error};
use zeroize::Zeroizing;

/// A string of MQTT has a length of two bytes [MQTT-1.5.3].
const LONGEST_STRING: usize = 65_535;

/// `<user>?x-amz-customauthorizer-name=<name>&x-amz-customauthorizer-signature=<signature>&<token key>=<token>`, each part only if
/// it is there; parameters of the application's own stay in front. Everything is percent-encoded, so that no byte of a token is
/// taken for a separator; a signature that already is stays as it is.
pub fn user_name(
    user: Option<&str>,
    authorizer: Option<&CustomAuthorizer>,
) -> Option<Zeroizing<String>> {
    let Some(authorizer) = authorizer else {
        return user.map(|user| Zeroizing::new(user.to_owned()));
    };
    let given = user.unwrap_or_default();
    let mut joined = Text::new(given.len() + longest(authorizer));
    joined.add(given);
    let mut separator = match given.rsplit_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, parameters)) if parameters.ends_with('&') => "",
        Some(_) => "&",
    };
    let mut begin = |joined: &mut Text, key: &str| {
        joined.add(separator);
        separator = "&";
        joined.add_encoded(key);
        joined.add("=");
    };
    if let Some(name) = &authorizer.name {
        begin(&mut joined, "x-amz-customauthorizer-name");
        joined.add_encoded(name);
    }
    if let Some(signature) = &authorizer.signature {
        begin(&mut joined, "x-amz-customauthorizer-signature");
        // Base64 has no '%'.
        match signature.contains('%') {
            true => joined.add(signature),
            false => joined.add_encoded(signature),
        }
    }
    if let Some((key, token)) = &authorizer.token {
        begin(&mut joined, key);
        joined.add_encoded(token);
    }
    (user.is_some() || !joined.0.is_empty()).then_some(joined.0)
}

/// What can be wrong with it, asked where it is configured.
pub fn check(authorizer: &CustomAuthorizer) -> Result<(), Error> {
    let wrong = |why: &str| Err(Error::new(Code::InvalidArgument, why.to_owned()));
    if authorizer.name.as_deref() == Some("") {
        return wrong("authorizer_name is empty; NULL means the default authorizer");
    }
    if authorizer
        .token
        .as_ref()
        .is_some_and(|(key, _)| key.is_empty())
    {
        return wrong("token_key_name is empty");
    }
    if let Some(signature) = &authorizer.signature {
        if authorizer.token.is_none() {
            return wrong("signature is given without the token that it signs");
        }
        if signature.is_empty() {
            return wrong("signature is empty; NULL is for authorizers without signing");
        }
        if signature.contains('%') && !is_encoded(signature) {
            return wrong(
                "signature has a '%', so it should be percent-encoded already, but it is not: give the Base64 text as it is",
            );
        }
    }
    if user_name(None, Some(authorizer)).is_some_and(|name| name.len() > LONGEST_STRING) {
        return wrong("token and signature make a user name of more than 65535 bytes [MQTT-1.5.3]");
    }
    Ok(())
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn is_encoded(text: &str) -> bool {
    let mut bytes = text.bytes();
    let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
    while let Some(byte) = bytes.next() {
        let right = match byte {
            b'%' => digit(bytes.next()) && digit(bytes.next()),
            // Some encoders leave the slash.
            _ => is_unreserved(byte) || byte == b'/',
        };
        if !right {
            return false;
        }
    }
    true
}

fn longest(authorizer: &CustomAuthorizer) -> usize {
    let token = authorizer
        .token
        .as_ref()
        .map_or(0, |(key, token)| key.len() + token.len());
    let name = authorizer.name.as_ref().map_or(0, String::len);
    let signature = authorizer.signature.as_ref().map_or(0, |text| text.len());
    3 * (name + signature + token) + 128
}

/// A text that never grows beyond what it was made for, so that no copy of a secret stays behind.
struct Text(Zeroizing<String>);

impl Text {
    fn new(longest: usize) -> Text {
        Text(Zeroizing::new(String::with_capacity(longest)))
    }

    fn add(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// RFC 3986 section 2.1.
    fn add_encoded(&mut self, text: &str) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        for byte in text.bytes() {
            if is_unreserved(byte) {
                self.0.push(char::from(byte));
            } else {
                self.0.push('%');
                self.0.push(char::from(DIGITS[usize::from(byte >> 4)]));
                self.0.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::endpoint::metrics_user_name;

    fn authorizer(
        name: Option<&str>,
        token: Option<(&str, &str)>,
        signature: Option<&str>,
    ) -> CustomAuthorizer {
        CustomAuthorizer {
            name: name.map(str::to_owned),
            token: token.map(|(key, token)| (key.to_owned(), Zeroizing::new(token.to_owned()))),
            signature: signature.map(|text| Zeroizing::new(text.to_owned())),
        }
    }

    fn joined(user: Option<&str>, authorizer: &CustomAuthorizer) -> String {
        check(authorizer).unwrap();
        user_name(user, Some(authorizer)).unwrap().to_string()
    }

    #[test]
    fn the_user_name_has_the_form_that_aws_iot_reads() {
        let signed = authorizer(
            Some("MyAuth"),
            Some(("tokenKey", "abc.def")),
            Some("a/b+d=="),
        );
        assert_eq!(
            joined(Some("usr"), &signed),
            "usr?x-amz-customauthorizer-name=MyAuth&x-amz-customauthorizer-signature=a%2Fb%2Bd%3D%3D&tokenKey=abc.def"
        );
        assert_eq!(
            joined(None, &authorizer(Some("MyAuth"), None, None)),
            "?x-amz-customauthorizer-name=MyAuth"
        );
        assert_eq!(
            joined(Some("u"), &authorizer(None, Some(("k", "t")), Some("s"))),
            "u?x-amz-customauthorizer-signature=s&k=t"
        );
        assert_eq!(
            joined(Some("u"), &authorizer(None, Some(("k", "t")), None)),
            "u?k=t"
        );
        assert_eq!(joined(Some("u"), &authorizer(None, None, None)), "u");
    }

    #[test]
    fn parameters_of_the_application_share_the_question_mark() {
        let named = authorizer(Some("A"), None, None);
        for (user, expected) in [
            ("u?x=1", "u?x=1&x-amz-customauthorizer-name=A"),
            ("u?", "u?x-amz-customauthorizer-name=A"),
            ("u?x=1&", "u?x=1&x-amz-customauthorizer-name=A"),
        ] {
            assert_eq!(joined(Some(user), &named), expected);
        }
    }

    #[test]
    fn metrics_follow_behind() {
        let name = joined(Some("u"), &authorizer(Some("A"), None, None));
        assert_eq!(
            metrics_user_name(Some(&name), true).unwrap(),
            format!(
                "u?x-amz-customauthorizer-name=A&SDK=aws_iot_mqtt&Version={}",
                env!("CARGO_PKG_VERSION")
            )
        );
    }

    #[test]
    fn every_awkward_byte_of_a_token_is_encoded() {
        let awkward = authorizer(
            Some("na me&"),
            Some(("k=y", "?&=%+/ #\"\u{7f}\n\u{e9}~")),
            Some("x"),
        );
        assert_eq!(
            joined(None, &awkward),
            "?x-amz-customauthorizer-name=na%20me%26&x-amz-customauthorizer-signature=x&k%3Dy=%3F%26%3D%25%2B%2F%20%23%22%7F%0A%C3%A9~"
        );
    }

    #[test]
    fn an_encoded_signature_is_left_alone() {
        let encoded = authorizer(None, Some(("k", "t")), Some("abc/%2Bd%3d%3D"));
        assert_eq!(
            joined(None, &encoded),
            "?x-amz-customauthorizer-signature=abc/%2Bd%3d%3D&k=t"
        );
    }

    #[test]
    fn without_an_authorizer_the_user_name_is_left_alone() {
        assert!(user_name(None, None).is_none());
        assert!(user_name(None, Some(&authorizer(None, None, None))).is_none());
        assert_eq!(user_name(Some("me?"), None).unwrap().as_str(), "me?");
    }

    #[test]
    fn the_text_never_grows() {
        let worst = authorizer(Some("&&&"), Some(("==", "%%%%")), Some("++++"));
        let name = user_name(Some("u"), Some(&worst)).unwrap();
        assert!(name.capacity() <= 1 + longest(&worst) && name.len() <= name.capacity());
    }

    #[test]
    fn mistakes_are_named_without_the_secret() {
        let long = "s".repeat(30_000) + "/";
        for (authorizer, words) in [
            (authorizer(Some(""), None, None), "authorizer_name is empty"),
            (
                authorizer(None, Some(("", "secret")), None),
                "token_key_name is empty",
            ),
            (authorizer(None, None, Some("secret")), "without the token"),
            (
                authorizer(None, Some(("k", "secret")), Some("")),
                "signature is empty",
            ),
            (
                authorizer(None, Some(("k", "secret")), Some("secret%")),
                "has a '%'",
            ),
            (
                authorizer(None, Some(("k", "secret")), Some("secret%2g")),
                "has a '%'",
            ),
            (
                authorizer(None, Some(("k", "secret")), Some("secret%2B+")),
                "has a '%'",
            ),
            (
                authorizer(None, Some(("k", &"/".repeat(22_000))), Some(&long)),
                "65535",
            ),
        ] {
            let error = check(&authorizer).unwrap_err();
            assert_eq!(error.code, Code::InvalidArgument);
            assert!(error.detail.contains(words), "{error}");
            assert!(!error.detail.contains("secret"), "{error}");
        }
    }
}
