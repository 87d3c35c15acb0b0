# -*- coding: utf-8 -*-
"""An XML-RPC server of the interface that README.md describes, made of the standard library. Runs on Python 2.7 and 3.

Prints READY and a JSON object on one line and serves until its stdin ends.
"""
from __future__ import print_function, unicode_literals

import argparse
import base64
import json
import logging
import os
import platform
import socket
import ssl
import sys
import threading
import time

import values
from values import xmlrpc

if sys.version_info[0] == 2:
    import SocketServer as socketserver
    from SimpleXMLRPCServer import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer
else:
    import socketserver
    from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

FIELDS = {"commonName": "My Client", "organizationName": "My Company", "stateOrProvinceName": "My State"}
USER, PASSWORD = "user", "pa:ss w\u00f6rd"

# What a handler may know of the request that it answers.
current = threading.local()


class BankError(Exception):
    pass


class Thing(object):
    """The methods; `validator1` is registered beside them."""

    def __init__(self):
        self._count = 0
        self._lock = threading.Lock()

    def get_data(self, param):
        """Says what it was sent."""
        return "You got remote data => %s" % param

    def pow(self, x, y):
        return pow(x, y)

    def listdir(self, path):
        return sorted(values.as_text(name) for name in os.listdir(path))

    def echo(self, x):
        return x

    def add(self, a, b):
        return a + b

    def describe(self, *args):
        return "[%s]" % ", ".join(values.text(a) for a in args)

    def nothing(self):
        return None

    def fail(self, code, text):
        raise xmlrpc.Fault(code, text)

    def raise_it(self, kind, text):
        raise {"value": ValueError, "bank": BankError}[kind](text)

    def special(self, name):
        return values.BY_NAME[name]

    def specials(self):
        return [name for name, _ in values.SPECIAL]

    def blob(self, n):
        return xmlrpc.Binary(bytes(bytearray(i % 251 for i in range(n))))

    def big_text(self, n):
        return ("The quick brown fox. " * (n // 21 + 1))[:n]

    def big_array(self, n):
        return list(range(n))

    def size(self, x):
        return len(x.data) if isinstance(x, xmlrpc.Binary) else len(x)

    def slow(self, seconds):
        time.sleep(seconds)
        return "done"

    def count(self):
        with self._lock:
            self._count += 1
            return self._count

    def whoami(self):
        """The commonName of the client's certificate."""
        subject = ((current.certificate or {}).get("subject", ()))
        return dict(part[0] for part in subject).get("commonName", "")

    def request(self):
        """What this request was like."""
        return dict(current.request)


class Validator(object):
    """The public validation suite."""

    def arrayOfStructsTest(self, structs):
        return sum(s["curly"] for s in structs)

    def countTheEntities(self, text):
        return {"ctLeftAngleBrackets": text.count("<"), "ctRightAngleBrackets": text.count(">"), "ctAmpersands": text.count("&"),
                "ctApostrophes": text.count("'"), "ctQuotes": text.count('"')}

    def easyStructTest(self, stooges):
        return stooges["moe"] + stooges["larry"] + stooges["curly"]

    def echoStructTest(self, struct):
        return struct

    def manyTypesTest(self, *six):
        return list(six)

    def moderateSizeArrayCheck(self, texts):
        return texts[0] + texts[-1]

    def nestedStructTest(self, calendar):
        day = calendar["2000"]["04"]["01"]
        return day["moe"] + day["larry"] + day["curly"]

    def simpleStructReturnTest(self, n):
        return {"times10": n * 10, "times100": n * 100, "times1000": n * 1000}


def handler(protocol, auth, tcp):
    class Handler(SimpleXMLRPCRequestHandler):
        protocol_version = str(protocol)
        disable_nagle_algorithm = tcp

        def do_POST(self):
            if auth is not None and self.headers.get("Authorization") != auth:
                body = b"<html>not for you</html>"
                self.send_response(401)
                self.send_header(str("WWW-Authenticate"), str('Basic realm="peers"'))
                self.send_header(str("Content-Type"), str("text/html"))
                self.send_header(str("Content-Length"), str(len(body)))
                self.send_header(str("Connection"), str("close"))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True
                return
            header = lambda name: self.headers.get(name) or ""
            tls = self.connection if isinstance(self.connection, ssl.SSLSocket) else None
            current.certificate = tls.getpeercert() if tls else None
            current.request = {
                "version": self.request_version,
                "path": self.path,
                "host": header("Host"),
                "content_type": header("Content-Type"),
                "content_encoding": header("Content-Encoding"),
                "accept_encoding": header("Accept-Encoding"),
                "user_agent": header("User-Agent"),
                "transfer_encoding": header("Transfer-Encoding"),
                "tls": tls.version() if tls else "",
                "resumed": bool(tls and getattr(tls, "session_reused", False)),
                # Tells connections apart while they last.
                "connection": "%d" % id(self),
            }
            SimpleXMLRPCRequestHandler.do_POST(self)

    return Handler


class Server(socketserver.ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True
    request_queue_size = 128
    context = None
    fields = None

    def finish_request(self, request, client_address):
        if self.context is None:
            return SimpleXMLRPCServer.finish_request(self, request, client_address)
        # Here and not where connections are accepted: a silent client must not hold up the others.
        request = self.context.wrap_socket(request, server_side=True)
        try:
            if self.fields is None or self.verify(request.getpeercert()):
                SimpleXMLRPCServer.finish_request(self, request, client_address)
        finally:
            SimpleXMLRPCServer.shutdown_request(self, request)

    # As springpython.remoting.xmlrpc.SSLServer does it: the connection is dropped, and the client is told nothing.
    def verify(self, certificate):
        subject = dict(part[0] for part in (certificate or {}).get("subject", ()))
        for name, wanted in self.fields.items():
            if subject.get(name) != wanted:
                logging.error("the client's %s is %r, not %r", name, subject.get(name), wanted)
                return False
        return True

    def handle_error(self, request, client_address):
        logging.info("a connection ended early", exc_info=True)


class UnixServer(Server):
    address_family = getattr(socket, "AF_UNIX", None)


def context(way, certs):
    if way == "plain":
        return None
    path = lambda name: str(os.path.join(certs, name))
    made = ssl.SSLContext(ssl.PROTOCOL_SSLv23 if sys.version_info[0] == 2 else ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path("server-cert.pem"), path("server-key.pem"))
    if way in ("cert", "fields"):
        made.load_verify_locations(path("ca-chain.pem"))
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", default="plain", choices=("plain", "tls", "cert", "fields"),
                        help="HTTP; or HTTPS: encrypted only, client certificate required, its fields checked")
    parser.add_argument("--certs", metavar="DIR", help="what certs.py made")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--unix", metavar="PATH", help="serve at this Unix socket as well")
    args = parser.parse_args()
    if args.way != "plain" and not args.certs:
        parser.error("--way %s needs --certs" % args.way)
    logging.basicConfig(level=logging.INFO)

    thing, validator = Thing(), Validator()
    tls = context(args.way, args.certs)
    scheme = "http" if tls is None else "https"
    token = ("%s:%s" % (USER, PASSWORD)).encode("utf-8")
    auth = "Basic " + base64.b64encode(token).decode("ascii")

    def serve(kind, address, protocol, allow_none=True, auth=None):
        server = kind(address, handler(protocol, auth, kind is Server), logRequests=False, allow_none=allow_none)
        if kind is Server:
            server.context = tls
            server.fields = FIELDS if args.way == "fields" else None
        server.register_introspection_functions()
        server.register_multicall_functions()
        for prefix, instance in (("", thing), ("validator1.", validator)):
            for name in dir(instance):
                if not name.startswith("_"):
                    server.register_function(getattr(instance, name), str(prefix + name))
        thread = threading.Thread(target=server.serve_forever)
        thread.daemon = True
        thread.start()
        return server

    def url(server):
        host, port = server.server_address[:2]
        # Python 2.7 matches names in certificates only, no addresses.
        return "%s://%s:%d/RPC2" % (scheme, host if tls is None else "localhost", port)

    free = (args.host, 0)
    ready = {
        "url": url(serve(Server, (args.host, args.port), "HTTP/1.1")),
        "http10": url(serve(Server, free, "HTTP/1.0")),
        "strict": url(serve(Server, free, "HTTP/1.1", allow_none=False)),
        "auth": url(serve(Server, free, "HTTP/1.1", auth=auth)),
        "unix": args.unix,
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
    }
    if args.unix:
        serve(UnixServer, str(args.unix), "HTTP/1.1")
    print("READY " + json.dumps(ready))
    sys.stdout.flush()
    # Whoever started this program holds the other end: no orphan outlives it, however it ends.
    while sys.stdin.read(4096):
        pass
    if args.unix:
        os.unlink(args.unix)
    os._exit(0)


if __name__ == "__main__":
    main()
