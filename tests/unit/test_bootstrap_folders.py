"""What is made on this machine: the data folder, the key, the folder of sockets. Each for this user alone."""

from __future__ import annotations

import os
import stat
import tempfile
import threading

import pytest

from penstock_runtime.bootstrap import keys
from penstock_runtime.bootstrap.components import prepare_data_dir, wakeups_folder
from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.settings import read_settings


@pytest.fixture
def settings(tmp_path):
    return read_settings({"PENSTOCK_STATE_DIR": str(tmp_path / "state")}, project_dir=tmp_path / "shop")


def mode(path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_the_data_folder_is_for_its_user_alone_and_ignores_itself(settings):
    prepare_data_dir(settings)
    assert mode(settings.data_dir) == 0o700
    assert (settings.data_dir / ".gitignore").read_text() == "*\n"


def test_a_data_folder_that_was_there_keeps_its_mode(settings):
    settings.data_dir.mkdir(parents=True)
    settings.data_dir.chmod(0o750)
    prepare_data_dir(settings)
    assert mode(settings.data_dir) == 0o750


def test_a_key_is_made_once_whole_and_closed_to_others(settings):
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend(keys.encryption_keys(settings))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    path = keys.key_file(settings)
    assert set(found) == {path.read_text()}
    assert mode(path) == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_key_is_never_there_by_half(settings, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("the machine lost power")))
    with pytest.raises(OSError, match="lost power"):
        keys.encryption_keys(settings)
    assert list(keys.key_file(settings).parent.iterdir()) == []


@pytest.mark.parametrize("text", ["", "half a k", "A" * 40])
def test_a_broken_key_file_is_named(settings, text):
    path = keys.key_file(settings)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    for read in (keys.encryption_keys, keys.existing_keys):
        with pytest.raises(InvalidInput, match=str(path)):
            read(settings)
    assert path.read_text() == text


def test_looking_for_keys_makes_none(settings):
    assert keys.existing_keys(settings) == []
    assert not settings.state_dir.exists()


@pytest.fixture
def shared(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"penstock-{os.getuid()}"


def test_the_folder_of_sockets_is_made_for_this_user_alone(settings, shared):
    assert wakeups_folder(settings).parent == shared
    assert wakeups_folder(settings).parent == shared  # and found again
    assert mode(shared) == 0o700


def test_a_folder_of_sockets_that_others_may_enter_is_refused(settings, shared):
    shared.mkdir()
    shared.chmod(0o755)
    with pytest.raises(InvalidInput, match=str(shared)):
        wakeups_folder(settings)


def test_a_link_in_the_place_of_the_folder_of_sockets_is_not_followed(settings, shared, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    shared.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInput, match="not a folder of this user alone"):
        wakeups_folder(settings)
