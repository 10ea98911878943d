//! The keys by which a client with a terminal asks to be let go.

/// Finds them in what is typed; a sequence that was begun is held back.
pub(crate) struct DetachScanner {
    keys: Vec<u8>,
    matched: usize,
}

impl DetachScanner {
    /// Without keys nothing is found.
    pub(crate) fn new(keys: &[u8]) -> Self {
        Self {
            keys: keys.to_vec(),
            matched: 0,
        }
    }

    /// What is to be sent on, and whether the keys have come; nothing is looked at behind them.
    pub(crate) fn push(&mut self, input: &[u8]) -> (Vec<u8>, bool) {
        let mut send = Vec::with_capacity(input.len());
        for &byte in input {
            if self.keys.get(self.matched) != Some(&byte) {
                send.extend_from_slice(self.keys.get(..self.matched).unwrap_or_default());
                self.matched = 0;
            }
            if self.keys.get(self.matched) == Some(&byte) {
                self.matched += 1;
                if self.matched == self.keys.len() {
                    return (send, true);
                }
            } else {
                send.push(byte);
            }
        }
        (send, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_found_across_pieces_and_all_else_goes_on() {
        let mut scanner = DetachScanner::new(b"\x10\x11");
        assert_eq!(scanner.push(b"ab\x10"), (b"ab".to_vec(), false));
        assert_eq!(scanner.push(b"c\x10"), (b"\x10c".to_vec(), false));
        assert_eq!(scanner.push(b"\x10"), (b"\x10".to_vec(), false));
        assert_eq!(scanner.push(b"\x11never"), (Vec::new(), true));
    }

    #[test]
    fn one_key_may_be_enough_and_none_is_never_found() {
        assert_eq!(DetachScanner::new(b"q").push(b"aq"), (b"a".to_vec(), true));
        let mut none = DetachScanner::new(b"");
        assert_eq!(none.push(b"a\0b"), (b"a\0b".to_vec(), false));
    }
}
