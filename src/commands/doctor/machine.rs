//! The kernel and its limits, read from `/proc`.

use std::fs;

use super::Check;
use crate::units::show_size;

/// Since this version the kernel tells which pages of a Faaslet were written to.
const PAGEMAP_SCAN: (u32, u32) = (6, 7);
/// How many memory mappings a live Faaslet takes.
const MAPPINGS_OF_A_FAASLET: u64 = 6;
/// Fewer live Faaslets than this are met in practice.
const FEW_FAASLETS: u64 = 40_000;
/// One for every connection and for every file of a call.
const FEW_FILES: u64 = 8_192;
/// What two or three calls with the default limit may take.
const LITTLE_MEMORY: u64 = 1 << 30;

pub fn checks() -> Vec<Check> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    vec![
        kernel(&read("/proc/sys/kernel/osrelease")),
        mappings(&read("/proc/sys/vm/max_map_count")),
        open_files(&read("/proc/self/limits")),
        memory(&read("/proc/meminfo"), &read("/sys/fs/cgroup/memory.max")),
    ]
}

fn kernel(osrelease: &str) -> Check {
    const NAME: &str = "kernel";
    let release = osrelease.trim();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= PAGEMAP_SCAN => {
            Check::ok(NAME, format!("Linux {release} has pagemap_scan"))
        }
        (Some(Ok(_)), Some(Ok(_))) => Check::warn(
            NAME,
            format!("Linux {release} has no pagemap_scan: cold starts take a few µs more"),
            "boot Linux 6.7 or newer",
        ),
        _ => unknown(NAME),
    }
}

fn mappings(max_map_count: &str) -> Check {
    const NAME: &str = "vm.max_map_count";
    let Ok(count) = max_map_count.trim().parse::<u64>() else {
        return unknown(NAME);
    };
    let faaslets = count / MAPPINGS_OF_A_FAASLET;
    let found = format!("{count}, enough for about {faaslets} live Faaslets");
    match faaslets >= FEW_FAASLETS {
        true => Check::ok(NAME, found),
        false => Check::warn(
            NAME,
            found,
            "for more: sudo sysctl -w vm.max_map_count=1048576",
        ),
    }
}

fn open_files(limits: &str) -> Check {
    const NAME: &str = "open files";
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next());
    match soft.map(|soft| (soft, soft.parse::<u64>())) {
        Some(("unlimited", _)) => Check::ok(NAME, "without a limit"),
        Some((_, Ok(soft))) if soft >= FEW_FILES => Check::ok(NAME, format!("up to {soft}")),
        Some((_, Ok(soft))) => Check::warn(
            NAME,
            format!("only {soft}: each connection takes one"),
            "before `faasm serve`: ulimit -n 65536",
        ),
        _ => unknown(NAME),
    }
}

fn memory(meminfo: &str, cgroup_max: &str) -> Check {
    const NAME: &str = "memory";
    let kib = |field: &str| -> Option<u64> {
        let line = meminfo
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    let (Some(total), Some(available)) = (kib("MemTotal"), kib("MemAvailable")) else {
        return unknown(NAME);
    };
    // Without a limit the file says `max`, or is not there.
    let limit = cgroup_max.trim().parse().unwrap_or(u64::MAX);
    let total = total.saturating_mul(1024).min(limit);
    let available = available.saturating_mul(1024).min(limit);
    let found = format!("{} of {} available", show_size(available), show_size(total));
    match available >= LITTLE_MEMORY {
        true => Check::ok(NAME, found),
        false => Check::warn(
            NAME,
            found,
            "free some, or give functions less: `faasm func limits USER FUNC --memory 64MiB`",
        ),
    }
}

fn unknown(name: &'static str) -> Check {
    Check::warn(
        name,
        "cannot be read",
        "is /proc mounted? faasm needs Linux",
    )
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn an_old_kernel_is_slower_but_no_failure() {
        assert_eq!(kernel("6.1.0-18-amd64\n").verdict, Verdict::Warn);
        assert_eq!(kernel("6.7.0\n").verdict, Verdict::Ok);
        assert_eq!(kernel("10.0-rc1\n").verdict, Verdict::Ok);
        assert_eq!(kernel("").verdict, Verdict::Warn);
    }

    #[test]
    fn the_default_limits_of_a_distribution_are_called_low() {
        assert!(mappings("65530\n").found.contains("10921"));
        assert_eq!(mappings("1048576").verdict, Verdict::Ok);
        let limits =
            "Limit  Soft Limit\nMax open files            1024                 4096   files\n";
        assert!(open_files(limits).found.contains("only 1024"));
    }

    #[test]
    fn the_memory_is_that_of_the_container() {
        let meminfo = "MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\n";
        assert_eq!(memory(meminfo, "max\n").verdict, Verdict::Ok);
        assert_eq!(
            memory(meminfo, "268435456\n").found,
            "256.0 MiB of 256.0 MiB available"
        );
    }
}
