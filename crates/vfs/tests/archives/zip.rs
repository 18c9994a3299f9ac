//! Makes zip archives, proper ones and others.

use std::io::Write;

use flate2::{Compression, Crc, write::DeflateEncoder};

/// An entry of an archive, to be changed in any way before it is packed.
#[derive(Clone)]
pub struct Part {
    /// What stands before its bytes.
    pub local: Record,
    /// What stands in the list of entries.
    pub listed: Record,
    /// Its bytes as they are packed.
    pub packed: Vec<u8>,
    pub mode: u32,
    /// Where the list says that it is, if not where it is.
    pub at: Option<u32>,
}

#[derive(Clone)]
pub struct Record {
    pub name: Vec<u8>,
    pub flags: u16,
    pub method: u16,
    pub checksum: u32,
    pub packed_len: u32,
    pub len: u32,
}

impl Part {
    /// The same change before the bytes and in the list.
    pub fn both(mut self, change: impl Fn(&mut Record)) -> Self {
        change(&mut self.local);
        change(&mut self.listed);
        self
    }
}

pub fn deflated(name: &str, data: &[u8]) -> Part {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
    packed.write_all(data).expect("memory can be written");
    part(
        name.as_bytes(),
        data,
        8,
        packed.finish().expect("memory can be written"),
    )
}

pub fn stored(name: impl AsRef<[u8]>, data: &[u8]) -> Part {
    part(name.as_ref(), data, 0, data.to_vec())
}

fn part(name: &[u8], data: &[u8], method: u16, packed: Vec<u8>) -> Part {
    let mut checksum = Crc::new();
    checksum.update(data);
    let record = Record {
        name: name.to_vec(),
        flags: 0,
        method,
        checksum: checksum.sum(),
        packed_len: packed.len() as u32,
        len: data.len() as u32,
    };
    Part {
        local: record.clone(),
        listed: record,
        packed,
        mode: 0,
        at: None,
    }
}

/// An archive of these.
pub fn zip(parts: &[Part]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut list = Vec::new();
    for part in parts {
        let at = part.at.unwrap_or(archive.len() as u32);
        archive.extend(b"PK\x03\x04\x14\0");
        part.local.write(&mut archive);
        put16(&mut archive, &[part.local.name.len() as u16, 4]);
        archive.extend(&part.local.name);
        archive.extend(b"xtra");
        archive.extend(&part.packed);
        list.extend(b"PK\x01\x02\x14\x03\x14\0");
        part.listed.write(&mut list);
        put16(&mut list, &[part.listed.name.len() as u16, 2, 3, 0, 0]);
        put32(&mut list, &[part.mode << 16, at]);
        list.extend(&part.listed.name);
        list.extend(b"xxccc");
    }
    let start = archive.len() as u32;
    archive.extend(&list);
    archive.extend(end(parts.len() as u16, list.len() as u32, start));
    archive
}

/// The end of an archive.
pub fn end(count: u16, len: u32, start: u32) -> Vec<u8> {
    let mut end = b"PK\x05\x06".to_vec();
    put16(&mut end, &[0, 0, count, count]);
    put32(&mut end, &[len, start]);
    put16(&mut end, &[0]);
    end
}

impl Record {
    fn write(&self, to: &mut Vec<u8>) {
        // Noon of 1 January 1980.
        put16(to, &[self.flags, self.method, 12 << 11, 1 << 5 | 1]);
        put32(to, &[self.checksum, self.packed_len, self.len]);
    }
}

fn put16(to: &mut Vec<u8>, numbers: &[u16]) {
    to.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn put32(to: &mut Vec<u8>, numbers: &[u32]) {
    to.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}
