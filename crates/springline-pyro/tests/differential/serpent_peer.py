"""Answers questions about serpent, one JSON object per line: what CPython and the serpent library say.

{"op": "loads", "hex": ...}   ->  {"ok": description} or {"error": text}
{"op": "accepts", "hex": ...} ->  {"ok": null} or {"error": text}
{"op": "dumps", "value": description, "bytes_repr": bool}  ->  {"ok": hex} or {"error": text}

A description is a JSON form of a value that keeps what JSON loses: see `describe`. The special dicts that Pyro and
serpent make (bytes as base64, nan, objects) are described as what they stand for.
"""
import base64
import datetime
import decimal
import json
import struct
import sys
import warnings

import serpent

warnings.simplefilter("ignore")


def bits(x):
    return "nan" if x != x else struct.pack(">d", x).hex()


def unbits(text):
    return float("nan") if text == "nan" else struct.unpack(">d", bytes.fromhex(text))[0]


def number(x):
    if isinstance(x, dict) and x.get("__class__") == "float":
        x = x["value"]
    return float(x)


def describe_dict(x):
    keys = list(x)
    if set(keys) == {"data", "encoding"} and x["encoding"] == "base64" and isinstance(x["data"], str):
        try:
            return {"b": base64.b64decode(x["data"]).hex()}
        except ValueError:
            pass
    if keys and keys[0] == "__class__" and isinstance(x["__class__"], str):
        name = x["__class__"]
        if name == "float":
            return {"f": bits(float(x["value"]))}
        if name == "complex":
            return describe(complex(number(x["real"]), number(x["imag"])))
        if not all(isinstance(k, str) for k in keys):
            raise ValueError("an object's fields have names")
        return {"o": [name, [[k, describe(x[k])] for k in keys[1:]]]}
    return {"d": [[describe(k), describe(v)] for k, v in x.items()]}


def describe(x):
    if isinstance(x, str) and any("\ud800" <= c <= "\udfff" for c in x):
        return {"o": ["a lone surrogate", []]}  # JSON readers refuse them, and so does the codec
    if x is None or isinstance(x, (bool, str)):
        return x
    if isinstance(x, int):
        sys.set_int_max_str_digits(0)  # hexadecimal literals are not held to it
        try:
            return {"i": str(x)}
        finally:
            sys.set_int_max_str_digits(4300)
    if isinstance(x, float):
        return {"f": bits(x)}
    if isinstance(x, complex):
        # Until 3.14 Python loses the signs of zeros when it adds the parts.
        return {"c": [bits(x.real or 0.0), bits(x.imag or 0.0)]}
    if isinstance(x, bytes):
        return {"b": x.hex()}
    if isinstance(x, list):
        return {"l": [describe(i) for i in x]}
    if isinstance(x, tuple):
        return {"t": [describe(i) for i in x]}
    if isinstance(x, (set, frozenset)):
        return {"s": [describe(i) for i in x]}
    if isinstance(x, dict):
        return describe_dict(x)
    if x is ...:
        return {"o": ["ellipsis", []]}
    raise TypeError(type(x))


def build(d):
    if d is None or isinstance(d, (bool, str)):
        return d
    (kind, v), = d.items()
    if kind == "i":
        return int(v)
    if kind == "f":
        return unbits(v)
    if kind == "c":
        return complex(unbits(v[0]), unbits(v[1]))
    if kind == "b":
        return bytes.fromhex(v)
    if kind == "l":
        return [build(i) for i in v]
    if kind == "t":
        return tuple(build(i) for i in v)
    if kind == "s":
        return {build(i) for i in v}
    if kind == "fs":
        return frozenset(build(i) for i in v)
    if kind == "d":
        return {build(k): build(x) for k, x in v}
    if kind == "o":
        return {"__class__": v[0], **{k: build(x) for k, x in v[1]}}
    if kind == "dec":
        return decimal.Decimal(v)
    if kind == "dt":
        if ":" not in v:
            return datetime.date.fromisoformat(v)
        return (datetime.datetime if "-" in v[:10] else datetime.time).fromisoformat(v)
    raise ValueError(kind)


def answer(question):
    if question["op"] == "accepts":
        serpent.loads(bytes.fromhex(question["hex"]))
        return None
    if question["op"] == "loads":
        return describe(serpent.loads(bytes.fromhex(question["hex"])))
    return serpent.dumps(build(question["value"]), bytes_repr=question["bytes_repr"]).hex()


for line in sys.stdin:
    try:
        reply = {"ok": answer(json.loads(line))}
    except Exception as e:  # whatever it is, it is the library's verdict
        reply = {"error": "%s: %s" % (type(e).__name__, str(e)[:200])}
    print(json.dumps(reply))
