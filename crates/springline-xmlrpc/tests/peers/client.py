# -*- coding: utf-8 -*-
"""An XML-RPC client of the standard library that tries every feature of README.md against a server. Runs on Python 2.7 and 3.

Prints a JSON line for each: {"feature": NAME, "ok": true | false | null, "detail": TEXT}; null: this client itself, or a
server of CPython's, cannot do it. Exit status: 0 when no feature is false, 1 otherwise, 2 when nothing could be run.
"""
from __future__ import print_function, unicode_literals

import argparse
import datetime
import gzip
import io
import json
import os
import random
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import traceback

import values
from server import PASSWORD, USER
from values import xmlrpc

if sys.version_info[0] == 2:
    import httplib
    from urllib import quote
    from urlparse import urlsplit
else:
    import http.client as httplib
    from urllib.parse import quote, urlsplit

PY2 = sys.version_info[0] == 2
METHODS = ["add", "big_array", "big_text", "blob", "count", "describe", "echo", "fail", "get_data", "listdir", "nothing", "pow",
           "raise_it", "size", "slow", "special", "specials", "whoami"]
VALIDATOR = ["arrayOfStructsTest", "countTheEntities", "easyStructTest", "echoStructTest", "manyTypesTest", "moderateSizeArrayCheck",
             "nestedStructTest", "simpleStructReturnTest"]
PATIENCE = 120

FEATURES = []


class Cannot(Exception):
    """It cannot be done, whoever serves; or not by a server of CPython's."""


def feature(name):
    def add(function):
        FEATURES.append((name, function))
        return function
    return add


def check(condition, detail):
    if not condition:
        raise AssertionError(detail)


def brief(x, limit=200):
    s = values.as_text(x) if isinstance(x, (str, bytes, values.text_type)) else repr(x)
    return s if len(s) <= limit else "%s... (%d characters)" % (s[:limit], len(s))


class UnixConnection(httplib.HTTPConnection):
    def __init__(self, path):
        httplib.HTTPConnection.__init__(self, "localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self.path))


class UnixTransport(xmlrpc.Transport):
    def __init__(self, path):
        xmlrpc.Transport.__init__(self)
        self.unix = path

    def make_connection(self, host):
        if not self._connection or self._connection[1] is None:
            self._connection = host, UnixConnection(self.unix)
        return self._connection[1]


class Run(object):
    def __init__(self, args):
        self.args = args
        self.url = args.url
        self.shared = self.proxy()
        _, headers, _ = self.exchange(self.post(self.document("system.listMethods")))
        self.of_cpython = "BaseHTTP" in (headers.get("Server") or "")

    # --- connections

    def context(self, who="client", ca="ca-chain.pem", version=None):
        if self.args.way == "plain":
            return None
        path = lambda name: str(os.path.join(self.args.certs, name))
        made = ssl.create_default_context(cafile=path(ca))
        if who is not None:
            made.load_cert_chain(path(who + "-cert.pem"), path(who + "-key.pem"))
        if version is not None:
            if PY2:  # It has no names for this: every other version is ruled out.
                made.options |= ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1 | {"TLSv1.2": 0x20000000, "TLSv1.3": ssl.OP_NO_TLSv1_2}[version]
            else:
                made.minimum_version = made.maximum_version = getattr(ssl.TLSVersion, version.replace(".", "_"))
        return made

    def proxy(self, url=None, who="client", ca="ca-chain.pem", version=None, **options):
        options.setdefault("allow_none", True)
        context = self.context(who, ca, version)
        if context is not None:
            options["context"] = context
        return xmlrpc.ServerProxy(str(url or self.url), **options)

    def gzipping(self):
        """A proxy that compresses its requests, however small."""
        transport = xmlrpc.Transport() if self.args.way == "plain" else xmlrpc.SafeTransport(context=self.context())
        transport.encode_threshold = 10
        return xmlrpc.ServerProxy(str(self.url), transport=transport, allow_none=True)

    def socket(self, url=None, name=None, **options):
        parts = urlsplit(url or self.url)
        connection = socket.create_connection((parts.hostname, parts.port), PATIENCE)
        context = self.context(**options)
        if context is None:
            return connection
        return context.wrap_socket(connection, server_hostname=name or parts.hostname)

    def document(self, method, *params):
        return values.as_text(xmlrpc.dumps(params, str(method), encoding="utf-8", allow_none=True)).encode("utf-8")

    def post(self, body, target="/RPC2", version="1.1", headers=("Content-Type: text/xml",), length=True):
        lines = ["POST %s HTTP/%s" % (target, version)]
        if version == "1.1":
            lines += ["Host: " + urlsplit(self.url).netloc, "Connection: close"]
        lines += headers
        if length:
            lines.append("Content-Length: %d" % len(body))
        return "\r\n".join(lines + ["", ""]).encode("ascii") + body

    def exchange(self, request, url=None, read=True):
        """Sends bytes; (status, headers, body) of what comes back."""
        connection = self.socket(url)
        try:
            connection.sendall(request)
            response = httplib.HTTPResponse(connection, method=str("HEAD") if request.startswith(b"HEAD") else None)
            response.begin()
            headers = response.msg
            return response.status, headers, response.read() if read else None
        finally:
            connection.close()

    def answer(self, body):
        return xmlrpc.loads(body)[0][0]

    # --- what must happen

    def fault(self, call):
        try:
            result = call()
        except xmlrpc.Fault as fault:
            return fault
        raise AssertionError("wanted a fault, got the result %s" % brief(values.text(result)))

    def works(self):
        check(self.shared.add(1, 2) == 3, "the server does not work any more")

    def can_carry(self, value):
        """Raises Cannot unless this client's own reader finds what its writer wrote."""
        try:
            back = xmlrpc.loads(xmlrpc.dumps((value,), allow_none=True))[0][0]
        except Exception as e:
            raise Cannot("this client cannot carry it: %s: %s" % (type(e).__name__, brief(str(e))))
        if not values.same(value, back):
            raise Cannot("this client does not keep it: %s" % brief(values.text(back)))

    def can_read(self, name):
        """Raises Cannot unless this client's reader understands the value as others write it."""
        try:
            back = xmlrpc.loads(str("<?xml version='1.0'?><params><param>%s</param></params>") % XML[name])[0][0]
        except Exception as e:
            raise Cannot("this client cannot read it: %s: %s" % (type(e).__name__, brief(str(e))))
        if not values.same(values.BY_NAME[name], back):
            raise Cannot("this client reads it as %s" % brief(values.text(back)))

    def unless_of_cpython(self, why):
        if self.of_cpython:
            raise Cannot("a server of CPython's " + why)


def lines_of_xml():
    with io.open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "values.tsv"), encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("\t", 1) for line in lines)


XML = {name: xml.encode("utf-8") if PY2 else xml for name, xml in lines_of_xml().items()}


# --- calls ----------------------------------------------------------------------------------------------------------

@feature("call")
def call(run):
    got = run.shared.get_data("Hello")
    check(got == "You got remote data => Hello", "got %r" % got)
    return got


@feature("pow")
def power(run):
    got = run.shared.pow(41, 3)
    check(got == 68921, "got %r" % got)


@feature("listdir")
def listdir(run):
    place = tempfile.mkdtemp()
    try:
        for name in ("b", "a", "caf\u00e9"):
            open(os.path.join(place, name), "w").close()
        got = [values.as_text(name) for name in run.shared.listdir(place)]
    finally:
        shutil.rmtree(place)
    check(sorted(got) == ["a", "b", "caf\u00e9"], "got %r" % got)


@feature("arguments")
def arguments(run):
    wanted = '[int:1, string:"x\\u{e9}\\"", double:2.5, boolean:1, array[int:1, string:"two"], struct{"a": int:1}, base64:00ff, ' \
             'dateTime:19980717T14:08:55]'
    got = run.shared.describe(1, "x\u00e9\"", 2.5, True, [1, "two"], {"a": 1}, xmlrpc.Binary(b"\x00\xff"), values.date("19980717T14:08:55"))
    check(got == wanted, "got %s" % got)


@feature("no_arguments")
def no_arguments(run):
    check(run.shared.describe() == "[]", "got %r" % run.shared.describe())


@feature("none")
def none(run):
    check(run.shared.nothing() is None, "nothing() is not None")


@feature("none_refused")
def none_refused(run):
    strict = run.proxy(run.args.strict)
    fault = run.fault(lambda: strict.special("nil"))
    check(strict.add(1, 2) == 3, "the server does not work any more")
    return "%d %s" % (fault.faultCode, fault.faultString)


def echo_of(name):
    def echo(run):
        value = values.BY_NAME[name]
        run.can_carry(value)
        got = values.text(run.shared.echo(value))
        check(got == values.text(value), "got %s" % brief(got))
    return echo


def special_of(name):
    def special(run):
        run.can_read(name)
        if name == "i8":
            run.unless_of_cpython("cannot write integers beyond 32 bits")
        if name == "str_cr":
            run.unless_of_cpython("writes CR as it is, which XML reads as LF")
        got = values.text(run.shared.special(name))
        check(got == values.text(values.BY_NAME[name]), "got %s" % brief(got))
    return special


for _name, _ in values.SPECIAL:
    feature("echo:" + _name)(echo_of(_name))
for _name, _ in values.SPECIAL:
    feature("special:" + _name)(special_of(_name))


@feature("control_characters")
def control_characters(run):
    # CPython writes them; no reader may take them.
    fault = run.fault(lambda: run.shared.echo("a\x01b"))
    run.works()
    return "%d %s" % (fault.faultCode, fault.faultString)


@feature("builtin_types")
def builtin_types(run):
    moment = datetime.datetime(2026, 11, 22, 12, 30, 15)
    proxy = run.proxy(use_datetime=True) if PY2 else run.proxy(use_builtin_types=True)
    got = proxy.echo(moment)
    check(got == moment, "got %r" % got)
    if not PY2:
        check(proxy.echo(b"\x00\xff") == b"\x00\xff", "bytes do not come back")


@feature("encoding")
def encoding(run):
    proxy = run.proxy(encoding=str("iso-8859-1"))
    for value in ("caf\u00e9", "\u041f\u0440\u0438 \u20ac"):
        got = values.as_text(proxy.echo(value))
        check(got == value, "got %r" % got)


@feature("big_array")
def big_array(run):
    check(run.shared.big_array(20000) == list(range(20000)), "wrong array")
    structs = [{"moe": i, "curly": "c%d" % i, "larry": i / 2.0} for i in range(3000)]
    check(run.shared.echo(structs) == structs, "wrong array of structs")


@feature("big_text")
def big_text(run):
    got = run.shared.big_text(1000000)
    check(len(got) == 1000000 and got.startswith("The quick brown fox. The"), "got %s" % brief(got))
    check(run.shared.size(got) == 1000000, "it did not arrive")


@feature("big_blob")
def big_blob(run):
    got = run.shared.blob(1000000)
    check(got.data == bytes(bytearray(i % 251 for i in range(1000000))), "wrong bytes")
    check(run.shared.size(got) == 1000000, "it did not arrive")


@feature("many_calls")
def many_calls(run):
    for i in range(200):
        check(run.shared.add(i, 1) == i + 1, "wrong answer")


@feature("parallel")
def parallel(run):
    wrong = []

    def work(n):
        try:
            proxy = run.proxy()
            for i in range(10):
                got = values.as_text(proxy.echo("%d %d" % (n, i)))
                check(got == "%d %d" % (n, i), "got %r" % got)
        except BaseException as e:
            wrong.append("%s: %s" % (type(e).__name__, e))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not wrong, wrong)


@feature("slow_beside_fast")
def slow_beside_fast(run):
    answers = []
    slow = run.proxy()
    thread = threading.Thread(target=lambda: answers.append(slow.slow(0.5)))
    thread.start()
    run.works()
    thread.join()
    check(answers == ["done"], "got %r" % answers)


# --- faults ---------------------------------------------------------------------------------------------------------

@feature("fault")
def fault(run):
    got = run.fault(lambda: run.shared.fail(42, "no good"))
    check((got.faultCode, got.faultString) == (42, "no good"), "got %r" % got)
    got = run.fault(lambda: run.shared.fail(-7, ""))
    check((got.faultCode, got.faultString) == (-7, ""), "got %r" % got)
    run.works()


@feature("fault_unicode")
def fault_unicode(run):
    text = "caf\u00e9 \u041f \"<&>'"
    got = run.fault(lambda: run.shared.fail(1, text))
    check(values.as_text(got.faultString) == text, "got %r" % got)


@feature("fault_of_exception")
def fault_of_exception(run):
    got = run.fault(lambda: run.shared.raise_it("value", "the message"))
    check("the message" in got.faultString and "Traceback" not in got.faultString, "got %r" % got)
    run.works()
    return "%d %s" % (got.faultCode, got.faultString)


@feature("unknown_method")
def unknown_method(run):
    got = run.fault(lambda: run.shared.no_such_method())
    check("no_such_method" in got.faultString, "got %r" % got)
    check(run.of_cpython or got.faultCode == -32601, "got %r" % got)
    return "%d %s" % (got.faultCode, got.faultString)


@feature("wrong_arguments")
def wrong_arguments(run):
    codes = []
    for call in (lambda: run.shared.add(1), lambda: run.shared.add(1, 2, 3), lambda: run.shared.add("x", {})):
        codes.append(run.fault(call).faultCode)
    check(run.of_cpython or codes == [-32602] * 3, "got %r" % codes)
    run.works()


@feature("malformed")
def malformed(run):
    codes = []
    for body in (b"<methodCall><methodName>add</methodName>", b"no XML at all", b"", b"<a/>"):
        if not body:
            run.works()
            continue
        status, _, answer = run.exchange(run.post(body))
        check(status == 200, "status %d for %r" % (status, body))
        codes.append(run.fault(lambda: run.answer(answer)).faultCode)
    check(run.of_cpython or codes == [-32700, -32700, -32600], "got %r" % codes)
    return repr(codes)


@feature("doctype_refused")
def doctype_refused(run):
    run.unless_of_cpython("expands entities")
    body = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e "x">]><methodCall><methodName>echo</methodName><params><param>' \
           b"<value>&e;</value></param></params></methodCall>"
    status, _, answer = run.exchange(run.post(body))
    check(status == 200, "status %d" % status)
    got = run.fault(lambda: run.answer(answer))
    return "%d %s" % (got.faultCode, got.faultString)


# --- introspection and multicall ------------------------------------------------------------------------------------

@feature("list_methods")
def list_methods(run):
    got = run.shared.system.listMethods()
    missing = [m for m in METHODS + ["validator1." + m for m in VALIDATOR] + ["system.listMethods", "system.multicall"] if m not in got]
    check(not missing, "missing: %s" % missing)
    check(list(got) == sorted(got), "not sorted: %s" % brief(got))
    check(not [m for m in got if m.startswith("_")], "private methods: %s" % brief(got))


@feature("method_help")
def method_help(run):
    check(run.shared.system.methodHelp("get_data") == "Says what it was sent.", "got %r" % run.shared.system.methodHelp("get_data"))
    check(run.shared.system.methodHelp("pow") == "", "got %r" % run.shared.system.methodHelp("pow"))


@feature("method_signature")
def method_signature(run):
    got = run.shared.system.methodSignature("get_data")
    check(got in ("signatures not supported", "undef") or isinstance(got, list), "got %r" % got)
    return repr(got)


@feature("capabilities")
def capabilities(run):
    run.unless_of_cpython("has no system.getCapabilities")
    got = run.shared.system.getCapabilities()
    check(got["faults_interop"]["specVersion"] == 20010516, "got %r" % got)
    check(all(set(c) == set(["specUrl", "specVersion"]) for c in got.values()), "got %r" % got)


@feature("multicall")
def multicall(run):
    many = xmlrpc.MultiCall(run.shared)
    many.add(1, 2)
    many.get_data("x")
    many.echo([1, [2]])
    many.echo([])
    got = list(many())
    check(got == [3, "You got remote data => x", [1, [2]], []], "got %r" % got)
    check(list(xmlrpc.MultiCall(run.shared)()) == [], "an empty one")


@feature("multicall_faults")
def multicall_faults(run):
    got = run.shared.system.multicall([
        {"methodName": "add", "params": [1, 2]},
        {"methodName": "fail", "params": [42, "no good"]},
        {"methodName": "no_such_method", "params": []},
        {"methodName": "add", "params": [3, 4]},
    ])
    check(got[0] == [3] and got[3] == [7], "got %r" % got)
    check(got[1] == {"faultCode": 42, "faultString": "no good"}, "got %r" % got)
    check(set(got[2]) == set(["faultCode", "faultString"]), "got %r" % got)


@feature("multicall_nested")
def multicall_nested(run):
    # CPython's server before 3.14 would run it; what counts is that the other entries are answered.
    got = run.shared.system.multicall([{"methodName": "system.multicall", "params": [[]]}, {"methodName": "add", "params": [1, 2]}])
    check(len(got) == 2 and got[1] == [3], "got %r" % got)
    check(run.of_cpython or "faultCode" in got[0], "got %r" % got)


@feature("multicall_malformed")
def multicall_malformed(run):
    run.unless_of_cpython("answers a malformed entry with a fault for them all")
    got = run.shared.system.multicall([{"methodName": "add"}, 5, {"params": []}, {"methodName": "add", "params": [1, 2]}])
    check(["faultCode" in x for x in got] == [True, True, True, False] and got[3] == [3], "got %r" % got)


# --- the validation suite -------------------------------------------------------------------------------------------

def stooges(**more):
    trio = {name: random.randrange(-1000, 1000) for name in ("moe", "larry", "curly")}
    trio.update(more)
    return trio


@feature("validator1.arrayOfStructsTest")
def array_of_structs(run):
    structs = [stooges(shemp=i) for i in range(random.randrange(1, 50))]
    check(run.shared.validator1.arrayOfStructsTest(structs) == sum(s["curly"] for s in structs), "wrong sum")


@feature("validator1.countTheEntities")
def count_the_entities(run):
    text = "".join(random.choice("<>&'\"ab c") for _ in range(random.randrange(200)))
    got = run.shared.validator1.countTheEntities(text)
    wanted = {"ctLeftAngleBrackets": text.count("<"), "ctRightAngleBrackets": text.count(">"), "ctAmpersands": text.count("&"),
              "ctApostrophes": text.count("'"), "ctQuotes": text.count('"')}
    check(got == wanted, "got %r for %r" % (got, text))


@feature("validator1.easyStructTest")
def easy_struct(run):
    trio = stooges()
    check(run.shared.validator1.easyStructTest(trio) == trio["moe"] + trio["larry"] + trio["curly"], "wrong sum")


@feature("validator1.echoStructTest")
def echo_struct(run):
    struct = {"substruct%d" % i: stooges() for i in range(10)}
    check(run.shared.validator1.echoStructTest(struct) == struct, "it changed")


@feature("validator1.manyTypesTest")
def many_types(run):
    six = [random.randrange(10000), bool(random.getrandbits(1)), "text <&>", random.randrange(10000) / 10.0, values.date("20261122T12:30:15"),
           xmlrpc.Binary(b"\x00\x01binary\xff")]
    got = run.shared.validator1.manyTypesTest(*six)
    check(values.same(got, six), "got %s" % values.text(got))


@feature("validator1.moderateSizeArrayCheck")
def moderate_size_array(run):
    texts = ["text %d" % random.randrange(1000) for _ in range(random.randrange(100, 200))]
    check(run.shared.validator1.moderateSizeArrayCheck(texts) == texts[0] + texts[-1], "wrong text")


@feature("validator1.nestedStructTest")
def nested_struct(run):
    trio = stooges()
    days = lambda year, month: {"%02d" % d: {} for d in range(1, 29)}
    calendar = {str(y): {"%02d" % m: days(y, m) for m in range(1, 13)} for y in (1999, 2000, 2001)}
    calendar["2000"]["04"]["01"] = trio
    got = run.shared.validator1.nestedStructTest(calendar)
    check(got == trio["moe"] + trio["larry"] + trio["curly"], "got %r" % got)


@feature("validator1.simpleStructReturnTest")
def simple_struct_return(run):
    n = random.randrange(-1000, 1000)
    got = run.shared.validator1.simpleStructReturnTest(n)
    check(got == {"times10": n * 10, "times100": n * 100, "times1000": n * 1000}, "got %r" % got)


# --- HTTP -----------------------------------------------------------------------------------------------------------

@feature("http10")
def http10(run):
    # As the original client does it: HTTP/1.0 and no Host.
    request = run.post(run.document("add", 1, 2), version="1.0")
    check(b"Host" not in request, "it has a Host")
    status, headers, body = run.exchange(request)
    check(status == 200 and run.answer(body) == 3, "status %d, %r" % (status, body))
    check(headers.get("Content-Length") == "%d" % len(body), "no Content-Length")
    check(run.proxy(run.args.http10).add(1, 2) == 3, "wrong answer")


@feature("keep_alive")
def keep_alive(run):
    connection = run.socket()
    try:
        for i in range(3):
            connection.sendall(run.post(run.document("add", i, 1)).replace(b"Connection: close\r\n", b""))
            response = httplib.HTTPResponse(connection)
            response.begin()
            check(not response.will_close, "the server closes the connection")
            check(run.answer(response.read()) == i + 1, "wrong answer")
    finally:
        connection.close()


@feature("connection_close")
def connection_close(run):
    status, headers, body = run.exchange(run.post(run.document("add", 1, 2)))
    check(status == 200 and run.answer(body) == 3, "status %d, %r" % (status, body))
    check(headers.get("Content-Type", "").startswith("text/xml"), "Content-Type %r" % headers.get("Content-Type"))


@feature("path_root")
def path_root(run):
    status, _, body = run.exchange(run.post(run.document("add", 1, 2), target="/"))
    check(status == 200 and run.answer(body) == 3, "status %d, %r" % (status, body))


@feature("path_unknown")
def path_unknown(run):
    try:
        run.proxy(run.url.replace("/RPC2", "/nowhere")).add(1, 2)
    except xmlrpc.ProtocolError as e:
        check(e.errcode == 404, "got %r" % e)
        return repr(e)
    raise AssertionError("it is served")


@feature("path_query")
def path_query(run):
    run.unless_of_cpython("compares the path with its query (before 3.10: takes it)")
    status, _, body = run.exchange(run.post(run.document("add", 1, 2), target="/RPC2?session-id=5"))
    check(status == 200 and run.answer(body) == 3, "status %d, %r" % (status, body))


@feature("other_verbs")
def other_verbs(run):
    seen = []
    for verb in (b"GET", b"PUT", b"DELETE", b"HEAD"):
        status, headers, _ = run.exchange(run.post(b"").replace(b"POST", verb), read=False)
        seen.append(status)
        check(run.of_cpython or headers.get("Allow") == "POST", "%s: Allow is %r" % (verb, headers.get("Allow")))
    check(seen == [501 if run.of_cpython else 405] * 4, "got %r" % seen)
    run.works()


@feature("content_types")
def content_types(run):
    for headers in ((), ("Content-Type: application/xml; charset=utf-8",), ("Content-Type: text/xml;charset=\"utf-8\"",)):
        status, _, body = run.exchange(run.post(run.document("add", 1, 2), headers=headers))
        check(status == 200 and run.answer(body) == 3, "status %d, %r" % (status, body))


@feature("chunked_request")
def chunked_request(run):
    run.unless_of_cpython("reads no chunked requests")
    body = run.document("echo", "x" * 3000)
    chunks = b"".join(("%x\r\n" % len(c)).encode("ascii") + c + b"\r\n" for c in (body[:10], body[10:11], body[11:]))
    request = run.post(chunks + b"0\r\n\r\n", headers=("Content-Type: text/xml", "Transfer-Encoding: chunked"), length=False)
    status, _, answer = run.exchange(request)
    check(status == 200 and run.answer(answer) == "x" * 3000, "status %d, %s" % (status, brief(answer)))


@feature("expect_continue")
def expect_continue(run):
    run.unless_of_cpython("leaves its 100 in a buffer")
    body = run.document("add", 1, 2)
    connection = run.socket()
    try:
        head = run.post(b"", headers=("Content-Type: text/xml", "Expect: 100-continue", "Content-Length: %d" % len(body)), length=False)
        connection.sendall(head)
        check(connection.recv(100).startswith(b"HTTP/1.1 100"), "no 100")
        connection.sendall(body)
        response = httplib.HTTPResponse(connection)
        response.begin()
        check(response.status == 200 and run.answer(response.read()) == 3, "status %d" % response.status)
    finally:
        connection.close()


@feature("no_length")
def no_length(run):
    run.unless_of_cpython("fails with 500")
    status, _, _ = run.exchange(run.post(b"", length=False))
    check(status == 411, "status %d" % status)
    run.works()


@feature("gzip_request")
def gzip_request(run):
    text = "abc" * 2000
    check(run.gzipping().echo(text) == text, "wrong answer")


@feature("gzip_response")
def gzip_response(run):
    request = run.post(run.document("big_text", 50000), headers=("Content-Type: text/xml", "Accept-Encoding: gzip"))
    status, headers, body = run.exchange(request)
    check(status == 200 and headers.get("Content-Encoding") == "gzip", "Content-Encoding %r" % headers.get("Content-Encoding"))
    plain = gzip.GzipFile(fileobj=io.BytesIO(body)).read()
    check(len(body) < len(plain) and len(run.answer(plain)) == 50000, "wrong answer")
    request = run.post(run.document("big_text", 50000), headers=("Content-Type: text/xml", "Accept-Encoding: gzip;q=0, identity"))
    _, headers, _ = run.exchange(request)
    check(not headers.get("Content-Encoding"), "it was not asked for")


@feature("gzip_damaged")
def gzip_damaged(run):
    status, _, _ = run.exchange(run.post(b"no gzip", headers=("Content-Type: text/xml", "Content-Encoding: gzip")))
    check(status == 400, "status %d" % status)
    run.works()


@feature("basic_auth")
def basic_auth(run):
    url = run.args.auth.replace("://", "://%s:%s@" % (USER, quote(PASSWORD.encode("utf-8"))))
    check(run.proxy(url).add(1, 2) == 3, "wrong answer")


@feature("basic_auth_refused")
def basic_auth_refused(run):
    for url in (run.args.auth, run.args.auth.replace("://", "://user:wrong@")):
        try:
            run.proxy(url).add(1, 2)
        except xmlrpc.ProtocolError as e:
            check(e.errcode == 401, "got %r" % e)
            # Python 3 makes a plain dict of them.
            headers = {name.lower(): value for name, value in e.headers.items()}
            check("basic" in headers.get("www-authenticate", "").lower(), "no WWW-Authenticate")
        else:
            raise AssertionError("it is served")


@feature("unix_socket")
def unix_socket(run):
    if not run.args.unix:
        raise Cannot("Unix sockets are tried without TLS")
    proxy = xmlrpc.ServerProxy(str("http://localhost/RPC2"), transport=UnixTransport(run.args.unix), allow_none=True)
    check(proxy.add(1, 2) == 3 and proxy.echo("x") == "x", "wrong answer")


# --- TLS ------------------------------------------------------------------------------------------------------------

def tls_feature(name):
    def add(function):
        def run_it(run):
            if run.args.way == "plain":
                raise Cannot("there is no TLS in this column")
            return function(run)
        FEATURES.append(("tls:" + name, run_it))
        return function
    return add


def let_in(run, who, in_ways):
    """A client with these certificates gets its answer in these ways; in the others it is told nothing."""
    proxy = run.proxy(who=who)
    try:
        got = proxy.add(1, 2)
    except xmlrpc.Error as e:
        raise AssertionError("the server spoke to it: %r" % e)
    except (ssl.SSLError, socket.error, httplib.HTTPException) as e:
        check(run.args.way not in in_ways, "refused: %s: %s" % (type(e).__name__, e))
        run.works()
        return "%s: %s" % (type(e).__name__, e)
    check(got == 3, "wrong answer")
    check(run.args.way in in_ways, "it was let in")


@tls_feature("right_certificate")
def right_certificate(run):
    return let_in(run, "client", ("tls", "cert", "fields"))


@tls_feature("no_certificate")
def no_certificate(run):
    return let_in(run, None, ("tls",))


@tls_feature("unknown_ca")
def unknown_ca(run):
    return let_in(run, "stranger", ("tls",))


@tls_feature("wrong_field")
def wrong_field(run):
    return let_in(run, "other", ("tls", "cert"))


@tls_feature("missing_field")
def missing_field(run):
    return let_in(run, "lacking", ("tls", "cert"))


@tls_feature("certificate_in_handler")
def certificate_in_handler(run):
    wanted = "" if run.args.way == "tls" else "My Client"
    got = run.shared.whoami()
    check(got == wanted, "got %r" % got)


@tls_feature("version_1.2")
def version_12(run):
    check(run.socket(version="TLSv1.2").version() == "TLSv1.2", "another version")
    check(run.proxy(version="TLSv1.2").add(1, 2) == 3, "wrong answer")


@tls_feature("version_1.3")
def version_13(run):
    check(run.socket(version="TLSv1.3").version() == "TLSv1.3", "another version")
    check(run.proxy(version="TLSv1.3").add(1, 2) == 3, "wrong answer")


@tls_feature("server_of_unknown_ca")
def server_of_unknown_ca(run):
    try:
        run.proxy(ca="stranger-ca.pem").add(1, 2)
    except ssl.SSLError as e:
        run.works()
        return str(e)
    raise AssertionError("the client trusts it")


@tls_feature("server_name")
def server_name(run):
    try:
        run.socket(name="elsewhere.example")
    except (ssl.SSLError, ssl.CertificateError) as e:
        run.works()
        return str(e)
    raise AssertionError("the client trusts it")


@tls_feature("resumed_session")
def resumed_session(run):
    if PY2:
        raise Cannot("Python 2.7 cannot resume sessions")
    context = run.context()
    parts = urlsplit(run.url)

    def once(session):
        connection = context.wrap_socket(socket.create_connection((parts.hostname, parts.port), PATIENCE), server_hostname=parts.hostname,
                                         session=session)
        try:
            connection.sendall(run.post(run.document("add", 1, 2)))
            response = httplib.HTTPResponse(connection)
            response.begin()
            check(run.answer(response.read()) == 3, "wrong answer")
            return connection.session, connection.session_reused
        finally:
            connection.close()

    session, reused = once(None)
    check(not reused and session is not None, "no session")
    _, reused = once(session)
    check(reused, "the second one is not resumed")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="the server, at HTTP/1.1")
    parser.add_argument("--http10", help="the same, where answers may be HTTP/1.0")
    parser.add_argument("--strict", help="the same, without allow_none")
    parser.add_argument("--auth", help="the same, for user:password only")
    parser.add_argument("--unix", help="the same, at a Unix socket")
    parser.add_argument("--way", default="plain", choices=("plain", "tls", "cert", "fields"))
    parser.add_argument("--certs", metavar="DIR")
    parser.add_argument("--feature", nargs="*", metavar="NAME", help="only these; `echo:` stands for all of them")
    parser.add_argument("--list", action="store_true", help="print the features' names")
    args = parser.parse_args()
    if args.list:
        print("\n".join(name for name, _ in FEATURES))
        return 0
    if not args.url:
        parser.error("--url is needed")
    socket.setdefaulttimeout(PATIENCE)
    try:
        run = Run(args)
    except Exception:
        traceback.print_exc()
        return 2
    failed = False
    for name, function in FEATURES:
        if args.feature and not any(name == f or f.endswith(":") and name.startswith(f) for f in args.feature):
            continue
        try:
            ok, detail = True, function(run) or ""
        except Cannot as e:
            ok, detail = None, str(e)
        except Exception as e:
            ok, detail = False, "%s: %s" % (type(e).__name__, brief(str(e), 600))
            traceback.print_exc()
            run.shared = run.proxy()
        failed = failed or ok is False
        print(json.dumps({"feature": name, "ok": ok, "detail": values.as_text(detail)}))
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
