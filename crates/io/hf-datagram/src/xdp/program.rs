//! The program that the kernel runs for each packet of the interface: which go to our sockets.
//!
//! To an XDP socket goes what is all of this: Ethernet to one station, IPv4 without options and not a fragment, or IPv6 without extension
//! headers; UDP; to one of the addresses and ports that it was made for; no longer than Ethernet's packets are. The rest is passed to the stack, and
//! so is everything from a queue that has no socket. Longer ones are jumbo frames, or, behind the driver of a virtual link, many datagrams that a
//! neighbour's kernel has not cut into segments yet: no frame of ours could hold them, and the stack knows how to cut them.
//!
//! Written in instructions, since there are only some forty: a compiler for them would be the largest dependency of this program.

use std::net::{IpAddr, SocketAddr};

/// One instruction as the kernel wants it (`struct bpf_insn`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    code: u8,
    /// Destination in the low four bits, source in the high ones.
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// Where a jump goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Pass,
    Redirect,
    Version6,
    /// The test of the next address.
    Next(usize),
}

#[derive(Debug, Default)]
struct Assembler {
    instructions: Vec<Instruction>,
    jumps: Vec<(usize, Label)>,
    labels: Vec<(Label, usize)>,
}

const LOAD_8: u8 = 0x71;
const LOAD_16: u8 = 0x69;
const LOAD_32: u8 = 0x61;
const LOAD_IMMEDIATE_64: u8 = 0x18;
const MOVE_REGISTER: u8 = 0xbf;
const MOVE: u8 = 0xb7;
const ADD: u8 = 0x07;
const JUMP: u8 = 0x05;
const JUMP_IF_ABOVE_REGISTER: u8 = 0x2d;
const JUMP_IF_EQUAL: u8 = 0x15;
/// Compares 32 bits: with 64 the immediate would be extended by its sign.
const JUMP_IF_NOT_EQUAL_32: u8 = 0x56;
const JUMP_IF_ANY_BIT: u8 = 0x45;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;

/// Marks the immediate of a 64-bit load as a map's descriptor.
const IS_MAP: u8 = 1;
/// `bpf_redirect_map`.
const REDIRECT_MAP: i32 = 51;
/// "Go on to the stack".
const XDP_PASS: i32 = 2;

const ETHERNET: i16 = 14;
const IPV4: i16 = 20;
const IPV6: i16 = 40;
const UDP: i16 = 8;
/// The longest packet of plain Ethernet, without its header.
const PACKET_MAX: i16 = 1_500;
const PROTOCOL_UDP: i32 = 17;

impl Assembler {
    fn put(&mut self, code: u8, to: u8, from: u8, offset: i16, immediate: i32) {
        self.instructions.push(Instruction { code, registers: from << 4 | to, offset, immediate });
    }

    fn jump(&mut self, code: u8, register: u8, other: u8, immediate: i32, label: Label) {
        self.jumps.push((self.instructions.len(), label));
        self.put(code, register, other, 0, immediate);
    }

    fn label(&mut self, label: Label) {
        self.labels.push((label, self.instructions.len()));
    }

    /// Loads from the packet into register 5.
    fn load(&mut self, code: u8, offset: i16) {
        self.put(code, 5, 2, offset, 0);
    }

    /// Leaves for `otherwise` unless register 5 has this.
    fn need(&mut self, value: i32, otherwise: Label) {
        self.jump(JUMP_IF_NOT_EQUAL_32, 5, 0, value, otherwise);
    }

    /// Leaves for the stack if the packet is shorter.
    fn need_bytes(&mut self, count: i16) {
        self.put(MOVE_REGISTER, 4, 2, 0, 0);
        self.put(ADD, 4, 0, 0, i32::from(count));
        self.jump(JUMP_IF_ABOVE_REGISTER, 4, 3, 0, Label::Pass);
    }

    /// Leaves for the stack if the packet is longer.
    fn need_at_most(&mut self, count: i16) {
        self.put(MOVE_REGISTER, 4, 2, 0, 0);
        self.put(ADD, 4, 0, 0, i32::from(count));
        self.jump(JUMP_IF_ABOVE_REGISTER, 3, 4, 0, Label::Pass);
    }

    fn finish(mut self) -> Vec<Instruction> {
        for (at, label) in &self.jumps {
            let (_, to) = self.labels.iter().find(|(known, _)| known == label).expect("every label is put");
            self.instructions[*at].offset =
                i16::try_from(to - at - 1).expect("a program of a few hundred instructions");
        }
        self.instructions
    }
}

/// Two bytes as they lie in the packet, as a 16-bit load sees them.
fn loaded_16(bytes: [u8; 2]) -> i32 {
    i32::from(u16::from_ne_bytes(bytes))
}

fn loaded_32(bytes: &[u8]) -> i32 {
    i32::from_ne_bytes(bytes.try_into().expect("four bytes"))
}

/// The program for these addresses and this map of sockets.
pub fn program(listen: &[SocketAddr], map: i32) -> Vec<Instruction> {
    let mut asm = Assembler::default();
    // Register 1 has the context. It stays in 6, start and end of the packet go into 2 and 3.
    asm.put(MOVE_REGISTER, 6, 1, 0, 0);
    asm.put(LOAD_32, 2, 1, 0, 0);
    asm.put(LOAD_32, 3, 1, 4, 0);
    asm.need_bytes(ETHERNET + IPV4 + UDP);
    asm.need_at_most(ETHERNET + PACKET_MAX);
    asm.load(LOAD_8, 0);
    asm.jump(JUMP_IF_ANY_BIT, 5, 0, 1, Label::Pass);
    asm.load(LOAD_16, 12);
    asm.jump(JUMP_IF_EQUAL, 5, 0, loaded_16([0x86, 0xdd]), Label::Version6);
    asm.need(loaded_16([0x08, 0x00]), Label::Pass);

    asm.load(LOAD_8, ETHERNET);
    asm.need(0x45, Label::Pass);
    asm.load(LOAD_16, ETHERNET + 6);
    asm.jump(JUMP_IF_ANY_BIT, 5, 0, loaded_16([0x3f, 0xff]), Label::Pass);
    asm.load(LOAD_8, ETHERNET + 9);
    asm.need(PROTOCOL_UDP, Label::Pass);
    addresses(&mut asm, listen, 0, ETHERNET + 16, ETHERNET + IPV4 + 2);
    asm.jump(JUMP, 0, 0, 0, Label::Pass);

    asm.label(Label::Version6);
    asm.need_bytes(ETHERNET + IPV6 + UDP);
    asm.load(LOAD_8, ETHERNET + 6);
    asm.need(PROTOCOL_UDP, Label::Pass);
    addresses(&mut asm, listen, listen.len(), ETHERNET + 24, ETHERNET + IPV6 + 2);

    asm.label(Label::Pass);
    asm.put(MOVE, 0, 0, 0, XDP_PASS);
    asm.put(EXIT, 0, 0, 0, 0);

    asm.label(Label::Redirect);
    asm.put(LOAD_32, 2, 6, 16, 0); // The queue on which it came.
    asm.put(LOAD_IMMEDIATE_64, 1, IS_MAP, 0, map);
    asm.put(0, 0, 0, 0, 0);
    asm.put(MOVE, 3, 0, 0, XDP_PASS); // What to do when the queue has no socket.
    asm.put(CALL, 0, 0, 0, REDIRECT_MAP);
    asm.put(EXIT, 0, 0, 0, 0);
    asm.finish()
}

/// Tests for each address of one family; IPv6 if `labels` is not 0, so that no label is put twice.
fn addresses(
    asm: &mut Assembler,
    listen: &[SocketAddr],
    labels: usize,
    address_offset: i16,
    port_offset: i16,
) {
    for (at, listen) in listen.iter().enumerate() {
        let bytes: &[u8] = match listen.ip() {
            IpAddr::V4(ip) if labels == 0 => &ip.octets(),
            IpAddr::V6(ip) if labels > 0 => &ip.octets(),
            _ => continue,
        };
        let next = Label::Next(labels + at);
        for (part, offset) in bytes.chunks(4).zip((address_offset..).step_by(4)) {
            asm.load(LOAD_32, offset);
            asm.need(loaded_32(part), next);
        }
        asm.load(LOAD_16, port_offset);
        asm.need(loaded_16(listen.port().to_be_bytes()), next);
        asm.jump(JUMP, 0, 0, 0, Label::Redirect);
        asm.label(next);
    }
}
