"""Download of registered scenes into a cache: the only part of the study that uses the network.

Only addresses of the registry are asked, by https alone, and a file gets its name after its checksum was verified;
whatever a server sends, the cache never holds a wrong file.
"""

import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from unmixing.errors import UnmixingError
from unmixing.scenes.reading import file_sha256, git_blob_id
from unmixing.scenes.registry import SceneEntry, SourceFile, load_registry
from unmixing.store import atomic_path

LOGGER = logging.getLogger(__name__)

#: Opens an address with a timeout in seconds, as ``urllib.request.urlopen`` does.
Opener = Callable[[str, float], AbstractContextManager[IO[bytes]]]

_BLOCK = 1 << 16
_LARGEST_FILE = 1 << 30


def fetch_scene(
    entry: SceneEntry,
    cache: Path,
    *,
    opener: Opener | None = None,
    timeout: float = 30.0,
    deadline: float = 1800.0,
    retries: int = 3,
    pause: Callable[[float], None] = time.sleep,
) -> Path:
    """Put all files of a scene into the cache, and return the one to read.

    Files that are there and right are left alone; files that are there and wrong are replaced.

    Args:
        entry: the scene.
        cache: folder of downloads; made if it is missing.
        opener: stands in for the network in tests.
        timeout: seconds a server may be silent.
        deadline: seconds a file may take altogether, so that a trickle does not last for ever.
        retries: attempts per address.
        pause: waits between attempts.

    Raises:
        UnmixingError: the scene has no public address, or no address gave the right file.
    """
    if entry.embedded or not entry.files:
        raise UnmixingError(f"scene {entry.id!r} is made by the study itself: there is nothing to download")
    for item in entry.files:
        if not item.addresses:
            raise UnmixingError(
                f"scene {entry.id!r}: no public address is known for {item.path}: put it into the folder that "
                f"UNMIXING_SCENES names"
            )
    for item in entry.files:
        target = Path(cache) / item.path
        if not (target.is_file() and is_right(target, item)):
            _fetch(entry, item, target, opener or open_https, timeout, deadline, retries, pause)
    return Path(cache) / entry.files[0].path


def is_right(path: Path, item: SourceFile) -> bool:
    """Say whether a file has the registered length and checksums; a file without a checksum is never right."""
    if not (item.sha256 or item.git_blob):
        return False
    if item.bytes and path.stat().st_size != item.bytes:
        return False
    if item.sha256 and file_sha256(path) != item.sha256:
        return False
    return not item.git_blob or git_blob_id(path) == item.git_blob


def open_https(address: str, timeout: float) -> AbstractContextManager[IO[bytes]]:
    """Open a registered address; redirections must stay on https and on the hosts of the registry.

    Raises:
        UnmixingError: the address is not in the registry or not https.
    """
    require_registered(address)
    opened: AbstractContextManager[IO[bytes]] = urllib.request.build_opener(_GuardedRedirects).open(
        urllib.request.Request(address, headers={"User-Agent": "unmixing-study"}),
        timeout=timeout,
    )
    return opened


def require_registered(address: str) -> None:
    """Refuse addresses that are not in the registry, or not https.

    Raises:
        UnmixingError: as above.
    """
    if urlsplit(address).scheme != "https":
        raise UnmixingError(f"{address}: only https is allowed: correct the registry")
    if address not in _addresses():
        raise UnmixingError(f"{address}: not an address of the registry: nothing else is downloaded")


def _addresses() -> set[str]:
    return {found for entry in load_registry().values() for item in entry.files for found in item.addresses}


class _GuardedRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Any,  # noqa: ANN401 - as in the base class
        newurl: str,
    ) -> urllib.request.Request | None:
        hosts = {urlsplit(found).hostname for found in _addresses()}
        target = urlsplit(newurl)
        if target.scheme != "https" or target.hostname not in hosts:
            raise UnmixingError(f"{req.full_url}: redirected to {newurl}, which is not in the registry: not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch(
    entry: SceneEntry,
    item: SourceFile,
    target: Path,
    opener: Opener,
    timeout: float,
    deadline: float,
    retries: int,
    pause: Callable[[float], None],
) -> None:
    problem = ""
    for address in item.addresses:
        for attempt in range(retries):
            if attempt:
                pause(2.0**attempt)
            LOGGER.info("%s: fetching %s", entry.id, address)
            try:
                with atomic_path(target) as temporary:
                    _download(address, temporary, opener, timeout, deadline, item.bytes or _LARGEST_FILE)
                    if not is_right(temporary, item):
                        size = temporary.stat().st_size
                        raise UnmixingError(f"{size} bytes arrived whose checksum is not the registered one")
            except UnmixingError as error:
                problem = f"{address}: {error}"
            except urllib.error.HTTPError as error:
                problem = f"{address}: the server answers {error.code}"
                if 400 <= error.code < 500 and error.code not in (408, 429):
                    break  # asking again does not help; another address may
            except (OSError, EOFError, ValueError) as error:
                problem = f"{address}: {' '.join(str(error).split())[:120] or type(error).__name__}"
            except Exception as error:  # http.client raises its own family
                problem = f"{address}: {type(error).__name__}"
            else:
                return
    raise UnmixingError(
        f"scene {entry.id!r}: {item.path} could not be downloaded ({problem}): try again, or put the file into the "
        f"folder that UNMIXING_SCENES names"
    )


def _download(address: str, target: Path, opener: Opener, timeout: float, deadline: float, largest: int) -> None:
    started = time.monotonic()
    received = 0
    with opener(address, timeout) as response, target.open("wb") as handle:
        while block := response.read(_BLOCK):
            received += len(block)
            if received > largest:
                raise UnmixingError(f"more than {largest} bytes arrive: this is another file")
            if time.monotonic() - started > deadline:
                raise TimeoutError(f"not finished after {deadline:g} seconds")
            handle.write(block)
