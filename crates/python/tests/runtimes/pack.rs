//! Packing, and unpacking it again.

use std::fs;

use faasm_python::{Error, Outcome};

use crate::made::{Files, Home, sha256};

#[test]
fn a_packed_runtime_is_the_same_bytes_wherever_it_was_and_installs_as_itself() {
    let (here, there) = (Home::new(), Home::new());
    let runtime = here.install(&Files::new("x").archive()).unwrap().runtime;
    let out = here.path().join(runtime.archive_name());
    let packed = runtime.pack(&out).unwrap();
    let bytes = fs::read(&out).unwrap();
    assert_eq!(
        (packed.size, packed.sha256),
        (bytes.len() as u64, sha256(&bytes))
    );
    let checksum = fs::read_to_string(out.with_extension("gz.sha256")).unwrap();
    assert_eq!(
        checksum,
        format!("{}  {}\n", packed.sha256, runtime.archive_name())
    );

    let installed = there
        .store
        .install_archive(&out, None, &mut |_| {})
        .unwrap();
    assert_eq!(installed.outcome, Outcome::Added);
    assert_eq!(installed.runtime.id(), runtime.id());
    let again = there.path().join("again.tar.gz");
    installed.runtime.pack(&again).unwrap();
    assert_eq!(fs::read(&again).unwrap(), bytes);
}

#[test]
fn a_damaged_runtime_is_not_packed_and_nothing_half_is_left() {
    let home = Home::new();
    let runtime = home.install(&Files::new("x").archive()).unwrap().runtime;
    let out = home.path().join("out");
    fs::create_dir(&out).unwrap();
    let missing = runtime.pack(&out.join("nowhere/a.tar.gz")).unwrap_err();
    assert!(matches!(missing, Error::Io { .. }), "{missing}");
    fs::write(runtime.library(), "XX").unwrap();
    let damaged = runtime.pack(&out.join("a.tar.gz")).unwrap_err();
    assert!(matches!(damaged, Error::Damaged(_)), "{damaged}");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
}
