//! The machine's file system. Files are made readable by their owner only: logs are personal.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use tantivy::directory::error::OpenDirectoryError;
use tantivy::directory::{Directory, MmapDirectory};
use tierlog_model::Timestamp;

use super::{Vfs, VfsFile};

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// The machine's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskVfs;

impl Vfs for DiskVfs {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(path)?;
        Ok(Box::new(DiskFile(file)))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let file = OpenOptions::new().read(true).append(true).open(path)?;
        Ok(Box::new(DiskFile(file)))
    }

    fn open_in_place(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Box::new(DiskFile(file)))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(Box::new(DiskFile(File::open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)
    }

    fn list_dir(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.push(entry?.file_name());
        }
        names.sort();
        Ok(names)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn file_len(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        fs::exists(path)
    }

    fn modified(&self, path: &Path) -> io::Result<Timestamp> {
        let moment = fs::metadata(path)?.modified()?;
        jiff::Timestamp::try_from(moment).map(Timestamp::from).map_err(io::Error::other)
    }

    fn index_directory(&self, path: &Path) -> io::Result<Box<dyn Directory>> {
        match MmapDirectory::open(path) {
            Ok(directory) => Ok(Box::new(directory)),
            Err(OpenDirectoryError::DoesNotExist(_)) => Err(io::ErrorKind::NotFound.into()),
            Err(OpenDirectoryError::NotADirectory(_)) => Err(io::ErrorKind::NotADirectory.into()),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

#[derive(Debug)]
struct DiskFile(File);

impl VfsFile for DiskFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

#[cfg(test)]
mod tests {
    use tantivy::directory::{INDEX_WRITER_LOCK, TerminatingWrite as _};

    use super::super::SimulatedVfs;
    use super::*;

    /// The simulated file system and the machine's give the same answers.
    #[test]
    fn both_file_systems_behave_alike() {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let simulated = SimulatedVfs::new();
        simulated.create_dir_all(Path::new("/scratch")).expect("create");
        assert_eq!(
            exercise(&DiskVfs, directory.path()),
            exercise(&simulated, Path::new("/scratch"))
        );
    }

    /// The engine's own directory and the simulated one give the same answers.
    #[test]
    fn both_index_directories_behave_alike() {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let simulated = SimulatedVfs::new();
        simulated.create_dir_all(Path::new("/scratch")).expect("create");
        assert_eq!(
            exercise_index(&DiskVfs, directory.path()),
            exercise_index(&simulated, Path::new("/scratch"))
        );
    }

    fn exercise_index(vfs: &dyn Vfs, base: &Path) -> Vec<String> {
        let mut log = Vec::new();
        let mut note = |what: String| log.push(what);
        let missing = vfs.index_directory(&base.join("missing"));
        note(format!("{:?}", missing.map(drop).map_err(|error| error.kind())));
        let directory = vfs.index_directory(base).expect("opens");
        let (file, list, managed) = (Path::new("file"), Path::new("list"), Path::new(".managed"));
        let mut writer = directory.open_write(file).expect("new");
        note(format!("{:?}", directory.exists(file).expect("inspected")));
        note(format!("{}", directory.open_write(file).is_err()));
        writer.write_all(b"hello world").expect("written");
        writer.terminate().expect("ended");
        let read = |path| {
            let handle = directory.get_file_handle(path).map_err(|error| error.to_string())?;
            let bytes = handle.read_bytes(0..handle.len()).map_err(|error| error.to_string())?;
            Ok::<_, String>(bytes.as_slice().to_vec())
        };
        note(format!("{:?}", read(file)));
        note(format!("{}", directory.open_write(file).is_err()));
        for path in [list, managed, list] {
            directory.atomic_write(path, b"[1, 2]").expect("replaced");
            note(format!("{:?}", directory.atomic_read(path).expect("read")));
        }
        note(format!("{}", directory.atomic_read(Path::new("none")).is_err()));
        directory.sync_directory().expect("synced");
        let held = directory.get_file_handle(file).expect("opens");
        directory.delete(file).expect("removed");
        note(format!("{} {:?}", directory.exists(file).expect("inspected"), read(file)));
        drop(held);
        note(format!("{}", read(file).is_err()));
        note(format!("{:?}", directory.delete(file).map_err(|error| error.to_string())));
        let lock = directory.acquire_lock(&INDEX_WRITER_LOCK).expect("free");
        note(format!("{}", directory.acquire_lock(&INDEX_WRITER_LOCK).is_err()));
        drop(lock);
        note(format!("{}", directory.acquire_lock(&INDEX_WRITER_LOCK).is_err()));
        log
    }

    fn exercise(vfs: &dyn Vfs, base: &Path) -> Vec<String> {
        let mut log = Vec::new();
        let mut note = |what: String| log.push(what);
        let (nested, moved) = (base.join("a/b"), base.join("moved"));
        note(format!("{:?}", vfs.create_dir_all(&nested).is_ok()));
        note(format!("{:?}", vfs.create_dir_all(&nested).is_ok()));
        let path = nested.join("file");
        let mut file = vfs.create_new(&path).expect("new");
        note(format!("{:?}", vfs.create_new(&path).map(|_| ()).map_err(|error| error.kind())));
        file.write_all(b"hello world").expect("write");
        file.set_len(5).expect("cut");
        file.write_all(b"!").expect("append after cut");
        file.sync_data().expect("sync");
        note(format!("{:?}", vfs.read(&path).expect("read")));
        let mut buffer = [0; 4];
        note(format!("{:?} {buffer:?}", file.read_at(4, &mut buffer).expect("read")));
        note(format!("{:?}", file.read_at(6, &mut buffer).expect("at the end")));
        let mut again = vfs.open_append(&path).expect("append");
        again.write_all(b"?").expect("write");
        note(format!("{} {}", again.len().expect("len"), file.len().expect("len")));
        let mut in_place = vfs.open_in_place(&path).expect("in place");
        in_place.write_at(1, b"EL").expect("over bytes");
        in_place.write_at(6, b"!!").expect("over the end");
        in_place.sync_data().expect("sync");
        again.write_all(b".").expect("behind what was written in place");
        note(format!("{:?}", vfs.read(&path).expect("read")));
        vfs.sync_dir(&nested).expect("sync dir");
        vfs.rename(&base.join("a"), &moved).expect("rename a directory");
        note(format!("{:?}", vfs.list_dir(base).expect("list")));
        note(format!("{:?}", vfs.file_len(&moved.join("b/file")).expect("len")));
        note(format!("{:?}", vfs.file_len(&path).map_err(|error| error.kind())));
        note(format!("{:?}", vfs.open_read(&path).map(|_| ()).map_err(|error| error.kind())));
        note(format!("{:?}", vfs.remove_file(&path).map_err(|error| error.kind())));
        note(format!("{:?}", vfs.exists(&moved).expect("exists")));
        vfs.remove_file(&moved.join("b/file")).expect("remove");
        vfs.remove_dir_all(&moved).expect("remove");
        note(format!("{:?}", vfs.exists(&moved).expect("exists")));
        note(format!("{:?}", vfs.list_dir(&moved).map_err(|error| error.kind())));
        note(format!("{}", vfs.free_bytes(base).expect("free") > 0));
        log
    }
}
