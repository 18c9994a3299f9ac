//! Ranks on a grid.

use crate::error::{Class, Result};

/// Most dimensions: more than there can be with two ranks in each.
pub(crate) const MAX_DIMS: usize = 64;

/// A Cartesian topology: the last dimension changes fastest from rank to rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cart {
    pub(crate) dims: Vec<i32>,
    pub(crate) periods: Vec<bool>,
}

impl Cart {
    /// Checks that it is not larger than the communicator.
    pub(crate) fn new(dims: Vec<i32>, periods: Vec<bool>, ranks: usize) -> Result<Self> {
        if dims.iter().any(|&dim| dim <= 0) {
            return Err(Class::Dims.because("a dimension is not positive"));
        }
        let cart = Self { dims, periods };
        match cart.size() {
            Some(size) if size <= ranks => Ok(cart),
            _ => Err(Class::Dims.because(format!("the grid is larger than {ranks} ranks"))),
        }
    }

    /// How many ranks it has.
    pub(crate) fn size(&self) -> Option<usize> {
        let dims = self.dims.iter().map(|&dim| usize::try_from(dim).ok());
        dims.into_iter()
            .try_fold(1_usize, |all, dim| all.checked_mul(dim?))
    }

    /// Where a rank is.
    pub(crate) fn coordinates(&self, rank: u32) -> Vec<i32> {
        let mut rest = rank;
        let mut coordinates = vec![0; self.dims.len()];
        for (at, &dim) in coordinates.iter_mut().zip(&self.dims).rev() {
            let dim = dim.cast_unsigned();
            *at = (rest % dim).cast_signed();
            rest /= dim;
        }
        coordinates
    }

    /// The rank at a place. Coordinates of periodic dimensions go round.
    pub(crate) fn rank(&self, coordinates: &[i32]) -> Result<i32> {
        let mut rank = 0;
        let dims = self.dims.iter().zip(&self.periods);
        for ((&dim, &is_periodic), &at) in dims.zip(coordinates) {
            let at = if is_periodic { at.rem_euclid(dim) } else { at };
            if !(0..dim).contains(&at) {
                return Err(Class::Arg.because(format!("{at} is outside of a dimension of {dim}")));
            }
            // The whole grid is not larger than a world.
            rank = rank * dim + at;
        }
        Ok(rank)
    }

    /// The rank that is so far away in a dimension, if there is one.
    pub(crate) fn neighbour(&self, rank: u32, dim: usize, by: i64) -> Option<i32> {
        let mut coordinates = self.coordinates(rank);
        let size = i64::from(self.dims[dim]);
        let at = i64::from(coordinates[dim]) + by;
        let at = if self.periods[dim] {
            at.rem_euclid(size)
        } else {
            at
        };
        if !(0..size).contains(&at) {
            return None;
        }
        coordinates[dim] = i32::try_from(at).ok()?;
        self.rank(&coordinates).ok()
    }
}

/// `MPI_Dims_create`: fills the dimensions that are zero, as equal as can be, larger ones first.
pub(crate) fn fill_dims(nodes: i32, dims: &mut [i32]) -> Result<()> {
    if nodes <= 0 || dims.iter().any(|&dim| dim < 0) {
        return Err(Class::Dims.because("a dimension is negative, or there are no nodes"));
    }
    let fixed = dims.iter().filter(|&&dim| dim > 0);
    let fixed = fixed.fold(1_i64, |all, &dim| all.saturating_mul(i64::from(dim)));
    let free = dims.iter().filter(|&&dim| dim == 0).count();
    let is_multiple = i64::from(nodes) % fixed == 0;
    if !is_multiple || (free == 0 && fixed != i64::from(nodes)) {
        return Err(Class::Dims.because(format!("{nodes} nodes cannot be divided like this")));
    }
    // Not larger than the nodes.
    let rest = (i64::from(nodes) / fixed) as i32;
    let mut found = balanced(rest, free).into_iter();
    for dim in dims.iter_mut().filter(|dim| **dim == 0) {
        *dim = found.next().unwrap_or(1);
    }
    Ok(())
}

/// All numbers that divide a number, in rising order.
fn divisors(number: i32) -> Vec<i32> {
    let is_small = |&factor: &i32| i64::from(factor).pow(2) <= i64::from(number);
    let small = (1..)
        .take_while(is_small)
        .filter(|factor| number % factor == 0);
    let small: Vec<i32> = small.collect();
    let large = small.iter().rev().map(|factor| number / factor);
    let mut all: Vec<i32> = small.iter().copied().chain(large).collect();
    all.dedup();
    all
}

/// So many factors of a number, in falling order: the largest as small as can be, then the next.
fn balanced(product: i32, count: usize) -> Vec<i32> {
    fn search(divisors: &[i32], product: i32, count: usize, max: i32) -> Option<Vec<i32>> {
        if count == 0 {
            return (product == 1).then(Vec::new);
        }
        // The largest factor is at least the root.
        let is_enough = |factor: i32| {
            let power = i64::from(factor).checked_pow(count as u32);
            power.is_none_or(|power| power >= i64::from(product))
        };
        let factors = divisors
            .iter()
            .filter(|&&factor| factor <= max && is_enough(factor) && product % factor == 0);
        factors.copied().find_map(|factor| {
            let mut rest = search(divisors, product / factor, count - 1, factor)?;
            rest.insert(0, factor);
            Some(rest)
        })
    }
    search(&divisors(product), product, count, product).unwrap_or_else(|| {
        let mut all = vec![1; count];
        all.iter_mut().take(1).for_each(|first| *first = product);
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_are_as_equal_as_can_be() {
        for (nodes, given, expected) in [
            (6, vec![0, 0], vec![3, 2]),
            (7, vec![0, 0], vec![7, 1]),
            (6, vec![0, 3, 0], vec![2, 3, 1]),
            (12, vec![0, 0], vec![4, 3]),
            (16, vec![0, 0, 0], vec![4, 2, 2]),
            (1, vec![0, 0], vec![1, 1]),
            (36, vec![0, 0], vec![6, 6]),
            (256, vec![0, 0, 0], vec![8, 8, 4]),
            (i32::MAX, vec![0, 0, 0], vec![i32::MAX, 1, 1]),
        ] {
            let mut dims = given.clone();
            assert_eq!(fill_dims(nodes, &mut dims), Ok(()), "{nodes} {given:?}");
            assert_eq!(dims, expected, "{nodes} {given:?}");
        }
        for (nodes, mut given) in [
            (7, vec![0, 3]),
            (0, vec![0]),
            (6, vec![-1, 0]),
            (6, vec![2, 2]),
        ] {
            assert!(fill_dims(nodes, &mut given).is_err());
        }
    }

    #[test]
    fn ranks_and_coordinates_are_each_others_inverse() {
        let cart = Cart::new(vec![3, 4, 2], vec![true, false, true], 24).unwrap();
        for rank in 0..24 {
            let at = cart.coordinates(rank);
            assert_eq!(cart.rank(&at), Ok(rank as i32));
        }
        assert_eq!(cart.coordinates(5), [0, 2, 1]);
        assert_eq!(cart.rank(&[-1, 0, 3]), Ok(17));
        assert!(cart.rank(&[0, 4, 0]).is_err());
        assert_eq!(cart.neighbour(0, 0, -1), Some(16));
        assert_eq!(cart.neighbour(0, 1, -1), None);
    }
}
