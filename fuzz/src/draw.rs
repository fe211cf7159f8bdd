//! What a target makes of the fuzzer's bytes, one choice after the other. When there are none left it
//! draws zeros, so that every input means something; it must never draw from anything else.

/// The bytes that are left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw<'a>(&'a [u8]);

impl<'a> Draw<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Two bytes, as a number that may be negative.
    pub(super) fn small(&mut self) -> i64 {
        i16::from_le_bytes([self.byte(), self.byte()]).into()
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One of these.
    pub(super) fn of<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[usize::from(self.byte()) % all.len()]
    }

    /// So many bytes, or what is left.
    pub(super) fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// As many bytes as the next two say.
    pub(super) fn some(&mut self) -> &'a [u8] {
        let most = usize::from(u16::from_le_bytes([self.byte(), self.byte()]));
        self.take(most)
    }

    /// As much text as the next byte says.
    pub(super) fn text(&mut self) -> String {
        let most = usize::from(self.byte());
        String::from_utf8_lossy(self.take(most)).into_owned()
    }

    /// What is left, cut at each byte `mark`.
    pub(super) fn parts(&mut self, mark: u8) -> impl Iterator<Item = &'a [u8]> {
        let rest = std::mem::take(&mut self.0);
        rest.split(move |it| *it == mark)
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}
