# -*- coding: utf-8 -*-
"""The values that server.py and client.py exchange, and the text form of any value. Runs on Python 2.7 and 3.

`values.py --xml` prints them as NAME<TAB>VALUE-ELEMENT lines: values.tsv, which the programs in C read.
"""
from __future__ import unicode_literals

import binascii
import struct
import sys

if sys.version_info[0] == 2:
    import xmlrpclib as xmlrpc
    text_type, whole_types = unicode, (int, long)  # noqa: F821
else:
    import xmlrpc.client as xmlrpc
    text_type, whole_types = str, (int,)


def date(iso):
    return xmlrpc.DateTime(str(iso))


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


SPECIAL = [
    ("int", 42),
    ("int_zero", 0),
    ("int_neg", -7),
    ("int_max", 2147483647),
    ("int_min", -2147483648),
    ("i8", 9007199254740993),
    ("bool_true", True),
    ("bool_false", False),
    ("double", 2.5),
    ("double_neg", -12.125),
    ("double_tenth", 0.1),
    ("double_whole", 3.0),
    ("double_small", 1.5e-7),
    ("double_big", 1e300),
    ("double_inf", float("inf")),
    ("double_nan", float("nan")),
    ("str", "Hello"),
    ("str_empty", ""),
    ("str_latin", "caf\u00e9"),
    ("str_cyrillic", "\u041f\u0440\u0438\u0432\u0435\u0442"),
    ("str_emoji", "a\U0001f600b"),
    ("str_markup", "<a b=\"c\">&amp; 'd' ]]> &lt;"),
    ("str_spaces", "  x  "),
    ("str_blank", "   "),
    ("str_lf", "a\nb\n"),
    ("str_tab", "a\tb"),
    ("str_cr", "a\rb\r\nc"),
    ("str_number", "42"),
    ("date", date("19980717T14:08:55")),
    ("date_leap", date("20000229T00:00:00")),
    ("bytes", xmlrpc.Binary(b"you can't read this!")),
    ("bytes_empty", xmlrpc.Binary(b"")),
    ("bytes_all", xmlrpc.Binary(bytes(bytearray(range(256))))),
    ("array", [1, 2, 3]),
    ("array_empty", []),
    ("array_mixed", [1, "two", 3.5, True, [], {"k": "v"}, date("20261122T12:00:00"), xmlrpc.Binary(b"\x00\xff")]),
    ("array_nested", [[1, [2, [3, []]]], []]),
    ("array_deep", nested(50)),
    ("struct", {"a": 1, "b": "two"}),
    ("struct_empty", {}),
    ("struct_nested", {"a": {"b": {"c": [1, {"d": 2}]}}}),
    ("struct_keys", {"": 1, "two words": 2, "<&>": 3, "\u00e9": 4, "lowerBound": 5}),
    ("nil", None),
    ("nil_inside", [1, None, {"a": None}]),
]
BY_NAME = dict(SPECIAL)


def quoted(s):
    out = ['"']
    # By scalar values: Python 2 may have two characters for one.
    wide = s.encode("utf-32-le")
    for n in struct.unpack("<%dI" % (len(wide) // 4), wide):
        if n in (34, 92):
            out.append("\\" + chr(n))
        elif 32 <= n < 127:
            out.append(chr(n))
        else:
            out.append("\\u{%x}" % n)
    return "".join(out) + '"'


def text(x):
    """The type that XML-RPC gives it and the value, on one line."""
    if x is None:
        return "nil"
    if isinstance(x, bool):
        return "boolean:%d" % x
    if isinstance(x, whole_types):
        return "int:%d" % x
    if isinstance(x, float):
        return "double:%r" % x
    if isinstance(x, text_type):
        return "string:" + quoted(x)
    if isinstance(x, xmlrpc.Binary):
        return "base64:" + binascii.hexlify(x.data).decode("ascii")
    if isinstance(x, xmlrpc.DateTime):
        return "dateTime:" + x.value
    if isinstance(x, (list, tuple)):
        return "array[%s]" % ", ".join(text(i) for i in x)
    if isinstance(x, dict):
        return "struct{%s}" % ", ".join("%s: %s" % (quoted(as_text(k)), text(x[k])) for k in sorted(x, key=as_text))
    if isinstance(x, str):  # Python 2 reads ASCII into these.
        return "string:" + quoted(x.decode("ascii"))
    if isinstance(x, bytes):
        return "base64:" + binascii.hexlify(x).decode("ascii")
    if hasattr(x, "strftime"):
        return "dateTime:" + x.strftime("%Y%m%dT%H:%M:%S")
    return "?%s" % type(x).__name__


def as_text(s):
    return s if isinstance(s, text_type) else s.decode("utf-8")


def same(a, b):
    return text(a) == text(b)


def lines():
    """What values.tsv holds: the <value> elements as this Python writes them, line ends of texts as references."""
    for name, value in SPECIAL:
        if name == "i8":  # CPython writes none.
            yield "%s\t<value><i8>%d</i8></value>" % (name, value)
            continue
        xml = as_text(xmlrpc.dumps((value,), encoding="utf-8", allow_none=True))
        xml = xml[xml.index("<value>"):xml.rindex("</value>")] + "</value>"
        is_text = isinstance(value, text_type)
        yield "%s\t%s" % (name, xml.replace("\r", "&#13;").replace("\n", "&#10;" if is_text else ""))


if __name__ == "__main__":
    if sys.argv[1:] == ["--xml"]:
        data = "".join(line + "\n" for line in lines()).encode("utf-8")
        getattr(sys.stdout, "buffer", sys.stdout).write(data)
    else:
        sys.exit("usage: values.py --xml")
