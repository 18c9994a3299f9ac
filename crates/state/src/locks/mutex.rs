//! The mutex below the locks: the standard library's, or a model checker's in tests.

use std::ops::DerefMut;
use std::sync::PoisonError;

/// A mutex. It is never found poisoned: no critical section can panic half-way.
pub(super) trait Mutex<T>: Send + Sync {
    fn new(value: T) -> Self;
    fn lock(&self) -> impl DerefMut<Target = T>;
}

/// Which mutex everything is built on. A type parameter, so that tests explore the very
/// code that ships, with no special build.
pub(super) trait Kit: 'static {
    type Mutex<T: Send>: Mutex<T>;
}

/// The kit that ships.
pub(super) struct Std;

impl Kit for Std {
    type Mutex<T: Send> = std::sync::Mutex<T>;
}

impl<T: Send> Mutex<T> for std::sync::Mutex<T> {
    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn lock(&self) -> impl DerefMut<Target = T> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
