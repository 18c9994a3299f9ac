//! What one call may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The limits of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Greatest size of the linear memory, in bytes.
    pub memory_bytes: u64,
    /// Greatest wall-clock time from the start of execution.
    pub time: Duration,
    /// Greatest number of elements of all tables together.
    pub table_elements: u64,
    /// Greatest sum of captured stdout, stderr and output data, in bytes.
    pub output_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 512 << 20,
            time: Duration::from_secs(60),
            table_elements: 65_536,
            output_bytes: 16 << 20,
        }
    }
}

/// A function's own limits, kept with it; what is absent follows the server's defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitOverrides {
    /// Greatest size of the linear memory, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Greatest wall-clock time, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
    /// Greatest number of table elements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_elements: Option<u64>,
    /// Greatest sum of stdout, stderr and output data, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
}

/// A limit that cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("limit {field} must be from {min} to {max}, not {got}")]
pub struct InvalidLimit {
    /// The field of [`LimitOverrides`].
    pub field: &'static str,
    /// Least value.
    pub min: u64,
    /// Greatest value.
    pub max: u64,
    /// The value that was asked for.
    pub got: u64,
}

impl LimitOverrides {
    /// Most table elements that a function can be given: what the engine reserves.
    pub const MAX_TABLE_ELEMENTS: u64 = 65_536;

    /// Checks every field against what a server can grant at all.
    pub fn check(&self) -> Result<(), InvalidLimit> {
        let fields = [
            ("memory_bytes", self.memory_bytes, 65_536, 4 << 30),
            ("time_ms", self.time_ms, 1, 7 * 24 * 3_600_000),
            (
                "table_elements",
                self.table_elements,
                0,
                Self::MAX_TABLE_ELEMENTS,
            ),
            ("output_bytes", self.output_bytes, 0, 1 << 30),
        ];
        for (field, value, min, max) in fields {
            match value {
                Some(got) if got < min || got > max => {
                    return Err(InvalidLimit {
                        field,
                        min,
                        max,
                        got,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// These limits where they are set, the `defaults` elsewhere.
    pub fn over(&self, defaults: &Limits) -> Limits {
        Limits {
            memory_bytes: self.memory_bytes.unwrap_or(defaults.memory_bytes),
            time: self.time_ms.map_or(defaults.time, Duration::from_millis),
            table_elements: self.table_elements.unwrap_or(defaults.table_elements),
            output_bytes: self.output_bytes.unwrap_or(defaults.output_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_wins_over_the_default_and_the_rest_stays() {
        let overrides = LimitOverrides {
            time_ms: Some(250),
            ..LimitOverrides::default()
        };
        let limits = overrides.over(&Limits::default());
        assert_eq!(limits.time, Duration::from_millis(250));
        assert_eq!(limits.memory_bytes, 512 << 20);
    }

    #[test]
    fn a_limit_out_of_range_is_refused_by_name() {
        let overrides = LimitOverrides {
            memory_bytes: Some(8 << 30),
            ..LimitOverrides::default()
        };
        let error = overrides.check().unwrap_err();
        assert_eq!(error.field, "memory_bytes");
    }
}
