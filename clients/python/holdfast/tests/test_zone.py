"""Where a process runs: the order of sources, and what each of them says, well and badly."""

from __future__ import annotations

import http.server
import os
import ssl
import tempfile
import threading
import unittest
from typing import Any, Callable, Dict, List, Optional, Tuple

from holdfast import NoZone, State, Zones, ZoneSource, ZoneStatus
from holdfast.zone import Sources, _run

TESTDATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testdata")
Answer = Tuple[int, bytes, Dict[str, str]]


def well(body: str, **headers: str) -> Answer:
    return (200, body.encode(), headers)


class Zone(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def server(self, answers: Dict[str, Answer], is_tls: bool = False, seen: Optional[List[Any]] = None) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                if seen is not None:
                    seen.append((self.command, self.path, dict(self.headers.items())))
                status, body, headers = answers.get(f"{self.command} {self.path.split('?')[0]}", (404, b"no such page", {}))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            do_PUT = do_GET

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        if is_tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(os.path.join(TESTDATA, "server.pem"), os.path.join(TESTDATA, "server.key"))
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}"

    def find(self, variables: Dict[str, str], answers: Optional[Dict[str, Answer]] = None, **more: Any) -> "tuple[str, tuple[str, ...], ZoneSource]":
        more.setdefault("file", os.path.join(self.folder, "nowhere"))
        found = _run(Sources(variables, metadata=self.server(answers or {}), patience_s=10, **more))
        return (found.zone, found.also, found.from_)

    def fails(self, want: str, find: Callable[[], object]) -> None:
        with self.assertRaises(NoZone) as caught:
            find()
        self.assertIn(want, str(caught.exception))

    def write(self, text: str) -> str:
        path = os.path.join(self.folder, "zone")
        with open(path, "w") as file:
            file.write(text)
        return path

    def test_the_environment_goes_before_a_file(self) -> None:
        path = self.write("# where\n\n  use1-az2  \nuse1-az3\n")
        self.assertEqual(self.find({"HOLDFAST_ZONE": " use1-az1 "}, file=path), ("use1-az1", (), ZoneSource.ENVIRONMENT))
        self.assertEqual(self.find({"HOLDFAST_ZONE": " "}, file=path), ("use1-az2", (), ZoneSource.FILE))
        self.assertEqual(self.find({"HOLDFAST_ZONE_FILE": path})[0], "use1-az2")

    def test_what_is_named_and_cannot_be_a_zone_is_an_error(self) -> None:
        self.fails("is no zone's name", lambda: self.find({"HOLDFAST_ZONE": "a b"}))
        self.fails("it is not there", lambda: self.find({"HOLDFAST_ZONE_FILE": "/nowhere/zone"}))
        self.fails("it names no zone", lambda: self.find({}, file=self.write("# nothing\n")))
        self.fails("more than 4096 bytes", lambda: self.find({}, file=self.write("a" * 5_000)))

    def test_aws_with_a_session_and_both_names(self) -> None:
        answers = {
            "PUT /latest/api/token": well("token"),
            "GET /latest/meta-data/placement/availability-zone-id": well("use1-az1"),
            "GET /latest/meta-data/placement/availability-zone": well("us-east-1a"),
        }
        self.assertEqual(self.find({}, answers), ("use1-az1", ("us-east-1a",), ZoneSource.AWS))
        del answers["GET /latest/meta-data/placement/availability-zone-id"]
        self.assertEqual(self.find({}, answers), ("us-east-1a", (), ZoneSource.AWS))
        self.fails("nobody tells", lambda: self.find({"AWS_EC2_METADATA_DISABLED": "true"}, answers))
        answers["PUT /latest/api/token"] = well("a\r\nb")
        self.fails("who answered is not AWS", lambda: self.find({}, answers))

    def test_the_session_is_asked_for_and_shown(self) -> None:
        seen: List[Any] = []
        url = self.server({"PUT /latest/api/token": well("secret"), "GET /latest/meta-data/placement/availability-zone": well("a")}, seen=seen)
        self.assertEqual(_run(Sources({}, file="/nowhere/zone", metadata=url, patience_s=10)).zone, "a")
        shown = {headers.get("x-aws-ec2-metadata-token") for _, path, headers in seen if "placement" in path}
        self.assertEqual(shown, {"secret"})

    def test_gcp_azure_and_ecs(self) -> None:
        gcp = {"GET /computeMetadata/v1/instance/zone": well("projects/1/zones/europe-west1-b", Metadata_Flavor="Google")}
        self.assertEqual(self.find({}, gcp), ("europe-west1-b", (), ZoneSource.GCP))
        self.fails("who answered is not GCP", lambda: self.find({}, {"GET /computeMetadata/v1/instance/zone": well("x")}))
        azure = "GET /metadata/instance/compute"
        self.assertEqual(self.find({}, {azure: well('{"location":"westeurope","zone":"1"}')}), ("westeurope-1", (), ZoneSource.AZURE))
        self.fails("in no zone of it", lambda: self.find({}, {azure: well('{"location":"westeurope","zone":""}')}))
        self.fails("no JSON", lambda: self.find({}, {azure: well("<html>")}))
        ecs = self.server({"GET /v4/x/task": well('{"AvailabilityZone":"us-west-2d","Containers":[]}')})
        self.assertEqual(self.find({"ECS_CONTAINER_METADATA_URI_V4": f"{ecs}/v4/x"}), ("us-west-2d", (), ZoneSource.ECS))

    def test_kubernetes_says_the_node_s_label_or_why_not(self) -> None:
        account = os.path.join(self.folder, "account")
        os.mkdir(account)
        with open(os.path.join(account, "token"), "w") as token, open(os.path.join(account, "ca.crt"), "w") as ca, open(os.path.join(TESTDATA, "server.pem")) as pem:
            token.write("tok\n")
            ca.write(pem.read())
        answers = {"GET /api/v1/nodes/n1": well('{"metadata":{"labels":{"topology.kubernetes.io/zone":"eu-1b"}}}'), "GET /api/v1/nodes/n2": (403, b"forbidden", {}), "GET /api/v1/nodes/n3": well('{"metadata":{}}')}
        seen: List[Any] = []
        port = self.server(answers, is_tls=True, seen=seen).rsplit(":", 1)[1]
        variables = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": port}
        self.assertEqual(self.find({**variables, "NODE_NAME": "n1"}, service_account=account), ("eu-1b", (), ZoneSource.KUBERNETES))
        self.assertEqual(seen[0][2].get("authorization"), "Bearer tok")
        self.fails("may not `get` the node n2", lambda: self.find({**variables, "NODE_NAME": "n2"}, service_account=account))
        self.fails("has no label", lambda: self.find({**variables, "NODE_NAME": "n3"}, service_account=account))
        self.fails("NODE_NAME is not set", lambda: self.find(variables, service_account=account))
        self.fails("is no node's name", lambda: self.find({**variables, "NODE_NAME": "../x"}, service_account=account))
        self.fails("No such file", lambda: self.find({**variables, "NODE_NAME": "n1"}, service_account=self.folder))

    def test_the_name_that_endpoints_know_is_taken(self) -> None:
        answers = {"PUT /latest/api/token": well("token"), "GET /latest/meta-data/placement/availability-zone-id": well("use1-az1"), "GET /latest/meta-data/placement/availability-zone": well("us-east-1a")}
        found = _run(Sources({}, file="/nowhere/zone", metadata=self.server(answers), patience_s=10))
        known = Zones([ZoneStatus("mine", State.OPEN, aliases=("us-east-1a",))])
        self.assertEqual([found.known_in(known), found.known_in(Zones())], ["us-east-1a", "use1-az1"])


if __name__ == "__main__":
    unittest.main()
