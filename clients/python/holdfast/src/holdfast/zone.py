"""In which zone this process runs: asked in a fixed order, the first answer counts.

1. `HOLDFAST_ZONE` in the environment.
2. A file: `HOLDFAST_ZONE_FILE`, else `/etc/holdfast/zone`; its first line that is neither empty nor begins with `#`.
3. Kubernetes: the label `topology.kubernetes.io/zone` of the node `NODE_NAME`, with the pod's service account.
4. A cloud's metadata, all asked at once, a second for each: a task of ECS, then an instance of AWS (IMDSv2), GCP, Azure.

One place may have two names, as AWS has `use1-az1` (the same in every account) and `us-east-1a` (of this account): all are given, and
`OwnZone.known_in` takes the one that the endpoints know, by id or alias.

Sources: AWS "Use IMDSv2" and "ECS task metadata endpoint version 4"; GCP "About VM metadata"; Azure "Instance Metadata Service"; Kubernetes
"Well-Known Labels".
"""

from __future__ import annotations

import asyncio
import enum
import json
import os
import re
import ssl
import threading
from dataclasses import dataclass
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Tuple, TypeVar

from .endpoint import Endpoint, read_endpoint
from .http import Answer, HttpError, Question, ask
from .quorum import Zones
from .wire import NAME_BYTES

FILE_BYTES = 4_096
ANSWER_BYTES = 256 << 10  # a task's metadata lists its containers
R = TypeVar("R")

LABELS = ("topology.kubernetes.io/zone", "topology.k8s.aws/zone-id", "failure-domain.beta.kubernetes.io/zone")


class ZoneSource(enum.Enum):
    """Who told the zone."""

    ENVIRONMENT = "HOLDFAST_ZONE"
    FILE = "the zone file"
    KUBERNETES = "the Kubernetes node's label"
    ECS = "ECS task metadata"
    AWS = "AWS instance metadata"
    GCP = "GCP instance metadata"
    AZURE = "Azure instance metadata"


@dataclass(frozen=True)
class OwnZone:
    """Where this process runs."""

    zone: str
    """The zone's name that its source puts first."""
    also: Tuple[str, ...]
    """Other names of the same zone."""
    from_: ZoneSource
    """Who told it."""

    def known_in(self, zones: Zones) -> str:
        """The name that is known there, by id or alias; the first one if none is."""
        return next((name for name in (self.zone, *self.also) if zones.get(name) is not None), self.zone)


class NoZone(Exception):
    """Nobody tells this process its zone; `tried` has what each source said."""

    def __init__(self, tried: List[str]) -> None:
        super().__init__(f"nobody tells this process its zone ({'; '.join(tried)}); set HOLDFAST_ZONE, or write it into /etc/holdfast/zone")
        self.tried = tried


class _Bad(Exception):
    """A source that does not tell a zone."""


@dataclass(frozen=True)
class Sources:
    """Where to look; tests look elsewhere."""

    variables: Mapping[str, str]
    file: str = "/etc/holdfast/zone"
    # Link-local, on every cloud: names would want a resolver.
    metadata: str = "http://169.254.169.254:80"
    service_account: str = "/var/run/secrets/kubernetes.io/serviceaccount"
    patience_s: float = 1.0

    def variable(self, name: str) -> Optional[str]:
        """A variable that is set to something."""
        return self.variables.get(name, "").strip() or None


def own_zone() -> OwnZone:
    """Finds out in which zone this process runs; some seconds at most. Call it before your loop runs, or use `own_zone_async`.

    Raises `NoZone` when no source tells it, and also when the environment or a file names what cannot be a zone: no other source is
    asked then.
    """
    return _run(Sources(dict(os.environ)))


async def own_zone_async() -> OwnZone:
    """As `own_zone`."""
    return await find(Sources(dict(os.environ)))


def _run(sources: Sources) -> OwnZone:
    out: Dict[str, object] = {}

    def work() -> None:
        try:
            out["zone"] = asyncio.run(find(sources))
        except BaseException as error:
            out["error"] = error

    # A thread of its own: a program that has a loop already may call this too.
    thread = threading.Thread(target=work, name="holdfast-zone", daemon=True)
    thread.start()
    thread.join()
    error, zone = out.get("error"), out.get("zone")
    if isinstance(error, BaseException):
        raise error
    assert isinstance(zone, OwnZone), "work gives one or the other"
    return zone


async def find(sources: Sources) -> OwnZone:
    named = sources.variable("HOLDFAST_ZONE")
    if named is not None:
        return _or_wrong("HOLDFAST_ZONE", lambda: _zone(ZoneSource.ENVIRONMENT, [named]))
    path = sources.variable("HOLDFAST_ZONE_FILE") or sources.file
    try:
        line = _or_wrong(path, lambda: _read_file(path))
    except FileNotFoundError:
        if sources.variable("HOLDFAST_ZONE_FILE") is not None:
            raise NoZone([f"{path}: it is not there"]) from None
    else:
        return _or_wrong(path, lambda: _zone(ZoneSource.FILE, [line]))
    tried: List[str] = []
    kubernetes = sources.variable("KUBERNETES_SERVICE_HOST")
    if kubernetes is not None:
        try:
            return await _kubernetes(sources, kubernetes)
        except (_Bad, HttpError) as error:
            tried.append(f"Kubernetes: {error}")
    asked = {"ECS": _ecs, "AWS": _aws, "GCP": _gcp, "Azure": _azure}
    answers = await asyncio.gather(*(asyncio.wait_for(ask_(sources), sources.patience_s) for ask_ in asked.values()), return_exceptions=True)
    for name, answer in zip(asked, answers):
        if isinstance(answer, OwnZone):
            return answer
        if isinstance(answer, asyncio.TimeoutError):
            tried.append(f"{name}: no answer within {sources.patience_s:g} s")
        elif isinstance(answer, (_Bad, HttpError)):
            tried.append(f"{name}: {answer}")
        elif isinstance(answer, BaseException):
            raise answer
    raise NoZone(tried)


def _or_wrong(source: str, read: Callable[[], R]) -> R:
    try:
        return read()
    except _Bad as error:
        raise NoZone([f"{source}: {error}"]) from None


def _zone(source: ZoneSource, names: Iterable[str]) -> OwnZone:
    found = [name.strip() for name in names if name.strip()]
    if not found:
        raise _Bad("it names no zone")
    if not _is_zone(found[0]):
        raise _Bad(f"{found[0][:60]!r} is no zone's name")
    return OwnZone(found[0], tuple(dict.fromkeys(name for name in found[1:] if name != found[0] and _is_zone(name))), source)


def _is_zone(name: str) -> bool:
    return len(name) <= NAME_BYTES and re.fullmatch(r"[!-~]+", name) is not None


def _read_file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _Bad(str(error)) from None
    if len(data) > FILE_BYTES:
        raise _Bad(f"it has more than {FILE_BYTES} bytes")
    for line in data.decode("utf-8", "replace").splitlines():
        if line.strip() and not line.strip().startswith("#"):
            return line.strip()
    raise _Bad("it names no zone")


async def _ask(sources: Sources, endpoint: Endpoint, question: Question, tls: Optional[ssl.SSLContext] = None, patience_s: Optional[float] = None) -> Answer:
    answer = await ask(endpoint, tls, question, ANSWER_BYTES, sources.patience_s if patience_s is None else patience_s)
    if not 200 <= answer.status < 300:
        raise answer.refused()
    return answer


def _text(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace").strip()


def _json(answer: Answer) -> Dict[str, object]:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise _Bad(f"no JSON: {error}") from None
    if not isinstance(told, dict):
        raise _Bad("no JSON object")
    return told


async def _kubernetes(sources: Sources, name: str) -> OwnZone:
    node = sources.variable("NODE_NAME")
    if node is None:
        raise _Bad("NODE_NAME is not set; give the pod `spec.nodeName` under that name")
    if re.fullmatch(r"[A-Za-z0-9.-]+", node) is None:
        raise _Bad("NODE_NAME is no node's name")
    authority = f"[{name}]" if ":" in name else name
    try:
        endpoint = read_endpoint(f"https://{authority}:{sources.variable('KUBERNETES_SERVICE_PORT') or '443'}")
        with open(os.path.join(sources.service_account, "token"), encoding="ascii") as file:
            token = file.read().strip()
        tls = ssl.create_default_context(cafile=os.path.join(sources.service_account, "ca.crt"))
    except (OSError, ValueError) as error:
        raise _Bad(str(error)) from None
    headers = {"accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", "authorization": f"Bearer {token}"}
    try:
        answer = await _ask(sources, endpoint, Question(f"/api/v1/nodes/{node}", headers=headers), tls, sources.patience_s * 3)
    except HttpError as error:
        if error.status == 403:
            raise _Bad(f"the pod's service account may not `get` the node {node}; bind it to a ClusterRole that may") from None
        raise
    metadata = _json(answer).get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    found = [labels[label] for label in LABELS if isinstance(labels.get(label), str)] if isinstance(labels, dict) else []
    if not found:
        raise _Bad(f"the node {node} has no label `{LABELS[0]}`")
    return _zone(ZoneSource.KUBERNETES, found)


async def _ecs(sources: Sources) -> Optional[OwnZone]:
    """A task of ECS, also on Fargate, which has no instance to ask."""
    url = sources.variable("ECS_CONTAINER_METADATA_URI_V4")
    if url is None:
        return None
    try:
        endpoint = read_endpoint(url, default_port=80)
    except ValueError as error:
        raise _Bad(str(error)) from None
    zone = _json(await _ask(sources, endpoint, Question("/task"))).get("AvailabilityZone")
    return _zone(ZoneSource.ECS, [zone] if isinstance(zone, str) else [])


async def _aws(sources: Sources) -> Optional[OwnZone]:
    """An instance of AWS, with a session token (IMDSv2)."""
    if (sources.variable("AWS_EC2_METADATA_DISABLED") or "").lower() == "true":
        return None
    endpoint = read_endpoint(sources.metadata)
    put = Question("/latest/api/token", "PUT", {"x-aws-ec2-metadata-token-ttl-seconds": "60", "content-length": "0"})
    token = _text(await _ask(sources, endpoint, put))
    if re.fullmatch(r"[!-~]{1,4096}", token) is None:
        raise _Bad("who answered is not AWS")
    headers = {"x-aws-ec2-metadata-token": token}
    # The id is the same in every account, so it comes first; older places have the name alone.
    paths = [f"/latest/meta-data/placement/{what}" for what in ("availability-zone-id", "availability-zone")]
    zone_id, name = await asyncio.gather(*(_ask(sources, endpoint, Question(path, headers=headers)) for path in paths), return_exceptions=True)
    if isinstance(zone_id, BaseException) and isinstance(name, BaseException):
        raise name
    return _zone(ZoneSource.AWS, [_text(told) for told in (zone_id, name) if isinstance(told, Answer)])


async def _gcp(sources: Sources) -> Optional[OwnZone]:
    """An instance of GCP: `projects/1/zones/europe-west1-b`."""
    question = Question("/computeMetadata/v1/instance/zone", headers={"metadata-flavor": "Google"})
    answer = await _ask(sources, read_endpoint(sources.metadata), question)
    # Another cloud's server may answer anything at that path.
    if answer.headers.get("metadata-flavor") != "Google":
        raise _Bad("who answered is not GCP")
    return _zone(ZoneSource.GCP, [_text(answer).rsplit("/", 1)[-1]])


async def _azure(sources: Sources) -> Optional[OwnZone]:
    """A machine of Azure: its region and the zone's number in it, `westeurope-1`, as its Kubernetes nodes have it."""
    question = Question("/metadata/instance/compute?api-version=2021-02-01&format=json", headers={"metadata": "true"})
    told = _json(await _ask(sources, read_endpoint(sources.metadata), question))
    location, zone = told.get("location"), told.get("zone")
    if not isinstance(location, str):
        raise _Bad("who answered is not Azure")
    if not isinstance(zone, str) or not zone:
        raise _Bad(f"the machine is in {location} and in no zone of it")
    return _zone(ZoneSource.AZURE, [f"{location}-{zone}"])
