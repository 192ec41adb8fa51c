"""`make check-gradients` prints its table and refuses rows that do not exist."""

from __future__ import annotations

import check_rows
import pytest


def test_the_table(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["check_rows.py", "--repeats", "2", "tanh", "matmul"])
    assert check_rows.main() == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[1].split()[:4] == [
        "tanh",
        "elementwise",
        "4",
        "28",
    ]  # 6 elements and one Value, twice, both orders
    assert printed[-1].startswith("2 rows, ")
    assert printed[-1].endswith("all right")


def test_a_row_that_does_not_exist(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["check_rows.py", "tanhh"])
    assert check_rows.main() == 2
    assert "there is no row tanhh" in capsys.readouterr().err
