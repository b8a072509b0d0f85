//! Mutations of an input, the same for the same seed.

/// An endless row of changed inputs: bits flipped, pieces cut out, repeated and taken from another input.
#[derive(Debug)]
pub struct Mutations<'a> {
    inputs: &'a [Vec<u8>],
    /// State of xorshift64; never 0.
    state: u64,
}

impl<'a> Mutations<'a> {
    /// Mutations of these inputs; without any there are none.
    #[must_use]
    pub fn new(inputs: &'a [Vec<u8>], seed: u64) -> Self {
        Self { inputs, state: seed | 1 }
    }

    /// A number below `limit`; 0 when that is 0.
    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 16) as usize % limit.max(1)
    }

    /// A piece of an input, up to 4 KiB.
    fn piece(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let begin = self.below(bytes.len());
        let length = self.below((bytes.len() - begin).min(4 << 10) + 1);
        begin..begin + length
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        match self.below(5) {
            0 => {
                let (at, bit) = (self.below(bytes.len()), self.below(8));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            1 => drop(bytes.drain(self.piece(bytes))),
            2 => {
                let end = self.below(bytes.len() + 1);
                bytes.truncate(end);
            }
            3 => {
                let range = self.piece(bytes);
                let piece = bytes.get(range.clone()).unwrap_or_default().repeat(1 + self.below(8));
                bytes.splice(range.end..range.end, piece);
            }
            _ => {
                let n = self.below(self.inputs.len());
                let Some(other) = self.inputs.get(n) else { return };
                let (from, at) = (self.piece(other), self.below(bytes.len() + 1));
                bytes.splice(at..at, other.get(from).unwrap_or_default().iter().copied());
            }
        }
    }
}

impl Iterator for Mutations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let n = self.below(self.inputs.len());
        let mut bytes = self.inputs.get(n)?.clone();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes);
        }
        Some(bytes)
    }
}
