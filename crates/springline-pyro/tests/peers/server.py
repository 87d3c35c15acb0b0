"""A Pyro4 or Pyro5 server with the interface of README.md. Prints `READY <json>` and serves until its stdin closes."""
from __future__ import print_function, unicode_literals

import argparse
import json
import os
import platform
import sys
import threading
import time

import serpent

import values
from pyros import Pyro, start

RESERVED = ("HMAC", "CORR", "STRM", "BLBI")


def make_classes(pyro, translate_own):
    expose, oneway = pyro.expose, pyro.oneway
    errors = pyro.errors

    class Hidden(Exception):
        """Raised from a class name that Python clients refuse to load."""

    Hidden.__module__ = str("__main__")
    # Where pickle looks for it.
    sys.modules["__main__"].Hidden = Hidden

    def raise_it(kind, message):
        if kind == "own" and translate_own:
            error = errors.PyroError("bank.BankError: %s" % message)
            error.balance, error.currency = 12, "EUR"
            raise error
        if kind == "own":
            raise values.BankError(message)
        if kind == "attrs":
            error = ValueError(message)
            error.code = 42
            error.note = "extra"
            raise error
        if kind == "two":
            raise ValueError(message, 42)
        if kind == "noargs":
            raise ValueError()
        if kind == "os":
            raise OSError(2, message)
        if kind == "cause":
            try:
                raise ValueError("the cause")
            except ValueError as cause:
                error = RuntimeError(message)
                if sys.version_info >= (3,):
                    # In Python 2 an attribute like any other, which marshal cannot write.
                    error.__cause__ = cause
                raise error
        if kind == "main":
            raise Hidden(message)
        if kind == "unserializable":
            raise ValueError(message, threading.Lock())
        missing = errors.PyroError
        plain = {
            "value": ValueError, "key": KeyError, "zero": ZeroDivisionError, "type": TypeError, "index": IndexError,
            "attribute": AttributeError, "runtime": RuntimeError, "assert": AssertionError, "notimpl": NotImplementedError,
            "stop": StopIteration, "pyro": errors.PyroError, "naming": errors.NamingError, "daemon": errors.DaemonError,
            "security": getattr(errors, "SecurityError", missing), "serialize": getattr(errors, "SerializeError", missing),
        }
        if kind not in plain:
            raise ValueError("no such kind: %s" % kind)
        raise plain[kind](message)

    @expose
    class Other(object):
        def who(self):
            return "other"

        def greet(self, name):
            return "Hello, %s" % name

    @expose
    class Thing(object):
        def __init__(self):
            self._lock = threading.Lock()
            self._fired = []
            self._count = 0
            self._value = "initial"
            self._daemon = None
            self._other = None

        def get_data(self, param):
            return "You got remote data => %s" % (param,)

        def echo(self, x):
            return x

        def add(self, a, b=10, **named):
            # `c=0` by name only, which Python 2 cannot say.
            c = named.pop("c", 0)
            if named:
                raise TypeError("add() got an unexpected keyword argument '%s'" % min(named))
            return a + b + c

        def describe(self, *args, **kwargs):
            return values.describe(args, kwargs)

        def types(self, x):
            return type(x).__name__

        def nothing(self):
            return None

        def fail(self, kind, message):
            raise_it(kind, message)

        @oneway
        def fire(self, token, delay=0.0):
            time.sleep(delay)
            with self._lock:
                self._fired.append(token)

        def fired(self):
            with self._lock:
                return list(self._fired)

        @property
        def value(self):
            return self._value

        @value.setter
        def value(self, new):
            self._value = new

        @property
        def readonly(self):
            return "fixed"

        def annotations(self):
            seen = {k: bytes(v).decode("utf-8", "backslashreplace")
                    for k, v in pyro.context.annotations.items() if k not in RESERVED}
            if not pyro.before(4, 38):
                pyro.context.response_annotations = {str("XYZZ"): b"custom reply annotation"}
            return seen

        def correlation(self):
            return str(pyro.context.correlation_id)

        def blob(self, n):
            return (bytes(bytearray(range(251))) * (n // 251 + 1))[:n]

        def big_text(self, n):
            return ("The quick brown fox. " * (n // 21 + 1))[:n]

        def size(self, data):
            if isinstance(data, dict):
                data = serpent.tobytes(data)
            return len(data)

        def slow(self, seconds):
            time.sleep(seconds)
            return "done"

        def special(self, name):
            return values.SPECIAL[name]

        def specials(self):
            return list(values.SPECIAL)

        def give_uri(self):
            return self._daemon.uriFor(self._other)

        def give_proxy(self):
            return pyro.proxy_for(self._daemon, self._other)

        def give_other(self):
            return self._other

        def call_back(self, proxy, x):
            if isinstance(proxy, pyro.URI):
                proxy = pyro.api.Proxy(proxy)
            with proxy:
                return proxy.get_data(x)

        def count(self):
            with self._lock:
                self._count += 1
                return self._count

        def lend(self, objectid):
            self._daemon.register(Other(), objectid)

        def withdraw(self, objectid):
            self._daemon.unregister(objectid)

        def stream(self, n):
            return (i for i in range(n))

        def stream_fail(self, n):
            def items():
                for i in range(n):
                    yield i
                raise ValueError("stream broke")
            return items()

        def _private(self):
            return "never reached"

    def hidden(self):
        return "never reached"

    # Public name, not exposed: `@expose` on the class marks only what was there when it ran.
    Thing.hidden = hidden
    return Thing, Other


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gen", type=int, choices=(4, 5), required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--unix", metavar="PATH")
    parser.add_argument("--serializer", default="serpent", choices=("serpent", "json", "marshal", "msgpack", "pickle"),
                        help="what this server uses for the calls it makes itself; it accepts all four")
    parser.add_argument("--servertype", default="thread", choices=("thread", "multiplex"))
    parser.add_argument("--hmac", metavar="KEY")
    parser.add_argument("--compress", action="store_true")
    parser.add_argument("--require-handshake", metavar="TEXT")
    parser.add_argument("--objectid", default="thing")
    parser.add_argument("--translate-own", action="store_true",
                        help="raise bank.BankError as a PyroError that tells about it, as a server in another language does")
    parser.add_argument("--annotation", metavar="TEXT", help="send it as DAEM with every reply")
    parser.add_argument("--bytes-literal", action="store_true", help="serpent writes bytes as b'..' (Pyro5)")
    args = parser.parse_args()

    if args.gen == 5 and args.hmac is not None:
        parser.error("Pyro5 has no HMAC keys")

    pyro = Pyro(args.gen)
    servertype = "select" if args.servertype == "multiplex" and pyro.before(4, 5) else args.servertype
    pyro.configure(SERIALIZER=args.serializer, COMPRESSION=args.compress, SERVERTYPE=servertype, THREADPOOL_SIZE=200,
                   THREADPOOL_MINTHREADS=50, THREADPOOL_MAXTHREADS=200, PREFER_IP_VERSION=0, SOCK_NODELAY=True,
                   REQUIRE_EXPOSE=True, SOCK_REUSE=True)
    if args.gen == 4:
        pyro.configure(SERIALIZERS_ACCEPTED=pyro.serializers())
    if args.bytes_literal:
        pyro.configure(SERPENT_BYTES_REPR=True)
    Thing, Other = make_classes(pyro, args.translate_own)

    class Daemon(pyro.api.Daemon):
        def validateHandshake(self, conn, data):
            if args.require_handshake is None:
                return "hello"
            if data != args.require_handshake:
                raise ValueError("handshake refused")
            return "welcome %s" % data

        def annotations(self):
            # Before 4.38 the correlation id is among the daemon's own.
            own = pyro.api.Daemon.annotations(self) if pyro.before(4, 38) else {}
            if args.annotation is not None:
                own[str("DAEM")] = args.annotation.encode()
            return own

    if args.hmac is not None and pyro.before(4, 29):
        pyro.set_key(None, args.hmac)
    daemon = Daemon(unixsocket=args.unix) if args.unix else Daemon(host=args.host, port=args.port)
    if args.hmac is not None:
        pyro.set_key(daemon, args.hmac)
    thing, other = Thing(), Other()
    thing._daemon, thing._other = daemon, other
    ready = {
        "uri": str(daemon.register(thing, args.objectid)),
        "other": str(daemon.register(other, "other")),
        "daemon": "PYRO:Pyro.Daemon@%s" % daemon.locationStr,
        "pid": os.getpid(),
        "gen": args.gen,
        "pyro": pyro.version,
        "python": platform.python_version(),
        "serializer": args.serializer,
    }

    def leave_with_parent():
        # Whoever started this program holds the other end of stdin: no orphan outlives it, however it ends.
        while getattr(sys.stdin, "buffer", sys.stdin).read(4096):
            pass
        if args.unix:
            try:
                os.unlink(args.unix)
            except OSError:
                pass
        os._exit(0)

    start(leave_with_parent)
    print("READY " + json.dumps(ready))
    sys.stdout.flush()
    daemon.requestLoop()


if __name__ == "__main__":
    main()
