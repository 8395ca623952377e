//! The folder in which `sendry up` keeps everything, used by one process at a time.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// The folder, locked until dropped (or until the process ends, however it ends).
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why the folder cannot be used, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be made or written.
    #[error("failed to write to data folder `{}` (choose another with --data, or make it writable)", path.display())]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process uses it.
    #[error("data folder `{}` is in use by process {pid} (stop that one, or choose another folder with --data)", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process, as it wrote itself down.
        pid: String,
    },
    /// The credentials in it cannot be read.
    #[error("failed to read `{}` (restore it, or delete it: new keys are made, the old ones stay valid)", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
}

/// The keys that `sendry up` made for its own laptop use. The store keeps only their hashes; this file, readable by its
/// owner alone, is what lets a second start and `sendry import` use them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// The tenant.
    pub tenant: String,
    /// For apps.
    pub api_key: String,
    /// For history: `sendry import` and `--demo`.
    pub operator_key: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl DataDir {
    /// Makes the folder if need be, and locks it.
    ///
    /// # Errors
    /// When it cannot be written or another process holds it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let not_writable = |source| DataDirError::NotWritable {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(path).map_err(not_writable)?;
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path.join("sendry.lock"))
            .map_err(not_writable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = lock.read_to_string(&mut pid);
                let pid = if pid.trim().is_empty() {
                    "?".to_owned()
                } else {
                    pid.trim().to_owned()
                };
                return Err(DataDirError::InUse {
                    path: path.to_owned(),
                    pid,
                });
            }
            Err(TryLockError::Error(source)) => return Err(not_writable(source)),
        }
        // Only for the message above; the lock itself is the kernel's. On a full disk the process still runs.
        let _ = lock
            .set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| write!(lock, "{}", std::process::id()));
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The file of the queue.
    #[must_use]
    pub fn queue_db(&self) -> PathBuf {
        self.path.join("queue.db")
    }

    /// The file of counts, raw events and settings.
    #[must_use]
    pub fn store_db(&self) -> PathBuf {
        self.path.join("store.db")
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the credentials, readable by the owner alone, all or nothing.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_credentials(&self, credentials: &Credentials) -> Result<(), DataDirError> {
        let path = credentials_file(&self.path);
        let write = || -> io::Result<()> {
            let new = path.with_extension("json.new");
            let _ = fs::remove_file(&new);
            let mut options = OpenOptions::new();
            options.create_new(true).write(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&new)?;
            file.write_all(serde_json::to_string_pretty(credentials)?.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        write().map_err(|source| DataDirError::NotWritable {
            path: self.path.clone(),
            source,
        })
    }
}

/// The credentials of a folder; `None` before its first start.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read_credentials(folder: &Path) -> Result<Option<Credentials>, DataDirError> {
    let path = credentials_file(folder);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DataDirError::Credentials { path, source }),
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| DataDirError::Credentials {
            path,
            source: error.into(),
        })
}

fn credentials_file(folder: &Path) -> PathBuf {
    folder.join("credentials.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let held = DataDir::open(folder.path()).unwrap();
        let error = DataDir::open(folder.path()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("process {}", std::process::id())),
            "{error}"
        );
        drop(held);
        DataDir::open(folder.path()).unwrap();
    }

    #[test]
    fn credentials_round_trip_and_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        assert!(read_credentials(folder.path()).unwrap().is_none());
        let credentials = Credentials {
            tenant: "default".to_owned(),
            api_key: "K-ONE".to_owned(),
            operator_key: "K-TWO".to_owned(),
        };
        data.write_credentials(&credentials).unwrap();
        let again = read_credentials(folder.path()).unwrap().unwrap();
        assert_eq!(again.operator_key, "K-TWO");
        assert!(!format!("{again:?}").contains("K-"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join("credentials.json"))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
