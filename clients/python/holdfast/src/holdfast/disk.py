"""The last good state on disk: what a process knows before it has reached anybody.

1. One file: a first line with format, version and digest, then JSON; the Rust client's is the same. Written beside and renamed: it is
   whole or it is the old one.
2. It is checked when it is read. A bad one is told and counts as none; so does one of another resource.
3. Its age does not matter: an old evacuation is likelier true than none, and the first endpoint that speaks corrects it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Optional

from .quorum import Origin, Zones
from .wire import BODY_BYTES, BadTable, read_zones

FORMAT = "holdfast-zones"
VERSION = "1"
FILE_BYTES = BODY_BYTES + 4_096
FROM_NOTHING = "the start is from nothing, with all zones open, until an endpoint speaks"


class DiskError(Exception):
    """Why the file of last good state is not used, or was not written."""


def load(path: str, resource: str) -> Optional[Zones]:
    """Reads the file; None if it is not there."""
    try:
        with open(path, "rb") as file:
            data = file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DiskError(f"cannot read {path}; {FROM_NOTHING} ({error})") from error
    try:
        return _read(data, resource)
    except ValueError as error:
        raise DiskError(f"{path} is not used: {error}; {FROM_NOTHING}. It is written anew then") from None


def _read(data: bytes, resource: str) -> Zones:
    if len(data) > FILE_BYTES:
        raise ValueError(f"it has more than {FILE_BYTES} bytes")
    head, cut, body = data.partition(b"\n")
    if not cut:
        raise ValueError("it is cut off")
    words = head.decode("utf-8", "replace").split(" ")
    if words[0] != FORMAT:
        raise ValueError("it was not written by this library")
    if words[1:2] != [VERSION]:
        raise ValueError(f"its version is `{' '.join(words[1:2])[:60]}`, this library reads {VERSION}")
    if words[2:3] != [digest(body)]:
        raise ValueError("it is damaged (its digest is another)")
    try:
        stored = json.loads(body)
    except RecursionError as error:
        raise ValueError(str(error)) from None
    if not isinstance(stored, dict):
        raise ValueError("it is no JSON object")
    if stored.get("resource") != resource:
        raise ValueError(f"it is of `{str(stored.get('resource'))[:60]}`, not of `{resource}`")
    tag, revision = stored.get("tag"), stored.get("revision")
    known = isinstance(tag, str) and isinstance(revision, int)
    return Zones(read_zones(stored.get("zones")), tag=tag if known else None, revision=revision if known else None, origin=Origin.DISK)


def save(path: str, resource: str, zones: Zones) -> None:
    """Replaces the file."""
    stored = {
        "resource": resource,
        "saved_at_ms": int(time.time() * 1000),
        "tag": zones.tag,
        "revision": zones.revision,
        "zones": [zone.to_json() for zone in zones],
    }
    body = json.dumps(stored, separators=(",", ":")).encode()
    try:
        replace_file(path, f"{FORMAT} {VERSION} {digest(body)}\n".encode() + body)
    except OSError as error:
        raise DiskError(f"cannot write {path}; after a restart an older state counts until an endpoint speaks ({error})") from error


def replace_file(path: str, data: bytes) -> None:
    """Writes a file beside and renames it: who reads sees the old one or the new one, whole."""
    folder, name = os.path.split(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    # Of this process alone: two that share a path by mistake do not write into one another's.
    beside = os.path.join(folder, f".{name}.{os.getpid()}.new")
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.remove(beside)  # it may not be there at all
        raise
    # The name too is to outlive a power cut; systems without it are as good as they are.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def digest(body: bytes) -> str:
    """FNV-1a: against cut and mixed files, not against anybody who means harm and may write here."""
    total = 0xCBF29CE484222325
    for byte in body:
        total = ((total ^ byte) * 0x00000100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{total:016x}"


__all__ = ["BadTable", "DiskError", "digest", "load", "replace_file", "save"]
