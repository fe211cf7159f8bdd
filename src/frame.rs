//! WebSocket text frames as a server sends them: whole, unmasked, and one behind the other in one
//! buffer, so that what was rendered once is what every socket is given (RFC 6455, §5.2).

use serde::Serialize;

/// The first byte of a whole text message: the last fragment, opcode 1.
const TEXT: u8 = 0x81;
/// The longest header: [`TEXT`], a marker, eight bytes of length.
const HEADER: usize = 10;
/// What [`Frames::clear`] keeps for the next use.
const ORDINARY: usize = 64 * 1024;

/// Frames, one behind the other.
#[derive(Debug, Default)]
pub struct Frames(Vec<u8>);

impl Frames {
    /// Writes `payload` as one text frame.
    pub fn text(&mut self, payload: &impl Serialize) {
        let start = self.0.len();
        // How long the header is shows only once the payload is there: leave room, then close up.
        self.0.resize(start + HEADER, 0);
        serde_json::to_writer(&mut self.0, payload)
            .unwrap_or_else(|err| unreachable!("plain data serializes: {err}"));
        let (header, used) = header(self.0.len() - start - HEADER);
        self.0[start..start + used].copy_from_slice(&header[..used]);
        self.0.copy_within(start + HEADER.., start + used);
        self.0.truncate(self.0.len() - (HEADER - used));
    }

    /// Writes frames that are ready, as they are.
    pub fn again(&mut self, frames: &[u8]) {
        self.0.extend_from_slice(frames);
    }

    /// Nothing again. What was allocated stays, unless it was an unusual lot.
    pub fn clear(&mut self) {
        self.0.clear();
        self.0.shrink_to(ORDINARY);
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn header(len: usize) -> ([u8; HEADER], usize) {
    let mut header = [0; HEADER];
    header[0] = TEXT;
    let used = match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ 0..=125), _) => {
            header[1] = len;
            2
        }
        (_, Ok(len)) => {
            header[1] = 126;
            header[2..4].copy_from_slice(&len.to_be_bytes());
            4
        }
        (_, Err(_)) => {
            header[1] = 127;
            header[2..].copy_from_slice(&(len as u64).to_be_bytes());
            HEADER
        }
    };
    (header, used)
}

/// How many bytes the first of these frames has, header and all. There must be a whole one.
pub fn first_len(frames: &[u8]) -> usize {
    match frames[1] {
        126 => 4 + usize::from(u16::from_be_bytes([frames[2], frames[3]])),
        127 => {
            let len = frames[2..HEADER].iter().fold(0, |len, byte| len << 8 | u64::from(*byte));
            HEADER + usize::try_from(len).expect("a frame in memory is no longer than memory")
        }
        len => 2 + usize::from(len),
    }
}

/// The first of these frames, its payload, and what follows it. There must be a whole one.
pub fn first(frames: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (frame, rest) = frames.split_at(first_len(frames));
    let header = match frame[1] {
        126 => 4,
        127 => HEADER,
        _ => 2,
    };
    (frame, &frame[header..], rest)
}
