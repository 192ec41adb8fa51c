"""Files that are written completely or not at all: each is written under a temporary name, synchronised, and renamed.

The temporary file is in the same folder, has a random name, and is locked. A writer that is killed leaves such a file,
which is then not locked any more; the next writer in that folder deletes it.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows, which does not delete open files
    fcntl = None  # type: ignore[assignment]

__all__ = ["write_atomically"]

PREFIX, SUFFIX = ".chainrule-", ".tmp"  # of temporary names


def write_atomically(path: str | os.PathLike[str], write_to: Callable[[IO[bytes]], object]) -> None:
    """Replace a file by what `write_to(file)` writes, or leave it unchanged if that fails.

    For a symbolic link, the file that it points to is replaced. The new file has the mode of the old one, and its owner
    and group if the system permits; a file that did not exist has the mode that the umask gives.

    Raises `OSError` with the given path if the folder cannot be written to.
    """
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    old = target.stat() if target.exists() else None
    if old is not None and not (stat.S_ISREG(old.st_mode) and os.access(target, os.W_OK)):
        # a device is written to, not replaced; for a folder or a protected file this raises
        content = io.BytesIO()
        write_to(content)
        target.write_bytes(content.getvalue())
        return
    _delete_left_over(target.parent)
    try:
        temporary, file = _create(target.parent, 0o666 if old is None else 0o600)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
    try:
        with file:
            write_to(file)
            file.flush()
            if old is not None and os.name == "posix":
                _give_mode(file.fileno(), old)
            os.fsync(file.fileno())
            if os.name == "posix":  # elsewhere an open file cannot be renamed
                os.replace(temporary, target)
        if os.name != "posix":
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    if os.name == "posix":  # the folder with the new name is synchronised, too
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _create(folder: Path, mode: int) -> tuple[Path, IO[bytes]]:
    """A new, locked file in a folder; an existing name, also that of a link, is never opened."""
    while True:
        path = folder / f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
        file = open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115 - returned
        if _lock(file.fileno()) and path.exists():
            return path, file
        file.close()  # another writer deleted it before it was locked


def _lock(file: int) -> bool:
    """Lock an open file; `False` if another process has locked it."""
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks, where left-over files are never deleted
            pass
    return True


def _give_mode(file: int, old: os.stat_result) -> None:
    """Set mode, group and owner of the old file; if the group cannot be set, the group gets no rights."""
    for owner, group in ((-1, old.st_gid), (old.st_uid, -1)):
        with suppress(OSError):
            os.fchown(file, owner, group)
    mode = stat.S_IMODE(old.st_mode) & 0o777
    os.fchmod(file, mode if os.fstat(file).st_gid == old.st_gid else mode & ~0o070)


def _delete_left_over(folder: Path) -> None:
    """Delete the temporary files of killed writers: those of this user that are not locked."""
    with suppress(OSError):
        for path in sorted(folder.glob(f"{PREFIX}*{SUFFIX}")):
            with suppress(OSError):
                _delete_if_left_over(path)


def _delete_if_left_over(path: Path) -> None:
    if not stat.S_ISREG(path.lstat().st_mode):
        return
    if fcntl is None:
        path.unlink()
        return
    file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if os.fstat(file).st_uid == os.geteuid():
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    finally:
        os.close(file)
