//! `c-examples/doctor.c`: for each thing that can be wrong with a connection it shows the right diagnosis, and the steps before it hold.

mod support;

use rustls::version::{TLS12, TLS13};
use std::net::TcpListener;
use support::STEP;
use support::broker::{Broker, Listener};
use support::certificates::Certificates;
use support::mosquitto::Mosquitto;
use support::packets::{connack, suback};
use support::patient::{Patient, has};
use support::process::{Lines, spawn};

#[test]
fn all_is_well_with_mosquitto_over_mutual_tls() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let mut patient = Patient::at(broker.port);
    patient.endpoint = "localhost";
    let (well, said) = patient.examined(&certificates);
    assert!(well, "{said}");
    let steps = [
        "files",
        "clock",
        "name",
        "TCP",
        "TLS",
        "TLS certificate",
        "CONNACK",
        "subscribe",
        "publish",
        "receive",
        "round trip",
        "client id",
    ];
    for step in steps {
        assert!(has(&said, "ok", step), "{step} should hold:\n{said}");
    }
    assert!(!said.contains("FAIL"), "{said}");
    assert!(
        said.contains("TLS 1.3, ") && said.contains("no ALPN"),
        "{said}"
    );
    assert!(said.contains("3 messages: "), "{said}");
}

#[test]
fn an_unknown_host_is_a_name() {
    let mut patient = Patient::at(8883);
    patient.endpoint = "host.invalid";
    let certificates = Certificates::new();
    // Whether a name server answers at all depends on the machine.
    patient.suffers(&certificates, &["files"], "name", &["host.invalid: "]);
}

#[test]
fn a_closed_port_is_tcp() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("the port").port();
    drop(socket);
    let words = ["Connection refused", "nothing listens on this port"];
    Patient::at(port).suffers(&Certificates::new(), &["files", "name"], "TCP", &words);
}

#[test]
fn a_key_of_another_certificate_is_the_private_key() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let mut patient = Patient::at(broker.port);
    patient.files[2] = "other_client.key";
    let words = ["ERR_PRIVATE_KEY", "other_client.key", "the wrong key"];
    patient.suffers(&certificates, &["name", "TCP"], "private key", &words);
}

#[test]
fn files_that_are_not_there_are_named() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    for (place, step) in ["CA file", "device certificate", "private key"]
        .into_iter()
        .enumerate()
    {
        let mut patient = Patient::at(broker.port);
        patient.files[place] = "nowhere.pem";
        patient.suffers(&certificates, &["TCP"], step, &["nowhere.pem"]);
    }
}

#[test]
fn a_wrong_ca_is_the_chain() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let mut patient = Patient::at(broker.port);
    patient.files[0] = "other_ca.pem";
    let words = [
        "ERR_PEER_UNTRUSTED",
        "the wrong CA file",
        "AmazonRootCA1.pem",
    ];
    patient.suffers(&certificates, &["files", "TCP"], "TLS chain", &words);
}

/// A broker whose TLS handshake the library ends; before it the doctor only knocks.
fn refused_by_us(server: &str, step: &str, words: &[&str]) {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server(server), |listener| {
        drop(listener.accept_tcp());
        listener.accept_refused();
    });
    Patient::at(broker.port()).suffers(&certificates, &["files", "TCP"], step, words);
    broker.finish();
}

#[test]
fn an_expired_certificate_is_the_dates_and_perhaps_the_clock() {
    let words = ["ERR_PEER_EXPIRED", "expired on 2001-01-01", "clock", "NTP"];
    refused_by_us("expired", "TLS dates", &words);
}

#[test]
fn a_certificate_of_the_future_is_the_dates_too() {
    refused_by_us(
        "not_yet_valid",
        "TLS dates",
        &["the clock of this device is wrong"],
    );
}

#[test]
fn a_wrong_name_is_the_name() {
    let words = ["ERR_PEER_NAME", "elsewhere.invalid", "describe-endpoint"];
    refused_by_us("wrong_name", "TLS name", &words);
}

/// A certificate that is not registered, or not active, is refused by the server.
#[test]
fn a_device_certificate_that_mosquitto_refuses_is_the_device_certificate() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let mut patient = Patient::at(broker.port);
    patient.files = ["ca.pem", "other_client.pem", "other_client.key"];
    let words = ["ERR_REFUSED_BY_PEER", "ACTIVE", "update-certificate"];
    patient.suffers(&certificates, &["TCP"], "TLS device certificate", &words);
}

#[test]
fn the_same_in_tls_1_2_and_1_3() {
    for version in [&TLS12, &TLS13] {
        let certificates = Certificates::new();
        let server = certificates.server_of("server", "other_ca", &[version]);
        let broker = Broker::tls(server, |listener| {
            drop(listener.accept_tcp());
            listener.accept_refused();
        });
        let patient = Patient::at(broker.port());
        patient.suffers(
            &certificates,
            &["TCP"],
            "TLS device certificate",
            &["not activated"],
        );
        broker.finish();
    }
}

#[test]
fn a_port_without_tls_is_tls() {
    let broker = Broker::plain(|listener| {
        drop(listener.accept_tcp());
        let mut connection = listener.accept();
        connection.read_exact(5);
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        connection.close();
    });
    let words = ["does not speak TLS", "8883 and 443"];
    Patient::at(broker.port()).suffers(&Certificates::new(), &["TCP"], "TLS", &words);
    broker.finish();
}

#[test]
fn a_peer_that_closes_inside_the_tls_handshake_is_tls() {
    let broker = Broker::plain(|listener| {
        drop(listener.accept_tcp());
        let mut connection = listener.accept();
        let header = connection.read_exact(5);
        connection.read_exact(usize::from(u16::from_be_bytes([header[3], header[4]])));
        connection.close();
    });
    let words = ["a firewall or proxy that inspects it"];
    Patient::at(broker.port()).suffers(&Certificates::new(), &["TCP"], "TLS", &words);
    broker.finish();
}

/// Behind a good TLS handshake.
fn scripted(
    script: impl FnOnce(&mut Listener) + Send + 'static,
    before: &[&str],
    step: &str,
    words: &[&str],
) -> String {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server("server"), |listener| {
        drop(listener.accept_tcp());
        script(listener);
    });
    let said = Patient::at(broker.port()).suffers(&certificates, before, step, words);
    broker.finish();
    said
}

#[test]
fn a_refused_client_is_connack() {
    for (answer, words) in [
        (2, ["ERR_IDENTIFIER_REJECTED", "--client-id"]),
        (3, ["ERR_SERVER_UNAVAILABLE", "try again later"]),
        (4, ["ERR_BAD_USERNAME_OR_PASSWORD", "custom authorizer"]),
        (5, ["ERR_NOT_AUTHORIZED", "allow iot:Connect"]),
    ] {
        let script = move |listener: &mut Listener| {
            let mut connection = listener.accept();
            connection.expect_connect();
            connection.send(&connack(false, answer));
            connection.expect_end();
        };
        scripted(script, &["TLS", "TLS certificate"], "CONNACK", &words);
    }
}

/// AWS IoT says no in this way to a certificate without a policy.
#[test]
fn a_close_before_connack_is_the_policy() {
    let script = |listener: &mut Listener| {
        let mut connection = listener.accept();
        connection.expect_connect();
        connection.close();
    };
    let words = ["no policy attached", "iot:Connect"];
    scripted(script, &["TLS", "TLS certificate"], "CONNACK", &words);
}

#[test]
fn a_close_on_publish_is_the_policy() {
    let script = |listener: &mut Listener| {
        let mut connection = listener.accept();
        connection.welcome();
        let subscribe = connection.expect_packet("SUBSCRIBE");
        connection.answer(&subscribe);
        connection.expect_packet("PUBLISH");
        connection.close();
        // It comes back, and this time nothing is wrong.
        let mut connection = listener.accept();
        connection.welcome();
        connection.serve();
    };
    let words = ["ERR_REFUSED_BY_CLOSE", "iot:Publish on"];
    scripted(script, &["CONNACK", "subscribe"], "publish", &words);
}

#[test]
fn a_close_on_subscribe_is_the_policy() {
    let script = |listener: &mut Listener| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.expect_packet("SUBSCRIBE");
        connection.close();
        let mut connection = listener.accept();
        connection.welcome();
        connection.serve();
    };
    let words = ["ERR_REFUSED_BY_CLOSE", "iot:Subscribe on"];
    scripted(script, &["CONNACK"], "subscribe", &words);
}

#[test]
fn a_refused_subscription_is_the_policy() {
    let script = |listener: &mut Listener| {
        let mut connection = listener.accept();
        connection.welcome();
        let subscribe = connection.expect_packet("SUBSCRIBE");
        connection.send(&suback(subscribe.id(), &[0x80]));
        connection.serve();
    };
    let words = ["ERR_SUBSCRIBE_REFUSED", "iot:Subscribe on"];
    scripted(script, &["CONNACK"], "subscribe", &words);
}

/// The connection ends with nothing asked on it, and the publish that follows is only queued: that is not the policy.
#[test]
fn a_connection_that_was_lost_before_a_step_is_not_the_policy() {
    let script = |listener: &mut Listener| {
        let mut connection = listener.accept();
        connection.welcome();
        let subscribe = connection.expect_packet("SUBSCRIBE");
        // Both at once, so that the connection is given up before the subscribe returns. There is no packet type 15.
        let answer = suback(subscribe.id(), &[1]);
        connection.send(&[&answer[..], &[0xF0, 0]].concat());
        connection.expect_end();
        let mut connection = listener.accept();
        connection.welcome();
        connection.serve();
    };
    let words = ["the connection was lost before this step: AWS_IOT_MQTT_ERR_PROTOCOL: "];
    let said = scripted(script, &["CONNACK", "subscribe"], "publish", &words);
    assert!(!said.contains("policy"), "{said}");
}

#[test]
fn a_publish_without_an_answer_is_not_the_policy() {
    let script = |listener: &mut Listener| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.serve_but(|_, packet| packet.name() == "PUBLISH");
    };
    let words = ["ERR_TIMEOUT", "no answer came"];
    let said = scripted(script, &["CONNACK", "subscribe"], "publish", &words);
    assert!(!said.contains("policy"), "{said}");
}

#[test]
fn a_topic_that_is_a_filter_is_the_topic() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let mut patient = Patient::at(broker.port);
    patient.topic = "doctor/#";
    let words = ["ERR_INVALID_TOPIC", "without + and #"];
    patient.suffers(&certificates, &["subscribe"], "publish", &words);
}

/// Acknowledged and not delivered.
#[test]
fn a_message_that_does_not_come_back_is_receive() {
    let script = |listener: &mut Listener| {
        let mut connection = listener.accept();
        connection.welcome();
        connection.serve();
    };
    let words = ["iot:Receive on"];
    scripted(script, &["subscribe", "publish"], "receive", &words);
}

/// mosquitto_sub with the same client id comes back a second after it was thrown out, and throws the doctor out.
#[test]
fn a_client_id_that_another_program_uses_is_told() {
    let certificates = Certificates::new();
    let broker = Mosquitto::start(&certificates);
    let mut command = std::process::Command::new("mosquitto_sub");
    command.args(["-h", "127.0.0.1", "-i", "patient", "-t", "other", "-p"]);
    command.arg(broker.port.to_string());
    for (option, name) in [
        ("--cafile", "ca.pem"),
        ("--cert", "client.pem"),
        ("--key", "client.key"),
    ] {
        command.arg(option).arg(certificates.file(name));
    }
    command.stderr(std::process::Stdio::piped());
    let mut other = support::process::Ended(spawn(&mut command, "mosquitto-clients"));
    let _complaints = Lines::of(other.0.stderr.take().expect("a pipe"));
    assert!(broker.log.wait_for(STEP, "Sending SUBACK to patient"));
    let (well, said) = Patient::at(broker.port).examined(&certificates);
    assert!(!well && has(&said, "FAIL", "client id"), "{said}");
    assert!(
        said.contains("another program uses the same client id"),
        "{said}"
    );
}

/// A close on a packet, and then one on nothing: it is not the policy.
#[test]
fn a_close_on_publish_and_one_on_nothing_is_the_client_id() {
    let certificates = Certificates::new();
    let broker = Broker::tls(certificates.server("server"), |listener| {
        drop(listener.accept_tcp());
        let mut connection = listener.accept();
        connection.welcome();
        let subscribe = connection.expect_packet("SUBSCRIBE");
        connection.answer(&subscribe);
        connection.expect_packet("PUBLISH");
        connection.close();
        let mut connection = listener.accept();
        connection.welcome();
        let subscribe = connection.expect_packet("SUBSCRIBE");
        connection.answer(&subscribe);
        connection.close();
    });
    let (well, said) = Patient::at(broker.port()).examined(&certificates);
    assert!(!well && has(&said, "FAIL", "client id"), "{said}");
    broker.finish();
}
