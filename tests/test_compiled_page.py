"""docs/compiled.md: its session in a process of eight devices, its script in two processes, and its many trainings."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs/compiled.md"

SESSION = """
import doctest, re, sys
from pathlib import Path
code = "".join(re.findall(r"```python\\n(.*?)```", Path(sys.argv[1]).read_text("utf-8"), re.DOTALL))
test = doctest.DocTestParser().get_doctest(code, {}, "compiled.md", "compiled.md", 0)
flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
found = doctest.DocTestRunner(optionflags=flags).run(test)
print(found)
sys.exit(found.failed or not found.attempted)
"""


@pytest.fixture(autouse=True)
def jax():
    return pytest.importorskip("jax", reason="JAX, the extra xla, is not installed")


def environment(**more: str) -> dict[str, str]:
    """Ours, without what a launcher of processes, or another number of devices, may have left in it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JAX_", "SLURM_", "OMPI_", "MASTER_"))
        and name not in ("WORLD_SIZE", "RANK", "XLA_FLAGS")
    }
    return {**kept, "JAX_PLATFORMS": "cpu", **more}


def script(word: str) -> str:
    """The script on the page that has this word in it."""
    (found,) = (
        code for code in re.findall(r"```py\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL) if word in code
    )
    return found


def test_the_examples_run_on_eight_devices(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SESSION, str(PAGE)],
        cwd=tmp_path,
        env=environment(XLA_FLAGS="--xla_force_host_platform_device_count=8"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def two_free_ports() -> int:
    """A port that is free, as is the one after it."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = int(first.getsockname()[1])
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
            except OSError:
                continue
            return port


def test_the_script_of_several_processes(tmp_path) -> None:
    program = tmp_path / "train.py"
    program.write_text(script("nn.distributed()"), encoding="utf-8")
    processes = [
        subprocess.Popen(
            [sys.executable, program.name],
            cwd=tmp_path,
            env=environment(
                JAX_COORDINATOR_ADDRESS=address, JAX_NUM_PROCESSES="2", JAX_PROCESS_ID=str(index)
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for address in [f"127.0.0.1:{two_free_ports()}"]
        for index in range(2)
    ]
    try:
        said = [each.communicate(timeout=240) for each in processes]
    finally:
        for each in processes:
            each.kill()
    assert [each.returncode for each in processes] == [0, 0], said
    assert "2 processes, 2 devices\nloss 0.0" in said[0][0]
    assert float(re.findall(r"test accuracy (\S+)", said[0][0])[0]) > 0.9
    assert "accuracy" not in said[1][0]
    assert (tmp_path / "digits.npz").exists()


def test_the_script_of_many_trainings(tmp_path) -> None:
    pytest.importorskip("dask.distributed", reason="Dask, the extra cluster, is not installed")
    pytest.importorskip("sklearn", reason="scikit-learn, the extra sklearn, is not installed")
    program = tmp_path / "many.py"
    program.write_text(script("LocalCluster"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, program.name],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    here, cluster, best = re.fullmatch(
        r"( +seed.*?std[^\n]*\n)( +seed.*?std[^\n]*\n)(\{[^\n]*\})\n", done.stdout, re.DOTALL
    ).groups()
    assert here == cluster
    assert best.startswith("{'hidden_layer_sizes': (")
