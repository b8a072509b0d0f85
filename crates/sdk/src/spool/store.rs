//! One folder of the spool: packed exports in the order in which they were made, in segment files of frames.
//!
//! The folder belongs to the process that holds the lock of its file `lock`; the lock goes with the process, however it
//! ends. A frame is written once, and afterwards only its first byte changes, when it is settled: so a process that is
//! killed at any moment leaves whole frames, and at most one that is cut off at the end and that nobody was told was kept.
//!
//! ```text
//! frame = state (1: 0 waits, 1 settled)  magic (3: "nt" 1)  length (4)  crc (4)  payload (length)
//! payload = number of the first span (8)  lost so far (8)  spans (4)  body
//! ```
//! Numbers are little endian. The checksum is CRC-32 (IEEE 802.3) over the length and the payload.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// A segment that is as large takes no more frames.
const SEGMENT_BYTES: u64 = 8 << 20;
/// Longest payload that is believed: far above the largest export, which holds one span of the server's limit.
const MAX_PAYLOAD: u32 = 256 << 20;
const HEAD: usize = 12;
const META: usize = 20;
const MAGIC: [u8; 3] = [b'n', b't', 1];
const SETTLED: u8 = 1;
const LOCK: &str = "lock";
const SUFFIX: &str = ".frames";
/// Folders that are not ready yet begin with this.
const UNREADY: &str = ".new-";

/// A packed export that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Number of its first span among those of its source.
    pub(crate) first: u64,
    /// What its source had dropped before it was made.
    pub(crate) lost: u64,
    pub(crate) spans: u32,
    pub(crate) body: Vec<u8>,
}

/// A folder of frames, locked.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    source: String,
    segments: VecDeque<Segment>,
    /// The newest segment, while it takes frames.
    writer: Option<File>,
    /// The number of the newest segment that ever was.
    last: u64,
    /// Held, not read: it is released with the file.
    _lock: File,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    bytes: u64,
    waiting: VecDeque<Place>,
}

/// Where a frame that waits lies in its segment.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    length: u32,
    spans: u32,
}

impl Store {
    /// Makes a folder for the source, and locks it.
    pub(crate) fn create(root: &Path, source: &str) -> io::Result<Self> {
        private(root)?;
        // Others take a folder whose lock is free for one that was left behind: it gets its name when it is locked.
        let unready = root.join(format!("{UNREADY}{source}"));
        private(&unready)?;
        let lock = File::create(unready.join(LOCK))?;
        lock.lock()?;
        let folder = root.join(source);
        fs::rename(&unready, &folder)?;
        Ok(Self { folder, source: source.to_owned(), segments: VecDeque::new(), writer: None, last: 0, _lock: lock })
    }

    /// Takes over a folder whose process is gone. `None` where the process lives.
    pub(crate) fn adopt(folder: &Path, source: &str) -> io::Result<Option<Self>> {
        let lock = OpenOptions::new().write(true).open(folder.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut numbers: Vec<u64> = fs::read_dir(folder)?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(SUFFIX)?.parse().ok())
            .collect();
        numbers.sort_unstable();
        let last = numbers.last().copied().unwrap_or_default();
        let mut segments = VecDeque::with_capacity(numbers.len());
        for number in numbers {
            segments.push_back(Segment::index(&path(folder, number), number)?);
        }
        let mut store = Self { folder: folder.to_owned(), source: source.to_owned(), segments, writer: None, last, _lock: lock };
        store.forget_settled();
        Ok(Some(store))
    }

    /// The process that numbered the spans.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The spans that wait.
    pub(crate) fn spans(&self) -> usize {
        self.segments.iter().flat_map(|segment| &segment.waiting).map(|place| place.spans as usize).sum()
    }

    /// What the frames take on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// What a frame takes on disk.
    pub(crate) fn size(frame: &Frame) -> u64 {
        (HEAD + META + frame.body.len()) as u64
    }

    /// Whether the next frame begins a new segment.
    pub(crate) fn begins_segment(&self) -> bool {
        self.writer.is_none() || self.segments.back().is_none_or(|segment| segment.bytes >= SEGMENT_BYTES)
    }

    /// Keeps a frame behind all others. Where this fails, nothing of it is kept.
    pub(crate) fn append(&mut self, frame: &Frame) -> io::Result<()> {
        if self.begins_segment() {
            let number = self.last + 1;
            self.writer = Some(OpenOptions::new().write(true).create_new(true).open(path(&self.folder, number))?);
            self.last = number;
            self.segments.push_back(Segment { number, bytes: 0, waiting: VecDeque::new() });
        }
        let (Some(writer), Some(segment)) = (&mut self.writer, self.segments.back_mut()) else {
            return Err(io::Error::other("no segment takes frames"));
        };
        let length = u32::try_from(META + frame.body.len()).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(HEAD + length as usize);
        bytes.push(0);
        bytes.extend(MAGIC);
        bytes.extend(length.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(frame.first.to_le_bytes());
        bytes.extend(frame.lost.to_le_bytes());
        bytes.extend(frame.spans.to_le_bytes());
        bytes.extend(&frame.body);
        let sum = checksum(length, bytes.get(HEAD..).unwrap_or_default());
        bytes.splice(8..HEAD, sum.to_le_bytes());
        if let Err(error) = writer.write_all(&bytes) {
            // What was written of it would hide the frames behind it.
            let cut = writer.set_len(segment.bytes).and_then(|()| writer.seek(SeekFrom::Start(segment.bytes)));
            if cut.is_err() {
                self.writer = None;
            }
            if segment.waiting.is_empty() {
                self.forget_settled();
            }
            return Err(error);
        }
        segment.waiting.push_back(Place { offset: segment.bytes, length, spans: frame.spans });
        segment.bytes += bytes.len() as u64;
        Ok(())
    }

    /// The oldest frame that waits.
    ///
    /// # Errors
    /// The number of spans that are lost where the frame cannot be read. It is taken away, and those behind it in its
    /// segment with it: where one is damaged, the places of the others are not to be trusted.
    pub(crate) fn front(&mut self) -> Result<Option<Frame>, usize> {
        let Some(segment) = self.segments.front() else { return Ok(None) };
        let Some(place) = segment.waiting.front() else { return Ok(None) };
        if let Ok(frame) = read(&path(&self.folder, segment.number), *place) {
            return Ok(Some(frame));
        }
        let lost = segment.waiting.iter().map(|place| place.spans as usize).sum();
        if let Some(damaged) = self.segments.front_mut() {
            damaged.waiting.clear();
        }
        self.forget_settled();
        Err(lost)
    }

    /// The oldest frame waits no more.
    pub(crate) fn settle_front(&mut self) {
        let Some(segment) = self.segments.front_mut() else { return };
        let Some(place) = segment.waiting.pop_front() else { return };
        if segment.waiting.is_empty() {
            self.forget_settled();
            return;
        }
        // Where the mark cannot be written, a crash makes the frame go out once more, which changes nothing at the server.
        let marked = OpenOptions::new().write(true).open(path(&self.folder, segment.number)).and_then(|mut file| {
            file.seek(SeekFrom::Start(place.offset))?;
            file.write_all(&[SETTLED])
        });
        drop(marked);
    }

    /// Takes the folder away, with all that is in it.
    pub(crate) fn remove(self) {
        // What cannot be removed is found empty, or is delivered once more.
        drop(fs::remove_dir_all(&self.folder));
    }

    /// Deletes segments of which nothing waits.
    fn forget_settled(&mut self) {
        let newest = self.segments.back().map(|segment| segment.number);
        let folder = &self.folder;
        let mut writes_on = self.writer.is_some();
        self.segments.retain(|segment| {
            let stays = !segment.waiting.is_empty();
            if !stays {
                writes_on &= Some(segment.number) != newest;
                drop(fs::remove_file(path(folder, segment.number)));
            }
            stays
        });
        if !writes_on {
            self.writer = None;
        }
    }
}

impl Segment {
    /// Finds the frames that wait in a segment that another process wrote.
    fn index(path: &Path, number: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut waiting = VecDeque::new();
        let mut offset = 0;
        let mut head = [0; HEAD + META];
        while file.seek(SeekFrom::Start(offset)).is_ok() && file.read_exact(&mut head).is_ok() {
            let [state, m, a, g, l0, l1, l2, l3, ..] = head;
            let length = u32::from_le_bytes([l0, l1, l2, l3]);
            let end = offset + HEAD as u64 + u64::from(length);
            if [m, a, g] != MAGIC || !(META as u32..=MAX_PAYLOAD).contains(&length) || end > bytes {
                break;
            }
            if state != SETTLED {
                let [.., s0, s1, s2, s3] = head;
                waiting.push_back(Place { offset, length, spans: u32::from_le_bytes([s0, s1, s2, s3]) });
            }
            offset = end;
        }
        Ok(Self { number, bytes, waiting })
    }
}

/// The folders of sources, oldest first by the time of their making.
pub(crate) fn folders(root: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let source = entry.file_name().into_string().ok().filter(|name| !name.starts_with(UNREADY))?;
            let lock = entry.path().join(LOCK).metadata().ok()?;
            Some((lock.modified().ok(), source, entry.path()))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, source, folder)| (source, folder)).collect()
}

/// What the files of a folder take.
pub(crate) fn taken(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).sum()
}

fn read(path: &Path, place: Place) -> io::Result<Frame> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(place.offset))?;
    let mut head = [0; HEAD];
    file.read_exact(&mut head)?;
    let [_, _, _, _, _, _, _, _, sum @ ..] = head;
    let mut payload = vec![0; place.length as usize];
    file.read_exact(&mut payload)?;
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the checksum is wrong");
    if checksum(place.length, &payload) != u32::from_le_bytes(sum) {
        return Err(damaged());
    }
    let (first, rest) = payload.split_first_chunk::<8>().ok_or_else(damaged)?;
    let (lost, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    let (spans, body) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
    Ok(Frame {
        first: u64::from_le_bytes(*first),
        lost: u64::from_le_bytes(*lost),
        spans: u32::from_le_bytes(*spans),
        body: body.to_vec(),
    })
}

fn checksum(length: u32, payload: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&length.to_le_bytes());
    sum.update(payload);
    sum.finalize()
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}{SUFFIX}"))
}

/// Makes a folder that only its owner reads: it holds what people said.
fn private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(n: u64, bytes: usize) -> Frame {
        Frame { first: n, lost: n / 2, spans: 2, body: vec![n as u8; bytes] }
    }

    /// All frames in turn, each settled.
    fn drain(store: &mut Store) -> Vec<u64> {
        let mut firsts = Vec::new();
        while let Some(frame) = store.front().unwrap() {
            firsts.push(frame.first);
            store.settle_front();
        }
        firsts
    }

    /// Forgets a store as a killed process does: nothing is tidied up, the lock is free.
    fn kill(store: Store) -> PathBuf {
        store.folder.clone()
    }

    #[test]
    fn frames_come_back_in_order_and_whole() {
        let root = tempfile::tempdir().unwrap();
        let mut store = Store::create(root.path(), "a").unwrap();
        let kept: Vec<Frame> = (1..=40).map(|n| frame(n, 500_000)).collect();
        for frame in &kept {
            store.append(frame).unwrap();
        }
        assert!(store.segments.len() > 1, "it takes several segments");
        assert_eq!(store.spans(), 80);
        assert_eq!(store.bytes(), taken(&store.folder));
        for frame in &kept {
            assert_eq!(store.front().unwrap().as_ref(), Some(frame));
            store.settle_front();
        }
        assert!(store.is_empty());
        assert_eq!(taken(&store.folder), 0, "what is settled takes no room");
        store.append(&frame(41, 10)).unwrap();
        assert_eq!(drain(&mut store), [41]);
    }

    #[test]
    fn a_killed_process_leaves_what_it_kept_and_nothing_twice() {
        let root = tempfile::tempdir().unwrap();
        let mut store = Store::create(root.path(), "a").unwrap();
        (1..=5).for_each(|n| store.append(&frame(n, 100)).unwrap());
        store.settle_front();
        store.settle_front();
        assert!(Store::adopt(&store.folder, "a").unwrap().is_none(), "its process lives");
        let folder = kill(store);
        let mut adopted = Store::adopt(&folder, "a").unwrap().unwrap();
        assert_eq!((adopted.spans(), adopted.source()), (6, "a"));
        assert_eq!(drain(&mut adopted), [3, 4, 5]);
        adopted.remove();
        assert!(folders(root.path()).is_empty());
    }

    #[test]
    fn a_frame_that_was_cut_off_costs_itself() {
        let root = tempfile::tempdir().unwrap();
        for cut in [1, HEAD as u64, 100, 131] {
            let mut store = Store::create(root.path(), &format!("cut {cut}")).unwrap();
            (1..=3).for_each(|n| store.append(&frame(n, 100)).unwrap());
            let bytes = store.bytes();
            let folder = kill(store);
            let file = OpenOptions::new().write(true).open(path(&folder, 1)).unwrap();
            file.set_len(bytes - cut).unwrap();
            assert_eq!(drain(&mut Store::adopt(&folder, "").unwrap().unwrap()), [1, 2], "{cut} bytes are missing");
        }
    }

    #[test]
    fn damage_is_counted_and_costs_its_segment() {
        let root = tempfile::tempdir().unwrap();
        let mut store = Store::create(root.path(), "a").unwrap();
        (1..=3).for_each(|n| store.append(&frame(n, SEGMENT_BYTES as usize / 2)).unwrap());
        let mut file = OpenOptions::new().write(true).open(path(&store.folder, 1)).unwrap();
        file.seek(SeekFrom::Start(HEAD as u64 + 50)).unwrap();
        file.write_all(b"damage").unwrap();
        assert_eq!(store.front(), Err(4));
        assert_eq!(drain(&mut store), [3]);
    }

    #[test]
    fn a_folder_without_frames_and_a_file_that_is_none() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::create(root.path(), "a").unwrap();
        fs::write(path(&store.folder, 7), b"no frames at all, but long enough to be looked at").unwrap();
        fs::write(store.folder.join("notes.txt"), b"someone's").unwrap();
        let adopted = Store::adopt(&kill(store), "a").unwrap().unwrap();
        assert!(adopted.is_empty());
    }
}
