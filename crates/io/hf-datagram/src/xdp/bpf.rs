//! The four calls of bpf(2) that are needed: a map of sockets, a program, and its link to an interface.
//!
//! The link is a descriptor: when the last one is closed, by us or with our process however that ends, the kernel takes the program off.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::program::Instruction;

const MAP_CREATE: libc::c_long = 0;
const MAP_UPDATE_ELEMENT: libc::c_long = 2;
const PROGRAM_LOAD: libc::c_long = 5;
const LINK_CREATE: libc::c_long = 28;

const MAP_OF_XDP_SOCKETS: u32 = 17;
const PROGRAM_XDP: u32 = 6;
const ATTACH_XDP: u32 = 37;

/// What the kernel's verifier says of a program goes in here.
const LOG_BYTES: usize = 16 << 10;

#[repr(C)]
#[derive(Default)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct MapUpdate {
    map_fd: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
#[derive(Default)]
struct ProgramLoad {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
}

#[repr(C)]
#[derive(Default)]
struct LinkCreate {
    program_fd: u32,
    interface: u32,
    attach_type: u32,
    flags: u32,
}

fn call<T>(command: libc::c_long, attributes: &T) -> io::Result<libc::c_long> {
    let attributes = std::ptr::from_ref(attributes);
    // SAFETY: the attributes have the layout that the command wants and their true size is given; the pointers in them are to memory that
    // the callers below hold until this returns. The kernel only reads, apart from the log, which is given as writable.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn descriptor(result: libc::c_long) -> OwnedFd {
    // SAFETY: the kernel has just given it to us and nobody else has it.
    unsafe { OwnedFd::from_raw_fd(result as i32) }
}

fn address_of<T>(of: &[T]) -> u64 {
    of.as_ptr() as u64
}

/// Room for a socket for each queue below `queues`.
pub fn socket_map(queues: u32) -> io::Result<OwnedFd> {
    let wanted = MapCreate {
        map_type: MAP_OF_XDP_SOCKETS,
        key_size: 4,
        value_size: 4,
        max_entries: queues,
        ..MapCreate::default()
    };
    call(MAP_CREATE, &wanted).map(descriptor)
}

/// Packets of this queue go to this socket from now on.
pub fn set_socket(map: BorrowedFd<'_>, queue: u32, socket: BorrowedFd<'_>) -> io::Result<()> {
    let (key, value) = ([queue], [socket.as_raw_fd()]);
    let wanted = MapUpdate {
        map_fd: map.as_raw_fd() as u32,
        key: address_of(&key),
        value: address_of(&value),
        ..MapUpdate::default()
    };
    call(MAP_UPDATE_ELEMENT, &wanted).map(drop)
}

/// Loads a program; if the kernel refuses it, its words are in the error.
pub fn load(instructions: &[Instruction]) -> io::Result<OwnedFd> {
    let license = b"Apache-2.0\0";
    let mut log = vec![0_u8; LOG_BYTES];
    let mut wanted = ProgramLoad {
        program_type: PROGRAM_XDP,
        instruction_count: instructions.len() as u32,
        instructions: address_of(instructions),
        license: address_of(license),
        ..ProgramLoad::default()
    };
    (wanted.log_level, wanted.log_size, wanted.log) = (1, LOG_BYTES as u32, log.as_mut_ptr() as u64);
    match call(PROGRAM_LOAD, &wanted) {
        Ok(loaded) => Ok(descriptor(loaded)),
        Err(why) if why.kind() == io::ErrorKind::PermissionDenied => Err(why),
        Err(why) => {
            let words = String::from_utf8_lossy(&log);
            Err(io::Error::new(why.kind(), format!("{why}: {}", words.trim_end_matches('\0').trim())))
        }
    }
}

/// Puts a program on an interface. `flags` say by what means.
pub fn link(program: BorrowedFd<'_>, interface: u32, flags: u32) -> io::Result<OwnedFd> {
    let wanted =
        LinkCreate { program_fd: program.as_raw_fd() as u32, interface, attach_type: ATTACH_XDP, flags };
    call(LINK_CREATE, &wanted).map(descriptor)
}
