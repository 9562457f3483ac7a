//! Points in time as AWS writes them. Inside they are seconds since 1970.

const DAY: u64 = 86_400;

/// Year, month, day, hour, minute, second (UTC).
fn civil(seconds: u64) -> [u64; 6] {
    let (days, rest) = (seconds / DAY, seconds % DAY);
    // Years that begin in March have their leap day at the end, and 400 of them are 146,097 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = year + era * 400 + next;
    [year, month, day, rest / 3_600, rest / 60 % 60, rest % 60]
}

/// As SigV4 has it: `20260115T120000Z`. The first eight characters are its date.
pub fn basic(seconds: u64) -> String {
    let [year, month, day, hour, minute, second] = civil(seconds);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// For people: `2026-01-15 12:00:00 UTC`.
pub fn readable(seconds: u64) -> String {
    let [year, month, day, hour, minute, second] = civil(seconds);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// RFC 3339, from 1970 to 9999: `2018-01-18T09:18:06Z`, with a fraction or an offset if need be. `None`: it is something else.
pub fn rfc3339(text: &str) -> Option<u64> {
    let (date, time) = text.split_at_checked(10)?;
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let time = time.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = time.split_at_checked(8)?;
    let [hour, minute, second] = fields(time, ':', [2, 2, 2])?;
    let offset = match fraction(rest)? {
        "Z" | "z" => 0,
        offset => {
            let east = match offset.chars().next()? {
                '+' => 1,
                '-' => -1,
                _ => return None,
            };
            let [hours, minutes] = fields(&offset[1..], ':', [2, 2])?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            east * (hours * 3_600 + minutes * 60)
        }
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    // Second 60 is a leap second.
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days =
        year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    u64::try_from(days * 86_400 + hour * 3_600 + minute * 60 + second - offset).ok()
}

/// What follows a fraction of a second, if there is one.
fn fraction(rest: &str) -> Option<&str> {
    let Some(digits) = rest.strip_prefix('.') else {
        return Some(rest);
    };
    let after = digits.trim_start_matches(|digit: char| digit.is_ascii_digit());
    (after.len() < digits.len()).then_some(after)
}

/// Numbers of exactly these lengths.
fn fields<const COUNT: usize>(
    text: &str,
    separator: char,
    lengths: [usize; COUNT],
) -> Option<[i64; COUNT]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; COUNT];
    for (number, length) in numbers.iter_mut().zip(lengths) {
        let part = parts.next()?;
        if part.len() != length || !part.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// The `Date` header of HTTP, in all three forms that a recipient must know (RFC 9110, 5.6.7).
pub fn http(text: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_sigv4_has_them() {
        for (seconds, written) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_800, "20000301T000000Z"),
            (1_498_682_925, "20170628T204845Z"),
            (1_767_225_599, "20251231T235959Z"),
            (1_767_225_600, "20260101T000000Z"),
            (4_107_542_400, "21000301T000000Z"),
            (4_107_542_399, "21000228T235959Z"),
            (253_402_300_799, "99991231T235959Z"),
        ] {
            assert_eq!(basic(seconds), written);
            let iso = format!(
                "{}-{}-{}T{}:{}:{}Z",
                &written[..4],
                &written[4..6],
                &written[6..8],
                &written[9..11],
                &written[11..13],
                &written[13..15]
            );
            assert_eq!(rfc3339(&iso), Some(seconds), "{iso}");
        }
        assert_eq!(readable(1_498_682_925), "2017-06-28 20:48:45 UTC");
    }

    #[test]
    fn every_day_of_a_thousand_years_comes_back() {
        for day in 0..365_243 {
            let seconds = day * DAY + day % DAY;
            let text = readable(seconds).replace(" UTC", "Z");
            assert_eq!(rfc3339(&text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn rfc3339_with_fractions_and_offsets() {
        let noon = Some(1_768_478_400);
        for text in [
            "2026-01-15T12:00:00Z",
            "2026-01-15t12:00:00z",
            "2026-01-15 12:00:00Z",
            "2026-01-15T12:00:00.5Z",
            "2026-01-15T12:00:00.123456789Z",
            "2026-01-15T12:00:00+00:00",
            "2026-01-15T14:30:00+02:30",
            "2026-01-14T19:00:00-17:00",
        ] {
            assert_eq!(rfc3339(text), noon, "{text}");
        }
        assert_eq!(rfc3339("2016-12-31T23:59:60Z"), Some(1_483_228_800));
    }

    #[test]
    fn what_is_no_date_of_rfc3339_is_refused() {
        for text in [
            "",
            "2026-01-15",
            "2026-01-15T12:00:00",
            "2026-01-15T12:00Z",
            "2026-01-15T12:00:00.Z",
            "2026-01-15T12:00:00.5",
            "2026-1-15T12:00:00Z",
            "2026-13-15T12:00:00Z",
            "2026-00-15T12:00:00Z",
            "2026-02-29T12:00:00Z",
            "2100-02-29T12:00:00Z",
            "2026-04-31T12:00:00Z",
            "2026-01-00T12:00:00Z",
            "2026-01-15T24:00:00Z",
            "2026-01-15T12:60:00Z",
            "2026-01-15T12:00:61Z",
            "2026-01-15T12:00:00+2:30",
            "2026-01-15T12:00:00+24:00",
            "2026-01-15T12:00:00+02:60",
            "2026-01-15T12:00:00UTC",
            "2026-01-15T12:00:00Z ",
            "2026-01-15X12:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "+026-01-15T12:00:00Z",
            "2026-01-15T12:00:00ß",
            "2026-01-1ß5T12:00:00Z",
            "1768478400",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn the_three_forms_of_http_dates() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            " Sun, 06 Nov 1994 08:49:37 GMT ",
        ] {
            assert_eq!(http(text), Some(784_111_777), "{text}");
        }
        for text in [
            "",
            "now",
            "Sun, 06 Nov 1994",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
            "Thu, 01 Jan 1900 00:00:00 GMT",
        ] {
            assert_eq!(http(text), None, "{text}");
        }
    }
}
