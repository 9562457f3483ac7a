//! The head of an HTTP answer, read from a link in whatever pieces it comes.

use super::{Link, ROUNDS, read_error};
use crate::error::{Code, Error};
use std::io;

/// More is no answer but an attack; AWS IoT's has some hundred bytes.
pub(super) const LONGEST_HEAD: usize = 64 << 10;
const MOST_HEADERS: usize = 256;
/// What is repeated of texts that a stranger wrote.
const LONGEST_TEXT: usize = 100;

/// Collects the bytes up to the empty line.
#[derive(Default)]
pub(super) struct AnswerReader {
    bytes: Vec<u8>,
    /// How far no end was found.
    searched: usize,
    /// What provisional answers have used up of the longest head.
    provisional: usize,
}

/// An answer without its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Harmless to show.
    reason: String,
    headers: Vec<(String, Vec<u8>)>,
    /// What came behind the empty line.
    pub(super) tail: Vec<u8>,
}

/// Why there is no answer.
pub(super) enum NoAnswer {
    Failed(io::Error),
    Closed,
    NotHttp,
    TooLong,
    TooManyHeaders,
}

impl AnswerReader {
    /// Reads on; `None` when the link has no more now, or when others are to have their turn: the poller tells of the rest.
    pub(super) fn read(&mut self, link: &mut dyn Link) -> Result<Option<Answer>, NoAnswer> {
        use io::ErrorKind::{Interrupted, WouldBlock};
        let mut piece = [0; 4096];
        for _ in 0..ROUNDS {
            match link.read(&mut piece) {
                Ok(0) => return Err(NoAnswer::Closed),
                Ok(length) => self.bytes.extend_from_slice(&piece[..length]),
                Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => return Ok(None),
                Err(error) => return Err(NoAnswer::Failed(error)),
            }
            while let Some(end) = self.head_end()? {
                let tail = self.bytes.split_off(end);
                let head = std::mem::replace(&mut self.bytes, tail);
                self.searched = 0;
                let mut answer = parse(&head)?;
                // Something provisional, such as 100 Continue; the answer comes behind it (RFC 9110 section 15.2).
                if (100..200).contains(&answer.status) && answer.status != 101 {
                    self.provisional += head.len();
                    continue;
                }
                answer.tail = std::mem::take(&mut self.bytes);
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// The index behind the empty line. Lines may end with LF alone (RFC 9112 section 2.2).
    fn head_end(&mut self) -> Result<Option<usize>, NoAnswer> {
        let start = b"HTTP/1.";
        let known = self.bytes.len().min(start.len());
        if self.bytes[..known] != start[..known] {
            return Err(NoAnswer::NotHttp);
        }
        let longest = LONGEST_HEAD - self.provisional;
        let head = &self.bytes[..self.bytes.len().min(longest)];
        for at in self.searched..head.len() {
            let end = match (head[at], &head[at + 1..]) {
                (b'\n', [b'\n', ..]) => at + 2,
                (b'\n', [b'\r', b'\n', ..]) => at + 3,
                _ => continue,
            };
            return Ok(Some(end));
        }
        if self.bytes.len() > longest {
            return Err(NoAnswer::TooLong);
        }
        // A line end at the very end is looked at again.
        self.searched = head.len().saturating_sub(2);
        Ok(None)
    }
}

fn parse(head: &[u8]) -> Result<Answer, NoAnswer> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(NoAnswer::TooManyHeaders),
        Ok(httparse::Status::Partial) | Err(_) => return Err(NoAnswer::NotHttp),
    }
    Ok(Answer {
        status: parsed.code.ok_or(NoAnswer::NotHttp)?,
        reason: printable(parsed.reason.unwrap_or_default().as_bytes()),
        headers: parsed
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), header.value.to_vec()))
            .collect(),
        tail: Vec::new(),
    })
}

impl Answer {
    /// "403 Forbidden", for people.
    pub(super) fn status_line(&self) -> String {
        let reason = match (self.reason.as_str(), self.status) {
            ("", 401) => "Unauthorized",
            ("", 403) => "Forbidden",
            ("", 404) => "Not Found",
            ("", 407) => "Proxy Authentication Required",
            (reason, _) => reason,
        };
        format!("{} {reason}", self.status).trim_end().to_owned()
    }

    /// The values of all headers of this name.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice().trim_ascii())
    }

    /// Whether a header that is a list has this word.
    pub(super) fn has_word(&self, name: &str, word: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|entry| entry.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    }
}

impl NoAnswer {
    /// `who` has not answered: "the proxy", "the server".
    pub(super) fn error(self, code: Code, who: &str, what: &str) -> Error {
        let why = match self {
            NoAnswer::Failed(error) => {
                let meant = read_error(&error);
                // A layer below knows more (the TLS alert by which a certificate is refused).
                if error.get_ref().is_some() {
                    return meant;
                }
                return Error::new(meant.code, format!("{} before {what}", meant.detail));
            }
            NoAnswer::Closed => {
                let why = format!("{who} closed the connection before {what}");
                return Error::new(
                    match code {
                        Code::Proxy => code,
                        _ => Code::ConnectionLost,
                    },
                    why,
                );
            }
            NoAnswer::NotHttp => "that is not HTTP: is this the right port?".to_owned(),
            NoAnswer::TooLong => {
                format!("whose header has more than {LONGEST_HEAD} bytes")
            }
            NoAnswer::TooManyHeaders => {
                format!("whose header has more than {MOST_HEADERS} fields")
            }
        };
        Error::new(code, format!("{who} gave an answer {why}"))
    }
}

/// A stranger's text, fit for a line of a log.
pub(super) fn printable(text: &[u8]) -> String {
    text.iter()
        .take(LONGEST_TEXT)
        .map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests;
