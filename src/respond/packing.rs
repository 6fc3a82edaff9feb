//! Files of an export, packed with gzip while they are taken.
//!
//! Part of `respond`. Each line is packed by itself, with nothing of another to refer to: what one person
//! wrote never changes how long somebody else's line is, so that packing tells no more than the lengths of
//! lines do (BREACH). A file that is cut has no trailer, and whoever unpacks it notices. Sources: RFC 1952;
//! RFC 1951 section 3.2.3 (a full flush ends what may be referred to).

use std::task::{Context, Poll, ready};

use flate2::{Compress, Compression, Crc, FlushCompress};

use crate::{
    error::{Error, Result},
    listen::body::{Piece, Pieces},
};

/// RFC 1952 section 2.3: deflate, no name, no time, no system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Pieces, packed one after another.
pub(super) struct Packing<P> {
    rest: P,
    deflate: Compress,
    sum: Crc,
    has_begun: bool,
    has_ended: bool,
}

impl<P: Pieces> Packing<P> {
    pub(super) fn new(rest: P) -> Self {
        let deflate = Compress::new(Compression::fast(), false);
        Self { rest, deflate, sum: Crc::new(), has_begun: false, has_ended: false }
    }

    /// What comes of these lines, after the header if they are the first.
    fn packed(&mut self, lines: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(HEADER.len() + lines.len() / 2);
        if !std::mem::replace(&mut self.has_begun, true) {
            out.extend_from_slice(&HEADER);
        }
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            self.sum.update(line);
            self.deflate(line, FlushCompress::Full, &mut out)?;
        }
        Ok(out)
    }

    /// RFC 1952 section 2.3.1: the last block, the sum and the length modulo 2^32.
    fn ended(&mut self) -> Result<Vec<u8>> {
        let mut out = self.packed(&[])?;
        self.deflate(&[], FlushCompress::Finish, &mut out)?;
        out.extend_from_slice(&self.sum.sum().to_le_bytes());
        out.extend_from_slice(&self.sum.amount().to_le_bytes());
        Ok(out)
    }

    fn deflate(&mut self, mut line: &[u8], flush: FlushCompress, out: &mut Vec<u8>) -> Result<()> {
        loop {
            out.reserve(line.len() / 2 + 64);
            let before = self.deflate.total_in();
            self.deflate.compress_vec(line, out, flush).map_err(Error::internal)?;
            let taken = usize::try_from(self.deflate.total_in() - before);
            line = line.get(taken.map_err(Error::internal)?..).unwrap_or_default();
            // Room that is left says that nothing more is to come.
            if line.is_empty() && out.len() < out.capacity() {
                return Ok(());
            }
        }
    }
}

impl<P: Pieces> Pieces for Packing<P> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(match ready!(self.rest.poll_piece(cx)) {
            Some(Ok(Piece { bytes, check })) => {
                self.packed(&bytes).map(|bytes| Piece { bytes: bytes.into(), check })
            }
            Some(Err(error)) => Err(error),
            None => {
                self.has_ended = true;
                self.ended().map(|bytes| Piece { bytes: bytes.into(), check: None })
            }
        }))
    }
}
