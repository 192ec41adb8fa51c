"""python dist.py [FOLDER]: the sdist and the wheel of chainrule in FOLDER (dist/), the same bytes each time.

Times, owners and modes of files, and their order, do not depend on the checkout, the machine or the day: the archive
is written anew with the date of the release, from CITATION.cff, and the wheel is built from that archive. What still
counts is the release of the build tool, setuptools.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def released() -> int:
    """The date of the release, in seconds since 1970."""
    (date,) = re.findall(
        r"^date-released: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE
    )
    return int(datetime.fromisoformat(date).replace(tzinfo=timezone.utc).timestamp())


def build(*options: str) -> None:
    """Run `python -m build`, or end with what it said."""
    left = ROOT / "chainrule.egg-info"  # the list of files of an earlier build would come back into this one
    shutil.rmtree(left, ignore_errors=True)
    command = [sys.executable, "-m", "build", *options]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(released())}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    shutil.rmtree(left, ignore_errors=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


def written_anew(sdist: Path, folder: Path) -> Path:
    """The archive with its files in order, without what a machine and a moment leave in it."""
    out = io.BytesIO()
    with tarfile.open(sdist) as old, tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old, key=lambda member: member.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = released(), 0, 0, "", ""
            member.mode, member.pax_headers = 0o755 if member.isdir() else 0o644, {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    path = folder / sdist.name
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=released()) as packed:
        packed.write(out.getvalue())
    return path


def main(folder: Path) -> None:
    """Write both files."""
    os.umask(0o022)  # modes of the files that the build tool writes into the wheel
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        build("--sdist", "--outdir", scratch, str(ROOT))
        (found,) = Path(scratch).glob("*.tar.gz")
        sdist = written_anew(found, folder)
        with tarfile.open(sdist) as archive:
            archive.extractall(scratch, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        build("--wheel", "--outdir", str(folder), str(Path(scratch) / sdist.name.removesuffix(".tar.gz")))
    print(*sorted(path.name for path in folder.glob("chainrule-*")), sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist")
