"""A receiver of webhooks that checks their signatures with Python's own hmac; the first delivery it refuses with 500.

Prints its port, then a JSON line for each delivery. Arguments: the address to listen on, the secret as base64.
"""

import base64
import hashlib
import hmac
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

ADDRESS, SECRET = sys.argv[1], base64.b64decode(sys.argv[2])


class Hook(BaseHTTPRequestHandler):
    refused = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        name, second = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        signed = b".".join([name.encode(), second.encode(), body])
        wanted = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        told = json.loads(body)
        is_signed = hmac.compare_digest(self.headers["webhook-signature"], f"v1,{wanted}")
        status = 204 if Hook.refused else 500
        Hook.refused += 1
        line = {"status": status, "signed": is_signed, "id": name, "type": told["type"], "data": told["data"]}
        print(json.dumps(line), flush=True)
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing but deliveries is printed."""


server = HTTPServer((ADDRESS, 0), Hook)
print(json.dumps({"port": server.server_port}), flush=True)
server.serve_forever()
