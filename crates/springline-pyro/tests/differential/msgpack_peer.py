"""The Python side of the msgpack tests: reads a request a line, writes an answer a line.

    check NAME CANON HEX    whether NAME reads HEX as CANON and writes that as HEX again: "ok" or "differs ..." or "err ..."
    reads NAME CANON HEX    whether NAME reads HEX as CANON
    random NAME SEED N      N lines "HEX CANON" of random values as NAME writes them
    specials NAME           lines "HEX CANON" for what Pyro writes in a form of its own, then an empty line
    dates NAME SEED N       N lines "HEX CANON" of dates and times around changes of the local clock and elsewhere

NAME is msgpack (the package alone), pyro4 or pyro5 (their serializers) or pyro4-call, pyro5-call (their readers and
writers of calls, which are given the four parts).

CANON has no blanks: N T F, iDECIMAL; fBITS; cBITS,BITS; (16 hexadecimal digits or "nan"), sHEX; bHEX; tHEX; (a date and
time, a date, as ISO text), [list] {map} with keys and values alternating, OsHEX;...} an object's class, then its fields,
UsHEX; PsHEX;[oneway][methods][attrs] a URI and a proxy with sorted names.
"""
import binascii
import datetime
import decimal
import os
import random
import struct
import sys
import uuid

import msgpack
import Pyro4.core
import Pyro4.errors
import Pyro4.futures
import Pyro4.util
import Pyro5.client
import Pyro5.core
import Pyro5.errors
import Pyro5.serializers


class Package:
    @staticmethod
    def loads(data):
        return msgpack.unpackb(data, raw=False, strict_map_key=False)

    @staticmethod
    def dumps(value):
        return msgpack.packb(value, use_bin_type=True)


class Call:
    def __init__(self, serializer):
        self.serializer = serializer

    def loads(self, data):
        return list(self.serializer.loadsCall(data))

    def dumps(self, value):
        return self.serializer.dumpsCall(*value)


PYRO4 = Pyro4.util.MsgpackSerializer()
PYRO5 = Pyro5.serializers.MsgpackSerializer()
NAMES = {"msgpack": Package, "pyro4": PYRO4, "pyro5": PYRO5, "pyro4-call": Call(PYRO4), "pyro5-call": Call(PYRO5)}


def hexed(data):
    return binascii.hexlify(data).decode()


def text(s):
    return "s%s;" % hexed(s.encode("utf-8"))


def bits(x):
    return "nan" if x != x else hexed(struct.pack(">d", x))


def names(items):
    return "[%s]" % "".join(text(n) for n in sorted(items))


def fields(cls, pairs):
    return "O%s%s}" % (text(cls), "".join(canon(k) + canon(v) for k, v in pairs))


def canon(x):
    t = type(x)
    if x is None:
        return "N"
    if t is bool:
        return "T" if x else "F"
    if t is int:
        return "i%d;" % x
    if t is float:
        return "f%s;" % bits(x)
    if t is complex:
        return "c%s,%s;" % (bits(x.real), bits(x.imag))
    if t is str:
        return text(x)
    if t is bytes:
        return "b%s;" % hexed(x)
    if t in (datetime.datetime, datetime.date):
        return "t%s;" % hexed(x.isoformat().encode())
    if t in (list, tuple):
        return "[%s]" % "".join(canon(i) for i in x)
    if t is dict:
        return "{%s}" % "".join(canon(k) + canon(v) for k, v in x.items())
    if t.__name__ == "URI":
        return "U" + text(str(x))
    if t.__name__ == "Proxy":
        return "P%s%s%s%s" % (text(str(x._pyroUri)), names(x._pyroOneway), names(x._pyroMethods), names(x._pyroAttrs))
    if t.__name__ == "_ExceptionWrapper":
        return fields(t.__module__ + "." + t.__name__, [("exception", x.exception)])
    if isinstance(x, BaseException):
        pairs = [("__exception__", True), ("args", x.args), ("attributes", vars(x))]
        return fields(t.__module__ + "." + t.__name__, pairs)
    raise TypeError("no canonical form of %r" % x)


def random_value(r, depth, extended):
    kind = r.randrange(14 if depth else 10)
    if kind == 0:
        return r.choice([None, True, False])
    if kind in (1, 2):
        n = r.getrandbits(r.choice([3, 7, 8, 15, 16, 31, 32, 63, 64]))
        return n if r.random() < 0.5 or n >= 1 << 63 else -n
    if kind == 3:
        return r.choice([0.0, -0.0, 1.5, float("inf"), float("-inf"), r.random(), struct.unpack("<d", r.randbytes(8))[0]])
    if kind in (4, 5):
        size = r.choice([0, 3, 20, 31, 32, 40, 255, 256, 300])
        return "".join(r.choice("abcdefghij \u00e9\u20ac\U0001f600\0") for _ in range(size))
    if kind == 6:
        return r.randbytes(r.choice([0, 1, 16, 255, 256, 1000, 70000 if r.random() < 0.02 else 5]))
    if kind == 7 and extended:
        return complex(r.random() * 10, r.choice([0.0, -1.0, float("inf")]))
    if kind == 8 and extended:
        return r.choice([-1, 1]) * r.getrandbits(r.choice([66, 100, 1000, 14000])) + (1 << 65)
    if kind == 9 and extended:
        return datetime.date.fromordinal(r.randrange(1, 3652060))
    if kind in (10, 11):
        values = [random_value(r, depth - 1, extended) for _ in range(r.choice([0, 1, 3, 15, 16, 17]))]
        return values if kind == 10 else tuple(values)
    if kind in (12, 13):
        size = r.choice([0, 1, 3, 15, 16, 17])
        return {r.choice(["k%d" % i, b"k%d" % i]): random_value(r, depth - 1, extended) for i in range(size)}
    return r.randrange(1000)


def specials(name):
    core, client, errors, wrapper = (
        (Pyro5.core, Pyro5.client, Pyro5.errors, Pyro5.core._ExceptionWrapper)
        if name.startswith("pyro5") else (Pyro4.core, Pyro4.core, Pyro4.errors, Pyro4.futures._ExceptionWrapper))
    for uri in ("PYRO:obj_12@localhost:7766", "PYRO:x@[::1]:1", "PYRO:x@./u:/tmp/sock", "PYRONAME:a.b", "PYRONAME:a@h:1"):
        yield core.URI(uri)
    proxy = client.Proxy("PYRO:thing@127.0.0.1:7766")
    proxy._pyroMethods = {"echo"}
    proxy._pyroOneway = {"log"}
    proxy._pyroAttrs = {"value"}
    yield proxy
    yield [{"nested": [proxy._pyroUri, proxy]}]
    error = ValueError("too small", 3)
    yield error
    error.code = 42
    error._pyroTraceback = ["line 1\n", "line 2\n"]
    yield error
    yield [errors.NamingError("unknown name: x"), errors.SecurityError()]
    yield [1, wrapper(ZeroDivisionError("division by zero"))]
    yield {1, 2, 3}
    yield [decimal.Decimal("1.50"), uuid.UUID(int=7)]
    yield [complex(1, -2.5), complex(float("inf"), float("nan")), 2 ** 64, -2 ** 63 - 1, 10 ** 4299, -(10 ** 4299)]
    yield [datetime.date.min, datetime.date.max, datetime.date(2024, 2, 29)]


def moments(r, count):
    """Local dates and times. Python itself cannot write the first and the last days everywhere, and the C library does
    not apply a zone given as a rule to years before 1970."""
    rule = "," in os.environ.get("TZ", "")
    start = datetime.datetime(1971 if rule else 1, 1, 3)
    span = (datetime.datetime(9999, 12, 29) - start).days
    for i in range(count):
        kind = i % 4
        if kind == 0:
            when = start + datetime.timedelta(days=r.randrange(span), microseconds=r.randrange(86400 * 10 ** 6))
        elif kind == 1:  # around the nights at which clocks are changed, in steps of minutes
            day = datetime.datetime(r.randrange(1971 if rule else 1900, 2100), r.choice([1, 3, 4, 9, 10, 11]), 1)
            when = day + datetime.timedelta(days=r.randrange(30), minutes=r.randrange(0, 300))
        elif kind == 2:
            when = datetime.datetime.fromtimestamp(r.uniform(2 ** 25 if rule else -2 ** 33, 2 ** 34))
        else:
            when = datetime.datetime(r.randrange(1971, 2040), r.randrange(1, 13), r.randrange(1, 29), r.randrange(24),
                                     r.randrange(60), r.randrange(60), r.choice([0, 1, 999999, r.randrange(10 ** 6)]))
        yield when


def answer(request):
    verb, name, *rest = request.split()
    serializer = NAMES[name]
    if verb in ("check", "reads"):
        expected, data = rest[0], binascii.unhexlify(rest[1])
        value = serializer.loads(data)
        found = canon(value)
        if found != expected:
            return "differs, read as " + found
        written = serializer.dumps(value) if verb == "check" else data
        return "ok" if written == data else "differs, written as " + hexed(written)
    r = random.Random(int(rest[0])) if rest else None
    count = int(rest[1]) if rest else 0
    values = {
        "random": lambda: (random_value(r, 2, name != "msgpack") for _ in range(count)),
        "specials": lambda: specials(name),
        "dates": lambda: moments(r, count),
    }[verb]()
    lines = []
    for value in values:
        data = serializer.dumps(value)
        lines.append("%s %s" % (hexed(data), canon(serializer.loads(data))))
    return "\n".join(lines + [""] * (verb == "specials"))


for line in sys.stdin:
    try:
        result = answer(line)
    except Exception as e:
        result = "err %s: %s" % (type(e).__name__, str(e)[:200].replace("\n", " "))
    print(result, flush=True)
