"""The Python side of the pickle tests, for CPython 2.7 and 3: reads a request a line, writes an answer a line.

    generate HOW SEED N     N lines "HEX FORM" of random values as HOW writes them, then an empty line
    same HEX FORM           whether these bytes are a pickle of that value: "ok" or "differs FORM" or "err REASON"
    loads HEX               "ok REPR" or "err REASON"
    table HOW               lines "NAME HEX" of objects of every kind, then an empty line
    load_table HEX...       "ok REPR" for what the bytes are, with the names of classes

HOW is c or p (the C or the Python pickler), o for pickletools.optimize after it, and the protocol: c2, p0, co4.

FORM has no blanks: N T F, iDECIMAL; fBITS; (16 hexadecimal digits or "nan"), cBITS;BITS; sHEX; bHEX; tHEX; (a date as ISO
text) dHEX; (a decimal), [list] (tuple) {set} <frozenset> DdictE with keys and values alternating. @n; is the n-th
container again, counted from 0 where it begins. Python 2's str is s where it is UTF-8, else b.
"""
import binascii
import collections
import datetime
import decimal
import fractions
import io
import math
import pickle
import pickletools
import random
import struct
import sys
import uuid

PY2 = sys.version_info[0] == 2
if PY2:
    import cPickle

    range = xrange  # noqa: F821
    text_type, int_types, char = unicode, (int, long), unichr  # noqa: F821
else:
    text_type, int_types, char = str, (int,), chr


def hexed(data):
    return binascii.hexlify(data).decode("ascii")


def dumps(how, value):
    protocol = int(how[-1])
    if PY2:
        data = (cPickle if how[0] == "c" else pickle).dumps(value, protocol)
    else:
        data = (pickle.dumps if how[0] == "c" else pickle._dumps)(value, protocol)
    return pickletools.optimize(data) if "o" in how else data


def bits(x):
    return "nan;" if math.isnan(x) else hexed(struct.pack(">d", x)) + ";"


def text(tag, x):
    return "%s%s;" % (tag, hexed(x.encode("utf-8")))


class Form(object):
    def __init__(self):
        self.numbers, self.keep = {}, []

    def of(self, x):
        t = type(x)
        if x is None:
            return "N"
        if t is bool:
            return "T" if x else "F"
        if t in int_types:
            return "i%d;" % x
        if t is float:
            return "f" + bits(x)
        if t is complex:
            return "c" + bits(x.real) + bits(x.imag)
        if t is text_type:
            return text("s", x)
        if t is bytes or t is bytearray:
            x = bytes(x)
            if PY2 and t is bytes:
                try:
                    x.decode("utf-8")
                    return "s%s;" % hexed(x)
                except UnicodeDecodeError:
                    pass
            return "b%s;" % hexed(x)
        if t is decimal.Decimal:
            return text("d", text_type(x))
        if t in (datetime.datetime, datetime.date, datetime.time):
            return text("t", text_type(x.isoformat()))
        # Python has one empty tuple, and writes it wherever it comes.
        if x != () or t is not tuple:
            if id(x) in self.numbers:
                return "@%d;" % self.numbers[id(x)]
        self.keep.append(x)
        if x == () and t is tuple:
            self.numbers[None, len(self.numbers)] = None
            return "()"
        self.numbers[id(x)] = len(self.numbers)
        if t is dict:
            return "D%sE" % "".join(self.of(k) + self.of(v) for k, v in x.items())
        marks = {list: "[%s]", tuple: "(%s)", set: "{%s}", frozenset: "<%s>"}
        return marks[t] % "".join([self.of(v) for v in x])


class Parser(object):
    def __init__(self, form):
        self.form, self.at, self.begun = form, 0, []

    def until(self, mark):
        start, self.at = self.at, self.form.index(mark, self.at) + 1
        return self.form[start:self.at - 1]

    def bytes(self):
        return binascii.unhexlify(self.until(";").encode("ascii"))

    def float(self):
        form = self.until(";")
        return float("nan") if form == "nan" else struct.unpack(">d", binascii.unhexlify(form.encode("ascii")))[0]

    def fill(self, mark, add):
        while self.form[self.at] != mark:
            add()
        self.at += 1

    def collected(self, mark, kind):
        number, items = len(self.begun), []
        self.begun.append(None)
        self.fill(mark, lambda: items.append(self.value()))
        self.begun[number] = kind(items)
        return self.begun[number]

    def value(self):
        tag = self.form[self.at]
        self.at += 1
        if tag in "NTF":
            return {"N": None, "T": True, "F": False}[tag]
        if tag == "@":
            return self.begun[int(self.until(";"))]
        if tag == "[":
            items = []
            self.begun.append(items)
            self.fill("]", lambda: items.append(self.value()))
            return items
        if tag == "D":
            items = {}
            self.begun.append(items)

            def add():
                key = self.value()
                items[key] = self.value()

            self.fill("E", add)
            return items
        return {
            "i": lambda: int(self.until(";")),
            "f": self.float,
            "c": lambda: complex(self.float(), self.float()),
            "s": lambda: self.bytes().decode("utf-8"),
            "b": self.bytes,
            "t": lambda: When(self.bytes().decode("ascii")),
            "d": lambda: decimal.Decimal(self.bytes().decode("ascii")),
            "(": lambda: self.collected(")", tuple),
            "{": lambda: self.collected("}", set),
            "<": lambda: self.collected(">", frozenset),
        }[tag]()


class When(object):
    def __init__(self, iso):
        self.iso = iso


def simple(x):
    """Python 2's str and unicode are one, and so are int and long."""
    if PY2 and type(x) is bytes:
        try:
            return text_type, x.decode("utf-8")
        except UnicodeDecodeError:
            return bytes, x
    if PY2 and type(x) in int_types:
        return int, x
    if type(x) is float:
        return float, bits(x)
    if type(x) is complex:
        return complex, bits(x.real) + bits(x.imag)
    return type(x), x


def same(found, expected, pairs):
    if type(expected) is When:
        return type(found) in (datetime.datetime, datetime.date, datetime.time) and found.isoformat() == expected.iso
    if type(found) not in (list, tuple, set, frozenset, dict):
        return simple(found) == simple(expected)
    if type(found) is not type(expected) or len(found) != len(expected):
        return False
    if found != () and found != frozenset():
        known = pairs.setdefault(id(expected), (id(found), expected))
        if known[0] != id(found):
            return False
        if id(found) in pairs["done"]:
            return True
        pairs["done"].add(id(found))
    if type(found) in (list, tuple):
        return all(same(a, b, pairs) for a, b in zip(found, expected))
    if type(found) is dict:
        keys = dict((simple(k), v) for k, v in found.items())
        return all(simple(k) in keys and same(keys[simple(k)], v, pairs) for k, v in expected.items())
    return set(map(repr, map(simple, found))) == set(map(repr, map(simple, expected)))


class Maker(object):
    """Random values, with shared parts and ones that contain themselves."""

    def __init__(self, seed):
        self.random, self.shared = random.Random(seed), []

    def text(self):
        r = self.random
        alphabet = u"ab\"\\/\n\r\t\b\f\x00\x1a\x1f\x7f\x80\xe9\u20ac\u2028"
        if sys.maxunicode > 0xffff:
            alphabet += u"\U0001f600"
        return u"".join(r.choice(alphabet) for _ in range(r.choice((0, 1, 1, 5, 40, 300))))

    def bytes(self):
        r = self.random
        return bytes(bytearray(r.randrange(256) for _ in range(r.choice((0, 1, 5, 30, 300)))))

    def key(self):
        r = self.random
        return r.choice((
            self.text,
            lambda: "key%d" % r.randrange(4),
            lambda: r.randrange(-5, 5),
            lambda: None,
            lambda: r.random(),
            self.bytes,
        ))()

    def float(self):
        r = self.random
        return r.choice((
            lambda: struct.unpack("<d", struct.pack("<Q", r.getrandbits(64)))[0],
            lambda: r.uniform(-1e6, 1e6),
            lambda: r.choice((0.0, -0.0, 1e15, 1e16, 1e-4, 1e-5, 1.5, float("inf"), -float("inf"), float("nan"), 5e-324)),
        ))()

    def time(self):
        r = self.random
        return datetime.time(r.randrange(24), r.randrange(60), r.randrange(60), r.choice((0, r.randrange(10**6))))

    def date(self):
        r = self.random
        return datetime.date(r.randrange(1, 10000), r.randrange(1, 13), r.randrange(1, 29))

    def datetime(self):
        r = self.random
        when = datetime.datetime.combine(self.date(), self.time())
        if not PY2 and r.random() < 0.3:
            when = when.replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=r.randrange(-900, 900))))
        return when

    def value(self, depth):
        r = self.random
        some = lambda: [self.value(depth - 1) for _ in range(r.choice((0, 1, 2, 3, 4, 6)))]
        kinds = [
            lambda: None,
            lambda: r.choice((True, False)),
            lambda: r.randrange(-1000, 1000),
            lambda: r.randrange(-100000, 100000),
            lambda: r.choice((1, -1)) * r.getrandbits(r.randrange(1, 300)),
            lambda: r.choice((2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**63 - 1, 2**63, -2**63, -2**63 - 1, 2**2200)),
            self.float,
            self.text,
            self.bytes,
            lambda: bytearray(self.bytes()),
            lambda: "identifier%d" % r.randrange(5),
            lambda: complex(self.float(), self.float()),
            lambda: decimal.Decimal("%d.%d" % (r.randrange(-1000, 1000), r.randrange(1000))),
            self.date,
            self.time,
            self.datetime,
        ]
        if depth > 0:
            kinds += [
                some,
                some,
                some,
                lambda: tuple(some()),
                lambda: tuple(some()),
                lambda: dict((self.key(), self.value(depth - 1)) for _ in range(r.randrange(5))),
                lambda: dict((self.key(), self.value(depth - 1)) for _ in range(r.randrange(5))),
                lambda: set(self.key() for _ in range(r.randrange(4))),
                lambda: frozenset(self.key() for _ in range(r.randrange(4))),
                lambda: [self.value(0)] * r.choice((5, 2500)),
                self.cycle,
            ]
        if self.shared and r.random() < 0.3:
            return r.choice(self.shared)
        value = r.choice(kinds)()
        if r.random() < 0.3:
            self.shared.append(value)
        return value

    def cycle(self):
        r, ring = self.random, []
        inner = r.choice((ring, [ring], {"a": ring}, (ring, 1), (1, [ring], ring)))
        ring.extend([self.value(0), inner, inner])
        return ring


class Thing(object):
    def __init__(self, x):
        self.x = x

    class Inner(object):
        pass


class Slots(object):
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __reduce_ex__(self, protocol):
        return object.__reduce_ex__(self, max(protocol, 2))


class Items(list):
    pass


class Pairs(dict):
    pass


class Custom(Exception):
    pass


class Stateful(object):
    def __getstate__(self):
        return [1, 2]

    def __setstate__(self, state):
        pass


class Keywords(object):
    def __new__(cls, a, b=0):
        return object.__new__(cls)

    def __getnewargs_ex__(self):
        return (1,), {"b": 2}


Point = collections.namedtuple("Point", "x y")

if PY2:
    class Old:
        def __init__(self, x):
            self.x = x


def table():
    thing = Thing(1)
    yield "thing", thing
    yield "shared", [thing, thing]
    items = Items([1, 2])
    items.name = "n"
    yield "items", items
    yield "pairs", Pairs(a=1)
    yield "slots", Slots(1, "b")
    yield "point", Point(1, 2)
    yield "stateful", Stateful()
    error = ValueError("bad", 2)
    error.extra = [1]
    yield "error", error
    yield "key_error", KeyError("k")
    yield "custom", Custom("c")
    yield "class", Thing
    yield "function", len
    yield "delta", datetime.timedelta(1, 2, 3)
    yield "uuid", uuid.UUID("12345678-1234-5678-1234-567812345678")
    yield "fraction", fractions.Fraction(1, 3)
    yield "ordered", collections.OrderedDict([("b", 1), ("a", 2)])
    yield "default", collections.defaultdict(list, {"a": [1]})
    yield "deque", collections.deque([1, 2], 5)
    yield "counter", collections.Counter("aab")
    yield "range", range(3)
    me = Thing(None)
    me.x = me
    yield "self", me
    if PY2:
        yield "old", Old(1)
    else:
        yield "inner", Thing.Inner()
        yield "keywords", Keywords(1)
        yield "utc", datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc)


def shown(x):
    return "%s.%s" % (type(x).__module__, type(x).__name__) + " " + ascii_repr(x)


def ascii_repr(x):
    if isinstance(x, BaseException):
        return "%s %s" % (ascii_repr(x.args), ascii_repr(sorted(vars(x).items())))
    return repr(x).replace("\n", " ") if PY2 else ascii(x).replace("\n", " ")


def loads(data):
    if PY2:
        found = cPickle.loads(data)
        # The Python unpickler has to agree.
        if not same(pickle.loads(data), found, {"done": set()}) and not isinstance(found, BaseException):
            raise ValueError("pickle and cPickle differ")
        return found
    return pickle.loads(data)


def answer(line):
    parts = line.split()
    op, rest = parts[0], parts[1:]
    if op == "generate":
        lines = []
        for i in range(int(rest[2])):
            value = Maker(int(rest[1]) + i).value(4)
            lines.append("%s %s\n" % (hexed(dumps(rest[0], value)), Form().of(value)))
        return "".join(lines)
    if op == "table":
        lines = []
        for name, value in table():
            try:
                lines.append("%s %s\n" % (name, hexed(dumps(rest[0], value))))
            except (TypeError, pickle.PicklingError, AttributeError) as e:
                sys.stderr.write("%s cannot be pickled by %s: %s\n" % (name, rest[0], e))
        return "".join(lines)
    data = binascii.unhexlify(rest[0].encode("ascii"))
    if op == "same":
        try:
            found = pickle.loads(data) if not PY2 else cPickle.loads(data)
            if not same(found, Parser(rest[1]).value(), {"done": set()}):
                return "differs " + Form().of(found)
            if PY2 and not same(pickle.loads(data), Parser(rest[1]).value(), {"done": set()}):
                return "the Python unpickler differs"
        except Exception as e:
            return "err %s: %s" % (type(e).__name__, e)
        return "ok"
    if op == "loads":
        try:
            return "ok " + shown(loads(data))
        except Exception as e:
            return "err %s: %s" % (type(e).__name__, str(e).replace("\n", " "))
    raise ValueError(op)


if __name__ == "__main__":
    sys.setrecursionlimit(5000)
    # Classes of this program are to have a module that other programs could import.
    sys.modules["peer"] = sys.modules["__main__"]
    for name in ("Thing", "Slots", "Items", "Pairs", "Custom", "Stateful", "Keywords", "Point") + (("Old",) if PY2 else ()):
        globals()[name].__module__ = "peer"
    Thing.Inner.__module__ = "peer"
    while True:
        request = sys.stdin.readline()
        if not request:
            break
        sys.stdout.write(answer(request) + "\n")
        sys.stdout.flush()
