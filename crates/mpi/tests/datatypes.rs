//! Datatypes, against maps of which byte is where.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{DOUBLE, INT, Program, WORLD, runtime};
use faasm_mpi::abi::Handle;
use faasm_mpi::functions as mpi;

use proptest::prelude::*;

const NEW: i32 = 64;
const LISTS: i32 = 1024;
const DATA: i32 = 4 << 20;
const PACKED: i32 = 1 << 20;
const SHORT: i32 = Handle::SHORT.0 as i32;

/// A type as a program describes it.
#[derive(Clone, Debug)]
enum Kind {
    Item(i32),
    Contiguous(i32, Box<Kind>),
    Vector(i32, i32, i32, Box<Kind>),
    Hvector(i32, i32, i32, Box<Kind>),
    Indexed(Vec<(i32, i32)>, Box<Kind>),
    Struct(Vec<(i32, i32, Kind)>),
    Resized(i32, i32, Box<Kind>),
}

/// Where the bytes are, in their order, and the bounds.
#[derive(Clone, Debug)]
struct Map {
    bytes: Vec<i64>,
    lower: i64,
    upper: i64,
    align: i64,
    is_resized: bool,
    elements: i64,
}

impl Map {
    fn extent(&self) -> i64 {
        self.upper - self.lower
    }

    /// Of parts at their places.
    fn of(parts: Vec<(i64, &Self)>) -> Self {
        let bytes = parts
            .iter()
            .flat_map(|(at, part)| part.bytes.iter().map(move |byte| at + byte));
        let resized = parts.iter().any(|(_, part)| part.is_resized);
        let bounding = parts.iter().filter(|(_, part)| part.is_resized == resized);
        let lower = bounding
            .clone()
            .map(|(at, part)| at + part.lower)
            .min()
            .unwrap_or(0);
        let upper = bounding
            .map(|(at, part)| at + part.upper)
            .max()
            .unwrap_or(0);
        let align = parts.iter().map(|(_, part)| part.align).max().unwrap_or(1);
        let extent = match resized {
            true => upper - lower,
            false => (upper - lower + align - 1).div_euclid(align) * align,
        };
        Self {
            bytes: bytes.collect(),
            lower,
            upper: lower + extent,
            align,
            is_resized: resized,
            elements: parts.iter().map(|(_, part)| part.elements).sum(),
        }
    }
}

impl Kind {
    fn map(&self) -> Map {
        let row = |map: &Map, at: i64, count: i32| -> Vec<i64> {
            (0..i64::from(count))
                .map(|index| at + index * map.extent())
                .collect()
        };
        match self {
            Self::Item(handle) => {
                let size = [(SHORT, 2), (INT, 4), (DOUBLE, 8)];
                let size = size.into_iter().find(|(item, _)| item == handle).unwrap().1;
                Map {
                    bytes: (0..size).collect(),
                    lower: 0,
                    upper: size,
                    align: size,
                    is_resized: false,
                    elements: 1,
                }
            }
            Self::Contiguous(count, child) => {
                let map = child.map();
                Map::of(
                    row(&map, 0, *count)
                        .into_iter()
                        .map(|at| (at, &map))
                        .collect(),
                )
            }
            Self::Vector(count, length, stride, child) => {
                let map = child.map();
                let stride = i64::from(*stride) * map.extent();
                strided(&map, *count, *length, stride)
            }
            Self::Hvector(count, length, stride, child) => {
                strided(&child.map(), *count, *length, i64::from(*stride))
            }
            Self::Indexed(blocks, child) => {
                let map = child.map();
                let at = |at: &i32| i64::from(*at) * map.extent();
                let all = blocks
                    .iter()
                    .flat_map(|(length, place)| row(&map, at(place), *length));
                Map::of(all.map(|at| (at, &map)).collect())
            }
            Self::Struct(blocks) => {
                let maps: Vec<_> = blocks.iter().map(|(_, _, kind)| kind.map()).collect();
                let all = blocks.iter().zip(&maps).flat_map(|((length, at, _), map)| {
                    row(map, i64::from(*at), *length)
                        .into_iter()
                        .map(move |at| (at, map))
                });
                Map::of(all.collect())
            }
            Self::Resized(lower, extent, child) => Map {
                lower: i64::from(*lower),
                upper: i64::from(lower + extent),
                is_resized: true,
                ..child.map()
            },
        }
    }

    /// Makes it as a program does; its handle.
    fn make(&self, host: &mut Program) -> i32 {
        let code = match self {
            Self::Item(handle) => return *handle,
            Self::Contiguous(count, child) => {
                let child = child.make(host);
                mpi::MPI_Type_contiguous(host, *count, child, NEW)
            }
            Self::Vector(count, length, stride, child) => {
                let child = child.make(host);
                mpi::MPI_Type_vector(host, *count, *length, *stride, child, NEW)
            }
            Self::Hvector(count, length, stride, child) => {
                let child = child.make(host);
                mpi::MPI_Type_create_hvector(host, *count, *length, *stride, child, NEW)
            }
            Self::Indexed(blocks, child) => {
                let child = child.make(host);
                let (lengths, places): (Vec<_>, Vec<_>) = blocks.iter().copied().unzip();
                host.put_ints(LISTS, &lengths);
                host.put_ints(LISTS + 256, &places);
                let count = blocks.len() as i32;
                mpi::MPI_Type_indexed(host, count, LISTS, LISTS + 256, child, NEW)
            }
            Self::Struct(blocks) => {
                let kinds: Vec<_> = blocks.iter().map(|(_, _, kind)| kind.make(host)).collect();
                host.put_ints(
                    LISTS,
                    &blocks.iter().map(|block| block.0).collect::<Vec<_>>(),
                );
                host.put_ints(
                    LISTS + 256,
                    &blocks.iter().map(|block| block.1).collect::<Vec<_>>(),
                );
                host.put_ints(LISTS + 512, &kinds);
                let count = blocks.len() as i32;
                mpi::MPI_Type_create_struct(host, count, LISTS, LISTS + 256, LISTS + 512, NEW)
            }
            Self::Resized(lower, extent, child) => {
                let child = child.make(host);
                mpi::MPI_Type_create_resized(host, child, *lower, *extent, NEW)
            }
        };
        assert_eq!(code, Ok(0));
        host.int(NEW)
    }
}

fn strided(map: &Map, count: i32, length: i32, stride: i64) -> Map {
    let at = |block: i32, item: i32| i64::from(block) * stride + i64::from(item) * map.extent();
    let all = (0..count).flat_map(|block| (0..length).map(move |item| at(block, item)));
    Map::of(all.map(|at| (at, map)).collect())
}

fn kinds() -> impl Strategy<Value = Kind> {
    let item = prop::sample::select(vec![SHORT, INT, DOUBLE]).prop_map(Kind::Item);
    item.prop_recursive(3, 24, 4, |inner| {
        let one = inner.clone().prop_map(Box::new);
        let places = prop::collection::vec((0..4, -9..9), 0..4);
        let blocks = prop::collection::vec((0..3, -40..40, inner), 0..4);
        prop_oneof![
            (0..4, one.clone()).prop_map(|(count, kind)| Kind::Contiguous(count, kind)),
            (0..4, 0..3, -4..5, one.clone())
                .prop_map(|(a, b, c, kind)| Kind::Vector(a, b, c, kind)),
            (0..4, 0..3, -40..41, one.clone())
                .prop_map(|(a, b, c, kind)| Kind::Hvector(a, b, c, kind)),
            (places, one.clone()).prop_map(|(blocks, kind)| Kind::Indexed(blocks, kind)),
            blocks.prop_map(Kind::Struct),
            (-16..16, 0..64, one)
                .prop_map(|(lower, extent, kind)| Kind::Resized(lower, extent, kind)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn types_have_the_bytes_and_bounds_of_their_maps(kind in kinds(), count in 0..4_i32) {
        let map = kind.map();
        let mut host = Program::new(common::ranks(1).remove(0), 8 << 20);
        mpi::MPI_Init(&mut host, 0, 0).unwrap();
        let handle = kind.make(&mut host);
        host.put_ints(NEW, &[handle]);
        mpi::MPI_Type_commit(&mut host, NEW).unwrap();

        mpi::MPI_Type_size(&mut host, handle, NEW).unwrap();
        prop_assert_eq!(host.int(NEW) as usize, map.bytes.len());
        mpi::MPI_Type_get_extent(&mut host, handle, NEW, NEW + 4).unwrap();
        prop_assert_eq!(host.ints(NEW, 2), [map.lower as i32, map.extent() as i32]);
        mpi::MPI_Type_get_true_extent(&mut host, handle, NEW, NEW + 4).unwrap();
        let first = map.bytes.iter().min().copied().unwrap_or(0);
        let end = map.bytes.iter().max().map_or(0, |last| last + 1);
        prop_assert_eq!(host.ints(NEW, 2), [first as i32, (end - first) as i32]);

        // Packed in the order of the map.
        for at in 0..1 << 16 {
            host.memory[(DATA - (1 << 15)) as usize + at] = (at * 7 + at / 251) as u8;
        }
        let places: Vec<i64> = (0..i64::from(count))
            .flat_map(|index| map.bytes.iter().map(move |byte| (index, byte)))
            .map(|(index, byte)| i64::from(DATA) + index * map.extent() + byte)
            .collect();
        let expected: Vec<u8> = places.iter().map(|at| host.memory[*at as usize]).collect();
        host.put_ints(NEW, &[0]);
        let size = 1 << 16;
        mpi::MPI_Pack(&mut host, DATA, count, handle, PACKED, size, NEW, WORLD).unwrap();
        prop_assert_eq!(host.int(NEW) as usize, expected.len());
        prop_assert_eq!(host.bytes(PACKED, expected.len()), expected.clone());

        // Through a message, so that both sides are walked; the last byte at a place counts.
        host.memory[(DATA - (1 << 15)) as usize..][..1 << 16].fill(0);
        let byte = Handle::BYTE.0 as i32;
        let len = expected.len() as i32;
        runtime().block_on(mpi::MPI_Sendrecv(
            &mut host, PACKED, len, byte, 0, 0, DATA, count, handle, 0, 0, WORLD, LISTS,
        )).unwrap();
        let mut after = vec![0; 1 << 16];
        for (at, byte) in places.iter().zip(&expected) {
            after[(at - i64::from(DATA) + (1 << 15)) as usize] = *byte;
        }
        prop_assert!(host.bytes(DATA - (1 << 15), 1 << 16) == after);

        // How many items there are in what has come.
        mpi::MPI_Get_elements(&mut host, LISTS, handle, NEW).unwrap();
        prop_assert_eq!(i64::from(host.int(NEW)), map.elements * i64::from(count));
        mpi::MPI_Get_count(&mut host, LISTS, handle, NEW).unwrap();
        let whole = if map.bytes.is_empty() { 0 } else { count };
        prop_assert_eq!(host.int(NEW), whole);
        mpi::MPI_Finalized(&mut host, NEW).unwrap();
    }
}

#[test]
fn types_that_are_too_large_or_too_deep_are_refused() {
    let mut host = Program::new(common::ranks(1).remove(0), 8 << 20);
    mpi::MPI_Init(&mut host, 0, 0).unwrap();
    let mut host = host.returning();
    let mut kind = DOUBLE;
    let mut made = 0;
    while mpi::MPI_Type_contiguous(&mut host, i32::MAX, kind, NEW) == Ok(0) {
        kind = host.int(NEW);
        made += 1;
    }
    assert_eq!(made, 1);
    mpi::MPI_Type_size(&mut host, kind, NEW).unwrap();
    assert_eq!(host.int(NEW), faasm_mpi::abi::UNDEFINED);
    kind = INT;
    let mut depth = 0;
    while mpi::MPI_Type_contiguous(&mut host, 1, kind, NEW) == Ok(0) {
        kind = host.int(NEW);
        depth += 1;
    }
    assert_eq!(depth, 64);
}
