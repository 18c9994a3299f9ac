//! Setting a large value takes little memory. Alone in its process, whose memory it reads.

use faasm_state::tier::conformance::{Checked, noise, patches, state_key};
use faasm_state::tier::{
    EmbeddedOptions, EmbeddedTier, Expect, GlobalTier, MAX_PATCH_BYTES, MAX_VALUE_BYTES,
};

/// The most memory that this process has had, in bytes.
fn peak() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kilobytes.ok_or("no VmHWM")?.parse::<u64>()? << 10)
}

#[tokio::test]
async fn a_large_value_is_staged_and_dropped_in_little_memory() -> Checked {
    let size = match std::env::var_os("FAASM_TEST_LONG") {
        Some(_) => MAX_VALUE_BYTES,
        None => 400 << 20,
    };
    let dir = tempfile::tempdir()?;
    let tier = EmbeddedTier::open(dir.path(), EmbeddedOptions::default())?;
    let key = state_key("demo", "large")?;
    let part = noise(MAX_PATCH_BYTES, 1);
    let before = peak()?;
    let (generation, pin) = tier.stage(&key.user).await?;
    let mut written = 0;
    while written < size {
        let length = (size - written).min(MAX_PATCH_BYTES);
        let step = patches([(written, &part[..length as usize])]);
        tier.write_staged(generation, step).await?;
        written += length;
    }
    let publish = tier.publish(&key, generation, size, Expect::Absent, None);
    assert_eq!(publish.await?.size, size);
    drop(pin);
    let end = tier.read(generation, size - 9, 9).await?;
    let last = ((size - 1) % MAX_PATCH_BYTES) as usize;
    assert_eq!(end, part[last - 8..=last]);
    assert!(tier.delete(&key, Expect::Any).await?);
    while tier.read(generation, 0, 1).await.is_ok() {
        tokio::task::yield_now().await;
    }
    tier.close().await;
    let taken = (peak()? - before) >> 20;
    assert!(taken < 100, "{taken} MiB");
    eprintln!("{} MiB in {taken} MiB of memory", size >> 20);
    Ok(())
}
