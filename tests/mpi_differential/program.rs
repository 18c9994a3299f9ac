//! Random programs that end, and that have one result.

use super::comms::Comm;
use super::random::Random;
use super::types::Types;

/// Most bytes of one message, or of one rank's part in a collective.
const LARGEST: usize = 200_000;

/// A program, as it is made. Every beginning of it is a program, too.
#[derive(Debug)]
pub struct Program {
    random: Random,
    comms: Vec<Comm>,
    comm_count: usize,
    types: Types,
    /// No two messages have the same, so that none is taken for another.
    next_tag: usize,
    lines: Vec<String>,
}

impl Program {
    /// The lines of a program for so many ranks.
    pub fn lines(seed: u64, ranks: usize, length: usize) -> Vec<String> {
        let mut program = Self {
            random: Random::new(seed),
            comms: vec![Comm::world(ranks)],
            comm_count: 1,
            types: Types::new(),
            next_tag: 0,
            lines: Vec::new(),
        };
        while program.lines.len() < length {
            program.step();
        }
        program.lines
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..2 if self.types.count() < 200 => {
                let lines = self.types.make(&mut self.random);
                self.lines.extend(lines);
            }
            2 if self.comm_count < 200 => self.comm(),
            3 if self.comms.len() > 4 => self.free(),
            4 => self.groups(),
            5 => self.grid(),
            6 => self.pack(),
            7..9 => self.shift(),
            9..14 => self.exchange(),
            14 if self.random.one_in(3) => {
                let line = format!("barrier {}", self.any_comm().index);
                self.lines.push(line);
            }
            _ => self.collective(),
        }
    }

    fn any_comm(&mut self) -> Comm {
        // The largest is the most interesting.
        let index = if self.random.one_in(2) {
            0
        } else {
            self.random.below(self.comms.len())
        };
        self.comms[index].clone()
    }

    fn comm(&mut self) {
        let old = self.any_comm();
        if let Some((line, made)) = old.make(&mut self.random, self.comm_count) {
            self.lines.push(line);
            self.comm_count += 1;
            // Where nobody is a member, there is nothing to do.
            if made.smallest() > 0 {
                self.comms.push(made);
            }
        }
    }

    fn free(&mut self) {
        let which = self.random.between(1, self.comms.len() - 1);
        let comm = self.comms.remove(which);
        self.lines.push(format!("free {}", comm.index));
    }

    fn groups(&mut self) {
        let ranks = self.comms[0].largest();
        let mut line = "groups".to_owned();
        for _ in 0..2 {
            let members = self.random.some_of(ranks);
            line += &format!(" {}", members.len());
            for member in members {
                line += &format!(" {member}");
            }
        }
        self.lines.push(line);
    }

    fn grid(&mut self) {
        let grids: Vec<usize> = self
            .comms
            .iter()
            .filter(|comm| comm.grid.is_some())
            .map(|comm| comm.index)
            .collect();
        if let [_, ..] = grids[..] {
            let grid = self.random.of(&grids);
            let distance = self.random.below(7) as i64 - 3;
            let direction = self.random.below(2);
            self.lines
                .push(format!("grid {grid} {direction} {distance}"));
        }
    }

    fn pack(&mut self) {
        let kind = self.types.any(&mut self.random);
        let count = self.random.size(self.types.fitting(kind, 20_000));
        self.lines.push(format!("pack {kind} {count}"));
    }

    fn tag(&mut self) -> usize {
        self.next_tag += 1;
        self.next_tag
    }

    fn shift(&mut self) {
        let comm = self.any_comm();
        let kind = self.types.any(&mut self.random);
        let count = self.random.size(self.types.fitting(kind, LARGEST));
        let distance = self.random.below(comm.largest() + 1);
        let (index, tag) = (comm.index, self.tag());
        let [is_open, is_in_place] = [self.random.below(2), self.random.below(2)];
        self.lines.push(format!(
            "shift {index} {distance} {tag} {count} {kind} {is_open} {is_in_place}"
        ));
    }

    fn exchange(&mut self) {
        let comm = self.any_comm();
        let ranks = comm.smallest();
        // One by one, all at once, or of persistent requests.
        let style = self.random.below(3);
        if style == 0 && ranks < 2 {
            return;
        }
        let count = self.random.between(1, 16);
        let mut pairs = Vec::new();
        while pairs.len() < count {
            let pair = (self.random.below(ranks), self.random.below(ranks));
            if style != 0 || pair.0 != pair.1 {
                pairs.push(pair);
            }
        }
        // Any tag is right where that is so for all between the two: they keep their order.
        let by_order: Vec<usize> = (0..ranks * ranks).map(|_| self.random.below(4)).collect();
        let mut needs_barrier = false;
        let mut said = String::new();
        for (source, destination) in &pairs {
            let is_alone = pairs.iter().filter(|pair| pair.1 == *destination).count() == 1;
            let any_tag = by_order[source * ranks + destination] == 0;
            let any_source = (!any_tag || is_alone) && self.random.one_in(2);
            needs_barrier |= any_source && any_tag;
            let [any_source, any_tag] = [any_source, any_tag].map(u8::from);
            let (tag, types) = (self.tag(), self.message());
            let mode = self.random.of(&['s', 's', 'b', 'y', 'i']);
            let way = self.random.of(&['r', 'r', 'p', 'P', 'm', 'M', 'i']);
            said += &format!(
                " {source} {destination} {tag} {types} {mode} {way} {any_source} {any_tag}"
            );
        }
        let (index, way) = (comm.index, self.random.below(8));
        self.lines
            .push(format!("exchange {index} {style} {way} {count}{said}"));
        if needs_barrier {
            // What comes later must not be taken for what was meant.
            self.lines.push(format!("barrier {index}"));
        }
    }

    /// How many of which type are sent, and as how many of which type they are received.
    fn message(&mut self) -> String {
        let kind = self.types.any(&mut self.random);
        let mut count = self.random.size(self.types.fitting(kind, LARGEST));
        if self.random.one_in(4) {
            count = count.min(3);
        }
        let more = self.random.size(20);
        let whole = self.types.get(kind);
        let plain = whole.basic.map(|basic| {
            let elements = count * whole.size / self.types.get(basic).size;
            (basic, elements)
        });
        match (plain, self.random.below(4)) {
            (Some((basic, elements)), 0) => {
                format!("{count} {kind} {} {basic}", elements + more)
            }
            (Some((basic, elements)), 1) => format!("{elements} {basic} {} {kind}", count + more),
            _ => format!("{count} {kind} {} {kind}", count + more),
        }
    }

    fn collective(&mut self) {
        const MOVING: [&str; 9] = [
            "bcast",
            "gather",
            "scatter",
            "allgather",
            "alltoall",
            "gatherv",
            "scatterv",
            "allgatherv",
            "alltoallv",
        ];
        const REDUCING: [&str; 6] = [
            "reduce",
            "allreduce",
            "reduce_scatter",
            "reduce_scatter_block",
            "scan",
            "exscan",
        ];
        let comm = self.any_comm();
        let (name, kind, op) = if self.random.one_in(2) {
            (
                self.random.of(&MOVING),
                self.types.any(&mut self.random),
                "sum",
            )
        } else {
            let (kind, op) = self.reduction();
            (self.random.of(&REDUCING), kind, op)
        };
        let most = self.types.fitting(kind, LARGEST / comm.largest());
        let count = self.random.size(most);
        let counts = match name {
            "gatherv" | "scatterv" | "allgatherv" | "reduce_scatter" => comm.largest(),
            "alltoallv" => comm.largest() * comm.largest(),
            _ => 0,
        };
        let root = self.random.below(comm.smallest());
        let is_in_place = self.random.below(2);
        let mut line = format!(
            "collective {name} {} {root} {count} {kind} {op} {is_in_place} {counts}",
            comm.index
        );
        for _ in 0..counts {
            line += &format!(" {}", self.random.size(most));
        }
        self.lines.push(line);
    }

    /// A type and an operation for it.
    fn reduction(&mut self) -> (usize, &'static str) {
        const ANY: [&str; 4] = ["sum", "prod", "min", "max"];
        const BITS: [&str; 3] = ["band", "bor", "bxor"];
        const LOGICAL: [&str; 3] = ["land", "lor", "lxor"];
        // Pairs of numbers are those of the operation of one's own, too.
        match self.random.below(14) {
            0 => (0, self.random.of(&BITS)),
            kind @ 2..10 => (kind, self.random.of(&[&ANY[..], &BITS, &LOGICAL].concat())),
            kind @ 10..12 => (kind, self.random.of(&ANY)),
            12 => (12, self.random.of(&["minloc", "maxloc", "own"])),
            _ => (13, "sum"),
        }
    }
}
