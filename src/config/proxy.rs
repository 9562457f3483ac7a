//! A proxy between us and the broker, and the URL that names it.

use crate::error::{Code, Error};
use std::fmt;
use zeroize::Zeroizing;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// The CONNECT method of HTTP (RFC 9110 section 9.3.6).
    Http,
    /// SOCKS version 5 (RFC 1928). The proxy resolves the host name.
    Socks5,
}

/// User name and password of a proxy, percent-decoded: any bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyLogin {
    pub user: Vec<u8>,
    pub password: Zeroizing<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub kind: ProxyKind,
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    pub login: Option<ProxyLogin>,
}

impl fmt::Debug for Proxy {
    /// Without the password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} proxy {self}", self.kind)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} port {}", self.host, self.port)
    }
}

/// The lengths of user name and password are bytes (RFC 1929 section 2).
const LONGEST_SOCKS_LOGIN: usize = 255;

impl Proxy {
    /// `http://user:password@host:port` or `socks5h://user:password@host:port`; `socks5://` means the same as `socks5h://`. User name
    /// and password may be missing and are percent-decoded. No error repeats a part of the URL that might be the password.
    pub fn parse(url: &str) -> Result<Proxy, Error> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(invalid(
                "has no scheme; write http://host:port or socks5h://host:port",
            ));
        };
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyKind::Http,
            "socks5" | "socks5h" => ProxyKind::Socks5,
            "https" => {
                return Err(unsupported(
                    "https, that is TLS to the proxy; use an http:// or socks5h:// proxy",
                ));
            }
            "socks4" | "socks4a" => {
                return Err(unsupported(
                    "SOCKS version 4; use a proxy that speaks version 5 (socks5h://)",
                ));
            }
            _ => {
                return Err(unsupported(
                    "a scheme other than http, socks5h and socks5; write http://host:port or socks5h://host:port",
                ));
            }
        };
        // A password may hold an '@' or a '/' that somebody did not encode; a host never holds an '@'.
        let (login, address) = match rest.rsplit_once('@') {
            Some((login, address)) => (Some(parse_login(login, kind)?), address),
            None => (None, rest),
        };
        let address = address.strip_suffix('/').unwrap_or(address);
        let (host, port) = parse_address(address)?;
        let port = match port {
            Some(port) => port,
            None if kind == ProxyKind::Http => 80,
            None => 1080,
        };
        Ok(Proxy {
            kind,
            host: host.to_owned(),
            port,
            login,
        })
    }
}

fn parse_login(text: &str, kind: ProxyKind) -> Result<ProxyLogin, Error> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let login = ProxyLogin {
        user: percent_decode(user, "user name")?.to_vec(),
        password: percent_decode(password, "password")?,
    };
    match kind {
        ProxyKind::Http if login.user.contains(&b':') => Err(invalid(
            "has a colon in the user name, which Basic authentication cannot express (RFC 7617 section 2)",
        )),
        ProxyKind::Socks5 if login.user.is_empty() || login.user.len() > LONGEST_SOCKS_LOGIN => {
            Err(invalid(
                "has a user name that is not of 1 to 255 bytes, as SOCKS needs (RFC 1929 section 2)",
            ))
        }
        ProxyKind::Socks5 if login.password.len() > LONGEST_SOCKS_LOGIN => Err(invalid(
            "has a password of more than 255 bytes, the most that SOCKS can send (RFC 1929 section 2)",
        )),
        _ => Ok(login),
    }
}

fn parse_address(address: &str) -> Result<(&str, Option<u16>), Error> {
    let (host, port) = if let Some(literal) = address.strip_prefix('[') {
        let Some((host, behind)) = literal.split_once(']') else {
            return Err(invalid("has an IPv6 address without its closing bracket"));
        };
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(invalid(
                "has brackets around something that is no IPv6 address",
            ));
        }
        match behind {
            "" => (host, None),
            _ => match behind.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None => return Err(invalid("has something between the bracket and the port")),
            },
        }
    } else {
        match address.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(invalid(
                    "has more than one colon behind the host; an IPv6 address needs brackets, and a colon or '@' in the password its percent-encoding",
                ));
            }
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        }
    };
    if host.is_empty() {
        return Err(invalid("has no host"));
    }
    if host.len() > 253 {
        return Err(invalid("has a host of more than 253 bytes"));
    }
    if !host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte))
    {
        return Err(invalid(
            "has a host with a character that no host name has, or a path",
        ));
    }
    let port = match port {
        None => None,
        // `parse` alone would take "+80".
        Some(port) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            match port.parse() {
                Ok(port @ 1..) => Some(port),
                _ => return Err(invalid("has a port that is not in 1 to 65535")),
            }
        }
        Some(_) => return Err(invalid("has a port that is not a number")),
    };
    Ok((host, port))
}

fn percent_decode(text: &str, what: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match (digit(bytes.next()), digit(bytes.next())) {
            (Some(high), Some(low)) => decoded.push((high << 4 | low) as u8),
            _ => {
                return Err(invalid(format!(
                    "has a '%' in the {what} without two hexadecimal digits behind it; a '%' itself is written %25"
                )));
            }
        }
    }
    Ok(decoded)
}

fn invalid(what: impl fmt::Display) -> Error {
    Error::new(Code::InvalidArgument, format!("the proxy's URL {what}"))
}

fn unsupported(what: &str) -> Error {
    Error::new(
        Code::NotSupported,
        format!("the proxy's URL asks for {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(user: &[u8], password: &[u8]) -> Option<ProxyLogin> {
        Some(ProxyLogin {
            user: user.to_vec(),
            password: Zeroizing::new(password.to_vec()),
        })
    }

    fn check(url: &str, kind: ProxyKind, host: &str, port: u16, expected: Option<ProxyLogin>) {
        let proxy = Proxy::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(
            (proxy.kind, proxy.host.as_str(), proxy.port),
            (kind, host, port),
            "{url}"
        );
        assert!(proxy.login == expected, "{url}");
    }

    #[test]
    fn urls_name_kind_host_port_and_login() {
        use ProxyKind::{Http, Socks5};
        check("http://proxy:3128", Http, "proxy", 3128, None);
        check(
            "HTTP://proxy.example.com/",
            Http,
            "proxy.example.com",
            80,
            None,
        );
        check("socks5h://10.0.0.1", Socks5, "10.0.0.1", 1080, None);
        check("socks5://a_b:1", Socks5, "a_b", 1, None);
        check("http://[fe80::1]:65535", Http, "fe80::1", 65535, None);
        check("socks5h://[::1]", Socks5, "::1", 1080, None);
        check("http://u:p@h:1", Http, "h", 1, login(b"u", b"p"));
        check("http://u@h:1", Http, "h", 1, login(b"u", b""));
        check("http://:p@h:1", Http, "h", 1, login(b"", b"p"));
        check("http://u:p:q@h:1", Http, "h", 1, login(b"u", b"p:q"));
        check(
            "http://u:p@q/r?s#t@h:1/",
            Http,
            "h",
            1,
            login(b"u", b"p@q/r?s#t"),
        );
        check(
            "socks5h://a%3ab:%40%2F%25%00%ff@h",
            Socks5,
            "h",
            1080,
            login(b"a:b", b"@/%\0\xff"),
        );
    }

    #[test]
    fn wrong_urls_are_refused_with_the_reason_and_without_the_password() {
        let long = format!("socks5h://u:{}@h", "secret".repeat(50));
        let long_host = format!("http://{}", "h".repeat(254));
        for (url, code, words) in [
            ("", Code::InvalidArgument, "no scheme"),
            ("proxy:3128", Code::InvalidArgument, "no scheme"),
            ("user:secret@proxy:3128", Code::InvalidArgument, "no scheme"),
            (
                "https://u:secret@h:1",
                Code::NotSupported,
                "TLS to the proxy",
            ),
            ("socks4://h:1", Code::NotSupported, "version 4"),
            (
                "ftp://u:secret@h",
                Code::NotSupported,
                "a scheme other than",
            ),
            ("http://", Code::InvalidArgument, "no host"),
            ("http://u:secret@", Code::InvalidArgument, "no host"),
            ("http://u:secret@:80", Code::InvalidArgument, "no host"),
            ("http://u:secret", Code::InvalidArgument, "not a number"),
            ("http://h:0", Code::InvalidArgument, "1 to 65535"),
            ("http://h:65536", Code::InvalidArgument, "1 to 65535"),
            ("http://h:+80", Code::InvalidArgument, "not a number"),
            ("http://h:", Code::InvalidArgument, "not a number"),
            ("http://h/path", Code::InvalidArgument, "or a path"),
            ("http://h\r\n", Code::InvalidArgument, "no host name has"),
            ("http://::1", Code::InvalidArgument, "needs brackets"),
            ("http://[::1", Code::InvalidArgument, "closing bracket"),
            ("http://[proxy]:1", Code::InvalidArgument, "no IPv6 address"),
            ("http://[::1]1", Code::InvalidArgument, "between"),
            (
                "http://u:secret%@h",
                Code::InvalidArgument,
                "'%' in the password",
            ),
            (
                "http://u:secret%4@h",
                Code::InvalidArgument,
                "'%' in the password",
            ),
            (
                "http://u%+1:secret@h",
                Code::InvalidArgument,
                "'%' in the user name",
            ),
            ("http://a%3Ab:secret@h", Code::InvalidArgument, "colon"),
            ("socks5h://:secret@h", Code::InvalidArgument, "1 to 255"),
            (&long, Code::InvalidArgument, "255 bytes"),
            (&long_host, Code::InvalidArgument, "253"),
        ] {
            let error = Proxy::parse(url)
                .err()
                .unwrap_or_else(|| panic!("{url} was taken"));
            assert_eq!(error.code, code, "{url}: {error}");
            assert!(error.detail.contains(words), "{url}: {error}");
            assert!(!error.detail.contains("secret"), "{url}: {error}");
        }
    }

    #[test]
    fn a_proxy_is_shown_without_its_login() {
        let proxy = Proxy::parse("http://someone:secret@h:1").unwrap();
        assert_eq!(format!("{proxy}"), "h port 1");
        assert_eq!(format!("{proxy:?}"), "Http proxy h port 1");
    }
}
