"""Downloads against a server on this machine that misbehaves in every way; nothing else is asked."""

import contextlib
import dataclasses
import hashlib
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from unmixing.errors import UnmixingError
from unmixing.scenes.fetch import fetch_scene, is_right, open_https, require_registered
from unmixing.scenes.registry import SourceFile, scene_entry

CONTENT = b"the cube" * 40_000
GOOD = "https://scenes.example/right.mat"
OTHER = "https://scenes.example/mirror.mat"


class Server(ThreadingHTTPServer):
    """Answers by rule, and counts what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        self.rules = {}

    def open(self, address, timeout):
        url = f"http://127.0.0.1:{self.server_port}/{address.rsplit('/', 1)[1]}"
        return contextlib.closing(urllib.request.urlopen(url, timeout=timeout))


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        name = self.path.lstrip("/")
        self.server.asked.append(name)
        rules = self.server.rules.get(name, ["right"])
        rule = rules.pop(0) if len(rules) > 1 else rules[0]
        if rule == "missing":
            self.send_error(404)
            return
        if rule == "busy":
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        with contextlib.suppress(OSError):
            if rule == "right":
                self.wfile.write(CONTENT)
            elif rule == "wrong":
                self.wfile.write(CONTENT[:-1] + b"!")
            elif rule == "cut":
                self.wfile.write(CONTENT[: len(CONTENT) // 2])
            elif rule == "stall":
                self.wfile.write(CONTENT[:100])
                self.wfile.flush()
                time.sleep(1.0)
            elif rule == "trickle":
                for start in range(0, len(CONTENT), 2000):
                    self.wfile.write(CONTENT[start : start + 2000])
                    self.wfile.flush()
                    time.sleep(0.02)


@pytest.fixture
def server():
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()


def entry(**changes):
    blob = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    item = SourceFile(path="deep/right.mat", git_blob=blob, addresses=(GOOD,))
    return dataclasses.replace(scene_entry("samson"), files=(dataclasses.replace(item, **changes),))


def fetch(server, cache, scene=None, **options):
    options = {"timeout": 0.3, "retries": 2, "pause": lambda _: None, **options}
    return fetch_scene(scene or entry(), cache, opener=server.open, **options)


def files_in(folder):
    return [path.name for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "changes", [{}, {"sha256": hashlib.sha256(CONTENT).hexdigest(), "git_blob": ""}, {"bytes": len(CONTENT)}]
)
def test_a_file_is_fetched_once(server, tmp_path, changes):
    scene = entry(**changes)
    path = fetch(server, tmp_path, scene)
    assert path == tmp_path / "deep/right.mat"
    assert path.read_bytes() == CONTENT
    fetch(server, tmp_path, scene)
    assert server.asked == ["right.mat"]


def test_a_wrong_file_in_the_cache_is_replaced(server, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/right.mat").write_bytes(b"old")
    assert fetch(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("rule", ["wrong", "cut", "stall", "missing", "busy"])
def test_whatever_a_server_sends_the_cache_holds_no_wrong_file(server, tmp_path, rule):
    server.rules["right.mat"] = [rule]
    with pytest.raises(UnmixingError, match="could not be downloaded") as caught:
        fetch(server, tmp_path)
    assert files_in(tmp_path) == []
    assert "\n" not in str(caught.value)
    assert "UNMIXING_SCENES" in str(caught.value)
    assert len(server.asked) == (1 if rule == "missing" else 2)


@pytest.mark.parametrize("rule", ["wrong", "cut", "stall", "busy"])
def test_a_second_attempt_can_succeed(server, tmp_path, rule):
    server.rules["right.mat"] = [rule, "right"]
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert files_in(tmp_path) == ["right.mat"]


def test_another_address_is_tried(server, tmp_path):
    server.rules["right.mat"] = ["missing"]
    assert fetch(server, tmp_path, entry(addresses=(GOOD, OTHER))).read_bytes() == CONTENT
    assert server.asked == ["right.mat", "mirror.mat"]


def test_a_trickle_ends(server, tmp_path):
    server.rules["right.mat"] = ["trickle"]
    started = time.monotonic()
    with pytest.raises(UnmixingError, match="not finished after"):
        fetch(server, tmp_path, retries=1, deadline=0.2, timeout=2)
    assert time.monotonic() - started < 3


def test_a_file_that_is_too_long_is_not_read_to_its_end(server, tmp_path):
    with pytest.raises(UnmixingError, match="more than 1000 bytes"):
        fetch(server, tmp_path, entry(bytes=1000))
    assert files_in(tmp_path) == []


def test_pauses_grow(server, tmp_path):
    server.rules["right.mat"] = ["busy"]
    pauses = []
    with pytest.raises(UnmixingError):
        fetch(server, tmp_path, retries=4, pause=pauses.append)
    assert pauses == [2.0, 4.0, 8.0]


@pytest.mark.parametrize("scene_id", ["synthetic_easy", "urban4_crop"])
def test_scenes_without_an_address_are_refused(tmp_path, scene_id):
    with pytest.raises(UnmixingError, match=r"nothing to download|no public address"):
        fetch_scene(scene_entry(scene_id), tmp_path)


def test_only_registered_https_addresses_are_asked():
    registered = scene_entry("samson").files[0].addresses[0]
    require_registered(registered)
    for address in (registered.replace("https", "http"), GOOD, "file:///etc/hosts", registered + "?x"):
        with pytest.raises(UnmixingError, match=r"only https|not an address of the registry"):
            open_https(address, 1.0)


def test_redirections_stay_with_registered_hosts():
    from email.message import Message

    from unmixing.scenes.fetch import _GuardedRedirects

    registered = scene_entry("samson").files[0].addresses[0]
    request = urllib.request.Request(registered)
    guard = _GuardedRedirects()
    for target in ("http://raw.githubusercontent.com/x", "https://elsewhere.example/x"):
        with pytest.raises(UnmixingError, match="not followed"):
            guard.redirect_request(request, None, 302, "Found", Message(), target)
    followed = guard.redirect_request(request, None, 302, "Found", Message(), registered + "x")
    assert followed.full_url == registered + "x"


def test_a_file_without_a_checksum_is_never_right(tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    assert not is_right(tmp_path / "x", SourceFile(path="x"))


def test_the_files_at_hand_have_the_registered_checksums(scenes_folder):
    from unmixing.scenes.availability import locate
    from unmixing.scenes.registry import load_registry

    found = 0
    for scene in load_registry().values():
        for item in scene.files:
            path = locate(item, scenes_folder, None)
            if path is not None:
                assert is_right(path, item), item.path
                found += 1
    assert found >= 11
