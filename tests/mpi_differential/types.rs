//! Random types of data.

use super::random::Random;

/// Sizes of the basic types of `types.c`, in their order.
const BASIC: [usize; 14] = [1, 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 8, 16];

/// Where they may begin, likewise: at the multiples of so many bytes.
const ALIGN: [usize; 14] = [1, 1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 4, 8];

/// No element has more bytes than this, from its first to its last.
const LARGEST: usize = 4_000;

/// What is known of a type.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    /// Bytes of data.
    pub size: usize,
    /// At least as many bytes as from one element to the next: a type of resized ones is not padded.
    pub extent: usize,
    /// What an extent is padded to.
    align: usize,
    /// The basic type that it is made of, if that is one alone.
    pub basic: Option<usize>,
}

/// The types of a program.
#[derive(Debug)]
pub struct Types {
    /// By their numbers in the script.
    all: Vec<Type>,
    /// Those whose elements do not overlap, by number.
    usable: Vec<usize>,
}

impl Types {
    pub fn new() -> Self {
        let basic = |index: usize| Type {
            size: BASIC[index],
            extent: BASIC[index],
            align: ALIGN[index],
            basic: Some(index),
        };
        Self {
            all: (0..BASIC.len()).map(basic).collect(),
            usable: (0..BASIC.len()).collect(),
        }
    }

    pub fn count(&self) -> usize {
        self.all.len()
    }

    pub fn get(&self, number: usize) -> Type {
        self.all[number]
    }

    pub fn any(&self, random: &mut Random) -> usize {
        random.of(&self.usable)
    }

    /// How many elements have at most this many bytes, their gaps included.
    pub fn fitting(&self, kind: usize, bytes: usize) -> usize {
        bytes / self.all[kind].extent.max(1)
    }

    /// Makes another type of those there are; lines of the script.
    pub fn make(&mut self, random: &mut Random) -> Vec<String> {
        let old = self.any(random);
        let Type {
            size,
            extent,
            align,
            basic,
        } = self.all[old];
        let most = (LARGEST / extent).clamp(1, 20);
        let (line, copies, end) = match random.below(7) {
            0 => {
                let count = random.between(1, most);
                (format!("contiguous {count}"), count, count * extent)
            }
            1 => {
                let length = random.between(1, most.min(4));
                let stride = random.between(length, length + 3);
                let count = random.between(1, (most / stride).max(1));
                let end = ((count - 1) * stride + length) * extent;
                (
                    format!("vector {count} {length} {stride}"),
                    count * length,
                    end,
                )
            }
            2 => {
                let length = random.between(1, most.min(3));
                let stride = length * extent + random.below(20);
                let count = random.between(1, (LARGEST / stride).clamp(1, 8));
                let line = format!("hvector {count} {length} {stride}");
                (line, count * length, (count - 1) * stride + length * extent)
            }
            3 => return self.structure(random),
            4 => {
                let to = extent + random.below(24);
                (format!("resized 0 {to}"), 1, to)
            }
            5 => ("dup".to_owned(), 1, extent),
            _ => blocks(random, extent, align, most),
        };
        self.usable.push(self.all.len());
        self.all.push(Type {
            size: copies * size,
            extent: end.max(1).next_multiple_of(align),
            align,
            basic,
        });
        vec![format!("type {line} {old}")]
    }

    /// The bounds that a resized member has are those of all, whatever the others need: only the
    /// structure that is resized itself is used.
    fn structure(&mut self, random: &mut Random) -> Vec<String> {
        let count = random.between(1, 5);
        let mut place = random.below(9);
        let mut members = Vec::new();
        let mut made = Type {
            size: 0,
            extent: 0,
            align: 1,
            basic: None,
        };
        for _ in 0..count {
            let old = self.any(random);
            let length = random.between(1, 3);
            members.push([length, place, old]);
            made.size += length * self.all[old].size;
            place += length * self.all[old].extent + random.below(9);
        }
        made.extent = place.next_multiple_of(16);
        let number = self.all.len();
        self.all.extend([made, made]);
        self.usable.push(number + 1);
        random.shuffle(&mut members);
        let column = |at: usize| {
            members
                .iter()
                .map(|m| m[at].to_string())
                .collect::<Vec<_>>()
        };
        let columns = [column(0), column(1), column(2)].concat();
        vec![
            format!("type struct {count} {}", columns.join(" ")),
            format!("type resized 0 {} {number}", made.extent),
        ]
    }
}

/// Blocks in any order: the line without the old type, how many elements, and where they end.
fn blocks(random: &mut Random, extent: usize, align: usize, most: usize) -> (String, usize, usize) {
    let count = random.between(1, most.min(5));
    let [is_in_bytes, is_alike] = [random.one_in(2), random.one_in(2)];
    // Open MPI pads after each block, and so by more than the standard says where one is not aligned.
    let (unit, shown) = match is_in_bytes {
        true => (align, align),
        false => (extent, 1),
    };
    let alike = random.between(1, 3);
    let mut place = random.below(3);
    let mut blocks = Vec::new();
    for _ in 0..count {
        let length = if is_alike {
            alike
        } else {
            random.between(1, 3)
        };
        blocks.push((length, place));
        place += (length * extent).div_ceil(unit) + random.below(4);
    }
    random.shuffle(&mut blocks);
    let lengths: Vec<_> = blocks.iter().map(|block| block.0.to_string()).collect();
    let places: Vec<_> = blocks
        .iter()
        .map(|block| (block.1 * shown).to_string())
        .collect();
    let name = match (is_in_bytes, is_alike) {
        (false, false) => "indexed",
        (true, false) => "hindexed",
        (false, true) => "block",
        (true, true) => "hblock",
    };
    let copies = blocks.iter().map(|block| block.0).sum();
    let line = format!("{name} {count} {} {}", lengths.join(" "), places.join(" "));
    (line, copies, place * unit)
}
