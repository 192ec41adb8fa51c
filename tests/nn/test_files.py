"""Writing files: modes, links, names while it is being written, and what writers that were killed have left."""

import errno
import json
import os
import stat
import subprocess
import sys

import pytest

from chainrule import nn
from chainrule.autograd.debug.files import write_atomically


def save(path):
    nn.save(nn.Linear(2, 1, seed=0), path)


def save_history(path):
    nn.History().save(path)


def write_text(path):
    write_atomically(path, lambda file: file.write(b"new"))


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


writers = pytest.mark.parametrize("write", [save, save_history, write_text])


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield
    os.umask(before)


@writers
@pytest.mark.parametrize("given", [0o600, 0o640, 0o444, 0o755])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path, write, given):
    path = tmp_path / "a.npz"
    path.write_text("old")
    path.chmod(given)
    write(path)
    assert mode(path) == given
    assert path.read_bytes() != b"old"


@writers
def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path, umask, write):
    write(tmp_path / "a.npz")
    assert mode(tmp_path / "a.npz") == 0o640


def test_a_checkpoint_keeps_its_mode(tmp_path):
    path, data = tmp_path / "run.npz", nn.datasets.moons(40, seed=0)
    for epochs in (1, 3):
        nn.fit(nn.MLP(2, [2], seed=0), nn.cross_entropy, data, epochs=epochs, checkpoint=path, progress=False)
        if epochs == 1:
            path.chmod(0o600)
    assert mode(path) == 0o600


@writers
def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path, write):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there/b.npz", tmp_path / "a.npz"
    link.symlink_to("there/b.npz")
    write(link)  # to where nothing is yet
    first = target.read_bytes()
    target.write_text("old")
    target.chmod(0o600)
    write(link)
    assert link.is_symlink()
    assert target.read_bytes() == first
    assert mode(target) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["a.npz", "there"]
    assert os.listdir(tmp_path / "there") == ["b.npz"]


@writers
def test_links_in_a_circle_are_an_error_and_stay(tmp_path, write):
    (tmp_path / "a.npz").symlink_to("b.npz")
    (tmp_path / "b.npz").symlink_to("a.npz")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        write(tmp_path / "a.npz")
    assert os.readlink(tmp_path / "a.npz") == "b.npz"


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path):
    link = tmp_path / "nowhere.npz"
    link.symlink_to(os.devnull)
    save(link)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(IsADirectoryError):
        save(tmp_path / "folder.npz")
    assert sorted(os.listdir(tmp_path)) == ["folder.npz", "nowhere.npz"]


def test_while_it_is_being_written_nobody_else_can_read_it_or_guess_its_name(tmp_path):
    path, seen = tmp_path / "a.npz", []
    path.write_text("old")
    path.chmod(0o600)

    def look(file):
        (name,) = set(os.listdir(tmp_path)) - {"a.npz"}
        seen.append((name, mode(tmp_path / name)))

    for _ in range(2):
        write_atomically(path, look)
    (one, first), (two, second) = seen
    assert first == second == 0o600
    assert one != two
    assert str(os.getpid()) not in one.split("-")


def test_a_link_that_was_planted_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda n: "guessed")
    (tmp_path / "victim").write_text("mine")
    path = tmp_path / "a.npz"
    names = []
    write_atomically(path, lambda file: names.extend(set(os.listdir(tmp_path)) - {"victim"}))
    (tmp_path / names[0]).symlink_to("victim")
    with pytest.raises(FileExistsError):
        write_text(path)
    assert (tmp_path / "victim").read_text() == "mine"


def test_errors_name_the_path_that_was_given(tmp_path):
    for path in (tmp_path / "none/a.json", tmp_path / "link.json"):
        if path.name == "link.json":
            path.symlink_to("none/a.json")
        with pytest.raises(FileNotFoundError) as caught:
            save_history(path)
        assert caught.value.filename == str(path)


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.npz"
    path.write_text("old")

    def fail(file):
        file.write(b"half")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.npz"]


WRITER = """
import sys
from chainrule.autograd.debug.files import write_atomically

def slowly(file):
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.readline()
    file.write(b" whole")

write_atomically(sys.argv[1], slowly)
"""


def writer(path):
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "writing\n"
    return child


def test_the_next_writer_deletes_what_a_killed_one_has_left_and_not_what_a_living_one_writes(tmp_path):
    killed, living = writer(tmp_path / "a"), writer(tmp_path / "b")
    killed.kill()
    killed.communicate()
    assert len(os.listdir(tmp_path)) == 2
    (left,) = [name for name in os.listdir(tmp_path) if (tmp_path / name).read_text() == "half"][:1]
    prefix, suffix = left[: left.index("-") + 1], left[left.rindex(".") :]
    (tmp_path / f"{prefix}link{suffix}").symlink_to("c")  # no file of a writer
    (tmp_path / f"{prefix}folder{suffix}").mkdir()
    (tmp_path / f"{prefix}notes.txt").write_text("mine")
    save(tmp_path / "c.npz")
    kept = {f"{prefix}link{suffix}", f"{prefix}folder{suffix}", f"{prefix}notes.txt", "c.npz"}
    assert len(set(os.listdir(tmp_path)) - kept) == 1
    living.communicate("go on\n")
    assert living.returncode == 0
    assert (tmp_path / "b").read_text() == "half whole"
    assert set(os.listdir(tmp_path)) == kept | {"b"}


def test_a_history_is_readable_json(tmp_path):
    history = nn.History()
    history.append({"epoch": 1, "loss": 0.5})
    history.save(tmp_path / "h.json")
    assert json.loads((tmp_path / "h.json").read_text())["rows"] == [{"epoch": 1, "loss": 0.5}]
