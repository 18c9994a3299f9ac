//! Random communicators, made of one another.

use super::random::Random;

/// A communicator as the ranks know it: those of different parts know different ones by the
/// same number.
#[derive(Clone, Debug)]
pub struct Comm {
    pub index: usize,
    /// The ranks of the world in each part, in order. None is empty.
    parts: Vec<Vec<usize>>,
    /// Lengths of the grid, if it is one.
    pub grid: Option<Vec<usize>>,
}

/// What a line of the script makes.
struct Made {
    kind: &'static str,
    numbers: Vec<usize>,
    parts: Vec<Vec<usize>>,
    grid: Option<Vec<usize>>,
}

impl Comm {
    pub fn world(ranks: usize) -> Self {
        Self {
            index: 0,
            parts: vec![(0..ranks).collect()],
            grid: None,
        }
    }

    /// Ranks of the smallest part; 0 if there is none.
    pub fn smallest(&self) -> usize {
        self.parts.iter().map(Vec::len).min().unwrap_or(0)
    }

    /// Ranks of the largest part.
    pub fn largest(&self) -> usize {
        self.parts.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Another one with that index, and the line that makes it.
    pub fn make(&self, random: &mut Random, index: usize) -> Option<(String, Self)> {
        let mut made = match (random.below(7), &self.grid) {
            (0, _) => self.duplicate(),
            (1, _) => self.split(random),
            (2..5, _) => self.of_group(random),
            (_, Some(dims)) => self.of_directions(random, dims)?,
            (_, None) => self.grid(random),
        };
        made.parts.retain(|part| !part.is_empty());
        let mut line = format!("comm {} {} {}", made.kind, made.numbers.len(), self.index);
        for number in &made.numbers {
            line += &format!(" {number}");
        }
        let comm = Self {
            index,
            parts: made.parts,
            grid: made.grid,
        };
        Some((line, comm))
    }

    fn duplicate(&self) -> Made {
        Made {
            kind: "dup",
            numbers: Vec::new(),
            parts: self.parts.clone(),
            grid: self.grid.clone(),
        }
    }

    fn split(&self, random: &mut Random) -> Made {
        let mut numbers =
            |end: usize| -> Vec<usize> { (0..self.largest()).map(|_| random.below(end)).collect() };
        let [colors, keys] = [numbers(3), numbers(4)];
        let of = |part: &Vec<usize>, color: usize| -> Vec<usize> {
            let mut places: Vec<usize> = (0..part.len()).collect();
            places.retain(|place| colors[*place] == color);
            places.sort_by_key(|place| keys[*place]);
            places.iter().map(|place| part[*place]).collect()
        };
        // The script takes the last color for none.
        let parts = self
            .parts
            .iter()
            .flat_map(|part| [of(part, 0), of(part, 1)]);
        Made {
            kind: "split",
            parts: parts.collect(),
            numbers: [colors, keys].concat(),
            grid: None,
        }
    }

    fn of_group(&self, random: &mut Random) -> Made {
        let members = random.some_of(self.smallest());
        let mut kind = random.of(&["incl", "excl", "group"]);
        if members.len() == self.smallest() && kind == "excl" {
            kind = "incl";
        }
        let of = |part: &Vec<usize>| -> Vec<usize> {
            if kind == "excl" {
                let others = (0..part.len()).filter(|place| !members.contains(place));
                others.map(|place| part[place]).collect()
            } else {
                members.iter().map(|place| part[*place]).collect()
            }
        };
        Made {
            kind,
            parts: self.parts.iter().map(of).collect(),
            numbers: [vec![members.len()], members].concat(),
            grid: None,
        }
    }

    fn grid(&self, random: &mut Random) -> Made {
        let rows = random.between(1, self.smallest());
        let dims = vec![rows, random.between(1, self.smallest() / rows)];
        let count: usize = dims.iter().product();
        let periods = vec![random.below(2), random.below(2)];
        Made {
            kind: "cart",
            parts: self
                .parts
                .iter()
                .map(|part| part[..count].to_vec())
                .collect(),
            numbers: [vec![2], dims.clone(), periods].concat(),
            grid: Some(dims),
        }
    }

    /// `None` where no direction would remain.
    fn of_directions(&self, random: &mut Random, dims: &[usize]) -> Option<Made> {
        let remain: Vec<bool> = dims.iter().map(|_| random.one_in(2)).collect();
        let kept = dims.iter().zip(&remain).filter(|(_, remains)| **remains);
        let kept: Vec<usize> = kept.map(|(length, _)| *length).collect();
        let said = remain.iter().map(|remains| usize::from(*remains)).collect();
        (!kept.is_empty()).then(|| Made {
            kind: "sub",
            numbers: [vec![dims.len()], said].concat(),
            parts: self
                .parts
                .iter()
                .flat_map(|part| rows(part, dims, &remain))
                .collect(),
            grid: Some(kept),
        })
    }
}

/// The parts of a grid in which only some directions remain.
fn rows(part: &[usize], dims: &[usize], remain: &[bool]) -> Vec<Vec<usize>> {
    // Each with its coordinates in the other directions.
    let mut rows: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    for (mut place, rank) in part.iter().enumerate() {
        let mut fixed = Vec::new();
        for (length, remains) in dims.iter().zip(remain).rev() {
            if !remains {
                fixed.push(place % length);
            }
            place /= length;
        }
        match rows.iter_mut().find(|(of, _)| *of == fixed) {
            Some((_, members)) => members.push(*rank),
            None => rows.push((fixed, vec![*rank])),
        }
    }
    rows.into_iter().map(|(_, members)| members).collect()
}
