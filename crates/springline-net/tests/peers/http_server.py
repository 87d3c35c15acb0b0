"""CPython's http.server, for the tests of the HTTP client.

    http_server.py VERSION [SOCKET]

VERSION is HTTP/1.0 or HTTP/1.1; SOCKET the path of a Unix socket instead of a TCP port on 127.0.0.1. Prints the port, or
"ready", once it listens, and ends when its input does.
"""

import base64
import gzip
import json
import os
import socketserver
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler

COUNTS = {"requests": 0, "connections": 0}
LOCK = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = sys.argv[1]
    server_version = "peer"
    disable_nagle_algorithm = len(sys.argv) < 3

    def setup(self):
        super().setup()
        with LOCK:
            COUNTS["connections"] += 1
            self.number = COUNTS["connections"]

    def address_string(self):
        return "peer"

    def log_message(self, *args):
        pass

    def answer(self, status, body, *headers, reason=None, length=True):
        self.send_response(status, reason)
        for name, value in headers:
            self.send_header(name, value)
        if length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        with LOCK:
            COUNTS["requests"] += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path, _, query = self.path.partition("?")
        if path == "/echo":
            self.answer(200, body, ("X-Connection", str(self.number)))
        elif path == "/head":
            head = [[k, v] for k, v in self.headers.items()]
            self.answer(200, json.dumps({"line": self.requestline, "headers": head}).encode())
        elif path == "/gzip":
            self.answer(200, gzip.compress(body), ("Content-Encoding", "gzip"))
        elif path == "/deflate":
            self.answer(200, zlib.compress(body), ("Content-Encoding", "deflate"))
        elif path == "/raw-deflate":
            self.answer(200, zlib.compress(body)[2:-4], ("Content-Encoding", "deflate"))
        elif path == "/brotli":
            self.answer(200, body, ("Content-Encoding", "br"))
        elif path == "/bomb":
            self.answer(200, gzip.compress(bytes(int(query))), ("Content-Encoding", "gzip"))
        elif path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(body), 1000):
                piece = body[at:at + 1000]
                self.wfile.write(b"%x;x=y\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\nX-Trailer: yes\r\n\r\n")
        elif path == "/close-delimited":
            self.close_connection = True
            self.answer(200, body, ("Connection", "close"), length=False)
        elif path == "/status":
            status, reason = query.split("-", 1)
            self.answer(int(status), b"<html>a page</html>", ("Location", "http://elsewhere/"), ("X-Why", "because"),
                        ("Set-Cookie", "session=cookie-secret"), reason=reason.replace("+", " "))
        elif path == "/user":
            expected = "Basic " + base64.b64encode(b"us@er:p:a/ss").decode()
            if self.headers["Authorization"] == expected:
                self.answer(200, b"welcome")
            else:
                self.answer(401, b"who?", ("WWW-Authenticate", 'Basic realm="peer"'))
        elif path == "/wait":
            RELEASE.wait(60)
            self.answer(200, body, ("X-Connection", str(self.number)))
        elif path == "/release":
            RELEASE.set()
            self.answer(200, b"")
        elif path == "/counts":
            self.answer(200, json.dumps(COUNTS).encode())
        else:
            self.answer(404, b"No such page")


RELEASE = threading.Event()


class Threads(socketserver.ThreadingMixIn):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64


class TcpServer(Threads, socketserver.TCPServer):
    pass


class UnixServer(Threads, socketserver.UnixStreamServer):
    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("unix", 0)


def main():
    if len(sys.argv) > 2:
        server, told = UnixServer(sys.argv[2], Handler), "ready"
    else:
        server = TcpServer(("127.0.0.1", 0), Handler)
        told = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(told, flush=True)
    sys.stdin.read()
    os._exit(0)


main()
