//! `faasm func limits`

use std::time::Duration;

use faasm_client::{FunctionInfo, FunctionKind};
use faasm_model::{FunctionName, LimitOverrides};

use super::NameArgs;
use crate::cli::Context;
use crate::exit::Usage;
use crate::units::{parse_duration, parse_size, show_ms, show_size};

const EXAMPLES: &str = "\
Examples:
  faasm func limits demo hello                     show them
  faasm func limits demo hello --memory 1GiB --time 5m
  faasm func limits demo hello --reset             back to the server's";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    name: NameArgs,

    #[command(flatten)]
    limits: LimitArgs,

    /// Forget the function's own limits, except those given here
    #[arg(long)]
    reset: bool,
}

/// A function's own limits; what is left out stays as it is.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits of a call")]
pub struct LimitArgs {
    /// Greatest size of the linear memory
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory: Option<u64>,

    /// Greatest wall-clock time
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    time: Option<Duration>,

    /// Greatest number of table elements
    #[arg(long, value_name = "N")]
    table_elements: Option<u64>,

    /// Greatest sum of stdout, stderr and output
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    output: Option<u64>,
}

impl Args {
    pub async fn run(self, context: &Context, kind: FunctionKind) -> anyhow::Result<()> {
        let name = FunctionName::from(self.name);
        self.limits.check()?;
        let client = context.client()?;
        let mut info = client.function_info(kind, &name).await?;
        if self.reset || self.limits.any() {
            let kept = match self.reset {
                true => LimitOverrides::default(),
                false => info.record.limits,
            };
            client
                .set_limits(kind, &name, &self.limits.over(kept))
                .await?;
            info = client.function_info(kind, &name).await?;
        }
        context.out.answer(&info, describe(&info))?;
        Ok(())
    }
}

impl LimitArgs {
    /// Whether any is given.
    pub fn any(&self) -> bool {
        self.overrides() != LimitOverrides::default()
    }

    /// Refuses what no server grants, before anything is sent.
    pub fn check(&self) -> Result<(), Usage> {
        self.overrides()
            .check()
            .map_err(|error| Usage(error.to_string()))
    }

    /// The given ones, and those of `kept` where none is given.
    pub fn over(&self, kept: LimitOverrides) -> LimitOverrides {
        let given = self.overrides();
        LimitOverrides {
            memory_bytes: given.memory_bytes.or(kept.memory_bytes),
            time_ms: given.time_ms.or(kept.time_ms),
            table_elements: given.table_elements.or(kept.table_elements),
            output_bytes: given.output_bytes.or(kept.output_bytes),
        }
    }

    fn overrides(&self) -> LimitOverrides {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        LimitOverrides {
            memory_bytes: self.memory,
            time_ms: self.time.map(ms),
            table_elements: self.table_elements,
            output_bytes: self.output,
        }
    }
}

/// The limits in force, each with its origin.
pub fn describe(info: &FunctionInfo) -> String {
    let (own, all) = (&info.record.limits, &info.effective_limits);
    let line = |name, value: String, own: Option<u64>| {
        let origin = if own.is_some() {
            "the function's own"
        } else {
            "the server's"
        };
        format!("{name:<14} {value}  ({origin})")
    };
    [
        line("memory", show_size(all.memory_bytes), own.memory_bytes),
        line("time", show_ms(all.time_ms), own.time_ms),
        line(
            "table elements",
            all.table_elements.to_string(),
            own.table_elements,
        ),
        line("output", show_size(all.output_bytes), own.output_bytes),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(memory: Option<u64>) -> LimitArgs {
        LimitArgs {
            memory,
            time: Some(Duration::from_secs(1)),
            table_elements: None,
            output: None,
        }
    }

    #[test]
    fn limits_that_are_not_given_stay() {
        let kept = LimitOverrides {
            memory_bytes: Some(1 << 20),
            time_ms: Some(7),
            ..LimitOverrides::default()
        };
        let limits = given(None).over(kept);
        assert_eq!(
            (limits.memory_bytes, limits.time_ms),
            (Some(1 << 20), Some(1000))
        );
    }

    #[test]
    fn a_limit_that_no_server_grants_is_wrong_usage() {
        assert!(
            given(Some(8 << 30))
                .check()
                .unwrap_err()
                .0
                .contains("memory_bytes")
        );
        assert!(given(Some(1 << 20)).check().is_ok());
    }
}
