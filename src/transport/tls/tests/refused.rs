//! Each way in which a handshake ends badly, and what the person with the device is told.

use super::peer::*;
use crate::error::{Code, Error};
use crate::transport::tcp::TcpLink;
use crate::transport::tls::{TlsConfig, TlsLink};
use crate::transport::{Link, read_error};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, SupportedProtocolVersion};
use std::io::{self, Read, Write};

/// What the server's side of a failing handshake ends with.
fn until_it_fails(mut stream: ServerStream) -> io::Result<()> {
    let mut byte = [0];
    stream.read_exact(&mut byte)
}

/// Our error on a server with this certificate, and the alert that the server got.
fn verify(ca: &Authority, server: &Identity, name: &str) -> (Error, AlertDescription) {
    let (address, server) = serve(server_config(server, None, &[&TLS13]), until_it_fails);
    let mut link = client(dial(address), &credentials(ca, None), name);
    let error = handshake(&mut link).unwrap_err();
    drop(link);
    let server = server.join().unwrap().unwrap_err();
    let alert = match server
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(rustls::Error::AlertReceived(alert)) => *alert,
        other => panic!("no alert reached the server, but {other:?} ({server})"),
    };
    (error, alert)
}

#[test]
fn a_server_of_an_unknown_ca_is_untrusted_and_hears_of_it() {
    let (error, alert) = verify(
        &Authority::new("ours"),
        &Authority::new("theirs").server(HOST),
        HOST,
    );
    assert_eq!(error.code, Code::PeerUntrusted, "{error}");
    assert!(error.detail.contains(HOST), "{error}");
    assert_eq!(alert, AlertDescription::UnknownCA);
}

#[test]
fn p9_without_a_ca_the_systems_store_alone_is_trusted() {
    let ca = Authority::new("ours");
    let mut credentials = credentials(&ca, Some(&ca.device()));
    credentials.ca = None;
    let config = match TlsConfig::new(&credentials, TlsVersion::V1_2, &[]) {
        Ok(config) => config,
        // A system without a store trusts nobody.
        Err(error) => return assert_eq!(error.code, Code::CaFile, "{error}"),
    };
    let (address, _server) = serve(
        server_config(&ca.server(HOST), None, &[&TLS13]),
        until_it_fails,
    );
    let mut link = TlsLink::new(Box::new(dial(address)), &config, HOST).unwrap();
    assert_eq!(handshake(&mut link).unwrap_err().code, Code::PeerUntrusted);
}

#[test]
fn a_server_with_another_name_is_named_with_its_names() {
    let ca = Authority::new("ca");
    let (error, alert) = verify(&ca, &ca.server("other.example.com"), HOST);
    assert_eq!(error.code, Code::PeerName, "{error}");
    assert!(error.detail.contains(HOST), "{error}");
    assert!(error.detail.contains("other.example.com"), "{error}");
    assert_eq!(alert, AlertDescription::BadCertificate);
}

#[test]
fn a_server_whose_certificate_has_a_common_name_only_is_told_so() {
    let ca = Authority::new("ca");
    let (error, _) = verify(&ca, &ca.issue(CertificateParams::default()), HOST);
    assert_eq!(error.code, Code::PeerName, "{error}");
    assert!(error.detail.contains("subjectAltName"), "{error}");
}

#[test]
fn an_address_is_not_verified_by_a_name() {
    let ca = Authority::new("ca");
    let (error, _) = verify(&ca, &ca.server(HOST), "127.0.0.1");
    assert_eq!(error.code, Code::PeerName, "{error}");
    assert!(error.detail.contains("127.0.0.1"), "{error}");
}

#[test]
fn an_expired_server_makes_us_doubt_our_clock() {
    let ca = Authority::new("ca");
    let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
    params.not_after = date_time_ymd(2001, 2, 3);
    let (error, alert) = verify(&ca, &ca.issue(params), HOST);
    assert_eq!(error.code, Code::PeerExpired, "{error}");
    assert!(
        error.detail.contains("expired on 2001-02-03 00:00:00 UTC"),
        "{error}"
    );
    assert!(
        error.detail.contains("this device believes it is 2"),
        "{error}"
    );
    assert!(error.detail.contains("check its clock"), "{error}");
    assert_eq!(alert, AlertDescription::CertificateExpired);
}

#[test]
fn a_server_that_is_not_valid_yet_makes_us_doubt_our_clock() {
    let ca = Authority::new("ca");
    let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
    params.not_before = date_time_ymd(3001, 2, 3);
    let (error, _) = verify(&ca, &ca.issue(params), HOST);
    assert_eq!(error.code, Code::PeerExpired, "{error}");
    assert!(error.detail.contains("3001-02-03"), "{error}");
    assert!(error.detail.contains("check its clock"), "{error}");
}

#[test]
fn a_ca_certificate_is_no_server_certificate() {
    let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let (error, _) = {
        let server = Identity { certificate, key };
        let (address, thread) = serve(server_config(&server, None, &[&TLS13]), until_it_fails);
        let mut credentials = credentials(&Authority::new("ca"), None);
        credentials.ca = Some(pem("ca.pem", &server.certificate.pem()));
        let mut link = client(dial(address), &credentials, HOST);
        (handshake(&mut link).unwrap_err(), thread)
    };
    assert_eq!(error.code, Code::PeerUntrusted, "{error}");
    assert!(error.detail.contains("CA:FALSE"), "{error}");
}

/// A server that wants the certificates of `theirs`; the error at the first read, or in the handshake.
fn refused_device(
    version: &'static SupportedProtocolVersion,
    device: Option<&Identity>,
    write_first: bool,
) -> (Error, bool) {
    let (ca, theirs) = (Authority::new("ca"), Authority::new("theirs"));
    let (address, server) = serve(
        server_config(&ca.server(HOST), Some(&theirs), &[version]),
        until_it_fails,
    );
    let mut link = client(dial(address), &credentials(&ca, device), HOST);
    let result = handshake(&mut link);
    let in_handshake = result.is_err();
    let error = match result {
        Err(error) => error,
        Ok(()) if write_first => {
            // Only with the socket closed on the other side is a write sure to fail.
            server.join().unwrap().unwrap_err();
            loop {
                if let Err(error) = write_all(&mut link, b"CONNECT") {
                    break read_error(&error);
                }
            }
        }
        Ok(()) => read_error(&read(&mut link, &mut [0; 16]).unwrap_err()),
    };
    // It stays so.
    let again = link.read(&mut [0; 16]).unwrap_err();
    assert_eq!(read_error(&again), error);
    (error, in_handshake)
}

#[test]
fn tls_1_3_refuses_a_device_after_the_handshake() {
    let device = Authority::new("unknown").device();
    let (error, in_handshake) = refused_device(&TLS13, Some(&device), false);
    assert!(!in_handshake);
    assert_eq!(error.code, Code::RefusedByPeer, "{error}");
    assert!(error.detail.contains("unknown_ca (48)"), "{error}");
    assert!(
        error
            .detail
            .contains("does not accept the device certificate"),
        "{error}"
    );
}

#[test]
fn tls_1_3_refuses_a_device_without_certificate() {
    let (error, _) = refused_device(&TLS13, None, false);
    assert_eq!(error.code, Code::RefusedByPeer, "{error}");
    assert!(
        error.detail.contains("certificate_required (116)"),
        "{error}"
    );
}

#[test]
fn a_refusal_is_found_behind_a_failing_write() {
    let device = Authority::new("unknown").device();
    let (error, _) = refused_device(&TLS13, Some(&device), true);
    assert_eq!(error.code, Code::RefusedByPeer, "{error}");
}

#[test]
fn tls_1_2_refuses_a_device_in_the_handshake() {
    let device = Authority::new("unknown").device();
    let (error, in_handshake) = refused_device(&TLS12, Some(&device), false);
    assert!(in_handshake);
    assert_eq!(error.code, Code::RefusedByPeer, "{error}");
    assert!(error.detail.contains("unknown_ca (48)"), "{error}");
}

#[test]
fn an_alert_in_the_handshake_is_named() {
    let ca = Authority::new("ca");
    let mut config = server_config(&ca.server(HOST), None, &[&TLS13]);
    config.alpn_protocols = vec![b"other".to_vec()];
    let (address, _server) = serve(config, until_it_fails);
    let config = TlsConfig::new(&credentials(&ca, None), TlsVersion::V1_2, &["mqtt"]).unwrap();
    let mut link = TlsLink::new(Box::new(dial(address)), &config, HOST).unwrap();
    let error = handshake(&mut link).unwrap_err();
    assert_eq!(error.code, Code::RefusedByPeer, "{error}");
    assert!(
        error.detail.contains("no_application_protocol (120)"),
        "{error}"
    );
}

fn raw(answer: &'static [u8]) -> Error {
    let (address, server) = listen(move |mut stream| {
        // The whole ClientHello, lest closing resets the connection.
        let mut header = [0; 5];
        stream.read_exact(&mut header)?;
        let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        stream.read_exact(&mut hello)?;
        stream.write_all(answer)
    });
    let mut link = client(
        dial(address),
        &credentials(&Authority::new("ca"), None),
        HOST,
    );
    let error = handshake(&mut link).unwrap_err();
    server.join().unwrap().unwrap();
    error
}

#[test]
fn a_peer_that_closes_in_the_middle_is_a_lost_connection() {
    for answer in [&b""[..], b"\x16\x03\x03"] {
        let error = raw(answer);
        assert_eq!(error.code, Code::ConnectionLost, "{error}");
        assert!(
            error.detail.contains("closed during the TLS handshake"),
            "{error}"
        );
    }
}

#[test]
fn a_peer_that_resets_in_the_middle_is_a_lost_connection() {
    let (address, server) = listen(|stream| {
        // Closed with bytes unread, TCP resets.
        stream.peek(&mut [0])?;
        Ok(())
    });
    let mut link = client(
        dial(address),
        &credentials(&Authority::new("ca"), None),
        HOST,
    );
    let error = handshake(&mut link).unwrap_err();
    assert_eq!(error.code, Code::ConnectionLost, "{error}");
    assert!(error.detail.contains("TLS handshake"), "{error}");
    server.join().unwrap().unwrap();
}

#[test]
fn a_peer_that_does_not_speak_tls_is_called_that() {
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x20\x02\x00\x05\x00\x00\x00",
        b"\x17\x03\x03\x00\x01\x00",
    ] {
        let error = raw(answer);
        assert_eq!(error.code, Code::Tls, "{error}");
        assert!(
            error.detail.contains("the peer does not speak TLS"),
            "{error}"
        );
    }
}

#[test]
fn a_name_that_no_server_can_have_is_refused_at_once() {
    let config = TlsConfig::new(
        &credentials(&Authority::new("ca"), None),
        TlsVersion::V1_2,
        &[],
    )
    .unwrap();
    for name in ["", "two words", ".", "a..b"] {
        let (socket, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
        let link = TcpLink::from_socket(socket.into()).unwrap();
        let error = TlsLink::new(Box::new(link), &config, name).unwrap_err();
        assert_eq!(error.code, Code::PeerName, "{error}");
        assert!(error.detail.contains(&format!("\"{name}\"")), "{error}");
    }
}

#[test]
fn an_alert_to_a_client_that_was_accepted_is_a_lost_connection() {
    use super::super::failure::{Stage, explain};
    let alert = rustls::Error::AlertReceived(AlertDescription::InternalError);
    let error = explain(&alert, Stage::Accepted, HOST);
    assert_eq!(error.code, Code::ConnectionLost);
    assert!(error.detail.contains("internal_error (80)"), "{error}");
}

#[test]
fn a_clock_that_starts_in_1970_is_shown_as_that() {
    use super::super::failure::calendar;
    assert_eq!(calendar(0), "1970-01-01 00:00:00 UTC");
    assert_eq!(calendar(951_782_399), "2000-02-28 23:59:59 UTC");
    assert_eq!(calendar(951_782_400), "2000-02-29 00:00:00 UTC");
    assert_eq!(calendar(951_868_800), "2000-03-01 00:00:00 UTC");
    assert_eq!(calendar(4_107_542_399), "2100-02-28 23:59:59 UTC");
    assert_eq!(calendar(4_107_542_400), "2100-03-01 00:00:00 UTC");
    assert_eq!(calendar(2_524_607_999), "2049-12-31 23:59:59 UTC");
    calendar(u64::MAX);
}
