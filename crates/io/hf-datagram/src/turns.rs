//! Which thread of a process gets a core first, when several want the same one.
//!
//! 1. [`come_soon`]: a thread with short turns that wakes up takes the core from one with longer turns at once, as long as it has not had more than its share. It does
//!    not get a larger share. Linux 6.12 and later; before that nothing changes, and it waits for the end of the other's turn: milliseconds.
//! 2. [`stand_back`]: a thread gets a smaller share, as `nice` has it. It cannot take that back.
//! 3. Neither needs a privilege, and threads that are started later get what their starter has.
//! 4. [`processor_time`] tells a thread when its turn is over, which the kernel may see some milliseconds late.
//! 5. A thread that was given a real-time policy from outside keeps it.

use std::io;
use std::time::Duration;

/// `struct sched_attr` in its first version, which every kernel since 3.14 takes (sched_setattr(2)).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime_ns: u64,
    deadline_ns: u64,
    period_ns: u64,
}

const SIZE: u32 = size_of::<Attributes>() as u32;

/// This thread: turns of so long, 100 microseconds to 100 ms.
///
/// # Errors
///
/// What the system says; all stays as it was.
pub fn come_soon(turn: Duration) -> io::Result<()> {
    let mut attributes = attributes()?;
    if !matches!(attributes.policy.cast_signed(), libc::SCHED_OTHER | libc::SCHED_BATCH) {
        return Ok(());
    }
    attributes.size = SIZE;
    attributes.runtime_ns = u64::try_from(turn.as_nanos()).unwrap_or(u64::MAX);
    // SAFETY: 0 is this thread, and the structure has the size that it says and outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The processor time that this thread has used; nothing where the system does not tell.
pub fn processor_time() -> Duration {
    let mut used = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure outlives the call, which writes nothing else.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut used) };
    match (result, u64::try_from(used.tv_sec), u32::try_from(used.tv_nsec)) {
        (0, Ok(seconds), Ok(nanoseconds)) => Duration::new(seconds, nanoseconds),
        _ => Duration::ZERO,
    }
}

/// Where this thread stands: -20 to 19, later ones behind earlier ones. What it starts stands there too.
///
/// # Errors
///
/// What the system says.
pub fn nice() -> io::Result<i32> {
    Ok(attributes()?.nice)
}

/// This thread: to there, if that is further back.
///
/// # Errors
///
/// What the system says; all stays as it was.
pub fn stand_back(to: i32) -> io::Result<()> {
    let to = to.min(19);
    if to <= nice()? {
        return Ok(());
    }
    // SAFETY: no memory is passed. On Linux 0 is this thread alone.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, to) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn attributes() -> io::Result<Attributes> {
    let mut attributes = Attributes::default();
    // SAFETY: 0 is this thread, and the kernel writes at most the size that it is given.
    let result = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, SIZE, 0) };
    if result == 0 { Ok(attributes) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a new thread has after this.
    fn after(change: impl FnOnce() -> io::Result<()> + Send + 'static) -> Attributes {
        let thread = std::thread::spawn(|| {
            change().unwrap();
            attributes().unwrap()
        });
        thread.join().unwrap()
    }

    #[test]
    fn only_this_thread_stands_back_and_never_past_the_last_step() {
        let before = nice().unwrap();
        assert_eq!(after(move || stand_back(before + 3)).nice, (before + 3).min(19));
        assert_eq!(after(|| stand_back(200)).nice, 19);
        assert_eq!(after(move || stand_back(before - 1)).nice, before);
        assert_eq!(nice().unwrap(), before);
    }

    #[test]
    fn short_turns_change_nothing_else() {
        let before = attributes().unwrap();
        let short = after(|| come_soon(Duration::from_micros(250)));
        assert_eq!((short.policy, short.nice), (before.policy, before.nice));
        // Kernels before 6.12 know one length for all, and tell none.
        assert!([0, 250_000].contains(&short.runtime_ns), "{short:?}");
        let back = before.nice + 2;
        let both = after(move || stand_back(back).and_then(|()| come_soon(Duration::from_micros(250))));
        assert_eq!(both.nice, (before.nice + 2).min(19));
    }

    #[test]
    fn processor_time_goes_on_while_this_thread_works() {
        let before = processor_time();
        while processor_time() == before {
            std::hint::black_box(before);
        }
        assert!(processor_time() > before && !before.is_zero());
    }
}
