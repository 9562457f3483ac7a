//! What rustls's errors mean for the person with the device.

use crate::error::{Code, Error};
use rustls::pki_types::UnixTime;
use rustls::{
    AlertDescription, CertificateError, Error as TlsError, InvalidMessage, PeerIncompatible,
};

/// How far the connection had come: an alert means something else then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Nothing that is TLS has come from the peer yet.
    First,
    Handshake,
    /// The handshake is done, but the peer has not said a word of MQTT. In TLS 1.3 the broker's opinion of our certificate
    /// comes now: it has read it after our handshake was over.
    Silent,
    /// The peer has talked with us, so it had accepted us.
    Accepted,
}

pub(super) fn explain(error: &TlsError, stage: Stage, server_name: &str) -> Error {
    // What the application's private key had to say.
    if let TlsError::Other(other) = error {
        if let Some(ours) = other.0.downcast_ref::<Error>() {
            return ours.clone();
        }
    }
    match error {
        TlsError::InvalidCertificate(why) => certificate(why, server_name),
        TlsError::AlertReceived(alert) => alert_received(*alert, stage),
        TlsError::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload
            | InvalidMessage::MissingData(_),
        )
        | TlsError::InappropriateMessage { .. }
        | TlsError::PeerSentOversizedRecord
            if stage == Stage::First =>
        {
            Error::new(
                Code::Tls,
                format!(
                    "the peer does not speak TLS: what listens on this port of {server_name} is something else"
                ),
            )
        }
        TlsError::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => Error::new(
            Code::Tls,
            "the server speaks TLS 1.1 or older, which is not safe any more",
        ),
        TlsError::PeerIncompatible(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig) => {
            Error::new(
                Code::Tls,
                "the server wants a TLS version that the configured minimum version or cipher suites rule out",
            )
        }
        TlsError::FailedToGetCurrentTime => Error::new(
            Code::PeerExpired,
            "this device's clock is before 1970, so no certificate can be valid: set its clock",
        ),
        TlsError::NoCertificatesPresented => {
            Error::new(Code::PeerUntrusted, "the server presented no certificate")
        }
        TlsError::DecryptError => {
            Error::new(Code::Tls, "a TLS record of the peer could not be decrypted")
        }
        other => Error::new(Code::Tls, format!("TLS failed: {other}")),
    }
}

fn certificate(error: &CertificateError, server_name: &str) -> Error {
    let clock = |time: &UnixTime| {
        format!(
            "this device believes it is {}; check its clock",
            calendar(time.as_secs())
        )
    };
    match error {
        CertificateError::UnknownIssuer => Error::new(
            Code::PeerUntrusted,
            format!(
                "the certificate of {server_name} comes from none of the configured CAs (for AWS IoT: Amazon Root CA 1 and 3)"
            ),
        ),
        CertificateError::BadSignature => Error::new(
            Code::PeerUntrusted,
            format!("the certificate of {server_name} was not signed by the CA that it names"),
        ),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names = match presented.as_slice() {
                [] => "no name at all (its subjectAltName counts, not its common name)".into(),
                names => names.join(", "),
            };
            Error::new(
                Code::PeerName,
                format!("the server's certificate is not for {server_name}; it is for {names}"),
            )
        }
        CertificateError::NotValidForName => Error::new(
            Code::PeerName,
            format!("the server's certificate is not for {server_name}"),
        ),
        CertificateError::ExpiredContext { time, not_after } => Error::new(
            Code::PeerExpired,
            format!(
                "the certificate of {server_name}, or of its CA, expired on {}; {}",
                calendar(not_after.as_secs()),
                clock(time)
            ),
        ),
        CertificateError::NotValidYetContext { time, not_before } => Error::new(
            Code::PeerExpired,
            format!(
                "the certificate of {server_name}, or of its CA, is valid only from {} on; {}",
                calendar(not_before.as_secs()),
                clock(time)
            ),
        ),
        CertificateError::Expired | CertificateError::NotValidYet => Error::new(
            Code::PeerExpired,
            format!(
                "the certificate of {server_name} is expired or not valid yet; {}",
                clock(&UnixTime::now())
            ),
        ),
        // Its own word for it is "CaUsedAsEndEntity", which is what self-signed certificates mostly are.
        CertificateError::Other(why) if format!("{why:?}").contains("CaUsedAsEndEntity") => {
            Error::new(
                Code::PeerUntrusted,
                format!(
                    "{server_name} presented a CA certificate as its own; a server needs a certificate that is no CA (basicConstraints CA:FALSE)"
                ),
            )
        }
        CertificateError::Other(why) if format!("{why:?}").contains("UnsupportedCertVersion") => {
            Error::new(
                Code::PeerUntrusted,
                format!(
                    "{server_name} presented an X.509 version 1 certificate; it needs version 3 with a subjectAltName"
                ),
            )
        }
        other => Error::new(
            Code::PeerUntrusted,
            format!("the certificate of {server_name} is not acceptable: {other}"),
        ),
    }
}

fn alert_received(alert: AlertDescription, stage: Stage) -> Error {
    let name = alert_name(alert);
    if stage == Stage::Accepted {
        return Error::new(
            Code::ConnectionLost,
            format!("the peer ended the connection with the TLS alert {name}"),
        );
    }
    if matches!(
        alert,
        AlertDescription::CloseNotify | AlertDescription::UserCanceled
    ) {
        return Error::new(
            Code::ConnectionLost,
            "the peer closed during the TLS handshake",
        );
    }
    let cause = match alert {
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError => {
            "the broker does not accept the device certificate; is it registered for this endpoint's account and region, and active?"
        }
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "the broker does not accept a connection without a device certificate"
        }
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "the broker accepts none of the offered cipher suites or key kinds, or misses a device certificate"
        }
        AlertDescription::ProtocolVersion => {
            "the broker accepts no TLS version that the configured minimum version and cipher suites allow"
        }
        AlertDescription::UnrecognisedName => {
            "the broker does not know the host name that was asked for"
        }
        AlertDescription::NoApplicationProtocol => {
            "the broker does not know the offered ALPN protocol name"
        }
        _ => "the broker does not say why",
    };
    Error::new(Code::RefusedByPeer, format!("TLS alert {name}: {cause}"))
}

/// As in the RFCs: "certificate_required (116)".
fn alert_name(alert: AlertDescription) -> String {
    let number = u8::from(alert);
    let camel = match alert {
        AlertDescription::UnknownCA => "UnknownCa".into(),
        AlertDescription::UnrecognisedName => "UnrecognizedName".into(),
        AlertDescription::UnknownPSKIdentity => "UnknownPskIdentity".into(),
        AlertDescription::Unknown(_) => return format!("{number}"),
        known => format!("{known:?}"),
    };
    let mut name = String::with_capacity(camel.len() + 8);
    for (index, letter) in camel.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    format!("{name} ({number})")
}

/// "1970-01-01 00:00:00 UTC" of seconds since then.
pub(super) fn calendar(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years are counted from March on, so that the leap day is the last of its year; 400 of them always have as many days.
    let days = days.saturating_add(719_468);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}
