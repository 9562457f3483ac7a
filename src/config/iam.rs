//! What SigV4 signs with: keys of AWS's Identity and Access Management, or where to get them.

use std::fmt;
use zeroize::Zeroizing;

/// An access key. Its parts are wiped when the last copy goes.
#[derive(Clone, PartialEq, Eq)]
pub struct IamCredentials {
    /// Names the key; not a secret, but not for every log either.
    pub access_key_id: String,
    pub secret_access_key: Zeroizing<String>,
    /// Of temporary credentials.
    pub session_token: Option<Zeroizing<String>>,
    /// When they end, in seconds since 1970. `None`: not known, or never.
    pub expires: Option<u64>,
}

impl IamCredentials {
    /// The key for people who know their keys: the last four characters of its id.
    pub fn key_hint(&self) -> String {
        let characters = self.access_key_id.chars().count();
        // Of a short one half would be all.
        let shown = characters.saturating_sub(4).min(4);
        let hint: String = self
            .access_key_id
            .chars()
            .skip(characters - shown)
            .collect();
        format!("...{hint}")
    }
}

impl fmt::Debug for IamCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IamCredentials")
            .field("access_key_id", &self.key_hint())
            .field("session_token", &self.session_token.is_some())
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// The AWS IoT credentials provider of an account: it gives temporary credentials of a role for a device certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IotCredentialsProvider {
    pub host: String,
    pub port: u16,
    pub role_alias: String,
    /// Needed where a policy asks for the thing's name.
    pub thing_name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p9_debug_output_holds_no_secret() {
        let credentials = IamCredentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Zeroizing::new("very-secret".into()),
            session_token: Some(Zeroizing::new("also-secret".into())),
            expires: Some(1),
        };
        let text = format!("{credentials:?}");
        assert!(text.contains("...MPLE"), "{text}");
        for secret in ["AKIDEXAMPLE", "very-secret", "also-secret"] {
            assert!(!text.contains(secret), "{text}");
        }
    }

    #[test]
    fn a_short_key_id_is_not_shown_whole() {
        let hint = |id: &str| {
            IamCredentials {
                access_key_id: id.into(),
                secret_access_key: Zeroizing::default(),
                session_token: None,
                expires: None,
            }
            .key_hint()
        };
        assert_eq!(hint("ABC"), "...");
        assert_eq!(hint("ABCDEF"), "...EF");
        assert_eq!(hint("ABCDEFGH"), "...EFGH");
        assert_eq!(hint("schlüßel"), "...üßel");
    }
}
