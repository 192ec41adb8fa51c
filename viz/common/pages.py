"""What self-contained HTML pages have in common."""

from __future__ import annotations

import base64
import hashlib

__all__ = ["sha256"]


def sha256(text: str) -> str:
    """The hash of an inline style or script, as a content security policy writes it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
