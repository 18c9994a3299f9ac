//! How a reduction is carried out.

use std::ops::Range;
use std::sync::Arc;

use super::movement::{SMALL, nothing, put, put_all};
use crate::abi::{Address, Handle};
use crate::collective::{
    ByGuest, Data, Deposit, Folding, Given, Job, Meeting, Outcome, Parts, Reach, Scratch,
    Signature, exchange, fold, fold_here, reduce_by_guest, take,
};
use crate::comm::Comm;
use crate::datatype::{self, Layout};
use crate::error::{Class, Error, Result};
use crate::host::{Callback, Host, HostExt};
use crate::op::{Combine, Reduction, is_predefined};

/// Bytes of a rank's data that are reduced at a time, if ranks are in several parts of the world.
const SECTION: u64 = 256 << 10;

/// A reduction, as its function was called.
pub(super) struct Reduce {
    pub(super) comm: Arc<Comm>,
    /// The data of this rank.
    pub(super) data: Layout,
    /// Where this rank's result goes.
    pub(super) target: Option<Layout>,
    pub(super) signature: Signature,
    reduction: Reduction,
    op: Handle,
    datatype: Handle,
    folding: Folding,
}

/// How a function names a reduction.
#[derive(Clone, Copy)]
pub(super) struct Arguments {
    pub(super) data: Address,
    pub(super) target: Address,
    pub(super) datatype: Handle,
    pub(super) op: Handle,
}

impl Reduce {
    /// `count` items; `result` of them are for this rank, unless none are.
    pub(super) fn new<H: Host>(
        host: &mut H,
        comm: Arc<Comm>,
        arguments: Arguments,
        (count, result): (u64, Option<u64>),
        folding: Folding,
    ) -> Result<Self> {
        let rank = host.rank();
        let kind = rank.committed(arguments.datatype)?;
        let reduction = rank.reduction(arguments.op, kind)?;
        let layout = |address, count| {
            let one = Layout::new(address, 1, kind)?;
            Layout::of(one.address, count, one.datatype)
        };
        let target = match result {
            Some(count) => Some(layout(arguments.target, count)?),
            None => None,
        };
        let data = match arguments.data {
            Address::IN_PLACE if target.is_some() => layout(arguments.target, count)?,
            address => layout(address, count)?,
        };
        let kind = match is_predefined(arguments.op) {
            true => arguments.op.0,
            false => 0,
        };
        let call = rank.call;
        host.with(|memory| {
            data.check_read(memory)?;
            target
                .iter()
                .try_for_each(|target| target.check_write(memory))
        })?;
        Ok(Self {
            signature: Signature {
                call,
                root: None,
                kind,
                bytes: Some(data.size),
            },
            comm,
            data,
            target,
            reduction,
            op: arguments.op,
            datatype: arguments.datatype,
            folding,
        })
    }

    fn own(&self) -> usize {
        self.comm.rank as usize
    }

    pub(super) async fn run<H: Host>(self, host: &mut H) -> Result<()> {
        match self.reduction {
            Reduction::Host(op) if self.data.size <= SMALL => {
                let all = 0..self.data.count;
                self.run_small(host, op, all).await
            }
            Reduction::Host(op) if self.comm.stage.span.is_some() => {
                self.run_in_sections(host, op).await
            }
            Reduction::Host(op) => self.run_large(host, op).await,
            Reduction::Guest(function) => self.run_by_guest(host, function).await,
        }
    }

    /// Reduces some of the items, which every rank puts down.
    async fn run_small<H: Host>(&self, host: &mut H, op: Combine, items: Range<u64>) -> Result<()> {
        let data = self
            .data
            .part(items.start.cast_signed(), items.end - items.start)?;
        let signature = Signature {
            bytes: Some(data.size),
            ..self.signature.clone()
        };
        let deposit = host.with(|memory| put_all(memory, &data))?;
        let given = Given {
            signature,
            deposit,
            waits: self.target.is_some(),
            reach: self.reach(op),
        };
        let is_scan = matches!(self.folding, Folding::Scan { .. });
        let make = move |deposits: &[Deposit], _: &mut dyn FnMut() -> u64| match is_scan {
            true => Outcome::Nothing,
            false => Outcome::Bytes(fold_here(deposits, op)),
        };
        let Some(meeting) = exchange(host, &self.comm, given, make).await? else {
            return Ok(());
        };
        let written = self.write_small(host, &meeting, op, items);
        meeting.end(host).await?;
        written
    }

    /// Who needs the data of ranks in other parts.
    fn reach(&self, op: Combine) -> Reach {
        match &self.folding {
            Folding::To(ranks) if ranks.len() == 1 => Reach::FoldedForOne(ranks.start as u32, op),
            Folding::To(_) | Folding::Scatter(_) => Reach::Folded(op),
            Folding::Scan { .. } => Reach::All,
        }
    }

    /// Writes what is for this rank of the result of some items.
    fn write_small<H: Host>(
        &self,
        host: &mut H,
        meeting: &Meeting,
        op: Combine,
        items: Range<u64>,
    ) -> Result<()> {
        let Some(target) = &self.target else {
            return Ok(());
        };
        let own = self.own();
        let folded;
        let bytes = match (&self.folding, meeting.board.outcome()) {
            (Folding::Scan { is_exclusive }, _) => {
                let end = own + usize::from(!is_exclusive);
                folded = fold_here(&meeting.board.deposits()[..end], op);
                &folded
            }
            (_, Outcome::Bytes(all)) => all,
            _ => return Err(Class::Intern.into()),
        };
        let first = match &self.folding {
            Folding::Scatter(counts) => counts.iter().take(own).sum(),
            _ => 0,
        };
        let from = items.start.max(first);
        let to = items.end.min(first + target.count);
        if from >= to {
            return Ok(());
        }
        let size = target.datatype.size;
        let [start, end] = [from, to].map(|item| ((item - items.start) * size) as usize);
        let bytes = bytes.get(start..end).ok_or(Class::Intern)?;
        let skip = (from - first) * size;
        host.with(|memory| Ok(datatype::unpack(memory, target, skip, bytes)?))
    }

    /// Reduces much data of ranks in several parts, some of it at a time: so each part puts that of
    /// its ranks together before it sends it.
    async fn run_in_sections<H: Host>(&self, host: &mut H, op: Combine) -> Result<()> {
        let count = self.data.count;
        let items = (SECTION / self.data.datatype.size.max(1)).max(1);
        let mut first = 0;
        while first < count {
            let end = count.min(first + items);
            self.run_small(host, op, first..end).await?;
            first = end;
        }
        Ok(())
    }

    async fn run_large<H: Host>(self, host: &mut H, op: Combine) -> Result<()> {
        let given = Given {
            signature: self.signature.clone(),
            deposit: Deposit {
                data: Data::There(self.data.clone()),
                target: self.target.clone(),
                ..Deposit::default()
            },
            waits: true,
            reach: Reach::All,
        };
        let meeting = exchange(host, &self.comm, given, nothing).await?;
        let meeting = meeting.ok_or(Class::Intern)?;
        fold(host, &self.comm, &meeting, op, &self.folding).await?;
        meeting.end(host).await
    }

    async fn run_by_guest<H: Host>(self, host: &mut H, function: Callback) -> Result<()> {
        let own = self.own();
        let end = match &self.folding {
            Folding::Scan { is_exclusive } => own + usize::from(!is_exclusive),
            // Put together by one, and handed on.
            Folding::To(ranks) if own == ranks.start => self.comm.size(),
            Folding::Scatter(_) if own == 0 => self.comm.size(),
            Folding::To(_) | Folding::Scatter(_) => 0,
        };
        let deposit = host.with(|memory| put(memory, self.data.clone(), Parts::One))?;
        let given = Given {
            signature: self.signature.clone(),
            deposit,
            waits: end > 0,
            reach: match &self.folding {
                Folding::To(ranks) => Reach::One(ranks.start as u32),
                Folding::Scatter(_) => Reach::One(0),
                Folding::Scan { .. } => Reach::All,
            },
        };
        let meeting = exchange(host, &self.comm, given, nothing).await?;
        let by = ByGuest {
            function,
            op: self.op,
            datatype: self.datatype,
            shape: self.data.clone(),
        };
        let mut reduced = Ok(None);
        if let Some(meeting) = meeting {
            if end > 0 {
                reduced = reduce_by_guest(host, &self.comm, &meeting, &by, end)
                    .await
                    .map(Some);
            }
            if let Err(Error::Stop(_) | Error::BadAddress(_)) = &reduced {
                // The world ends by it: the others hear why from there, and wait no longer.
                return reduced.map(drop);
            }
            meeting.end(host).await?;
        }
        // A rank that has failed still tells the others, who would wait for it.
        let handed_on = self.hand_on(host, &reduced).await;
        if let Some(scratch) = reduced? {
            scratch.free(host).await?;
        }
        handed_on
    }

    /// Brings a result that one rank has to where it belongs.
    async fn hand_on<H: Host>(
        &self,
        host: &mut H,
        reduced: &Result<Option<Scratch>>,
    ) -> Result<()> {
        let root = match &self.folding {
            Folding::To(ranks) if ranks.len() > 1 => ranks.start,
            Folding::Scatter(_) => 0,
            Folding::To(_) | Folding::Scan { .. } => {
                let (Ok(Some(scratch)), Some(target)) = (reduced, &self.target) else {
                    return Ok(());
                };
                return host
                    .with(|memory| Ok(datatype::duplicate(memory, &scratch.result, target)?));
            }
        };
        let parts = match &self.folding {
            Folding::Scatter(counts) => {
                let mut at = 0;
                let part = |count: &u64| {
                    let part = (at, *count);
                    at += count.cast_signed();
                    part
                };
                Parts::Each(counts.iter().map(part).collect())
            }
            _ => Parts::One,
        };
        let deposit = match reduced {
            Ok(Some(scratch)) => host.with(|memory| put(memory, scratch.result.clone(), parts))?,
            Ok(None) => Deposit::default(),
            Err(error) => Deposit {
                data: Data::Failed(Class::from_code(error.code()).unwrap_or(Class::Other)),
                ..Deposit::default()
            },
        };
        let given = Given {
            signature: self.signature.clone(),
            deposit,
            waits: true,
            reach: Reach::All,
        };
        let meeting = exchange(host, &self.comm, given, nothing).await?;
        let meeting = meeting.ok_or(Class::Intern)?;
        let into = self.target.clone().ok_or(Class::Intern)?;
        let job = Job {
            from: root,
            part: self.own(),
            into,
        };
        let taken = take(host, &self.comm, &meeting, &[job]).await;
        meeting.end(host).await?;
        match taken? {
            None => Ok(()),
            Some(class) => Err(class.because("the operation failed on another rank")),
        }
    }
}
