//! Small choices, drawn from the fuzzer's bytes. Where they have run out every choice is the first, so that
//! a shorter input is a simpler one; whoever draws in a loop ends it there.

/// What is left of the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Draw<'a>(&'a [u8]);

impl<'a> Draw<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// Whether everything has been drawn.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Below `n`, which is 1 to 256.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    /// From two bytes.
    pub(crate) fn wide(&mut self) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()]))
    }

    /// Some number or other: mostly a small one, or one at an edge.
    pub(crate) fn number(&mut self) -> u64 {
        match self.byte() {
            small @ ..=199 => u64::from(small % 40),
            200..=219 => self.wide() as u64,
            220..=239 => {
                let bytes = [(); 8].map(|()| self.byte());
                u64::from_be_bytes(bytes)
            }
            240..=243 => u64::MAX,
            244..=247 => 1 << 62,
            248..=251 => (1 << 53) - 1,
            252.. => 0,
        }
    }

    /// At most `n` of the bytes themselves.
    pub(crate) fn bytes(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }

    /// Two bytes, as a number that may be negative.
    pub(crate) fn small(&mut self) -> i64 {
        i16::from_le_bytes([self.byte(), self.byte()]).into()
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One of these.
    pub(crate) fn of<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[self.below(all.len())]
    }

    /// As many bytes as the next two say.
    pub(crate) fn some(&mut self) -> &'a [u8] {
        let most = u16::from_le_bytes([self.byte(), self.byte()]);
        self.bytes(most.into())
    }

    /// As much text as the next byte says.
    pub(crate) fn text(&mut self) -> String {
        let most = self.byte();
        String::from_utf8_lossy(self.bytes(most.into())).into_owned()
    }

    /// What is left, cut at each byte `mark`.
    pub(crate) fn parts(&mut self, mark: u8) -> impl Iterator<Item = &'a [u8]> {
        self.rest().split(move |it| *it == mark)
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}
