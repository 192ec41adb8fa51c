"""Pictures as one moving picture: GIF and WebP, joined by Pillow, and MP4, where ffmpeg is installed."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import DrawingError
from .files import write_whole

__all__ = ["join", "joined", "pillow"]

RATE = 25  # frames a second of an MP4; a picture that stays longer is written several times


def pillow(instead: str = "") -> Any:
    """The module `Image` of Pillow, which is an extra. Raises `DrawingError` if it is not installed."""
    try:
        from PIL import Image
    except ImportError:
        raise DrawingError(
            f"GIF and WebP are written by Pillow, which is not installed. Install it with: pip install "
            f"'chainrule[frames]'{instead}"
        ) from None
    return Image


def join(path: Path, frames: Sequence[Any], times: Sequence[int], background: str) -> Path:
    """Write pictures of Pillow's as one file, each shown for its number of milliseconds; returns the path."""
    return write_whole(path, joined(path.suffix.lower(), frames, times, background))


def joined(suffix: str, frames: Sequence[Any], times: Sequence[int], background: str) -> bytes:
    """The file for the suffix, ".gif", ".webp" or ".mp4"; smaller pictures get a margin."""
    size = max(frame.width for frame in frames), max(frame.height for frame in frames)
    whole = []
    for frame in frames:
        if frame.size != size:
            small, frame = frame, pillow().new("RGB", size, background)
            frame.paste(small)
        whole.append(frame)
    written = io.BytesIO()
    if suffix == ".mp4":
        return _mp4(whole, times)
    if suffix == ".gif":
        few = [frame.quantize(128, dither=0) for frame in whole]
        few[0].save(
            written, "GIF", save_all=True, append_images=few[1:], duration=list(times), loop=0, optimize=False
        )
    else:
        whole[0].save(
            written, "WEBP", save_all=True, append_images=whole[1:], duration=list(times), loop=0, quality=80
        )
    return written.getvalue()


def _mp4(frames: Sequence[Any], times: Sequence[int]) -> bytes:
    program = shutil.which("ffmpeg")
    if program is None:
        raise DrawingError(
            "MP4 is written by the program ffmpeg, which is not installed (on Debian: apt-get install ffmpeg). "
            "A name that ends in .gif or .webp needs no program"
        )
    raw = io.BytesIO()
    for frame, milliseconds in zip(frames, times):
        for _ in range(max(1, round(milliseconds * RATE / 1000))):
            raw.write(frame.tobytes())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "moving.mp4"
        size = f"{frames[0].width}x{frames[0].height}"
        even = "pad=ceil(iw/2)*2:ceil(ih/2)*2"  # the format has even sides only
        command = [
            program,
            "-loglevel",
            "error",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            size,
            "-r",
            str(RATE),
        ]
        command += ["-i", "-", "-vf", even, "-pix_fmt", "yuv420p", str(file)]
        done = subprocess.run(command, input=raw.getvalue(), capture_output=True, timeout=600)
        if done.returncode or not file.exists():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise DrawingError(
                f"ffmpeg could not write the file: {said[-1] if said else 'it gave no reason'}"
            )
        return file.read_bytes()
