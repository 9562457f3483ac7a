//! The list of the tests, and the page that is made of their verdicts.

use super::verdict::{Settings, Verdict};
use super::{Play, backoff, mqtt, tls};
use std::fmt::Write;
use std::path::Path;

pub struct Test {
    pub id: &'static str,
    criterion: &'static str,
    how: &'static str,
    run: Run,
}

enum Run {
    Play(fn(&Play, Settings) -> Verdict),
    /// It asks what another one of these asks.
    As(&'static str),
    DoesNotApply,
}

const REAL: &str = "at its own times";
const VIRTUAL: &str =
    "in virtual time, 1000 runs at full times; the library itself at a twentieth of the times";

const fn test(
    id: &'static str,
    criterion: &'static str,
    how: &'static str,
    play: fn(&Play, Settings) -> Verdict,
) -> Test {
    Test {
        id,
        criterion,
        how,
        run: Run::Play(play),
    }
}

const fn same(id: &'static str, criterion: &'static str, other: &'static str) -> Test {
    Test {
        id,
        criterion,
        how: "",
        run: Run::As(other),
    }
}

pub const TESTS: &[Test] = &[
    test(
        "(before each test)",
        "the endpoint denies TLS until the test begins: the device tries again",
        REAL,
        tls::denied_first,
    ),
    test(
        "TLS_Connect",
        "the handshake is completed without alerts (TLS 1.3, TLS 1.2; RSA certificate, SNI)",
        REAL,
        tls::connects,
    ),
    test(
        "TLS_Support_AWS_IoT_Cipher_Suites",
        "ClientHello offers a recommended suite and none that AWS IoT has not",
        REAL,
        tls::cipher_suites,
    ),
    test(
        "TLS_Large_Size_Server_Cert",
        "the handshake is completed with a large certificate (here 16 KB)",
        REAL,
        tls::large_certificate,
    ),
    test(
        "TLS_Receive_Maximum_Size_Fragments",
        "a message of 128 KB in TLS records of the maximum size arrives",
        REAL,
        tls::largest_records,
    ),
    test(
        "TLS_Unsecure_Server_Cert",
        "an unknown CA: the device closes, by a TLS alert",
        REAL,
        |play, settings| tls::refused_certificate(play, settings, "other_server"),
    ),
    test(
        "TLS_Incorrect_Subject_Name_Server_Cert",
        "another name: the device closes, by a TLS alert",
        REAL,
        |play, settings| tls::refused_certificate(play, settings, "wrong_name"),
    ),
    test(
        "TLS_Expired_Server_Cert",
        "expired: the device closes, by a TLS alert",
        REAL,
        |play, settings| tls::refused_certificate(play, settings, "expired"),
    ),
    test(
        "(TLS 1.0 and 1.1)",
        "ours: a server of an old version is refused",
        REAL,
        tls::old_versions,
    ),
    test(
        "(old cipher suites)",
        "ours: a server that takes AES128-SHA, or has no suite in common, is refused",
        REAL,
        tls::old_suites,
    ),
    test("MQTT_Connect", "CONNECT is sent", REAL, mqtt::connects),
    test(
        "MQTT_Client_Puback_Qos1",
        "PUBACK for messages of 0 to 128 KB",
        REAL,
        mqtt::acknowledges,
    ),
    test(
        "MQTT_Connect_Jitter_Backoff_Retries",
        "no CONNACK five times, the sixth passes, and once more: 12 CONNECTs within 300 s, back-off with jitter",
        VIRTUAL,
        mqtt::without_connack,
    ),
    test(
        "MQTT_Connect_Exponential_Backoff_Retries",
        "the same with 6 CONNECTs; the spacing grows each time, exponentially, until the maximum wait is reached",
        "in virtual time, 1000 runs at full times",
        |_, settings| backoff::without_connack(settings, 6, false),
    ),
    test(
        "MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect",
        "cut ten times before CONNACK: back-off with jitter",
        VIRTUAL,
        mqtt::server_disconnects,
    ),
    test(
        "MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection",
        "cut ten times after CONNACK: back-off with jitter, not begun anew by CONNACK",
        VIRTUAL,
        mqtt::unstable,
    ),
    test(
        "MQTT_Publish",
        "PUBLISH of QoS 0, and of QoS 1, with topic and payload",
        REAL,
        mqtt::publishes,
    ),
    test(
        "MQTT_Publish_Retry_No_Puback",
        "without PUBACK the same packet identifier again, on the same connection (here within 15 s)",
        REAL,
        mqtt::publishes_again,
    ),
    test(
        "MQTT_Publish_Retained_Messages",
        "PUBLISH with RETAIN",
        REAL,
        mqtt::publishes_retained,
    ),
    Test {
        id: "MQTT_Publish_User_Property",
        criterion: "MQTT 5: a user property",
        how: "",
        run: Run::DoesNotApply,
    },
    test(
        "MQTT_Subscribe",
        "SUBSCRIBE is sent",
        REAL,
        mqtt::subscribes,
    ),
    test(
        "MQTT_Subscribe_Retry_No_Suback",
        "without SUBACK the same packet identifier again (here within 15 s)",
        REAL,
        mqtt::subscribes_again,
    ),
    test(
        "MQTT_No_Ack_PingResp",
        "nothing is answered: the device ends the connection, within 1.5 keep alives and 10 s",
        "an idle device: the library itself with a keep alive of 3 s, in virtual time with the real one",
        mqtt::no_pingresp,
    ),
    test(
        "MQTT_Persistent_Session_Happy_Case",
        "clean session 0, cut: no SUBSCRIBE, the stored message is acknowledged",
        REAL,
        mqtt::persistent_session,
    ),
    test(
        "MQTT_Expired_Persistent_Session",
        "session present 0: SUBSCRIBE again",
        REAL,
        mqtt::expired_session,
    ),
    same(
        "MQTT_Long_Duration: PUBLISH QoS 1",
        "without PUBACK again within 15 s",
        "MQTT_Publish_Retry_No_Puback",
    ),
    same(
        "MQTT_Long_Duration: SUBSCRIBE QoS 1",
        "without SUBACK again within 15 s",
        "MQTT_Subscribe_Retry_No_Suback",
    ),
    same(
        "MQTT_Long_Duration: PUBACK_QOS_1",
        "PUBACK",
        "MQTT_Client_Puback_Qos1",
    ),
    same(
        "MQTT_Long_Duration: RECEIVE_LARGE_PAYLOAD",
        "a large message arrives",
        "TLS_Receive_Maximum_Size_Fragments",
    ),
    same(
        "MQTT_Long_Duration: PERSISTENT_SESSION",
        "as above",
        "MQTT_Persistent_Session_Happy_Case",
    ),
    same(
        "MQTT_Long_Duration: KEEP_ALIVE",
        "without PINGRESP the device ends the connection",
        "MQTT_No_Ack_PingResp",
    ),
    test(
        "MQTT_Long_Duration: INTERMITTENT_CONNECTIVITY",
        "back after each of 24 cuts, within the longest wait",
        "in virtual time, 100 runs",
        |_, settings| backoff::intermittent(settings),
    ),
    same(
        "MQTT_Long_Duration: RECONNECT_BACK_OFF",
        "reports back-off with jitter",
        "MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection",
    ),
    test(
        "MQTT_Long_Duration: LONG_SERVER_DISCONNECT",
        "refused for two hours: back within the longest wait",
        "in virtual time, 20 runs",
        |_, settings| backoff::refused_for_hours(settings),
    ),
];

type Verdicts = Vec<(&'static Test, [Verdict; 2])>;

/// All at the same time: most of it is waiting.
pub fn play_all(play: &Play) -> Verdicts {
    std::thread::scope(|scope| {
        let mut running = Vec::new();
        for test in TESTS {
            let Run::Play(run) = test.run else { continue };
            let start = |settings| scope.spawn(move || run(play, settings));
            let both = [start(Settings::Recommended), start(Settings::Defaults)];
            running.push((test, both));
        }
        running
            .into_iter()
            .map(|(test, threads)| {
                let verdict = threads.map(|thread| {
                    let ended = thread.join();
                    ended.unwrap_or_else(|_| Verdict::Broken("a panic; see above".into()))
                });
                (test, verdict)
            })
            .collect()
    })
}

const HEAD: &str = "# AWS IoT Core Device Advisor

Made by `make advisor`, which plays these tests again; `make test` does so, too. Do not edit.

Device Advisor plays an endpoint that is slow, silent, closes connections or shows wrong certificates, and judges what a device does.
Here a scripted endpoint on the loopback does the same to a small C program (`tests/c/advisor.c`) with the shared library. It is not
AWS's own judgement: the pass criteria are taken from AWS's documentation, and the scripts are ours (`tests/device_advisor/`).

All but the one that is about MQTT 5 pass with these settings:

| setting | call | value |
|---|---|---|
| connect time-out | `aws_iot_mqtt_client_configure_connect_disconnect_timeout` | 8000 ms |
| keep alive | `aws_iot_mqtt_client_connect_async` | 30 s |
| the first connect is tried again | `aws_iot_mqtt_client_configure_retry_first_connect` | true |
| waits between attempts | `aws_iot_mqtt_client_configure_auto_reconnect_backoff_time` | 1000 ms, at most 16000 ms; stable after 20000 ms |
| operations | `..._connect_async`, `..._publish_async`, `..._subscribe_async` | asynchronous |

The defaults beside them are: a connect time-out of 30 s, a keep alive of 600 s, a first connect that reports its failure, waits up to 32 s,
synchronous operations. With waits up to 32 s all tests but one pass as well: twelve attempts do not always fit into the 300 s that Device Advisor
gives a test, unless its EXECUTION_TIMEOUT is set higher.

";

pub fn make(verdicts: &Verdicts) -> String {
    let mut page = String::from(HEAD);
    page.push_str("| test | criterion | how it is played here | with the settings | with the defaults |\n|---|---|---|---|---|\n");
    for test in TESTS {
        let (id, how) = match test.run {
            Run::As(other) => (other, format!("as {other}")),
            _ => (test.id, test.how.to_owned()),
        };
        let played = verdicts.iter().find(|(played, _)| played.id == id);
        let [recommended, defaults] = match (played, &test.run) {
            (Some((_, verdicts)), _) => [verdicts[0].to_string(), verdicts[1].to_string()],
            (None, Run::DoesNotApply) => ["does not apply".into(), "does not apply".into()],
            (None, _) => panic!("{} is like {id}, which was not played", test.id),
        };
        let _ = writeln!(
            page,
            "| {} | {} | {how} | {recommended} | {defaults} |",
            test.id, test.criterion
        );
    }
    page.push_str("\nDevice Advisor's tests of shadows, jobs and policies are about the application and the account, not about MQTT and TLS.\n");
    page
}

/// With BLESS: writes the page. Without: it must be what was committed.
pub fn check(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/device_advisor.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, page).expect("writing the page");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "{} is not what the tests say: run `make advisor`. They say:\n{page}",
        path.display()
    );
}
