"""The XML-RPC server of the benchmark, on one keep-alive connection: serves until its standard input closes."""

import os
import sys
import threading
import time
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer


class Handler(SimpleXMLRPCRequestHandler):
    # Its default, 1.0, takes a connection for every call.
    protocol_version = "HTTP/1.1"


def get_data(param):
    return "You got remote data => " + param


def count(records):
    return len(records)


def records(number):
    tags = ["admin", "eu-west"]
    record = {"id": 7000, "name": "Ada Lovelace", "email": "user1000@mail42.example.org", "score": 1234567.891,
              "active": True, "tags": tags}
    return [record] * number


def control():
    for line in sys.stdin:
        if line.strip() == "stats":
            print("stats", time.process_time_ns(), 0, flush=True)
    os._exit(0)


def main():
    server = SimpleXMLRPCServer(("127.0.0.1", 0), Handler, logRequests=False)
    for function in (get_data, count, records):
        server.register_function(function)
    print("listening 127.0.0.1:%d" % server.server_address[1], flush=True)
    threading.Thread(target=control, daemon=True).start()
    server.serve_forever()


main()
