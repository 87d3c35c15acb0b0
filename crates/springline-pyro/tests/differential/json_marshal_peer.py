"""The Python side of the json and marshal tests: reads a request a line, writes an answer a line.

    loads NAME HEX          what NAME reads: "ok CANON" or "err REASON"
    same NAME CANON HEX     whether NAME writes the value as exactly these bytes: "ok" or "differs HEX" or "err REASON"
    generate NAME SEED N    N lines "HEX CANON" of values as NAME writes them, then an empty line
    specials NAME           the same for URIs, proxies and exceptions of Pyro itself
    special NAME I HEX      whether NAME reads this as the I-th of them: "ok" or "differs CANON" or "err REASON"

NAME is json or marshal (the standard library), marshal0 to marshal4 (these versions of the format), or a generation and
a serializer: pyro4-json, pyro5-marshal, ...

CANON has no blanks: N T F, iDECIMAL; fBITS; cBITS;BITS; (16 hexadecimal digits or "nan"), sHEX; bHEX; tHEX; (a date as
ISO text) dHEX; (a decimal), [list] (tuple) {set} <frozenset> DdictE with keys and values alternating. Sets are sorted
by their members' forms. URIs and proxies: UHEX; or PHEX; and three lists of sHEX; each closed by a slash.
"""
import datetime
import decimal
import json
import marshal
import math
import os
import random
import resource
import struct
import sys

import Pyro4.core
import Pyro4.errors
import Pyro4.futures
import Pyro4.util
import Pyro5.client
import Pyro5.core
import Pyro5.errors
import Pyro5.serializers

# A list may claim any length: better a MemoryError soon than a process that clears gigabytes.
if os.path.exists("/proc/self/statm"):
    with open("/proc/self/statm") as statm:
        room = int(statm.read().split()[0]) * resource.getpagesize() + (48 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (room, room))


class Json:
    @staticmethod
    def loads(data):
        return json.loads(data.decode("utf-8"))

    @staticmethod
    def dumps(value):
        return json.dumps(value, ensure_ascii=False).encode("utf-8")


class Marshal:
    def __init__(self, version):
        self.version = version

    loads = staticmethod(marshal.loads)

    def dumps(self, value):
        return marshal.dumps(value, self.version)


NAMES = {
    "json": Json,
    "marshal": Marshal(marshal.version),
    "pyro4-json": Pyro4.util.JsonSerializer(),
    "pyro4-marshal": Pyro4.util.MarshalSerializer(),
    "pyro5-json": Pyro5.serializers.JsonSerializer(),
    "pyro5-marshal": Pyro5.serializers.MarshalSerializer(),
}
NAMES.update(("marshal%d" % version, Marshal(version)) for version in range(5))


def bits(x):
    return "nan;" if math.isnan(x) else struct.pack(">d", x).hex() + ";"


def text(tag, x):
    return "%s%s;" % (tag, x.encode("utf-8").hex())


def names(*lists):
    return "".join("".join(text("s", n) for n in sorted(l)) + "/" for l in lists)


def canon(x):
    t = type(x)
    if x is None:
        return "N"
    if t is bool:
        return "T" if x else "F"
    if t is int:
        return "i%d;" % x
    if t is float:
        return "f" + bits(x)
    if t is complex:
        return "c" + bits(x.real) + bits(x.imag)
    if t is str:
        return text("s", x)
    if t is bytes:
        return "b%s;" % x.hex()
    if t is list:
        return "[%s]" % "".join(map(canon, x))
    if t is tuple:
        return "(%s)" % "".join(map(canon, x))
    if t is set:
        return "{%s}" % "".join(sorted(map(canon, x)))
    if t is frozenset:
        return "<%s>" % "".join(sorted(map(canon, x)))
    if t is dict:
        return "D%sE" % "".join(canon(k) + canon(v) for k, v in x.items())
    if isinstance(x, (Pyro4.core.URI, Pyro5.core.URI)):
        return text("U", str(x)) + names((), (), ())
    if isinstance(x, (Pyro4.core.Proxy, Pyro5.client.Proxy)):
        return text("P", str(x._pyroUri)) + names(x._pyroOneway, x._pyroMethods, x._pyroAttrs)
    if isinstance(x, BaseException):
        return canon(Pyro5.serializers.SerializerBase.class_to_dict(x))
    if isinstance(x, (Pyro4.futures._ExceptionWrapper, Pyro5.core._ExceptionWrapper)):
        return canon({"__class__": t.__module__ + "." + t.__name__, "exception": x.exception})
    raise TypeError("no form for %r" % (x,))


class Parser:
    def __init__(self, form):
        self.form, self.at = form, 0

    def until(self, mark):
        start, self.at = self.at, self.form.index(mark, self.at) + 1
        return self.form[start:self.at - 1]

    def text(self):
        return bytes.fromhex(self.until(";")).decode("utf-8")

    def float(self):
        form = self.until(";")
        return math.nan if form == "nan" else struct.unpack(">d", bytes.fromhex(form))[0]

    def items(self, mark):
        items = []
        while self.form[self.at] != mark:
            items.append(self.value())
        self.at += 1
        return items

    def date(self):
        form = self.text()
        return datetime.datetime.fromisoformat(form) if "T" in form else datetime.date.fromisoformat(form)

    def value(self):
        tag = self.form[self.at]
        self.at += 1
        if tag in "NTF":
            return {"N": None, "T": True, "F": False}[tag]
        if tag == "D":
            items = self.items("E")
            return dict(zip(items[::2], items[1::2]))
        return {
            "i": lambda: int(self.until(";")),
            "f": self.float,
            "c": lambda: complex(self.float(), self.float()),
            "s": self.text,
            "b": lambda: bytes.fromhex(self.until(";")),
            "t": self.date,
            "d": lambda: decimal.Decimal(self.text()),
            "[": lambda: self.items("]"),
            "(": lambda: tuple(self.items(")")),
            "{": lambda: set(self.items("}")),
            "<": lambda: frozenset(self.items(">")),
        }[tag]()


class Maker:
    """Random values, with shared and repeated parts where marshal writes references for them."""

    def __init__(self, seed, is_json):
        self.random, self.is_json, self.shared = random.Random(seed), is_json, []

    def text(self):
        r = self.random
        alphabet = "ab\"\\/\n\r\t\b\f\x00\x1f\x7f\x80\xe9\u20ac\u2028\U0001f600"
        return "".join(r.choice(alphabet) for _ in range(r.choice((0, 1, 1, 5, 40, 300))))

    def key(self):
        r = self.random
        keys = [self.text, lambda: "key%d" % r.randrange(4), lambda: "key%d" % r.randrange(4)]
        if not self.is_json:
            keys += [lambda: r.randrange(-5, 5), lambda: None, lambda: (self.text(), 1), lambda: r.random()]
        return r.choice(keys)()

    def float(self):
        r = self.random
        while True:
            x = r.choice((
                lambda: struct.unpack("<d", r.randbytes(8))[0],
                lambda: r.uniform(-1e6, 1e6),
                lambda: float(r.randrange(-10**17, 10**17)),
                lambda: r.choice((0.0, -0.0, 1e15, 1e16, 1e-4, 1e-5, 1.5, math.inf, -math.inf, math.nan, 5e-324)),
                lambda: round(r.uniform(-100, 100), 2) * 10.0 ** r.randrange(-20, 20),
            ))()
            return x

    def value(self, depth):
        r = self.random
        some = lambda: [self.value(depth - 1) for _ in range(r.choice((0, 1, 2, 3, 6)))]
        kinds = [
            lambda: None,
            lambda: r.choice((True, False)),
            lambda: r.randrange(-1000, 1000),
            lambda: r.choice((1, -1)) * r.getrandbits(r.randrange(1, 200)),
            lambda: r.choice((2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**63 - 1, 2**63, -2**63, -2**63 - 1)),
            self.float,
            self.text,
            lambda: "identifier%d" % r.randrange(5),
        ]
        if not self.is_json:
            kinds += [
                lambda: r.randbytes(r.randrange(30)),
                lambda: complex(self.float(), self.float()),
            ]
        if depth > 0:
            kinds += [
                some,
                some,
                lambda: {self.key(): self.value(depth - 1) for _ in range(r.randrange(5))},
                lambda: {self.key(): self.value(depth - 1) for _ in range(r.randrange(5))},
                lambda: {"__class__": "bank.Money", **{"field%d" % i: x for i, x in enumerate(some())}},
            ]
            if not self.is_json:
                kinds += [
                    lambda: tuple(some()),
                    lambda: {self.key() for _ in range(r.randrange(4))},
                    lambda: frozenset(self.key() for _ in range(r.randrange(4))),
                ]
        if self.shared and not self.is_json and r.random() < 0.3:
            return r.choice(self.shared)
        value = r.choice(kinds)()
        if r.random() < 0.3:
            self.shared.append(value)
        return value


def raised(error):
    """An exception as a server sends it."""
    error._pyroTraceback = ["Traceback\n", "  line 1\n"]
    return error


def specials(generation):
    pyro4 = generation == "pyro4"
    core, client, errors = (Pyro4.core, Pyro4.core, Pyro4.errors) if pyro4 else (Pyro5.core, Pyro5.client, Pyro5.errors)
    wrapper = Pyro4.futures._ExceptionWrapper if pyro4 else Pyro5.core._ExceptionWrapper
    for uri in ("PYRO:obj_1@localhost:7766", "PYRO:x@[::1]:1", "PYRO:x@./u:/run/s", "PYRONAME:a.b", "PYRONAME:a@h:9"):
        yield core.URI(uri)
        yield client.Proxy(uri)
        proxy = client.Proxy(uri)
        proxy._pyroMethods, proxy._pyroOneway, proxy._pyroAttrs = {"add", "ping"}, {"fire"}, {"value"}
        yield proxy
    yield ValueError("bad", 1, None)
    yield raised(ZeroDivisionError("division by zero"))
    yield raised(errors.NamingError("unknown name: x"))
    custom = raised(KeyError("k"))
    custom.extra = [1, {"a": 2.5}]
    yield custom
    wrapped = wrapper(raised(ValueError("in a batch")))
    yield wrapped


def answer(line):
    op, *rest = line.split()
    if op == "loads":
        try:
            return "ok " + canon(NAMES[rest[0]].loads(bytes.fromhex(rest[1] if rest[1:] else "")))
        except (Exception, RecursionError, MemoryError) as e:
            return "err %s: %s" % (type(e).__name__, str(e).replace("\n", " ").encode("ascii", "replace").decode())
    if op == "same":
        try:
            data = NAMES[rest[0]].dumps(Parser(rest[1]).value()).hex()
        except Exception as e:
            return "err %s: %s" % (type(e).__name__, str(e).replace("\n", " "))
        return "ok" if data == (rest[2] if rest[2:] else "") else "differs " + data
    if op == "generate":
        name, seed, count = rest[0], int(rest[1]), int(rest[2])
        lines = []
        while len(lines) < count:
            value = Maker(seed + len(lines), name.endswith("json")).value(4)
            lines.append("%s %s\n" % (NAMES[name].dumps(value).hex(), canon(value)))
        return "".join(lines)
    if op == "specials":
        lines = []
        for value in specials(rest[0].split("-")[0]):
            data = NAMES[rest[0]].dumps(value)
            # Exceptions are compared as they are on the wire, where args may be a list.
            is_remote = isinstance(value, (Pyro4.core.URI, Pyro4.core.Proxy, Pyro5.core.URI, Pyro5.client.Proxy))
            plain = NAMES[rest[0].split("-")[1]].loads(data)
            lines.append("%s %s\n" % (data.hex(), canon(value if is_remote else plain)))
        return "".join(lines)
    if op == "special":
        expected = canon(list(specials(rest[0].split("-")[0]))[int(rest[1])])
        try:
            found = canon(NAMES[rest[0]].loads(bytes.fromhex(rest[2])))
        except Exception as e:
            return "err %s: %s" % (type(e).__name__, str(e).replace("\n", " "))
        return "ok" if found == expected else "differs " + found
    raise ValueError(op)


sys.setrecursionlimit(5000)
for request in sys.stdin:
    print(answer(request), flush=True)
