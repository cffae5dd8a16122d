"""Downloads from a server on this machine that misbehaves; nothing else is asked."""

import contextlib
import dataclasses
import hashlib
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from faults.ground import fault, no_halves, refusal
from unmixing.scenes.fetch import fetch_scene, open_https
from unmixing.scenes.registry import SceneEntry, SourceFile, scene_entry

CONTENT = b"0123456789abcdef" * 20_000
Answer = Callable[[BaseHTTPRequestHandler], None]


def _send(handler: BaseHTTPRequestHandler, content: bytes, announced: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content) if announced is None else announced))
    handler.end_headers()
    with contextlib.suppress(OSError):
        handler.wfile.write(content)


def _stall(handler: BaseHTTPRequestHandler) -> None:
    _send(handler, CONTENT[:1000], len(CONTENT))
    time.sleep(0.6)


def _redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "file:///etc/hostname")
    handler.end_headers()


@contextlib.contextmanager
def _server(answer: Answer) -> Iterator[ThreadingHTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            answer(self)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def _entry() -> SceneEntry:
    item = SourceFile("made.mat", sha256=hashlib.sha256(CONTENT).hexdigest(), addresses=("https://scenes.example/x",))
    return dataclasses.replace(scene_entry("samson"), files=(item,))


def _fetch(server: ThreadingHTTPServer, cache: Path) -> Path:
    def opener(address: str, timeout: float) -> Any:
        url = f"http://127.0.0.1:{server.server_port}/{address.rsplit('/', 1)[1]}"
        return contextlib.closing(urllib.request.urlopen(url, timeout=timeout))

    return fetch_scene(_entry(), cache, opener=opener, timeout=0.3, retries=2, pause=lambda _: None)


def _refused(cache: Path, answer: Answer) -> str:
    with _server(answer) as server:
        seen = refusal(lambda: _fetch(server, cache), "could not be downloaded")
    assert not [path for path in cache.rglob("*") if path.is_file()], "something is in the cache"
    return seen


@fault("download", "the server stops in the middle")
def stops(folder: Path) -> str:
    return _refused(folder, lambda handler: _send(handler, CONTENT[:100_000], len(CONTENT)))


@fault("download", "the server announces less than the file has")
def announces_less(folder: Path) -> str:
    return _refused(folder, lambda handler: _send(handler, CONTENT, 100_000))


@fault("download", "the server announces more than it sends, and falls silent")
def announces_more(folder: Path) -> str:
    return _refused(folder, _stall)


@fault("download", "the file has another hash")
def other_hash(folder: Path) -> str:
    return _refused(folder, lambda handler: _send(handler, CONTENT[:-1] + b"!"))


@fault("download", "the server sends a page of HTML instead")
def other_kind(folder: Path) -> str:
    return _refused(folder, lambda handler: _send(handler, b"<html>Not here</html>"))


@fault("download", "the server leads to a file of this machine")
def leads_elsewhere(folder: Path) -> str:
    return _refused(folder, _redirect)


@fault("download", "the file in the cache is damaged")
def cache_damaged(folder: Path) -> str:
    (folder / "made.mat").write_bytes(CONTENT[:-1] + b"!")
    with _server(lambda handler: _send(handler, CONTENT)) as server:
        assert _fetch(server, folder).read_bytes() == CONTENT
    no_halves(folder)
    return "right: it was fetched again"


@fault("download", "an address is not of the registry, or not https")
def other_address(folder: Path) -> str:
    for address in ("http://scenes.example/x", "https://scenes.example/x", "file:///etc/hostname", "ftp://x/y"):
        seen = refusal(lambda address=address: open_https(address, 1.0), address)
    return seen
