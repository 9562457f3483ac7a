//! The shared credentials file of AWS's tools: `~/.aws/credentials`, an INI file with a section for each profile.

use crate::config::IamCredentials;
use crate::error::{Code, Error};
use zeroize::Zeroizing;

/// The profile that is meant when none is named.
pub const DEFAULT: &str = "default";

/// What a profile can have instead of a key; AWS's own tools follow these.
const INDIRECT: [&str; 5] = [
    "role_arn",
    "source_profile",
    "credential_process",
    "sso_session",
    "sso_start_url",
];

/// The key of `profile` in the text of a credentials file that is called `name`. `None`: the file has no such profile.
pub fn credentials(text: &str, profile: &str, name: &str) -> Result<Option<IamCredentials>, Error> {
    let mut found = None;
    let mut indirect = None;
    for entry in Entries::of(text) {
        match entry {
            Entry::Section(section) if section == profile => {
                found.get_or_insert_with(Section::default);
            }
            // Of a property that is there twice, the last one counts, as in AWS's tools.
            Entry::Property(section, key, value) if section == profile => {
                let found = found.get_or_insert_with(Section::default);
                let value = (!value.is_empty()).then_some(value);
                match key.to_ascii_lowercase().as_str() {
                    "aws_access_key_id" => found.access_key_id = value,
                    "aws_secret_access_key" => found.secret_access_key = value,
                    "aws_session_token" => found.session_token = value,
                    key => indirect = indirect.or(INDIRECT.into_iter().find(|name| *name == key)),
                }
            }
            _ => {}
        }
    }
    let Some(section) = found else {
        return Ok(None);
    };
    let missing = |missing: &str| {
        let hint = indirect.map_or(String::new(), |property| {
            format!(" (it has {property}, which this library does not follow: give the credentials by a provider callback)")
        });
        let detail = format!("{name}: profile [{profile}] has no {missing}{hint}");
        Error::new(Code::Credentials, detail)
    };
    Ok(Some(IamCredentials {
        access_key_id: section
            .access_key_id
            .ok_or_else(|| missing("aws_access_key_id"))?
            .to_owned(),
        secret_access_key: section
            .secret_access_key
            .map(|secret| Zeroizing::new(secret.to_owned()))
            .ok_or_else(|| missing("aws_secret_access_key"))?,
        session_token: section
            .session_token
            .map(|token| Zeroizing::new(token.to_owned())),
        expires: None,
    }))
}

#[derive(Default)]
struct Section<'a> {
    access_key_id: Option<&'a str>,
    secret_access_key: Option<&'a str>,
    session_token: Option<&'a str>,
}

enum Entry<'a> {
    Section(&'a str),
    /// Section, key, value.
    Property(&'a str, &'a str, &'a str),
}

/// What the lines say, in order. Lines that say nothing (comments, lines before the first section, nested values) are passed over:
/// the file belongs to other programs too.
struct Entries<'a> {
    lines: std::str::Lines<'a>,
    section: &'a str,
    /// Blanks before the last property: a line with more of them goes on with its value.
    indent: Option<usize>,
}

impl<'a> Entries<'a> {
    fn of(text: &'a str) -> Self {
        Entries {
            // Editors of Windows put a byte order mark there.
            lines: text.strip_prefix('\u{feff}').unwrap_or(text).lines(),
            section: "",
            indent: None,
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let line = self.lines.next()?;
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            let indent = line.len() - line.trim_start().len();
            if self.indent.is_some_and(|property| indent > property) {
                continue;
            }
            if let Some(rest) = trimmed.strip_prefix('[') {
                // Without its bracket it is no section, and what follows belongs to none that we know.
                self.section = rest.split_once(']').map_or("", |(name, _)| name.trim());
                self.indent = None;
                return Some(Entry::Section(self.section));
            }
            if let Some((key, value)) = trimmed.split_once('=') {
                self.indent = Some(indent);
                let value = without_comment(value).trim();
                return Some(Entry::Property(self.section, key.trim(), value));
            }
        }
    }
}

/// A comment behind a value begins with a blank; without one, `#` and `;` are part of the value.
fn without_comment(value: &str) -> &str {
    let mut after_blank = false;
    for (at, character) in value.char_indices() {
        if after_blank && matches!(character, '#' | ';') {
            return &value[..at];
        }
        after_blank = character.is_whitespace();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, profile: &str) -> Option<(String, String, Option<String>)> {
        let found = credentials(text, profile, "the file").unwrap()?;
        let token = found.session_token.map(|token| token.to_string());
        Some((
            found.access_key_id,
            found.secret_access_key.to_string(),
            token,
        ))
    }

    fn key(id: &str, secret: &str) -> Option<(String, String, Option<String>)> {
        Some((id.into(), secret.into(), None))
    }

    #[test]
    fn profiles_are_told_apart() {
        let text = "[default]\naws_access_key_id=ID1\naws_secret_access_key=S1\n\
                    [work]\naws_access_key_id = ID2\naws_secret_access_key = S2\naws_session_token = T2==\n";
        assert_eq!(find(text, "default"), key("ID1", "S1"));
        assert_eq!(
            find(text, "work"),
            Some(("ID2".into(), "S2".into(), Some("T2==".into())))
        );
        for absent in ["home", "Default", "wor", "", "[work"] {
            assert_eq!(find(text, absent), None, "{absent}");
        }
        assert_eq!(find("", "default"), None);
    }

    #[test]
    fn comments_blanks_line_ends_and_case_do_not_matter() {
        let text = "\u{feff}# my keys\r\n\r\n  ; more\r\n [ default ] ; the usual one\r\n  region = nowhere\r\n  AWS_Access_Key_Id\t=  ID  # old\r\n\
                    #aws_secret_access_key = no\r\n  aws_secret_access_key=a/b+c==;#\t; new\r\n";
        assert_eq!(find(text, "default"), key("ID", "a/b+c==;#"));
    }

    #[test]
    fn the_last_of_two_counts_and_sections_go_on() {
        let text = "[a]\naws_access_key_id=1\naws_access_key_id=2\n[b]\naws_access_key_id=3\n[a]\naws_secret_access_key=S\n";
        assert_eq!(find(text, "a"), key("2", "S"));
    }

    #[test]
    fn nested_values_are_not_properties() {
        let text = "[default]\ns3 =\n  aws_access_key_id = nested\naws_access_key_id = ID\naws_secret_access_key = S\n  aws_secret_access_key = nested\n";
        assert_eq!(find(text, "default"), key("ID", "S"));
    }

    #[test]
    fn what_stands_before_a_section_or_behind_a_broken_one_is_nobodys() {
        let text = "aws_access_key_id=0\naws_secret_access_key=0\n[default\naws_access_key_id=1\naws_secret_access_key=1\n";
        assert_eq!(find(text, "default"), None);
        assert_eq!(find("no = sign of a section", "default"), None);
        assert_eq!(find("[]\n=\n==\n[\n]\n", "default"), None);
    }

    #[test]
    fn missing_keys_are_named_and_nothing_is_quoted() {
        for (text, missing) in [
            ("[p]\naws_access_key_id=hush\n", "aws_secret_access_key"),
            ("[p]\naws_secret_access_key=hush\n", "aws_access_key_id"),
            (
                "[p]\naws_access_key_id=\naws_secret_access_key=hush\n",
                "aws_access_key_id",
            ),
            ("[p]\n", "aws_access_key_id"),
            ("[p]\nhush\n", "aws_access_key_id"),
        ] {
            let error = credentials(text, "p", "/home/me/.aws/credentials").unwrap_err();
            assert_eq!(error.code, Code::Credentials);
            let start = format!("/home/me/.aws/credentials: profile [p] has no {missing}");
            assert_eq!(error.detail, start);
        }
    }

    #[test]
    fn what_only_other_tools_follow_is_named() {
        let text = "[p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n";
        let error = credentials(text, "p", "file").unwrap_err();
        assert!(
            error.detail.contains("it has role_arn, which this library"),
            "{error}"
        );
    }
}
