"""The fixture of the tests of printed programs."""

from __future__ import annotations

import pytest
from printed_programs import Programs


@pytest.fixture
def programs() -> Programs:
    return Programs()
