import os
import subprocess
import sys
from pathlib import Path

from deploy.locks import Lock
from tests.waiting import until


def test_only_one_holds_it_and_says_who_it_is(tmp_path: Path) -> None:
    first, second = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert not second.taken()
    assert first.acquire()
    first.sign(pid=os.getpid())
    assert not second.acquire(timeout=0.1)
    assert second.taken()
    assert second.holder() == {"pid": os.getpid()}
    first.release()
    assert second.acquire()


def test_a_new_holder_replaces_the_longer_words_of_the_old_one(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    lock.acquire()
    lock.sign(pid=1, address="127.0.0.1:65535")
    lock.sign(pid=2)
    assert lock.holder() == {"pid": 2}


def test_an_inherited_lock_is_held_until_the_heir_is_gone(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    lock.acquire()
    heir = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[lock.fileno()])
    lock.release()
    other = Lock(tmp_path / "lock")
    assert not other.acquire()
    heir.kill()
    heir.communicate()
    until(other.acquire, 5, "the lock of the dead heir")


def test_what_is_no_json_counts_as_unsigned(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b'{"pid": 1')
    assert Lock(tmp_path / "lock").holder() == {}
    assert Lock(tmp_path / "nowhere").holder() == {}
