//! The tests' own gateway does what it is for: it lets through to mosquitto what is signed as AWS wants it, and nothing else.

mod support;

use aws_iot_mqtt::aws::sigv4::{Request, presigned_path};
use aws_iot_mqtt::config::IamCredentials;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use std::net::TcpStream;
use std::time::SystemTime;
use support::STEP;
use support::certificates::Certificates;
use support::gateway::Gateway;
use support::mosquitto::Mosquitto;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Error, Message, WebSocket};
use zeroize::Zeroizing;

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "token/+==";
/// MQTT 3.1.1, clean session, no keep-alive, client id "g".
const CONNECT: [u8; 15] = [
    0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 1, b'g',
];

type Client = WebSocket<StreamOwned<ClientConnection, TcpStream>>;

fn signed(gateway: &Gateway, seconds_off: i64) -> String {
    let credentials = IamCredentials {
        access_key_id: ID.into(),
        secret_access_key: Zeroizing::new(SECRET.into()),
        session_token: Some(Zeroizing::new(TOKEN.into())),
        expires: None,
    };
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let request = Request {
        host: &format!("localhost:{}", gateway.port),
        region: "eu-central-1",
        service: "iotdevicegateway",
        time: now.saturating_add_signed(seconds_off),
        expires_secs: None,
    };
    presigned_path(&credentials, &request).to_string()
}

#[allow(clippy::result_large_err)] // tungstenite's type.
fn upgrade(certificates: &Certificates, gateway: &Gateway, path: &str) -> Result<Client, Error> {
    let tcp = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    tcp.set_read_timeout(Some(STEP)).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(certificates.client("ca", "client"), name).unwrap();
    let mut request = format!("wss://localhost:{}{path}", gateway.port)
        .into_client_request()
        .unwrap();
    let mqtt = tungstenite::http::HeaderValue::from_static("mqtt");
    request.headers_mut().insert("sec-websocket-protocol", mqtt);
    match tungstenite::client(request, StreamOwned::new(tls, tcp)) {
        Ok((client, _)) => Ok(client),
        Err(tungstenite::HandshakeError::Failure(error)) => Err(error),
        Err(interrupted) => panic!("{interrupted}"),
    }
}

#[test]
fn good_signatures_get_through_and_others_do_not() {
    let certificates = Certificates::new();
    let mosquitto = Mosquitto::start(&certificates);
    let gateway = Gateway::start(&certificates, mosquitto.port, 0);
    gateway.accept_key(ID, SECRET, Some(TOKEN));

    let mut client = upgrade(&certificates, &gateway, &signed(&gateway, 0)).unwrap();
    let seen = gateway.wait_for(1).remove(0);
    assert_eq!(seen.sni.as_deref(), Some("localhost"));
    assert_eq!(seen.alpn, None);
    assert_eq!(seen.host, format!("localhost:{}", gateway.port));
    assert_eq!(seen.verdict.unwrap().access_key_id, ID);
    // A packet in two frames.
    for part in [&CONNECT[..5], &CONNECT[5..]] {
        client.send(Message::Binary(part.to_vec().into())).unwrap();
    }
    let connack = client.read().unwrap().into_data();
    assert_eq!(&connack[..], [0x20, 2, 0, 0]);
    client.send(Message::Binary(vec![0xc0, 0].into())).unwrap();
    let pingresp = client.read().unwrap().into_data();
    assert_eq!(&pingresp[..], [0xd0, 0]);
    client.close(None).unwrap();
    client.flush().unwrap();

    // The last of the signature's digits, changed.
    let good = signed(&gateway, 0);
    let at = good.find("&X-Amz-Security-Token").unwrap() - 1;
    let mut flipped = good.into_bytes();
    flipped[at] ^= 1;
    let flipped = String::from_utf8(flipped).unwrap();
    for path in [
        flipped,
        signed(&gateway, 301),
        signed(&gateway, -301),
        "/mqtt".into(),
    ] {
        match upgrade(&certificates, &gateway, &path) {
            Err(Error::Http(response)) => {
                assert_eq!(response.status(), 403);
                let date = response.headers()["date"].to_str().unwrap();
                assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
            }
            other => panic!(
                "{path}: {}",
                other.map_or_else(|error| error.to_string(), |_| "taken".into())
            ),
        }
    }
    gateway.revoke_key(ID);
    assert!(upgrade(&certificates, &gateway, &signed(&gateway, 0)).is_err());
    assert_eq!(
        gateway
            .wait_for(6)
            .iter()
            .filter(|seen| seen.verdict.is_ok())
            .count(),
        1
    );
}

#[test]
fn its_clock_may_be_another_one() {
    let certificates = Certificates::new();
    let mosquitto = Mosquitto::start(&certificates);
    let gateway = Gateway::start(&certificates, mosquitto.port, 3_600);
    gateway.accept_key(ID, SECRET, Some(TOKEN));
    assert!(upgrade(&certificates, &gateway, &signed(&gateway, 0)).is_err());
    assert!(upgrade(&certificates, &gateway, &signed(&gateway, 3_600)).is_ok());
}
