"""Files that appear complete or not at all, however a picture or a page comes to be saved."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from .errors import OptionError

__all__ = ["path_of", "write_whole"]


def path_of(path: str | os.PathLike[str]) -> Path:
    """A path as it was given. Raises `OptionError` for a name that no file can have."""
    name = os.fspath(path)
    if not isinstance(name, str) or not name or "\0" in name:
        raise OptionError(
            f"{name!r} is no name of a file; write one such as 'graph.svg', without zero characters"
        )
    return Path(name)


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write a file, text as UTF-8, and return its path: it is there completely, or as it was before.

    Folders on the way are made. A file that is replaced keeps its mode, and a symbolic link still leads to it. An
    `OSError` names the path that was given.
    """
    path = path_of(path)
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    try:
        _write_atomically(Path(os.path.realpath(path)), data)
    except OSError as error:
        if error.errno is None:
            raise
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
    return path


def _write_atomically(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():  # links that lead to each other
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    old = target.stat() if target.exists() else None
    if old is not None and not (stat.S_ISREG(old.st_mode) and os.access(target, os.W_OK)):
        target.write_bytes(data)  # a device takes it; a folder, and what is protected, refuse it
        return
    # in a folder of its own, which only this process can enter, a new file gets the mode that the umask leaves
    with tempfile.TemporaryDirectory(prefix=".chainrule-", dir=target.parent) as private:
        beside = Path(private, "new")
        beside.write_bytes(data)
        if old is not None:
            with suppress(OSError, AttributeError):  # only root can, and only where there are owners
                os.chown(beside, old.st_uid, old.st_gid)
            beside.chmod(stat.S_IMODE(old.st_mode) & 0o777)
        beside.replace(target)
