//! A deterministic automaton as the kernel reads it: one row of transitions laid over another wherever
//! they leave room ("comb"), each state with a default for all bytes that are not in its row. All numbers
//! are big-endian, each table begins at a multiple of eight bytes.

use crate::dfa::Dfa;

/// Permissions of a state: what is allowed, and what is denied without a word in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accept {
    pub(crate) allow: u32,
    pub(crate) quiet: u32,
}

const MAGIC: u32 = 0x1b5e_783d;
const ACCEPT: u16 = 1;
const BASE: u16 = 2;
const CHECK: u16 = 3;
const DEFAULT: u16 = 4;
const ACCEPT2: u16 = 7;
const NEXT: u16 = 8;

/// Rows laid over each other.
struct Comb {
    base: Vec<u32>,
    default: Vec<u32>,
    /// (state that owns the cell, where it leads)
    cells: Vec<(u32, u32)>,
}

impl Comb {
    fn of(dfa: &Dfa) -> Self {
        let mut comb = Self {
            base: Vec::new(),
            default: Vec::new(),
            cells: Vec::new(),
        };
        for (state, row) in (0u32..).zip(&dfa.next) {
            let default = most_common(row);
            let own: Vec<usize> = (0..256).filter(|byte| row[*byte] != default).collect();
            let base = comb.place_for(&own);
            let end = base + 256;
            if comb.cells.len() < end {
                comb.cells.resize(end, (0, 0));
            }
            for byte in own {
                comb.cells[base + byte] = (state, row[byte]);
            }
            comb.base.push(u32::try_from(base).unwrap_or(0));
            comb.default.push(default);
        }
        comb
    }

    /// The first place where all cells of a row are free. Cells of state 0 are: it leads nowhere.
    fn place_for(&self, row: &[usize]) -> usize {
        let is_free = |at: usize| self.cells.get(at).is_none_or(|cell| cell.0 == 0);
        let fits = |base: &usize| row.iter().all(|byte| is_free(base + byte));
        // Behind all cells there is room for every row.
        let end = self.cells.len();
        (0..end).find(fits).unwrap_or(end)
    }
}

fn most_common(row: &[u32; 256]) -> u32 {
    let count = |wanted: u32| row.iter().filter(|target| **target == wanted).count();
    row.iter()
        .copied()
        .max_by_key(|target| count(*target))
        .unwrap_or(0)
}

/// The tables, with what `accept` says of each state.
pub(crate) fn pack(dfa: &Dfa, accept: &[Accept]) -> Vec<u8> {
    let comb = Comb::of(dfa);
    let mut tables = Vec::new();
    let words = |of: fn(&Accept) -> u32| accept.iter().map(of).collect::<Vec<_>>();
    put_words(&mut tables, ACCEPT, &words(|a| a.allow));
    put_words(&mut tables, ACCEPT2, &words(|a| a.quiet));
    put_words(&mut tables, BASE, &comb.base);
    put_halves(&mut tables, DEFAULT, comb.default.iter());
    put_halves(&mut tables, NEXT, comb.cells.iter().map(|cell| &cell.1));
    put_halves(&mut tables, CHECK, comb.cells.iter().map(|cell| &cell.0));

    let mut out = MAGIC.to_be_bytes().to_vec();
    // Length of this header and of everything, no flags, and a version that nobody reads.
    let header = 24u32;
    let length = header + u32::try_from(tables.len()).unwrap_or(0);
    out.extend(header.to_be_bytes());
    out.extend(length.to_be_bytes());
    out.extend([0, 0]);
    out.extend(b"notflex\0");
    pad(&mut out);
    out.extend(tables);
    out
}

fn put_words(out: &mut Vec<u8>, id: u16, values: &[u32]) {
    put_header(out, id, 4, values.len());
    out.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    pad(out);
}

fn put_halves<'a>(out: &mut Vec<u8>, id: u16, values: impl ExactSizeIterator<Item = &'a u32>) {
    put_header(out, id, 2, values.len());
    out.extend(values.flat_map(|value| u16::try_from(*value).unwrap_or(0).to_be_bytes()));
    pad(out);
}

/// `width` of one value in bytes is also its flag.
fn put_header(out: &mut Vec<u8>, id: u16, width: u16, count: usize) {
    out.extend(id.to_be_bytes());
    out.extend(width.to_be_bytes());
    out.extend(0u32.to_be_bytes());
    out.extend(u32::try_from(count).unwrap_or(0).to_be_bytes());
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(8), 0);
}
