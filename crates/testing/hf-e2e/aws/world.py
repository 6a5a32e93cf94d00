"""Control nodes as users run them: `holdfast serve` processes on this machine, their access keys, and etcd below five of them."""

import json
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from clients import Key

ESTATE = """
[[region]]
id = "eu-west-2"
control = "regions/eu-west-2"
[[region]]
id = "us-east-1"
control = "regions/us-east-1"
[[zone]]
id = "euw2-az1"
region = "eu-west-2"
aliases = ["eu-west-2a"]
[[zone]]
id = "euw2-az2"
region = "eu-west-2"
[[zone]]
id = "euw2-az3"
region = "eu-west-2"
[[zone]]
id = "use1-az1"
region = "us-east-1"
[[zone]]
id = "use1-az2"
region = "us-east-1"
[[health_check]]
name = "eu"
kind = "control"
control = "regions/eu-west-2"
[[pool]]
name = "web"
protocol = "http"
endpoints = [
  { address = "10.1.1.10:80", zone = "euw2-az1" },
  { address = "10.1.2.10:80", zone = "euw2-az2" },
  { address = "10.1.3.10:80", zone = "euw2-az3" },
  { address = "10.2.1.10:80", zone = "use1-az1" },
  { address = "10.2.2.10:80", zone = "use1-az2" },
]
[[pool]]
name = "batch-eu"
protocol = "tcp"
endpoints = [
  { address = "10.1.1.10:90", zone = "euw2-az1" },
  { address = "10.1.2.10:90", zone = "euw2-az2" },
]
[[pool]]
name = "batch-us"
protocol = "tcp"
endpoints = [
  { address = "10.2.1.10:90", zone = "use1-az1" },
  { address = "10.2.2.10:90", zone = "use1-az2" },
]
[[pool]]
name = "full-house"
protocol = "tcp"
min_zones = 2
endpoints = [
  { address = "10.2.1.10:91", zone = "use1-az1" },
  { address = "10.2.2.10:91", zone = "use1-az2" },
]
[[hosted_zone]]
name = "example.test."
[[record]]
name = "www.example.test."
type = "A"
answer = { pool = "web" }
choose = ["open"]
[[control_panel]]
name = "regions"
[[routing_control]]
name = "eu-west-2"
panel = "regions"
[[routing_control]]
name = "us-east-1"
panel = "regions"
[[safety_rule]]
name = "keep-one"
panel = "regions"
assert = { at_least = 1, of = ["eu-west-2", "us-east-1"] }
wait_period = "0s"
"""


def free_ports(count):
    """Ports of this machine that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(what, condition, seconds=30):
    """Asks until `condition` gives something; tells the last complaint when the time is over."""
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            found = condition()
            if found:
                return found
            last = found
        except (OSError, AssertionError, ValueError) as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}: {last}")


class World:
    """All that runs; ends with it."""

    def __init__(self, holdfast, folder):
        self.holdfast, self.folder = holdfast, Path(folder)
        self.access = self.folder / "access.toml"
        self._running = {}
        self.keys = {
            name: self._key(name, roles)
            for name, roles in {
                "ann": ["read", "operate", "administer", "break-glass"],
                "bob": ["read", "operate"],
                "reader": ["read"],
            }.items()
        }

    def _key(self, name, roles):
        edit = [self.holdfast, "access", "--file", str(self.access)]
        given = [word for role in roles for word in ("--role", role)]
        subprocess.run([*edit, "add", name, *given], check=True, capture_output=True)
        made = subprocess.run([*edit, "key", name], check=True, capture_output=True, text=True).stdout
        found = dict(re.findall(r"(AWS_\w+)=(\S+)", made))
        return Key(found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"])

    def start(self, name, command):
        log = open(self.folder / f"{name}.log", "ab")
        self._running[name] = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def kill(self, name):
        """With SIGKILL, as a machine dies."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def freeze(self, name, frozen=True):
        """Stops a process where it stands, or lets it go on."""
        self._running[name].send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def close(self):
        for process in self._running.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
        for process in self._running.values():
            process.wait()

    def node(self, name, ledger="", peers=(), feed=None, with_estate=True):
        """Starts a control node; gives its endpoint when it has the estate."""
        api, feed_port = free_ports(2)
        estate = self.folder / "estate.toml"
        estate.write_text(ESTATE)
        peers = ", ".join(f'"127.0.0.1:{port}"' for port in peers)
        (self.folder / f"{name}.toml").write_text(
            f'[node]\nid = "{name}"\ndata_dir = "{self.folder}/{name}"\nroles = ["control"]\npeers = [{peers}]\n'
            + (f'estate = "{estate}"\n' if with_estate else "")
            + f'[api]\nlisten = "127.0.0.1:{api}"\naccess = "{self.access}"\n'
            + f'[feed]\nlisten = "127.0.0.1:{feed or feed_port}"\n'
            + ledger
        )
        self.start(name, [self.holdfast, "serve", "-c", str(self.folder / f"{name}.toml")])
        endpoint = f"http://127.0.0.1:{api}"

        def has_estate():
            if name in self._running and self._running[name].poll() is not None:
                raise SystemExit(f"{name} has ended:\n{self.log(name)}")
            with urllib.request.urlopen(f"{endpoint}/v1/status", timeout=2) as answer:
                return json.load(answer)["zones"]

        wait_for(f"{name} to have the estate", has_estate)
        return endpoint

    def etcd(self, count):
        """Starts a cluster of etcd; gives what a node file says of it."""
        clients, peers = free_ports(count), free_ports(count)
        members = ",".join(f"etcd{at}=http://127.0.0.1:{port}" for at, port in enumerate(peers))
        for at, (client, peer) in enumerate(zip(clients, peers)):
            self.start(
                f"etcd{at}",
                [
                    "etcd",
                    f"--name=etcd{at}",
                    f"--data-dir={self.folder}/etcd{at}",
                    f"--listen-client-urls=http://127.0.0.1:{client}",
                    f"--advertise-client-urls=http://127.0.0.1:{client}",
                    f"--listen-peer-urls=http://127.0.0.1:{peer}",
                    f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                    f"--initial-cluster={members}",
                    "--initial-cluster-state=new",
                    "--logger=zap",
                ],
            )

        def healthy():
            with urllib.request.urlopen(f"http://127.0.0.1:{clients[0]}/health", timeout=2) as answer:
                return json.load(answer)["health"] == "true"

        wait_for("etcd to have a leader", healthy)
        endpoints = ", ".join(f'"http://127.0.0.1:{port}"' for port in clients)
        return f'[ledger]\nengine = "etcd"\nendpoints = [{endpoints}]\n'

    def five(self):
        """Five control nodes over five members of etcd."""
        ledger = self.etcd(5)
        feeds = free_ports(5)
        endpoints = []
        for at in range(5):
            others = [port for other, port in enumerate(feeds) if other != at]
            name = f"place{at}"
            endpoints.append(self.node(name, ledger, others, feeds[at], with_estate=at == 0))
        return endpoints
