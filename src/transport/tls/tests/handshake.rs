use super::peer::*;
use crate::transport::Link;
use crate::transport::tls::{TlsConfig, TlsLink};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use std::io::{Read, Write};

/// SNI, ALPN and client certificate.
type Seen = (Option<String>, Option<Vec<u8>>, Option<Vec<u8>>);

/// Echoes five bytes, and says what it saw.
fn echo(mut stream: ServerStream) -> std::io::Result<Seen> {
    let mut bytes = [0; 5];
    stream.read_exact(&mut bytes)?;
    stream.write_all(&bytes)?;
    let connection = &stream.conn;
    Ok((
        connection.server_name().map(str::to_owned),
        connection.alpn_protocol().map(<[u8]>::to_vec),
        connection
            .peer_certificates()
            .map(|chain| chain[0].to_vec()),
    ))
}

fn mutual(version: &'static SupportedProtocolVersion, trickle: bool) -> String {
    let ca = Authority::new("ca");
    let device = ca.device();
    let (address, server) = serve(server_config(&ca.server(HOST), Some(&ca), &[version]), echo);
    let credentials = credentials(&ca, Some(&device));
    let tcp = dial(address);
    let mut link = if trickle {
        client(
            Trickle {
                inner: tcp,
                ready: false,
            },
            &credentials,
            HOST,
        )
    } else {
        client(tcp, &credentials, HOST)
    };
    handshake(&mut link).unwrap();
    write_all(&mut link, b"hello").unwrap();
    assert_eq!(read_exact(&mut link, 5), b"hello");
    let (sni, alpn, certificate) = server.join().unwrap().unwrap();
    assert_eq!(sni.as_deref(), Some(HOST));
    assert_eq!(alpn, None);
    assert_eq!(
        certificate.as_deref(),
        Some(device.certificate.der().as_ref())
    );
    link.summary().unwrap()
}

#[test]
fn mutual_authentication_over_tls_1_3() {
    assert_eq!(
        mutual(&TLS13, false),
        "TLS 1.3, TLS_AES_128_GCM_SHA256, no ALPN"
    );
}

#[test]
fn mutual_authentication_over_tls_1_2() {
    assert_eq!(
        mutual(&TLS12, false),
        "TLS 1.2, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, no ALPN"
    );
}

#[test]
fn a_handshake_may_come_byte_by_byte() {
    mutual(&TLS13, true);
    mutual(&TLS12, true);
}

#[test]
fn alpn_is_agreed() {
    let ca = Authority::new("ca");
    let mut config = server_config(&ca.server(HOST), None, &[&TLS13]);
    config.alpn_protocols = vec![b"mqtt".to_vec(), b"x-amzn-mqtt-ca".to_vec()];
    let (address, server) = serve(config, echo);
    let config = TlsConfig::new(
        &credentials(&ca, None),
        TlsVersion::V1_2,
        &["x-amzn-mqtt-ca"],
    )
    .unwrap();
    let mut link = TlsLink::new(Box::new(dial(address)), &config, HOST).unwrap();
    handshake(&mut link).unwrap();
    assert_eq!(link.alpn(), Some("x-amzn-mqtt-ca"));
    assert_eq!(
        link.summary().unwrap(),
        "TLS 1.3, TLS_AES_128_GCM_SHA256, ALPN x-amzn-mqtt-ca"
    );
    write_all(&mut link, b"hello").unwrap();
    assert_eq!(
        server.join().unwrap().unwrap().1.as_deref(),
        Some(&b"x-amzn-mqtt-ca"[..])
    );
}

#[test]
fn an_address_is_verified_by_the_address_in_the_certificate_and_sends_no_sni() {
    let ca = Authority::new("ca");
    let (address, server) = serve(
        server_config(&ca.server("127.0.0.1"), None, &[&TLS13]),
        echo,
    );
    let mut link = client(dial(address), &credentials(&ca, None), "127.0.0.1");
    handshake(&mut link).unwrap();
    write_all(&mut link, b"hello").unwrap();
    assert_eq!(server.join().unwrap().unwrap().0, None);
}

#[test]
fn a_trailing_dot_is_not_part_of_the_name() {
    let ca = Authority::new("ca");
    let (address, server) = serve(server_config(&ca.server(HOST), None, &[&TLS13]), echo);
    let mut link = client(dial(address), &credentials(&ca, None), &format!("{HOST}."));
    handshake(&mut link).unwrap();
    write_all(&mut link, b"hello").unwrap();
    assert_eq!(server.join().unwrap().unwrap().0.as_deref(), Some(HOST));
}

#[test]
fn clients_with_equal_credentials_resume_each_others_sessions() {
    let ca = Authority::new("ca");
    let credentials = credentials(&ca, None);
    // Keeps the shared configuration alive between the two, as a client does.
    let _config = TlsConfig::new(&credentials, TlsVersion::V1_2, &[]).unwrap();
    let config = server_config(&ca.server(HOST), None, &[&TLS13]);
    let mut summaries = Vec::new();
    for _ in 0..2 {
        let (address, server) = serve(config.clone(), echo);
        let mut link = client(dial(address), &credentials, HOST);
        handshake(&mut link).unwrap();
        write_all(&mut link, b"hello").unwrap();
        // The tickets come before the echo.
        read_exact(&mut link, 5);
        summaries.push(link.summary().unwrap());
        link.close();
        server.join().unwrap().unwrap();
    }
    assert!(!summaries[0].contains("resumed"), "{summaries:?}");
    assert!(summaries[1].ends_with(", resumed"), "{summaries:?}");
}

#[test]
fn only_the_configured_cipher_suites_are_offered() {
    let ca = Authority::new("ca");
    let mut credentials = credentials(&ca, None);
    credentials.ciphers = Some("ECDHE-ECDSA-AES256-GCM-SHA384".into());
    let (address, server) = serve(
        server_config(&ca.server(HOST), None, &[&TLS13, &TLS12]),
        echo,
    );
    let mut link = client(dial(address), &credentials, HOST);
    handshake(&mut link).unwrap();
    assert_eq!(
        link.summary().unwrap(),
        "TLS 1.2, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, no ALPN"
    );
    write_all(&mut link, b"hello").unwrap();
    server.join().unwrap().unwrap();
}

#[test]
fn tls_1_2_is_not_spoken_below_the_minimum_version() {
    let ca = Authority::new("ca");
    let (address, server) = serve(server_config(&ca.server(HOST), None, &[&TLS12]), echo);
    let config = TlsConfig::new(&credentials(&ca, None), TlsVersion::V1_3, &[]).unwrap();
    let mut link = TlsLink::new(Box::new(dial(address)), &config, HOST).unwrap();
    let error = handshake(&mut link).unwrap_err();
    assert!(error.detail.contains("protocol_version (70)"), "{error}");
    assert!(error.detail.contains("minimum version"), "{error}");
    assert!(server.join().unwrap().is_err());

    let mut old = credentials(&ca, None);
    old.ciphers = Some("ECDHE-ECDSA-AES128-GCM-SHA256".into());
    let error = TlsConfig::new(&old, TlsVersion::V1_3, &[]).unwrap_err();
    assert!(error.detail.contains("TLS 1.3"), "{error}");
}
