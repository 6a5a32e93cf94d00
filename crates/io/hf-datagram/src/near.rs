//! Memory that is wanted soon.

/// Bytes that a processor takes from memory at once.
const LINE_BYTES: usize = 64;

/// Has the processor bring these bytes near, without waiting for them: at most four lines, from the first on. What it costs is a few instructions; on
/// processors where it is not known how, nothing happens.
#[inline]
pub fn come_near<T>(bytes: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let len = size_of_val(bytes).min(4 * LINE_BYTES);
        let first = bytes.as_ptr().cast::<i8>();
        for at in (0..len).step_by(LINE_BYTES) {
            // SAFETY: a hint reads nothing and never faults; the address is within the slice.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(first.add(at)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}
