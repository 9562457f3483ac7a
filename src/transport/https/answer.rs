//! The answer to a request, read from whatever gives bytes in pieces.

use crate::error::{Code, Error};
use zeroize::Zeroizing;

/// More is no head but an attack; provisional answers and trailers count too.
const LONGEST_HEAD: usize = 64 << 10;
const MOST_HEADERS: usize = 100;
const PIECE: usize = 4096;

/// A whole answer. Its body may hold secrets and is wiped.
pub struct Answer {
    pub status: u16,
    /// The header `Date` as it came.
    pub date: Option<String>,
    pub body: Zeroizing<Vec<u8>>,
}

/// Fills a part of the buffer and gives its length; 0 is the end.
pub(super) type Source<'a> = &'a mut dyn FnMut(&mut [u8]) -> Result<usize, Error>;

/// Reads one answer to GET (RFC 9112).
pub(super) fn read(source: Source<'_>, largest_body: usize) -> Result<Answer, Error> {
    let mut input = Input {
        source,
        buffer: Zeroizing::new([0; PIECE]),
        start: 0,
        end: 0,
        head_left: LONGEST_HEAD,
    };
    let head = loop {
        let head = Head::parse(&input.head()?)?;
        // Something provisional, such as 103 Early Hints; the answer comes behind it (RFC 9110, 15.2).
        if !(100..200).contains(&head.status) {
            break head;
        }
    };
    let mut body = Body {
        bytes: Zeroizing::default(),
        limit: largest_body,
    };
    match head.framing {
        _ if matches!(head.status, 204 | 304) => {}
        Framing::Length(length) => body.take(&mut input, length)?,
        Framing::Chunked => body.take_chunks(&mut input)?,
        Framing::UntilEnd => body.take_all(&mut input)?,
    }
    Ok(Answer {
        status: head.status,
        date: head.date,
        body: body.bytes,
    })
}

fn wrong(why: impl std::fmt::Display) -> Error {
    Error::new(
        Code::Credentials,
        format!("the server gave an answer {why}"),
    )
}

struct Head {
    status: u16,
    date: Option<String>,
    framing: Framing,
}

/// Where the body ends (RFC 9112, 6.3).
enum Framing {
    Length(usize),
    Chunked,
    UntilEnd,
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Head, Error> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Err(httparse::Error::TooManyHeaders) => {
                return Err(wrong(format_args!(
                    "with more than {MOST_HEADERS} header fields"
                )));
            }
            _ => return Err(wrong("that is not HTTP: is this the right host and port?")),
        }
        let values = |name: &'static str| {
            parsed
                .headers
                .iter()
                .filter(move |header| header.name.eq_ignore_ascii_case(name))
                .map(|header| String::from_utf8_lossy(header.value))
        };
        Ok(Head {
            status: parsed.code.unwrap_or_default(),
            date: values("date").next().map(|date| date.trim().to_owned()),
            framing: framing(values("transfer-encoding"), values("content-length"))?,
        })
    }
}

fn framing<'a>(
    encodings: impl Iterator<Item = std::borrow::Cow<'a, str>>,
    lengths: impl Iterator<Item = std::borrow::Cow<'a, str>>,
) -> Result<Framing, Error> {
    let mut framing = Framing::UntilEnd;
    for encoding in encodings {
        if !encoding.trim().eq_ignore_ascii_case("chunked") || matches!(framing, Framing::Chunked) {
            return Err(wrong("with a transfer encoding other than chunked"));
        }
        framing = Framing::Chunked;
    }
    let mut length = None;
    for value in lengths {
        let value = value.trim();
        let number = (value.bytes().all(|digit| digit.is_ascii_digit()))
            .then(|| value.parse::<usize>().ok())
            .flatten();
        match (number, length) {
            (Some(number), None) => length = Some(number),
            (Some(number), Some(first)) if number == first => {}
            _ => return Err(wrong("with a Content-Length that is no length")),
        }
    }
    Ok(match (framing, length) {
        (Framing::UntilEnd, Some(length)) => Framing::Length(length),
        (framing, _) => framing,
    })
}

struct Body {
    bytes: Zeroizing<Vec<u8>>,
    limit: usize,
}

impl Body {
    /// Room for all that may come: a vector that grew would leave pieces of secrets behind.
    fn reserve(&mut self, length: usize) -> Result<(), Error> {
        if length > self.limit - self.bytes.len() {
            return Err(wrong(format_args!("of more than {} bytes", self.limit)));
        }
        if self.bytes.capacity() == 0 {
            self.bytes = Zeroizing::new(Vec::with_capacity(self.limit));
        }
        Ok(())
    }

    fn take(&mut self, input: &mut Input<'_>, length: usize) -> Result<(), Error> {
        self.reserve(length)?;
        let end = self.bytes.len() + length;
        while self.bytes.len() < end {
            let missing = end - self.bytes.len();
            let piece = input.piece()?.ok_or_else(|| wrong("that ends too early"))?;
            let length = piece.len().min(missing);
            self.bytes.extend_from_slice(&piece[..length]);
            input.start += length;
        }
        Ok(())
    }

    fn take_all(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        while let Some(piece) = input.piece()? {
            let length = piece.len();
            self.reserve(length)?;
            self.bytes.extend_from_slice(piece);
            input.start += length;
        }
        Ok(())
    }

    fn take_chunks(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        loop {
            let line = input.line()?;
            let line = line.split(|&byte| byte == b';').next().unwrap_or_default();
            match chunk_size(line.trim_ascii())? {
                0 => break,
                size => self.take(input, size)?,
            }
            if !input.line()?.is_empty() {
                return Err(wrong("with a chunk that is longer than it says"));
            }
        }
        // Trailers.
        while !input.line()?.is_empty() {}
        Ok(())
    }
}

fn chunk_size(digits: &[u8]) -> Result<usize, Error> {
    let hexadecimal = (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    std::str::from_utf8(digits)
        .ok()
        .filter(|_| hexadecimal)
        .and_then(|digits| usize::from_str_radix(digits, 16).ok())
        .ok_or_else(|| wrong("with a chunk size that is no number"))
}

struct Input<'a> {
    source: Source<'a>,
    buffer: Zeroizing<[u8; PIECE]>,
    /// What is read and not taken.
    start: usize,
    end: usize,
    /// Bytes that heads and lines may still have.
    head_left: usize,
}

impl Input<'_> {
    /// What is there, never empty; `None` is the end.
    fn piece(&mut self) -> Result<Option<&[u8]>, Error> {
        if self.start == self.end {
            self.start = 0;
            self.end = (self.source)(&mut self.buffer[..])?.min(PIECE);
        }
        let piece = &self.buffer[self.start..self.end];
        Ok((!piece.is_empty()).then_some(piece))
    }

    /// A line with its end.
    fn raw_line(&mut self) -> Result<Vec<u8>, Error> {
        let mut line = Vec::new();
        loop {
            let piece = self.piece()?.ok_or_else(|| wrong("that ends too early"))?;
            let end = piece.iter().position(|&byte| byte == b'\n');
            let length = end.map_or(piece.len(), |end| end + 1);
            line.extend_from_slice(&piece[..length]);
            self.start += length;
            self.head_left = self.head_left.checked_sub(length).ok_or_else(|| {
                wrong(format_args!(
                    "with a head of more than {LONGEST_HEAD} bytes"
                ))
            })?;
            if end.is_some() {
                return Ok(line);
            }
        }
    }

    /// A line without its end.
    fn line(&mut self) -> Result<Vec<u8>, Error> {
        let mut line = self.raw_line()?;
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(line)
    }

    /// Status line, header fields and the empty line.
    fn head(&mut self) -> Result<Vec<u8>, Error> {
        let mut head = Vec::new();
        loop {
            let line = self.raw_line()?;
            // What is not HTTP need not be read to its end.
            if head.is_empty() && !line.starts_with(b"HTTP/1.") {
                return Err(wrong("that is not HTTP: is this the right host and port?"));
            }
            head.extend_from_slice(&line);
            if matches!(&line[..], b"\r\n" | b"\n") {
                return Ok(head);
            }
        }
    }
}

#[cfg(test)]
mod tests;
