//! Large pages under what is looked up at random.
//!
//! A look-up in tens of megabytes misses the cache whatever we do; with pages of 4 KiB it also misses the table of where pages lie, twice for each step.

use std::io;

/// Asks the kernel to put this memory into large pages, now (`MADV_COLLAPSE`, Linux 6.1). It copies what is not there yet: about a millisecond for two
/// megabytes, so this is for whoever nobody waits for. What is there stays as it is, and others may read it meanwhile. Less than two large pages
/// are left alone.
///
/// # Errors
///
/// What the system says, an older one that it does not know how; then pages stay as they are, some or all.
pub fn in_large_pages<T: Copy + Sync>(memory: &[T]) -> io::Result<()> {
    const LARGE: usize = 2 << 20;
    /// Since 6.1; the C library may be older.
    const MADV_COLLAPSE: libc::c_int = 25;
    let bytes = memory.as_ptr_range();
    let (start, end) = ((bytes.start as usize).next_multiple_of(LARGE), bytes.end as usize / LARGE * LARGE);
    if end < start + 2 * LARGE {
        return Ok(());
    }
    let from = memory.as_ptr().cast::<u8>().wrapping_add(start - bytes.start as usize);
    // SAFETY: the range lies within memory that is borrowed here, and this advice changes neither what is in it nor who may touch it.
    let result = unsafe { libc::madvise(from.cast_mut().cast(), end - start, MADV_COLLAPSE) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_memory_stays_as_it_is() {
        let numbers: Vec<u64> = (0..2_000_000).collect();
        // A kernel that cannot do it says so; nothing has changed then either.
        let done = in_large_pages(&numbers);
        assert!(numbers.iter().copied().eq(0..2_000_000), "{done:?}");
        in_large_pages(&numbers[..1_000]).unwrap();
        in_large_pages::<u8>(&[]).unwrap();
    }
}
