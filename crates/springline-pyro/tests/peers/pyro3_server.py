"""A Pyro 3 server for the tests, on Python 2.7: serves `thing` and `other` until stdin ends.

    pyro3_server.py [--identification TEXT] [--compress] [--checksum] [--name-server] [--broadcast] [--ssl CERTS]

Prints READY and a JSON object as one line: the URIs `thing` (by id), `location` (PYROLOC), and with --name-server `name` (PYRONAME).
With --ssl the daemon speaks TLS, with the samples in that directory, and `location` is a PYROLOCSSL one.
With --broadcast the name server has the machine's own address, and `broadcast` is where it can be asked for by UDP.
"""
import json
import os
import socket
import sys
import tempfile
import threading
import time

os.environ["PYRO_STORAGE"] = tempfile.gettempdir()

args = sys.argv[1:]
if "--ssl" in args:
    # Pyro asks for what sockets have and M2Crypto's connections, which it wraps them in, have not.
    from M2Crypto import SSL
    SSL.Connection.gettimeout = lambda connection: connection.socket.gettimeout()

import Pyro.core
import Pyro.errors
import Pyro.naming

Pyro.config.PYRO_COMPRESSION = int("--compress" in args)
Pyro.config.PYRO_CHECKSUM = int("--checksum" in args)
Pyro.config.PYRO_TRACELEVEL = 0
if "--ssl" in args:
    Pyro.config.PYROSSL_CERTDIR = args[args.index("--ssl") + 1]
    Pyro.config.PYROSSL_CA_CERT = "ca-chain.pem"
    Pyro.config.PYROSSL_CERT = "server-cert.pem"
    Pyro.config.PYROSSL_KEY = "server-key.pem"


class Point(object):
    def __init__(self, x, y):
        self.x, self.y = x, y


class Old:
    def __init__(self, name):
        self.name = name


class Thing(Pyro.core.ObjBase):
    def __init__(self):
        Pyro.core.ObjBase.__init__(self)
        self.value = "initial"
        self.fires = []

    def get_data(self, param):
        return "You got remote data => %s" % param

    def echo(self, x):
        return x

    def twice(self, x):
        return [x, x]

    def kind(self, x):
        return type(x).__name__

    def add(self, a, b=10, c=0):
        return a + b + c

    def all(self, *args, **kwargs):
        return args, sorted(kwargs.items())

    def fail(self, kind, message):
        if kind == "naming":
            raise Pyro.errors.NamingError(message)
        error = {"value": ValueError, "key": KeyError, "io": IOError}[kind](message)
        error.extra = 7
        raise error

    def fire(self, token, delay):
        time.sleep(delay)
        self.fires.append(token)

    def fired(self):
        return self.fires

    def objects(self):
        point, old = Point(1, 2), Old("n")
        point.__class__.__module__ = old.__class__.__module__ = "shapes"
        return [point, old]

    def give_proxy(self):
        return self.other.getProxy()

    def give_uri(self):
        return self.other.URI

    def call_back(self, proxy, x):
        return proxy.get_data(x)

    def slow(self, seconds):
        time.sleep(seconds)
        return "done"


class Other(Pyro.core.ObjBase):
    def who(self):
        return "other"


def module(name, **members):
    import imp
    made = imp.new_module(name)
    made.__dict__.update(members)
    sys.modules[name] = made


def own_address():
    # The address that packets to elsewhere leave from; none is sent.
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.connect(("192.0.2.1", 9))
    return probe.getsockname()[0]


def free_port(kind):
    free = socket.socket(socket.AF_INET, kind)
    free.bind(("", 0))
    return free.getsockname()[1]


def main():
    module("shapes", Point=Point, Old=Old)
    Pyro.core.initServer(banner=0)
    ssl = "SSL" if "--ssl" in args else ""
    daemon = Pyro.core.Daemon(prtcol="PYRO" + ssl, host="127.0.0.1")
    if "--identification" in args:
        daemon.setAllowedIdentifications([args[args.index("--identification") + 1]])
    thing, other = Thing(), Other()
    thing.other = other
    ready = {"thing": str(daemon.connect(thing, "thing"))}
    other.URI = daemon.connect(other, "other")
    ready["location"] = "PYROLOC%s://127.0.0.1:%d/thing" % (ssl, daemon.port)
    if "--name-server" in args:
        host = own_address() if "--broadcast" in args else "127.0.0.1"
        port, asked = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
        starter = Pyro.naming.NameServerStarter()
        options = {"hostname": host, "nsport": port, "bcport": asked, "bcaddr": host, "dontlookupother": 1}
        thread = threading.Thread(target=starter.start, kwargs=options)
        thread.setDaemon(True)
        thread.start()
        if not starter.waitUntilStarted(60):
            raise RuntimeError("no name server")
        names = Pyro.naming.NameServerLocator().getNS(host, port)
        names.register("thing", thing.getProxy().URI)
        ready["name"] = "PYRONAME://%s:%d/thing" % (host, port)
        ready["broadcast"] = "%s:%d" % (host, asked)
    sys.stdout.write("READY %s\n" % json.dumps(ready))
    sys.stdout.flush()

    def leave_with_parent():
        sys.stdin.read()
        os._exit(0)

    watcher = threading.Thread(target=leave_with_parent)
    watcher.setDaemon(True)
    watcher.start()
    daemon.requestLoop()


main()
