"""Values both peer programs share, and one unambiguous text form of any value.

The grammar of `text` is written down in README.md: a server in another language has to be able to produce the same text.
"""
from __future__ import unicode_literals

import array
import collections
import datetime
import decimal
import sys
import uuid

PYTHON2 = sys.version_info[0] == 2
if PYTHON2:
    integers, texts = (int, long), (str, unicode)
else:
    integers, texts = (int,), (str,)


class BankError(Exception):
    """An exception class that no client knows unless it registers it."""

    def __init__(self, message, balance=12, currency="EUR"):
        Exception.__init__(self, message)
        self.balance = balance
        self.currency = currency


class Money(object):
    """A plain object: travels as a dict with `__class__` where the serializer keeps that."""

    def __init__(self, amount=12, currency="EUR"):
        self.amount = amount
        self.currency = currency


# The wire names these classes by their module; the name must not depend on how the program was started.
BankError.__module__ = str("bank")
Money.__module__ = str("bank")
sys.modules["bank"] = sys.modules[__name__]

Point = collections.namedtuple(str("Point"), "x y")


def characters(s):
    """The numbers of a text's characters: a Python 2 may have halves of them."""
    if not PYTHON2:
        return [ord(c) for c in s]
    data = bytearray(s.encode("utf-32-be"))
    return [data[i] << 24 | data[i + 1] << 16 | data[i + 2] << 8 | data[i + 3] for i in range(0, len(data), 4)]


def escaped(s):
    out = []
    for n in characters(s):
        if n in (34, 92):
            out.append("\\" + chr(n))
        elif 32 <= n <= 126:
            out.append(chr(n))
        else:
            out.append("\\u{%x}" % n)
    return "".join(out)


def text(x):
    """The text form of a value, its type included."""
    t = type(x)
    if x is None:
        return "None"
    if t is bool:
        return "bool:%s" % x
    if t in integers:
        return "int:%s" % x
    if t is float:
        return "float:%r" % x
    if t is complex:
        return "complex:%r,%r" % (x.real, x.imag)
    if PYTHON2 and t is bytes:
        # Text where it can be, as Python 2's `str` is either.
        try:
            x = x.decode("utf-8")
            t = type(x)
        except UnicodeDecodeError:
            return "bytes:%s" % hexadecimal(x)
    if t in texts:
        return 'str:"%s"' % escaped(x)
    if t in (bytes, bytearray, memoryview):
        return "%s:%s" % (t.__name__, hexadecimal(x))
    if t in (list, tuple):
        return "%s[%s]" % (t.__name__, ", ".join(text(i) for i in x))
    if t in (set, frozenset):
        return "%s[%s]" % (t.__name__, ", ".join(sorted(text(i) for i in x)))
    if t is dict:
        return "dict{%s}" % ", ".join("%s: %s" % (text(k), text(v)) for k, v in x.items())
    if t in (datetime.datetime, datetime.date, datetime.time):
        return "%s:%s" % (t.__name__, x.isoformat())
    if t is datetime.timedelta:
        return "timedelta:%r" % x.total_seconds()
    if t in (decimal.Decimal, uuid.UUID):
        return "%s:%s" % (t.__name__, x)
    if t.__name__ == "URI":
        return "URI:%s" % x
    if t.__name__ == "Proxy":
        return "Proxy:%s" % x._pyroUri
    if t.__name__ == "ExtType":
        return "ExtType:%d:%s" % (x.code, hexadecimal(x.data))
    if isinstance(x, BaseException):
        return "exception:%s:%s" % (t.__name__, text(list(x.args)))
    return "object:%s.%s" % (t.__module__, t.__name__)


def hexadecimal(data):
    return "".join("%02x" % b for b in bytearray(data))


def describe(args, kwargs):
    """The text of a whole argument list; keyword arguments sorted by name."""
    return "[%s] {%s}" % (
        ", ".join(text(a) for a in args),
        ", ".join("%s: %s" % (k, text(kwargs[k])) for k in sorted(kwargs)),
    )


def nested(depth):
    value = "bottom"
    for _ in range(depth):
        value = [value]
    return value


SHARED = [1]

# Every value `special(name)` can return and the client's echo features send.
# Those of `SERVER_ONLY` are never sent by client.py: they say something about a server alone.
SPECIAL = collections.OrderedDict((
    ("none", None),
    ("true", True),
    ("false", False),
    ("zero", 0),
    ("int", 42),
    ("negative", -42),
    ("i32_max", 2**31 - 1),
    ("i32_min", -(2**31)),
    ("i32_over", 2**31),
    ("i64_max", 2**63 - 1),
    ("i64_min", -(2**63)),
    ("i64_over", 2**63),
    ("u64_max", 2**64 - 1),
    ("big", 123456789012345678901234567890),
    ("big_negative", -(2**100)),
    ("float", 3.25),
    ("float_tenth", 0.1),
    ("float_whole", 1.0),
    ("float_negzero", -0.0),
    ("float_huge", 1.7976931348623157e308),
    ("float_tiny", 5e-324),
    ("inf", float("inf")),
    ("ninf", float("-inf")),
    ("nan", float("nan")),
    ("complex", complex(3.0, 4.0)),
    ("complex_inf", complex(1.0, float("-inf"))),
    ("str_empty", ""),
    ("str", "plain text"),
    ("str_quotes", "it's \"quoted\" \\ back"),
    ("str_latin", "caf\u00e9 na\u00efve"),
    ("str_bmp", "\u65e5\u672c\u8a9e \u0416 \u20ac"),
    ("str_astral", "\U0001f600 \U00010348"),
    ("str_control", "\x00\x01\x07\x08\t\n\x0b\x0c\r\x1b\x1f\x7f\x80\x85\xa0\xad\u2028\u2029\ufeff"),
    ("str_surrogate", "\ud800"),
    ("bytes", b"abc\x00\xff"),
    ("bytes_empty", b""),
    ("bytes_all", bytes(bytearray(range(256)))),
    ("bytearray", bytearray(b"abc\x00\xff")),
    ("list_empty", []),
    ("list", [1, "two", 3.0, None, True]),
    ("shared", [SHARED, SHARED]),
    ("tuple_empty", ()),
    ("tuple_one", (1,)),
    ("tuple", (1, "two", 3.0)),
    ("set_empty", set()),
    ("set", {1, 2, 3}),
    ("set_str", {"a", "b"}),
    ("frozenset_empty", frozenset()),
    ("frozenset", frozenset([1, 2, 3])),
    ("dict_empty", {}),
    ("dict", {"b": 1, "a": [2, {"c": None}]}),
    ("dict_intkeys", {1: "one", 2: "two"}),
    ("dict_boolkeys", {True: "yes", False: "no"}),
    ("dict_tuplekeys", {(1, 2): "pair"}),
    ("nested", {"list": [[1, [2, [3, (4, 5)]]], {"k": {"k": [{}]}}], "tuple": ((), ((),))}),
    ("deep", nested(50)),
    ("datetime", datetime.datetime(2024, 2, 29, 12, 34, 56)),
    ("datetime_us", datetime.datetime(2024, 2, 29, 12, 34, 56, 789012)),
    ("date", datetime.date(2024, 2, 29)),
    ("time", datetime.time(12, 34, 56)),
    ("timedelta", datetime.timedelta(days=1, seconds=2, microseconds=500000)),
    ("decimal", decimal.Decimal("1.50")),
    ("uuid", uuid.UUID("12345678-1234-5678-1234-567812345678")),
    ("namedtuple", Point(1, 2)),
    ("ordereddict", collections.OrderedDict([("b", 1), ("a", 2)])),
    ("array_int", array.array(str("i"), [1, 2, 3])),
    ("array_float", array.array(str("d"), [1.5, 2.5])),
    ("deque", collections.deque([1, 2])),
    ("object", Money()),
    ("exception", ValueError("as a value")),
))
if not PYTHON2:
    import enum

    class Colour(enum.Enum):
        RED = "red"

    SPECIAL["datetime_tz"] = datetime.datetime(2024, 2, 29, 12, 34, 56, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    SPECIAL["enum"] = Colour.RED
# Those that Python 2 has no type for.
MISSING = ("datetime_tz", "enum") if PYTHON2 else ()
SERVER_ONLY = ("object", "exception", "str_surrogate", "namedtuple", "ordereddict", "enum", "array_int", "array_float", "deque")


def same(a, b):
    """Equality as far as the serializers can keep it: the README lists what each of them flattens."""
    if isinstance(b, dict) and set(b) == {"data", "encoding"} and b["encoding"] == "base64":
        import base64
        b = base64.b64decode(b["data"])
    if a is None or isinstance(a, bool):
        return a is b
    if isinstance(a, float):
        return isinstance(b, float) and (repr(a) == repr(b))
    if isinstance(a, integers):
        return type(b) in integers and a == b
    if PYTHON2 and isinstance(a, texts) and isinstance(b, texts):
        # What is no UTF-8 is compared as it is; all else may come back as either type.
        encoded = [x.encode("utf-8") if isinstance(x, unicode) else x for x in (a, b)]
        return encoded[0] == encoded[1]
    if isinstance(a, complex):
        return isinstance(b, complex) and a == b
    if isinstance(a, (bytes, bytearray)):
        return isinstance(b, (bytes, bytearray)) and bytes(a) == bytes(b)
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, (set, frozenset)):
        return isinstance(b, (set, frozenset, list, tuple)) and len(a) == len(b) and set(a) == set(b)
    if isinstance(a, dict):
        if not isinstance(b, dict) or len(a) != len(b):
            return False
        return all((k in b and same(v, b[k])) or (key_text(k) in b and same(v, b[key_text(k)])) for k, v in a.items())
    if isinstance(a, (datetime.datetime, datetime.date, datetime.time)):
        return type(a) is type(b) and a == b or b == a.isoformat()
    if isinstance(a, datetime.timedelta):
        return a == b or b == a.total_seconds()
    if isinstance(a, (decimal.Decimal, uuid.UUID)):
        return a == b or b == str(a)
    return type(a) is type(b) and a == b


def key_text(k):
    """What json makes of a dict key."""
    return {True: "true", False: "false", None: "null"}.get(k, str(k)) if isinstance(k, (bool, type(None))) else str(k)
