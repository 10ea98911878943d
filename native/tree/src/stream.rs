//! Where the tar reader gets an archive from.

use std::io::{self, Read};

use layer::LayerError;
use layer::tar::Stream;

/// What the tar reader reads from.
pub(crate) struct PlainStream<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl<R: Read> PlainStream<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; 256 * 1024],
            start: 0,
            end: 0,
        }
    }
}

impl<R: Read> Stream for PlainStream<R> {
    fn fill(&mut self) -> Result<&[u8], LayerError> {
        while self.start == self.end {
            match self.input.read(&mut self.buffer) {
                Ok(0) => return Ok(&[]),
                Ok(count) => (self.start, self.end) = (0, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
                    return Err(LayerError::Cancelled);
                }
                Err(error) => return Err(LayerError::Corrupt(error.to_string())),
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
    }
}
