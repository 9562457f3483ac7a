//! As much of X.509's encoding as it takes to find a certificate's public key.
//!
//! The verifier's own parser refuses X.509 version 1, which is right for servers; but it is what `openssl x509 -req` makes of a
//! device's request, and a device certificate is the broker's to judge.

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;
/// `version [0] EXPLICIT Version DEFAULT v1`
const VERSION: u8 = 0xa0;

/// The contents of `subjectPublicKey` in a certificate (RFC 5280, 4.1). `None`: this is not a certificate.
pub(super) fn certificate_public_key(certificate: &[u8]) -> Option<&[u8]> {
    public_key(certificate_public_key_info(certificate)?)
}

/// The SubjectPublicKeyInfo in a certificate, and what follows it.
pub(super) fn certificate_public_key_info(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, rest) = expect(SEQUENCE, certificate)?;
    if !rest.is_empty() {
        return None;
    }
    let (fields, _signature) = expect(SEQUENCE, certificate)?;
    let fields = expect(VERSION, fields).map_or(fields, |(_, rest)| rest);
    let (_serial_number, fields) = expect(INTEGER, fields)?;
    let (_signature_algorithm, fields) = expect(SEQUENCE, fields)?;
    let (_issuer, fields) = expect(SEQUENCE, fields)?;
    let (_validity, fields) = expect(SEQUENCE, fields)?;
    let (_subject, fields) = expect(SEQUENCE, fields)?;
    Some(fields)
}

/// The contents of `subjectPublicKey` in a SubjectPublicKeyInfo.
pub(super) fn public_key(info: &[u8]) -> Option<&[u8]> {
    let (info, _) = expect(SEQUENCE, info)?;
    let (_algorithm, info) = expect(SEQUENCE, info)?;
    expect(BIT_STRING, info).map(|(key, _)| key)
}

/// The contents of `algorithm` in a SubjectPublicKeyInfo.
pub(super) fn algorithm(info: &[u8]) -> Option<&[u8]> {
    let (info, _) = expect(SEQUENCE, info)?;
    expect(SEQUENCE, info).map(|(algorithm, _)| algorithm)
}

/// `Ecdsa-Sig-Value` (RFC 3279, 2.2.3) of two numbers in equal halves, big-endian.
pub(super) fn ecdsa_signature(r_and_s: &[u8]) -> Vec<u8> {
    let (r, s) = r_and_s.split_at(r_and_s.len() / 2);
    let mut numbers = Vec::with_capacity(r_and_s.len() + 6);
    for number in [r, s] {
        // As few bytes as possible; a leading one bit would mean a negative number.
        let zeros = number.iter().take_while(|&&byte| byte == 0).count();
        let digits = &number[zeros..];
        let positive = digits.first().is_none_or(|&first| first >= 0x80);
        let length = digits.len() + usize::from(positive);
        // The numbers of P-521, the largest, have 67 bytes.
        numbers.extend([INTEGER, u8::try_from(length).unwrap_or(u8::MAX)]);
        numbers.extend(positive.then_some(0));
        numbers.extend(digits);
    }
    let mut signature = vec![SEQUENCE];
    if numbers.len() > 0x7f {
        signature.push(0x81);
    }
    signature.push(u8::try_from(numbers.len()).unwrap_or(u8::MAX));
    signature.extend(numbers);
    signature
}

/// The contents of the first element, if its tag is `tag`, and what follows it.
fn expect(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, input) = input.split_first()?;
    let (&length, input) = input.split_first()?;
    let (length, input) = match length {
        0..=0x7f => (usize::from(length), input),
        // Nothing in a certificate that we would accept needs more than 24 bits.
        0x81..=0x83 => {
            let (digits, input) = input.split_at_checked(usize::from(length & 0x7f))?;
            (
                digits
                    .iter()
                    .fold(0, |sum, &digit| sum << 8 | usize::from(digit)),
                input,
            )
        }
        _ => return None,
    };
    input.split_at_checked(length).filter(|_| first == tag)
}
