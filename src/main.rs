//! `faasm`: the server and everything to use it with, in one binary.

fn main() {}
