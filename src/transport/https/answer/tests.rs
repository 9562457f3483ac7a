//! Answers as they should and should not be.

use super::*;

const LIMIT: usize = 1_000;

/// Reads it twice: in one piece, and byte by byte.
fn parse(text: &[u8]) -> Result<(u16, Option<String>, Vec<u8>), Error> {
    let read_in = |size: usize| {
        let mut rest = text;
        read(
            &mut |buffer| {
                let length = rest.len().min(size).min(buffer.len());
                buffer[..length].copy_from_slice(&rest[..length]);
                rest = &rest[length..];
                Ok(length)
            },
            LIMIT,
        )
        .map(|answer| (answer.status, answer.date, answer.body.to_vec()))
    };
    let whole = read_in(usize::MAX);
    assert_eq!(whole, read_in(1));
    whole
}

fn body(text: &str) -> String {
    String::from_utf8(parse(text.as_bytes()).unwrap().2).unwrap()
}

#[test]
fn an_answer_with_a_length() {
    let text = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-LENGTH:  5 \r\n\r\nhello and more";
    let answer = parse(text.as_bytes()).unwrap();
    let date = Some("Sun, 06 Nov 1994 08:49:37 GMT".to_owned());
    assert_eq!(answer, (200, date, b"hello".to_vec()));
    assert_eq!(
        body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi"),
        "hi"
    );
    assert_eq!(body("HTTP/1.1 404 \nContent-Length: 0\n\n"), "");
}

#[test]
fn an_answer_in_chunks() {
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n00A;x=\"y\"\r\n, big worl\r\n1 \r\nd\r\n0\r\nTrailer: 1\r\n\r\n";
    assert_eq!(body(chunks), "hello, big world");
}

#[test]
fn an_answer_until_the_end() {
    assert_eq!(body("HTTP/1.0 403 Forbidden\r\n\r\nno"), "no");
    assert_eq!(body("HTTP/1.1 204 No Content\r\n\r\nwhatever"), "");
}

#[test]
fn a_provisional_answer_is_not_the_answer() {
    let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(body(text), "hi");
}

#[test]
fn what_is_wrong_is_said_and_not_quoted() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(101));
    let provisional = "HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000);
    let until_end = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(LIMIT + 1));
    let chunk = "400\r\n".to_owned() + &"x".repeat(1_024);
    let chunks = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    let extension = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}\r\n",
        "x".repeat(100_000)
    );
    for (text, why) in [
        ("", "ends too early"),
        ("HTTP/1.1 200 OK", "ends too early"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n", "ends too early"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhush",
            "ends too early",
        ),
        ("SSH-2.0-hush\r\n", "not HTTP"),
        ("HTTP/1.1 hush\r\n\r\n", "not HTTP"),
        ("HTTP/1.1 200 OK\r\nhush\r\n\r\n", "not HTTP"),
        ("HTTP/2 200\r\n\r\n", "not HTTP"),
        (&long, "head of more than"),
        (&many, "more than 100 header fields"),
        (&provisional, "head of more than"),
        (&until_end, "of more than 1000 bytes"),
        (&chunks, "of more than 1000 bytes"),
        (&extension, "head of more than"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
            "of more than 1000",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "no length",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "no length"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
            "no length",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", "no length"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
            "no length",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "transfer encoding",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
            "chunk size",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx",
            "chunk size",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFF\r\n",
            "chunk size",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n",
            "of more than 1000",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhush\r\n",
            "longer than it says",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
            "ends too early",
        ),
    ] {
        let error = parse(text.as_bytes()).unwrap_err();
        let start = &text[..text.len().min(80)];
        assert_eq!(error.code, Code::Credentials, "{start}");
        assert!(error.detail.contains(why), "{start}: {error}");
        assert!(!error.detail.contains("hush"), "{error}");
    }
}

#[test]
fn a_failure_of_the_source_is_handed_on() {
    let failure = Error::new(Code::Timeout, "late");
    let result = read(&mut |_| Err(failure.clone()), LIMIT);
    assert_eq!(result.err(), Some(failure));
}

#[test]
fn p8_no_bytes_make_it_panic_or_hang() {
    // Every prefix of good answers, and each with a byte changed.
    let good: [&[u8]; 2] = [
        b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
    ];
    for text in good {
        for at in 0..text.len() {
            let _ = parse(&text[..at]);
            for byte in [0, b'\n', b'\r', b'0', b'F', b':', 0xff] {
                let mut changed = text.to_vec();
                changed[at] = byte;
                let _ = parse(&changed);
            }
        }
    }
}
