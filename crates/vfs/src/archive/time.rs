//! The times of MS-DOS, which zip archives have.

/// The start of 1980, before which there is none, in ns since 1970.
pub(super) const FIRST: u64 = 315_532_800_000_000_000;

/// In ns since 1970. Nobody knows the time zone, so it is taken for UTC; numbers that no calendar
/// has are taken for the nearest that it has.
pub(super) fn from_dos(date: u16, time: u16) -> u64 {
    let (date, time) = (u64::from(date), u64::from(time));
    let year = 1980 + (date >> 9);
    let month = (date >> 5 & 15).clamp(1, 12);
    let day = (date & 31).max(1);
    // Of a year that begins in March, so that the day that comes and goes is its last.
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let before_month = (153 * month + 2) / 5;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + before_month + day - 1;
    /// Days from the March that began the calendar's year 0 to 1970.
    const TO_1970: u64 = 719_468;
    let hour = (time >> 11).min(23);
    let minute = (time >> 5 & 63).min(59);
    let second = ((time & 31) * 2).min(59);
    let seconds = (days - TO_1970) * 86_400 + hour * 3600 + minute * 60 + second;
    seconds * 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(year: u16, month: u16, day: u16, time: (u16, u16, u16)) -> u64 {
        let date = (year - 1980) << 9 | month << 5 | day;
        let (hour, minute, second) = time;
        from_dos(date, hour << 11 | minute << 5 | (second / 2)) / 1_000_000_000
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(from_dos(1 << 5 | 1, 0), FIRST);
        assert_eq!(seconds(1999, 12, 31, (23, 59, 58)), 946_684_798);
        assert_eq!(seconds(2000, 2, 29, (0, 0, 0)), 951_782_400);
        assert_eq!(seconds(2000, 3, 1, (0, 0, 0)), 951_868_800);
        assert_eq!(seconds(2100, 3, 1, (12, 30, 2)), 4_107_587_402);
    }

    #[test]
    fn what_is_no_date_is_near_one() {
        assert_eq!(from_dos(0, 0), FIRST);
        for (date, time) in [(u16::MAX, u16::MAX), (0, u16::MAX), (u16::MAX, 0)] {
            assert!(from_dos(date, time) >= FIRST);
        }
    }
}
