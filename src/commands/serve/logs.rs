//! Logs, on stderr.

use tracing_subscriber::EnvFilter;

use super::settings::LogFormat;
use crate::exit::Usage;

/// Starts logging what `filter` lets through.
pub fn start(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Usage(format!(
            "--log {filter} is not a filter such as info or faasm=debug: {error}"
        ))
    })?;
    let logs = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(filter);
    match format {
        LogFormat::Text => logs.with_ansi(false).init(),
        LogFormat::Json => logs.json().init(),
    }
    Ok(())
}
