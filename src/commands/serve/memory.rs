//! How much memory this process can have.

use std::fs;

/// Bytes of memory: the machine's, or less if a cgroup says so. 2 GiB if neither can
/// be read.
pub fn available() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.as_deref().and_then(total);
    let cgroup = cgroup_limit();
    match (machine, cgroup) {
        (Some(machine), Some(cgroup)) => machine.min(cgroup),
        (Some(bytes), None) | (None, Some(bytes)) => bytes,
        (None, None) => 2 << 30,
    }
}

fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// The least limit of this process's cgroup and those above it.
fn cgroup_limit() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mut limits = Vec::new();
    let mut dir = std::path::PathBuf::from("/sys/fs/cgroup");
    for part in std::path::Path::new(path).components().skip(1) {
        dir.push(part);
        // "max" means no limit and is no number.
        let limit = fs::read_to_string(dir.join("memory.max")).ok();
        limits.extend(limit.and_then(|text| text.trim().parse::<u64>().ok()));
    }
    limits.into_iter().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_counts_in_kibibytes() {
        assert_eq!(
            total("MemTotal:       24576 kB\nMemFree: 1 kB\n"),
            Some(24 << 20)
        );
        assert_eq!(total("nothing"), None);
        assert!(available() > 0);
    }
}
