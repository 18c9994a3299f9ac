//! State as far as one guest can tell: values that are mapped behind the memory that there
//! is, and locks that say on its standard output what becomes of them.

use std::collections::HashMap;

use wasmtime::{Extern, Linker};

use crate::support::{Host, Left, memory};

/// Where a value is in the guest's memory, and how long it is.
pub type Values = HashMap<String, (u32, u32)>;

pub fn define(linker: &mut Linker<Left>) {
    let env = "env";
    linker
        .func_wrap(env, "__faasm_read_state_ptr", map)
        .unwrap()
        .func_wrap(env, "__faasm_read_state_offset_ptr", map_range)
        .unwrap()
        .func_wrap(env, "__faasm_read_state", size)
        .unwrap();
    for mode in ["read", "write", "global"] {
        for (verb, sign) in [("lock", '+'), ("unlock", '-')] {
            let tell = move |mut caller: Host<'_>, key: u32| {
                let key = text(&mut caller, key);
                let line = format!("{sign}{mode} {key}\n");
                caller.data_mut().stdout.push_str(&line);
            };
            let name = format!("__faasm_{verb}_state_{mode}");
            linker.func_wrap(env, &name, tell).unwrap();
        }
    }
}

fn text(caller: &mut Host<'_>, at: u32) -> String {
    let (memory, _) = memory(caller);
    let bytes = memory[at as usize..].split(|byte| *byte == 0).next();
    String::from_utf8(bytes.unwrap().to_vec()).unwrap()
}

fn map(mut caller: Host<'_>, key: u32, total: u32) -> u32 {
    const PAGE: u32 = 65_536;
    let key = text(&mut caller, key);
    if let Some((address, length)) = caller.data().state.get(&key) {
        assert!(total <= *length, "the tests never extend a value");
        return *address;
    }
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        panic!("no memory is exported");
    };
    let pages = total.div_ceil(PAGE).into();
    let before = memory.grow(&mut caller, pages).unwrap();
    let address = u32::try_from(before).unwrap() * PAGE;
    caller.data_mut().state.insert(key, (address, total));
    address
}

fn map_range(caller: Host<'_>, key: u32, total: u32, offset: u32, length: u32) -> u32 {
    assert!(offset + length <= total);
    map(caller, key, total) + offset
}

fn size(mut caller: Host<'_>, key: u32, _buffer: u32, length: u32) -> u32 {
    assert_eq!(length, 0, "the tests only ask for the size");
    let key = text(&mut caller, key);
    caller
        .data()
        .state
        .get(&key)
        .map_or(0, |(_, length)| *length)
}
