"""A server of Python's own http.server: `server.py ADDRESS PORT KEEP_ALIVE_MS`. As `server.mjs`, without trailers, which it cannot."""

import http.server
import sys

ADDRESS, PORT, KEEP_ALIVE_MS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
begun = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = KEEP_ALIVE_MS / 1000
    wbufsize = 1 << 16

    def log_message(self, *_):
        pass

    def answer(self, pieces, *fields):
        """In chunks, or whole if it is one piece."""
        self.send_response(200)
        self.send_header("x-server", "python")
        for name, value in fields:
            self.send_header(name, value)
        if len(pieces) == 1:
            self.send_header("content-length", str(len(pieces[0])))
            self.end_headers()
            self.wfile.write(pieces[0])
        else:
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in filter(None, pieces):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def body(self):
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return [self.rfile.read(int(self.headers.get("content-length", 0)))]
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size + 2)[:-2])
        while self.rfile.readline() != b"\r\n":
            pass
        return pieces + [b""]

    def do_GET(self):
        global begun
        begun += 1
        path = self.path.split("?")[0]
        if path == "/chunked":
            self.answer([(f"{piece} " * piece).encode() for piece in range(100)])
        elif path == "/close":
            self.close_connection = True
            self.answer([b"bye"], ("connection", "close"))
        elif path == "/begun":
            self.answer([str(begun).encode()])
        else:
            self.answer([b"ok"])

    def do_POST(self):
        global begun
        begun += 1
        self.answer(self.body(), ("x-expect", self.headers.get("expect", "none")))


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512


Server((ADDRESS, PORT), Handler).serve_forever()
