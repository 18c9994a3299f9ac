//! Numbers for people.

/// Three digits or so, and thousands apart.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0 | 100.0.. => 0,
        10.0.. => 1,
        0.1.. => 2,
        0.01.. => 3,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut parted = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let behind = whole.len() - index;
        if behind.is_multiple_of(3) && parted.ends_with(|c: char| c.is_ascii_digit()) {
            parted.push(',');
        }
        parted.push(digit);
    }
    parted + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_matter() {
        let numbers = [
            0.0,
            0.0123,
            0.5,
            1.234,
            12.34,
            123.4,
            1234.5,
            1_234_567.0,
            -1234.0,
        ];
        let texts = numbers.map(number);
        let expected = [
            "0",
            "0.012",
            "0.50",
            "1.23",
            "12.3",
            "123",
            "1,234",
            "1,234,567",
            "-1,234",
        ];
        assert_eq!(texts, expected);
    }
}
