//! Open sockets and a few words from one process to its successor, over a Unix socket.
//!
//! 1. Both run for the same user, or the caller is root: anybody else is refused before a byte is read.
//! 2. A message is a kind, up to [`BYTES_MAX`] bytes and up to [`SOCKETS_MAX`] open sockets, which come as the receiver's own.
//! 3. Everything waits for so long as the caller says and no longer. It blocks: use it on a thread that may.
//! 4. A socket that is handed over stays one socket: its queue of connections belongs to both until one of them closes its own.
//!
//! Not here: what the messages mean and who goes when (`hf-node`).

#[cfg(test)]
mod tests;

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg, sockopt,
};

/// Sockets of one message; the kernel takes at most 253.
pub const SOCKETS_MAX: usize = 64;

/// Bytes of one message.
pub const BYTES_MAX: usize = 4 << 20;

/// Kind, number of sockets, number of bytes.
const HEAD_BYTES: usize = 6;

/// What goes over at once.
#[derive(Debug)]
pub struct Message {
    /// What it is; the two processes agree on it.
    pub kind: u8,
    /// Its words.
    pub bytes: Vec<u8>,
    /// Its sockets.
    pub sockets: Vec<OwnedFd>,
}

/// One end of a conversation between two processes.
#[derive(Debug)]
pub struct Channel(UnixStream);

impl Channel {
    /// Calls the process that listens at `path`. Every step waits `patience` at most.
    pub fn call(path: &Path, patience: Duration) -> io::Result<Channel> {
        Channel::over(UnixStream::connect(path)?, patience)
    }

    /// Over a connection that is there, if the other side may.
    pub fn over(stream: UnixStream, patience: Duration) -> io::Result<Channel> {
        stream.set_nonblocking(false)?;
        let channel = Channel(stream);
        channel.set_patience(patience)?;
        let other = sockopt::socket_peercred(&channel.0)?.uid;
        if other.is_root() || other == rustix::process::geteuid() {
            Ok(channel)
        } else {
            Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("it runs for the user {}, and only one's own and root may", other.as_raw()),
            ))
        }
    }

    /// How long every step waits from now on.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.0.set_read_timeout(Some(patience))?;
        self.0.set_write_timeout(Some(patience))
    }

    /// Sends one message.
    pub fn send(&self, kind: u8, bytes: &[u8], sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
        if sockets.len() > SOCKETS_MAX || bytes.len() > BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the message is beyond its bounds"));
        }
        let mut head = [0; HEAD_BYTES];
        head[0] = kind;
        head[1] = sockets.len() as u8;
        head[2..].copy_from_slice(&(bytes.len() as u32).to_be_bytes());
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if !sockets.is_empty() {
            let fits = beside.push(SendAncillaryMessage::ScmRights(sockets));
            debug_assert!(fits, "the space is for SOCKETS_MAX");
        }
        let sent = sendmsg(&self.0, &[IoSlice::new(&head)], &mut beside, SendFlags::NOSIGNAL)?;
        // The sockets went with the first byte.
        (&self.0).write_all(&head[sent..])?;
        (&self.0).write_all(bytes)
    }

    /// Receives one message.
    pub fn receive(&self) -> io::Result<Message> {
        let mut head = [0; HEAD_BYTES];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let got = recvmsg(&self.0, &mut [IoSliceMut::new(&mut head)], &mut beside, RecvFlags::CMSG_CLOEXEC)?;
        let sockets: Vec<OwnedFd> = beside
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
                _ => None,
            })
            .flatten()
            .collect();
        if got.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (&self.0).read_exact(&mut head[got.bytes..])?;
        let length = u32::from_be_bytes([head[2], head[3], head[4], head[5]]) as usize;
        if length > BYTES_MAX || usize::from(head[1]) != sockets.len() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the message is beyond its bounds or lost its sockets; raise the limit of open files if it is low",
            ));
        }
        let mut bytes = vec![0; length];
        (&self.0).read_exact(&mut bytes)?;
        Ok(Message { kind: head[0], bytes, sockets })
    }

    /// Waits, as long as the patience, for the other side to go.
    pub fn wait_for_end(&self) -> io::Result<()> {
        let mut byte = [0];
        match (&self.0).read(&mut byte)? {
            0 => Ok(()),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the other side said something instead of going",
            )),
        }
    }
}

/// Where successors call.
#[derive(Debug)]
pub struct Door {
    listener: UnixListener,
    path: PathBuf,
}

impl Door {
    /// Opens it at `path`, for this user alone. What a process that is gone left there is replaced; ask before with [`Channel::call`]
    /// whether somebody answers.
    pub fn open(path: &Path) -> io::Result<Door> {
        // Made beside it and moved there, so that it is never open to others and never half there.
        let new = path.with_extension("new");
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&new)?;
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&new, path)?;
        Ok(Door { listener, path: path.to_owned() })
    }

    /// Its socket, for whoever waits for a call.
    pub fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsFd for Door {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}
