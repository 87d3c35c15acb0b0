"""A Pyro 3 server for the tests, on Python 2.7: serves `thing` and `other` of README.md until stdin ends.

    pyro3_server.py [--port N] [--identification TEXT | --token TEXT | --block] [--most N] [--compress] [--checksum]
                    [--pickle 0|1|2] [--single] [--name-server] [--broadcast] [--ssl CERTS]

Prints READY and a JSON object as one line: the URIs `thing` (by id) and `location` (PYROLOC), `other`, `release`, and with
--name-server `name` (PYRONAME). With --token a validator of its own wants the text and the challenge backwards, with --block one lets
no host in; --most bounds the connections; --single serves without threads. With --ssl the daemon speaks TLS, with the samples in that
directory, and `location` is a PYROLOCSSL one. With --broadcast the name server has the machine's own address, and `broadcast` is where it
can be asked for by UDP.
"""
import json
import os
import socket
import sys
import tempfile
import threading
import time
import uuid

os.environ["PYRO_STORAGE"] = tempfile.gettempdir()

args = sys.argv[1:]


def option(name, otherwise=None):
    return args[args.index(name) + 1] if name in args else otherwise


if "--ssl" in args:
    # Pyro asks for what sockets have and M2Crypto's connections, which it wraps them in, have not.
    from M2Crypto import SSL
    SSL.Connection.gettimeout = lambda connection: connection.socket.gettimeout()

import Pyro.constants
import Pyro.core
import Pyro.errors
import Pyro.naming
import Pyro.protocol

import values

Pyro.config.PYRO_COMPRESSION = int("--compress" in args)
Pyro.config.PYRO_CHECKSUM = int("--checksum" in args)
Pyro.config.PYRO_PICKLE_FORMAT = int(option("--pickle", 2))
Pyro.config.PYRO_MULTITHREADED = int("--single" not in args)
Pyro.config.PYRO_MAXCONNECTIONS = int(option("--most", 200))
Pyro.config.PYRO_TRACELEVEL = 0
if "--ssl" in args:
    Pyro.config.PYROSSL_CERTDIR = option("--ssl")
    Pyro.config.PYROSSL_CA_CERT = "ca-chain.pem"
    Pyro.config.PYROSSL_CERT = "server-cert.pem"
    Pyro.config.PYROSSL_KEY = "server-key.pem"


class Token(Pyro.protocol.DefaultConnValidator):
    """Tokens that are made in a way of its own."""

    def acceptIdentification(self, daemon, connection, token, challenge):
        return (1, 0) if token == option("--token") + challenge[::-1] else (0, Pyro.constants.DENIED_SECURITY)


class Block(Pyro.protocol.DefaultConnValidator):
    def acceptHost(self, daemon, connection):
        return 0, Pyro.constants.DENIED_HOSTBLOCKED


class Point(object):
    def __init__(self, x, y):
        self.x, self.y = x, y


class Old:
    def __init__(self, name):
        self.name = name


class Hidden(Exception):
    pass


class Unserializable(Exception):
    def __init__(self, message):
        Exception.__init__(self, message)
        self.file = sys.stdin


def raise_it(kind, message):
    plain = {
        "value": ValueError, "key": KeyError, "zero": ZeroDivisionError, "type": TypeError, "index": IndexError,
        "attribute": AttributeError, "runtime": RuntimeError, "cause": RuntimeError, "assert": AssertionError,
        "notimpl": NotImplementedError, "stop": StopIteration, "io": IOError, "pyro": Pyro.errors.PyroError,
        "naming": Pyro.errors.NamingError, "daemon": Pyro.errors.DaemonError, "own": values.BankError, "main": Hidden,
        "unserializable": Unserializable,
    }
    if kind == "attrs":
        error = ValueError(message)
        error.code, error.note = 42, "extra"
    elif kind == "two":
        error = ValueError(message, 42)
    elif kind == "noargs":
        error = ValueError()
    elif kind == "os":
        error = OSError(2, message)
    else:
        error = plain[kind](message)
        if kind in ("value", "key"):
            error.extra = 7
    raise error


class Thing(Pyro.core.ObjBase):
    def __init__(self):
        Pyro.core.ObjBase.__init__(self)
        self.value = "initial"
        self.fires = []
        self.counted = 0

    def get_data(self, param):
        return "You got remote data => %s" % param

    def echo(self, x):
        return x

    def twice(self, x):
        return [x, x]

    def kind(self, x):
        return type(x).__name__

    def types(self, x):
        return type(x).__name__

    def nothing(self):
        return None

    def add(self, a, b=10, **named):
        # `c=0` by name only, which Python 2 cannot say.
        c = named.pop("c", 0)
        if named:
            raise TypeError("add() got an unexpected keyword argument '%s'" % min(named))
        return a + b + c

    def describe(self, *args, **kwargs):
        return values.describe(args, kwargs)

    def fail(self, kind, message):
        raise_it(kind, message)

    def fire(self, token, delay=0.0):
        time.sleep(delay)
        self.fires.append(token)

    def fired(self):
        return self.fires

    def annotations(self):
        # There are none.
        return {}

    def correlation(self):
        return str(uuid.uuid4())

    def blob(self, n):
        return (bytes(bytearray(range(251))) * (n // 251 + 1))[:n]

    def big_text(self, n):
        return ("The quick brown fox. " * (n // 21 + 1))[:n]

    def size(self, data):
        return len(data)

    def slow(self, seconds):
        time.sleep(seconds)
        return "done"

    def special(self, name):
        return values.SPECIAL[name]

    def specials(self):
        return list(values.SPECIAL)

    def special_text(self, name):
        return values.text(values.SPECIAL[name])

    def count(self):
        self.counted += 1
        return self.counted

    def objects(self):
        point, old = Point(1, 2), Old("n")
        point.__class__.__module__ = old.__class__.__module__ = "shapes"
        return [point, old]

    def give_proxy(self):
        return self.other.getProxy()

    def give_attr_proxy(self):
        return self.other.getAttrProxy()

    def give_uri(self):
        return self.other.URI

    def call_back(self, proxy, x):
        if isinstance(proxy, Pyro.core.PyroURI):
            proxy = proxy.getProxy()
        return proxy.get_data(x)

    def lend(self, name):
        self.getDaemon().connect(Other(), name)

    def withdraw(self, name):
        for obj, known in list(self.getDaemon().implementations.values()):
            if known == name:
                self.getDaemon().disconnect(obj)

    @property
    def readonly(self):
        return "fixed"

    def _under(self):
        return "a name with an underscore"


class Other(Pyro.core.ObjBase):
    def who(self):
        return "other"

    def greet(self, name):
        return "Hello, %s" % name


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
    # Any free port unless one is asked for: Pyro's own search begins at 7766 each time, where the next server takes the port
    # that one has to come back to after its end.
    place = {"port": int(option("--port")) if "--port" in args else 0, "norange": 1}
    daemon = Pyro.core.Daemon(prtcol="PYRO" + ssl, host="127.0.0.1", **place)
    if "--identification" in args:
        daemon.setAllowedIdentifications([option("--identification")])
    for name, validator in (("--token", Token), ("--block", Block)):
        if name in args:
            daemon.setNewConnectionValidator(validator())
    thing, other = Thing(), Other()
    thing.other = other
    ready = {"release": Pyro.constants.VERSION, "thing": str(daemon.connect(thing, "thing"))}
    other.URI = daemon.connect(other, "other")
    ready["other"] = str(other.URI)
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
