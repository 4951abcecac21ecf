//! How rows are sealed, and how it is seen whether they still are (L1, L4).

use std::time::SystemTime;

use mcp_registry_spec::{Digest, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::record::{Record, Row};
use super::{Finding, Head};

/// The most findings that are told of one place: who reads the first hundred needs no million.
const MOST: u64 = 100;

/// A row on its way: the line it is exported as, and its hash.
pub(super) struct Sealed {
    pub(super) line: String,
    pub(super) hash: Digest,
}

/// Makes the row of a record, behind the row with the hash `prev`.
pub(super) fn seal(seq: u64, at: SystemTime, prev: Digest, record: Record) -> Result<Sealed> {
    #[derive(Serialize)]
    struct Unsealed<'a> {
        seq: u64,
        #[serde(with = "mcp_registry_spec::time")]
        at: SystemTime,
        prev: Digest,
        #[serde(flatten)]
        record: &'a Record,
    }
    let hash = Digest::of_json(&Unsealed { seq, at, prev, record: &record })?;
    let line = serde_json_canonicalizer::to_string(&Row { seq, at, prev, hash, record });
    let line = line.map_err(|cause| {
        Error::new(ErrorKind::InvalidSpec, "the row of the ledger has no canonical JSON form").caused_by(cause)
    })?;
    Ok(Sealed { line, hash })
}

/// The hash that the row of a line should have: over the line without it. In canonical JSON nothing but the
/// key itself can look like it, as the quotes within texts are escaped.
fn hash_of(line: &str, stated: &str) -> Option<Digest> {
    let (before, rest) = line.split_once("\"hash\":\"")?;
    let after = rest.strip_prefix(stated)?.strip_prefix("\",")?;
    Some(Digest::of_bytes([before, after].concat().as_bytes()))
}

/// What links a row to its neighbours.
#[derive(Deserialize)]
struct Link {
    seq: u64,
    prev: Digest,
    hash: String,
}

/// The number that the row of a line states, and its hash.
pub(super) fn head_of(line: &str) -> Option<Head> {
    let link: Link = serde_json::from_str(line).ok()?;
    Some(Head { seq: link.seq, hash: link.hash.parse().ok()? })
}

/// The rows of one place, looked at one after the other.
pub(super) struct Chain {
    place: &'static str,
    /// The number of the last row.
    pub(super) last: u64,
    /// The hash that it states; `None` where it could not be read.
    pub(super) hash: Option<Digest>,
    found: u64,
}

impl Chain {
    /// A chain of which nothing was looked at yet.
    pub(super) fn new(place: &'static str) -> Self {
        Self::after(place, 0, Digest::ZERO)
    }

    /// One that was looked at up to a row.
    pub(super) fn after(place: &'static str, last: u64, hash: Digest) -> Self {
        Self { place, last, hash: Some(hash), found: 0 }
    }

    /// Whether all that was looked at is as it should be.
    pub(super) fn is_whole(&self) -> bool {
        self.found == 0
    }

    /// Tells of something wrong.
    pub(super) fn find(&mut self, seq: Option<u64>, message: impl Into<String>, findings: &mut Vec<Finding>) {
        self.found += 1;
        let message = match self.found {
            ..MOST => message.into(),
            MOST => "there is more that is wrong, which is not listed".to_owned(),
            _ => return,
        };
        findings.push(Finding { place: self.place, seq, name: None, message });
    }

    /// Looks at the next row, which is stored under `number` where rows have one beside their text. Whatever is
    /// wrong with a row is told once: the next one is held to what this one says of itself.
    pub(super) fn follow(&mut self, number: Option<u64>, line: &[u8], findings: &mut Vec<Finding>) {
        let link = serde_json::from_slice::<Link>(line).ok();
        let Some(seq) = number.or(link.as_ref().map(|link| link.seq)) else {
            self.last += 1;
            self.hash = None;
            return self.find(Some(self.last), "this row cannot be read", findings);
        };
        if seq <= self.last {
            let message = format!("this row stands behind row {}: it was moved, or put in", self.last);
            return self.find(Some(seq), message, findings);
        }
        let missing = self.last + 1;
        if missing < seq {
            self.hash = None;
            let message = match seq - missing {
                1 => format!("row {missing} is missing"),
                _ => format!("the rows {missing} to {} are missing", seq - 1),
            };
            self.find(Some(missing), message, findings);
        }
        self.last = seq;
        let before = self.hash.take();
        let Some(Link { seq: own, prev, hash }) = link else {
            return self.find(Some(seq), "this row cannot be read", findings);
        };
        self.hash = hash.parse().ok();
        let computed = std::str::from_utf8(line).ok().and_then(|line| hash_of(line, &hash));
        if own != seq {
            self.find(Some(seq), format!("row {own} stands in the place of this row"), findings);
        } else if computed.is_none_or(|computed| computed.to_string() != hash) {
            self.find(Some(seq), "this row was altered: its hash is another", findings);
        } else if before.is_some_and(|before| before != prev) {
            self.find(Some(seq), "this row does not follow the one before it: that is another row", findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seq: u64, prev: Digest, note: &str) -> Sealed {
        let record = Record { note: Some(note.to_owned()), ..Record::default() };
        seal(seq, SystemTime::UNIX_EPOCH, prev, record).unwrap()
    }

    #[test]
    fn l1_a_rows_hash_is_over_the_canonical_json_of_all_the_rest() {
        let note = "\"hash\":\"sha256:\", \\ é\u{1}";
        let Sealed { line, hash } = row(7, Digest::ZERO, note);
        let mut value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["at"], "1970-01-01T00:00:00.000Z");
        assert_eq!((value["seq"].as_u64(), value["note"].as_str()), (Some(7), Some(note)));
        assert_eq!(serde_json_canonicalizer::to_string(&value).unwrap(), line);
        let stated = value.as_object_mut().unwrap().remove("hash").unwrap();
        assert_eq!(stated.as_str(), Some(&*hash.to_string()));
        assert_eq!(Digest::of_json(&value).unwrap(), hash);
        assert_eq!(hash_of(&line, &hash.to_string()), Some(hash));
        assert!(serde_json::from_str::<Row>(&line).unwrap().hash == hash);
    }

    #[test]
    fn l4_every_flip_of_a_bit_in_a_row_is_found() {
        let first = row(1, Digest::ZERO, "one");
        let second = row(2, first.hash, "two");
        let third = row(3, second.hash, "three");
        let found = |lines: &[&[u8]]| {
            let (mut chain, mut findings) = (Chain::new("table"), Vec::new());
            lines.iter().for_each(|line| chain.follow(None, line, &mut findings));
            findings
        };
        let [first, second, third] = [&first, &second, &third].map(|row| row.line.as_bytes());
        assert_eq!(found(&[first, second, third]), []);
        for bit in 0..second.len() * 8 {
            let mut flipped = second.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!found(&[first, &flipped, third]).is_empty(), "{}", String::from_utf8_lossy(&flipped));
        }
        for wrong in [&[first, third][..], &[second, third], &[first, third, second], &[first, second, second]] {
            assert_eq!(found(wrong).len(), 1 + usize::from(wrong.len() == 3 && wrong[1] == third));
        }
    }

    #[test]
    fn l4_what_is_wrong_everywhere_is_not_told_without_end() {
        let (mut chain, mut findings) = (Chain::new("export"), Vec::new());
        (0..10_000).for_each(|_| chain.follow(None, b"{}", &mut findings));
        assert_eq!(findings.len() as u64, MOST);
        assert!(!chain.is_whole());
    }
}
