//! Counts what a piece of code allocates, for figures of `uproar codecs`, benches and tests.
//!
//! The program that wants to know makes [`Counting`] its allocator. It counts only on a thread that
//! is within [`count`]: everywhere else an allocation costs one more load of a thread's own memory and
//! a branch that always goes the same way, and no memory is shared between threads: no difference could
//! be measured in an allocation and its release, which take 10 ns together. A counter that always ran
//! would cost each worker an increment for each allocation of a run.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, and a count where one was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting;

/// What was allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocations {
    /// Calls that gave memory: allocations and reallocations.
    pub calls: u64,
    /// Bytes they asked for, whatever was freed meanwhile. A reallocation counts with its new size.
    pub bytes: u64,
}

thread_local! {
    // Without a destructor, so that an allocator may use it at any time of a thread's life.
    static COUNTED: Cell<Option<Allocations>> = const { Cell::new(None) };
}

#[inline]
fn note(bytes: usize) {
    COUNTED.with(|counted| {
        if let Some(Allocations { calls, bytes: before }) = counted.get() {
            counted.set(Some(Allocations { calls: calls + 1, bytes: before + bytes as u64 }));
        }
    });
}

#[expect(unsafe_code, reason = "an allocator has no safe interface; this one hands everything on")]
// SAFETY: each method hands its arguments to the system's allocator as they are, and its result
// back; `note` neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(new_size);
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Runs a piece of code and says what it allocated on this thread; `None` where the program's
/// allocator does not count. Calls do not nest: an inner one ends the outer one's count.
pub fn count<T>(code: impl FnOnce() -> T) -> (T, Option<Allocations>) {
    COUNTED.set(Some(Allocations::default()));
    drop(std::hint::black_box(Box::new(0_u8)));
    let counts = COUNTED.replace(Some(Allocations::default())).is_some_and(|seen| seen.calls > 0);
    let done = code();
    let counted = COUNTED.replace(None);
    (done, counted.filter(|_| counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_allocates_is_counted_and_nothing_else() {
        let other = std::thread::spawn(|| std::hint::black_box(vec![0_u8; 1_000]).len());
        let (list, spent) = count(|| {
            let mut list: Vec<u8> = Vec::with_capacity(100);
            list.extend_from_slice(&[1; 100]);
            list.reserve_exact(200);
            std::hint::black_box(list)
        });
        assert_eq!(other.join().unwrap(), 1_000);
        assert_eq!(list.len(), 100);
        assert_eq!(spent, Some(Allocations { calls: 2, bytes: 100 + 300 }));
        let ((), nothing) = count(|| ());
        assert_eq!(nothing, Some(Allocations::default()));
    }
}
