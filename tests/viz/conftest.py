"""A real JupyterLab for the tests of what notebooks show, one for all, on this machine only."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest

REASON = "notebooks are tested in JupyterLab: pip install '.[browser]'"


class Jupyter:
    """A running JupyterLab: the folder that it serves and its address; `/doc/tree/x.ipynb` shows a notebook alone."""

    def __init__(self, folder: Path, address: str, environment: dict[str, str]) -> None:
        self.folder = folder
        self.address = address
        self.environment = environment

    def trust(self, name: str) -> None:
        """Let the stored outputs of a notebook run scripts."""
        command = [sys.executable, "-m", "nbformat.sign", str(self.folder / name)]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory):
    """A `Jupyter`; with Notebook, if it is installed, at `/notebooks`."""
    pytest.importorskip("jupyterlab", reason=REASON)
    home = tmp_path_factory.mktemp("jupyter")
    folder = home / "notebooks"
    folder.mkdir()
    kinds = ("CONFIG", "DATA", "RUNTIME")
    places = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in kinds}
    environment = {**os.environ, **places, "HOME": str(home), "JUPYTER_NO_CONFIG": "1"}
    address = f"http://127.0.0.1:{free_port()}"
    options = [
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={address.rpartition(':')[2]}",
        "--IdentityProvider.token=",
        "--allow-root",
    ]
    options += [f"--ServerApp.root_dir={folder}", "--LabApp.extension_manager=readonly", "--LabApp.news_url="]
    for extension in ("notebook", "jupyter_lsp"):  # the page asks both
        if importlib.util.find_spec(extension):
            options.append(f"--ServerApp.jpserver_extensions={extension}=True")
    with open(home / "log", "wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=environment, stdout=log, stderr=log, cwd=home
        )
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5).close()
                break
            except (URLError, OSError):
                assert server.poll() is None, (home / "log").read_text()
                time.sleep(0.1)
        yield Jupyter(folder, address, environment)
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:  # on a busy machine; how fast it ends is not the test
            server.kill()
            server.wait()
