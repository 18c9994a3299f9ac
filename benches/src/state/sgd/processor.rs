//! The processor time that processes take: on a machine that others use too, it says more
//! than the time that passes, since many processes get more of the machine than one.

use std::time::Duration;

use anyhow::Context;

/// What a process has taken so far, with all of its threads.
pub fn time(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // A name in parentheses comes first, and may have blanks.
    let (_, fields) = stat.rsplit_once(')').context("no name")?;
    let user_and_system = fields.split_whitespace().skip(11).take(2);
    let ticks: Result<u64, _> = user_and_system.map(str::parse::<u64>).sum();
    // Linux counts hundredths of a second for its users, whatever it counts for itself.
    Ok(Duration::from_millis(ticks? * 10))
}
