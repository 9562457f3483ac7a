//! A device whose clock is wrong: what the server's `Date` says corrects the time that is signed.

use super::date;

/// Below this the clock is not why a signature was refused: AWS is reported to take at least five minutes of difference either way,
/// and `Date` is late by as long as its answer was under way. Correcting for less would only change a good time for a worse one.
const TOLERATED_SECS: u64 = 120;

/// What is to be added to the device's clock, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset(pub i64);

impl Offset {
    /// The time to sign with, where `local` is what the device's clock says. All times in seconds since 1970.
    pub fn correct(self, local: u64) -> u64 {
        local.saturating_add_signed(self.0)
    }

    /// Compares with the `Date` of an answer that has just come; the offset from now on if that is another one.
    pub fn learn(self, local: u64, server_date: &str) -> Option<Offset> {
        let server = date::http(server_date)?;
        if server.abs_diff(self.correct(local)) <= TOLERATED_SECS {
            return None;
        }
        // The clock may have been set right since the last time.
        if server.abs_diff(local) <= TOLERATED_SECS {
            return Some(Offset::default());
        }
        let (server, local) = (i64::try_from(server).ok()?, i64::try_from(local).ok()?);
        Some(Offset(server - local))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 784111777
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const SERVER: u64 = 784_111_777;

    #[test]
    fn a_clock_an_hour_off_is_corrected_either_way() {
        for local in [SERVER - 3_600, SERVER + 3_600, 0] {
            let offset = Offset::default().learn(local, DATE).unwrap();
            assert_eq!(offset.correct(local), SERVER);
            assert_eq!(
                offset.correct(local + 7),
                SERVER + 7,
                "the clock goes on from there"
            );
            assert_eq!(offset.learn(local + 30, DATE), None, "known already");
        }
    }

    #[test]
    fn two_minutes_are_not_the_reason() {
        let none = Offset::default();
        assert_eq!(none.learn(SERVER, DATE), None);
        assert_eq!(none.learn(SERVER - 120, DATE), None);
        assert_eq!(none.learn(SERVER + 120, DATE), None);
        assert_eq!(none.learn(SERVER - 121, DATE), Some(Offset(121)));
        assert_eq!(none.learn(SERVER + 121, DATE), Some(Offset(-121)));
    }

    #[test]
    fn a_clock_that_was_set_right_needs_no_correction_any_more() {
        let offset = Offset::default().learn(SERVER - 3_600, DATE).unwrap();
        assert_eq!(offset.learn(SERVER + 5, DATE), Some(Offset::default()));
    }

    #[test]
    fn a_date_that_is_none_teaches_nothing() {
        for date in ["", "yesterday", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(Offset::default().learn(0, date), None);
        }
    }

    #[test]
    fn no_clock_makes_it_overflow() {
        assert_eq!(Offset(i64::MIN).correct(5), 0);
        assert_eq!(Offset(i64::MAX).correct(u64::MAX), u64::MAX);
        assert_eq!(Offset::default().learn(u64::MAX, DATE), None);
    }
}
