//! How much memory this process can have.

use std::fs;
use std::path::Path;

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
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = Path::new("/sys/fs/cgroup");
    least_limit(root, path)
}

/// The least limit from the cgroup at `path` up to `root`, which in a container is the
/// container's own and has one, too.
fn least_limit(root: &Path, path: &str) -> Option<u64> {
    let own = root.join(path);
    let above = own.ancestors().take_while(|dir| dir.starts_with(root));
    // "max" means no limit and is no number.
    let limit = |dir: &Path| {
        let text = fs::read_to_string(dir.join("memory.max")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    above.filter_map(limit).min()
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

    #[test]
    fn the_least_limit_counts_and_in_a_container_it_is_at_the_root() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let limit = |path| least_limit(root.path(), path);
        assert_eq!((limit(""), limit("a/b")), (None, None));
        fs::write(root.path().join("memory.max"), "4096\n").unwrap();
        assert_eq!((limit(""), limit("a/b")), (Some(4096), Some(4096)));
        fs::write(root.path().join("a/memory.max"), "max\n").unwrap();
        fs::write(inner.join("memory.max"), "1024\n").unwrap();
        assert_eq!((limit("a"), limit("a/b")), (Some(4096), Some(1024)));
    }
}
