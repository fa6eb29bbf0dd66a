"""Writes below a folder and never out of it: part by part, following no link, replacing nothing."""

import os
import shutil
from pathlib import Path

from runner.archive_kind import REPACK
from runner.outcome import EX_CANTCREAT, Failed, Refused


def prepare(dest: Path) -> int:
    """Make the destination, or take an empty one, and open it; the caller closes it."""
    try:
        dest.mkdir(parents=True, exist_ok=True)
        root = os.open(dest, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Failed(f"cannot use {dest}: {error.strerror}", EX_CANTCREAT) from error
    if any(dest.iterdir()):
        os.close(root)
        raise Failed(f"{dest} is not empty", EX_CANTCREAT)
    return root


def empty(dest: Path) -> None:
    """Remove all that is in a folder, and follow no link out of it."""
    for entry in os.scandir(dest):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            Path(entry.path).unlink()


def open_folder(root: int, path: tuple[str, ...]) -> int:
    """Make and open the folder `path` below `root`; the caller closes it."""
    here = os.dup(root)
    for part in path:
        try:
            os.mkdir(part, 0o755, dir_fd=here)
        except FileExistsError:
            pass
        except OSError:
            os.close(here)
            raise
        try:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        except NotADirectoryError as error:
            raise Refused(f"'{'/'.join(path)}' in the tar is both a file and a folder", REPACK) from error
        finally:
            os.close(here)
        here = below
    return here


def create_file(root: int, path: tuple[str, ...]) -> int:
    """Create a new file below `root`; never opens anything that is there already. The caller closes it."""
    folder = open_folder(root, path[:-1])
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path[-1], flags, 0o644, dir_fd=folder)
    except FileExistsError as error:
        raise Refused(f"'{'/'.join(path)}' in the tar is there twice", REPACK) from error
    finally:
        os.close(folder)


def write_at(fd: int, data: bytes | memoryview, offset: int) -> None:
    while len(data):
        count = os.pwrite(fd, data, offset)
        data, offset = data[count:], offset + count
