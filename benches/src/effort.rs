//! How long to measure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much time the figures are worth.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Effort {
    /// Of each measurement that goes on for a time.
    pub seconds: f64,
    /// Whether what is counted in rounds and sizes is cut down too.
    pub quick: bool,
}

impl Effort {
    pub fn new(seconds: Option<f64>, quick: bool) -> Self {
        Self {
            seconds: seconds.unwrap_or(if quick { 1.0 } else { 5.0 }),
            quick,
        }
    }

    /// `usual` of something, or a few of it.
    pub fn count(self, usual: u32) -> u32 {
        match self.quick {
            true => usual.div_ceil(10),
            false => usual,
        }
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quick = if self.quick { ", cut short" } else { "" };
        write!(f, "{} s a measurement{quick}", self.seconds)
    }
}
