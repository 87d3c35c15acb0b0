"""A Pyro4 or Pyro5 client that tries every feature of README.md against a server and prints one JSON line for each.

{"feature": NAME, "ok": true | false | null, "optional": BOOL, "detail": TEXT}; null: this client itself cannot do it.
Exit status: 0 when no feature is false, 1 otherwise, 2 when nothing could be run.
"""
from __future__ import print_function, unicode_literals

import argparse
import collections
import hashlib
import json
import sys
import threading
import time
import uuid

import serpent

import values
from pyros import Cannot, PYTHON2, Pyro, start

clock = getattr(time, "monotonic", time.time)

METHODS = {"get_data", "echo", "add", "describe", "types", "nothing", "fail", "fire", "fired", "annotations", "correlation",
           "blob", "big_text", "size", "slow", "special", "specials", "give_uri", "give_proxy", "give_other", "call_back", "count"}
OPTIONAL_METHODS = {"stream", "stream_fail", "lend", "withdraw", "meet"}
ATTRIBUTES = {"value", "readonly"}

FEATURES = collections.OrderedDict()


def feature(name, optional=False):
    def add(function):
        FEATURES[name] = (function, optional)
        return function
    return add


def emit(line):
    print(json.dumps(line))
    sys.stdout.flush()


def check(condition, detail):
    if not condition:
        raise AssertionError(detail)


def brief(x, limit=160):
    s = x if isinstance(x, values.texts) else repr(x)
    return s if len(s) <= limit else "%s... (%d characters)" % (s[:limit], len(s))


class Run(object):
    def __init__(self, args):
        self.args = args
        self.pyro = Pyro(args.gen)
        self.errors, self.context, self.config = self.pyro.errors, self.pyro.context, self.pyro.config
        self.pyro.configure(SERIALIZER=args.serializer, COMPRESSION=args.compress, SOCK_NODELAY=True)
        if args.gen == 4:
            self.pyro.configure(SERIALIZERS_ACCEPTED=self.pyro.serializers())
        self.serializer = self.pyro.serializer(args.serializer)
        self.uri = self.pyro.URI(str(args.uri))
        self.Proxy = self.pyro.api.Proxy
        self.token = uuid.uuid4().hex

    def configure(self, proxy):
        if not self.pyro.before(4, 5):
            # 4.2 and 4.3 with a timeout take the first piece of a large message for all of it.
            proxy._pyroTimeout = self.args.timeout
        if self.args.handshake is not None and not self.pyro.before(4, 38):
            proxy._pyroHandshake = self.args.handshake
        if self.args.hmac is not None:
            self.pyro.set_key(proxy, self.args.hmac)
        if self.pyro.before(4, 27):
            # Nobody tells a client that waits for no answer.
            proxy._pyroOneway.add("fire")
        return proxy

    def proxy(self, objectid=None, cls=None):
        uri = self.uri if objectid is None else str("PYRO:%s@%s" % (objectid, self.uri.location))
        return self.configure((cls or self.Proxy)(uri))

    def invoke(self, proxy, method, args=(), kwargs=None, objectid=None):
        """A call that the client's own metadata check does not stop."""
        if not self.pyro.before(4, 27):
            return proxy._pyroInvoke(method, args, kwargs or {}, objectId=objectid)
        if objectid is not None:
            proxy = self.proxy(objectid)
        invoke = proxy._Proxy__pyroInvoke if self.pyro.before(4, 5) else proxy._pyroInvoke
        return invoke(method, args, kwargs or {})

    def can_carry(self, value):
        """Raises Cannot unless this client's own serializer keeps the value on a round trip without any server."""
        try:
            self.serializer.dumpsCall("thing", "echo", (value,), {})
            back = self.serializer.loads(self.serializer.dumps(value))
        except Exception as e:
            raise Cannot("%s of this client cannot carry it: %s: %s" % (self.args.serializer, type(e).__name__, brief(str(e))))
        if not values.same(value, back):
            raise Cannot("%s of this client does not keep it: %s" % (self.args.serializer, brief(values.text(back))))

    def can_carry_remote(self, value):
        """The same for a URI or proxy; Pyro5 5.1 writes both and reads neither."""
        try:
            self.serializer.dumpsCall("thing", "echo", (value,), {})
            back = self.serializer.loads(self.serializer.dumps(value))
        except Exception as e:
            raise Cannot("%s of this client cannot carry a %s: %s: %s"
                         % (self.args.serializer, type(value).__name__, type(e).__name__, brief(str(e))))
        if type(back) is not type(value):
            raise Cannot("%s of this client does not keep a %s" % (self.args.serializer, type(value).__name__))

    def can_call(self, method, args, kwargs):
        try:
            self.serializer.dumpsCall("thing", method, args, kwargs)
        except Exception as e:
            raise Cannot("%s of this client cannot write that call: %s: %s" % (self.args.serializer, type(e).__name__, brief(str(e))))

    def raised(self, wanted, call):
        """The exception of the wanted class (not a subclass by accident) that the call raises."""
        try:
            result = call()
        except wanted as e:
            return e
        except Exception as e:
            raise AssertionError("wanted %s, got %s: %s" % (wanted.__name__, type(e).__name__, brief(str(e))))
        raise AssertionError("wanted %s, got the result %s" % (wanted.__name__, brief(values.text(result))))

    def eventually(self, condition, detail, patience=20.0):
        end = clock() + patience
        while not condition():
            check(clock() < end, detail)
            time.sleep(0.02)


# --- connecting -----------------------------------------------------------------------------------------------------

@feature("handshake")
def handshake(run):
    run.pyro.needs((4, 38), "handshake data")
    seen = []

    class Watching(run.Proxy):
        def _pyroValidateHandshake(self, response):
            seen.append(response)

    with run.proxy(cls=Watching) as p:
        p._pyroBind()
    wanted = "hello" if run.args.handshake is None else "welcome %s" % run.args.handshake
    check(seen == [wanted], "handshake reply %r, wanted %r" % (seen, wanted))
    return "reply %r" % seen[0]


@feature("handshake_refused")
def handshake_refused(run):
    run.pyro.needs((4, 38), "handshake data")
    if run.args.handshake is None:
        raise Cannot("only with --handshake")
    p = run.proxy()
    p._pyroHandshake = "something else"
    e = run.raised(run.errors.CommunicationError, p._pyroBind)
    check("rejected" in str(e) and "handshake refused" in str(e), "text: %s" % e)
    return str(e)


@feature("transport")
def transport(run):
    with run.proxy() as p:
        p._pyroBind()
        return getattr(p._pyroConnection, "family", lambda: "connected")()


@feature("metadata")
def metadata(run):
    run.pyro.needs((4, 27), "metadata")
    with run.proxy() as p:
        p._pyroBind()
        methods, oneway, attrs = set(p._pyroMethods), set(p._pyroOneway), set(p._pyroAttrs)
    check(not METHODS - methods, "missing methods: %s" % sorted(METHODS - methods))
    extra = methods - METHODS - OPTIONAL_METHODS
    check(not extra, "methods that are not of the interface: %s" % sorted(extra))
    check(oneway == {"fire"}, "oneway: %s" % sorted(oneway))
    check(attrs == ATTRIBUTES, "attributes: %s" % sorted(attrs))
    return "%d methods" % len(methods)


@feature("unknown_object")
def unknown_object(run):
    if run.pyro.before(4, 38):
        # Only a call tells; from 4.27 on the client makes one by itself.
        e = run.raised(run.errors.DaemonError, lambda: run.invoke(run.proxy("nosuch"), "get_data", ("x",)))
        check("unknown object" in str(e), "text: %s" % e)
        return str(e)
    e = run.raised(run.errors.CommunicationError, run.proxy("nosuch")._pyroBind)
    check("rejected" in str(e) and "unknown object" in str(e), "text: %s" % e)
    return str(e)


@feature("unknown_object_call")
def unknown_object_call(run):
    with run.proxy() as p:
        p._pyroBind()
        e = run.raised(run.errors.DaemonError, lambda: run.invoke(p, "get_data", ("x",), objectid="nosuch"))
        check("unknown object" in str(e), "text: %s" % e)
        check(p.get_data("y") == "You got remote data => y", "the connection does not live on")
    return str(e)


@feature("hmac")
def hmac(run):
    run.pyro.needs((4, 4), "HMAC keys")
    if run.args.hmac is None:
        raise Cannot("Pyro5 has no HMAC keys" if run.args.gen == 5 else "only with --hmac")
    with run.proxy() as p:
        check(p.get_data("signed") == "You got remote data => signed", "wrong answer")
    details = []
    for key in ("not the key", None):
        p = run.proxy()
        run.pyro.set_key(p, key)
        # The refusal cannot be verified by the one refused: which error it sees is not the same for both keys.
        e = run.raised(run.errors.PyroError, p._pyroBind)
        details.append(brief(str(e)))
    run.pyro.set_key(p, run.args.hmac)
    return "; ".join(details)


@feature("reconnect")
def reconnect(run):
    with run.proxy() as p:
        p.get_data("one")
        p._pyroRelease()
        check(p.get_data("two") == "You got remote data => two", "no answer after a release")
        p._pyroReconnect(1)
        check(p.get_data("three") == "You got remote data => three", "no answer after a reconnect")


# --- calls ----------------------------------------------------------------------------------------------------------

@feature("call")
def call(run):
    with run.proxy() as p:
        got = p.get_data("Hello")
        check(got == "You got remote data => Hello", "got %r" % got)
        check(p.nothing() is None, "nothing() is not None")
    return got


@feature("kwargs")
def kwargs(run):
    with run.proxy() as p:
        got = [p.add(1), p.add(1, 2), p.add(1, b=2), p.add(a=1, b=2, c=3), p.add(1, c=3)]
        check(got == [11, 3, 3, 6, 14], "got %r" % got)
    return repr(got)


@feature("describe")
def describe(run):
    wanted = '[int:1, str:"x\\u{e9}\\"", float:2.5, None, bool:True, list[int:1, str:"two"]] {flag: bool:False, k: dict{str:"a": int:1}}'
    with run.proxy() as p:
        got = p.describe(1, "x\u00e9\"", 2.5, None, True, [1, "two"], k={"a": 1}, flag=False)
    check(got == wanted, "got %s, wanted %s" % (got, wanted))
    return got


def echo_of(name):
    def echo(run):
        value = values.SPECIAL[name]
        run.can_carry(value)
        with run.proxy() as p:
            got = p.echo(value)
        check(values.same(value, got), "sent %s, got %s" % (brief(values.text(value)), brief(values.text(got))))
        return brief(values.text(got))
    return echo


def missing(run):
    raise Cannot("Python 2 has no such type")


for _name in values.MISSING:
    if _name not in values.SERVER_ONLY:
        feature("echo:" + _name)(missing)
for _name in values.SPECIAL:
    if _name not in values.SERVER_ONLY:
        feature("echo:" + _name)(echo_of(_name))


def no_sets(run):
    """Sets are literals for releases that may be on Python 3; a Pyro4 there writes them so, too."""
    if PYTHON2 and run.args.serializer == "serpent" and not run.pyro.before(4, 38):
        raise Cannot("serpent of Python 2 reads no literals of sets, which Pyro4 on Python 3 writes as well")


def special_of(name):
    def special(run):
        value = values.SPECIAL[name]
        if name == "set":
            no_sets(run)
        run.can_carry(value)
        with run.proxy() as p:
            got = p.special(name)
        check(values.same(value, got), "wanted %s, got %s" % (brief(values.text(value)), brief(values.text(got))))
        return brief(values.text(got))
    return special


for _name in ("none", "big", "inf", "str_astral", "str_control", "bytes_all", "tuple", "set", "dict_intkeys", "nested",
              "datetime_us", "timedelta", "decimal", "uuid"):
    feature("special:" + _name)(special_of(_name))


@feature("many_calls")
def many_calls(run):
    with run.proxy() as p:
        started = clock()
        for i in range(500):
            check(p.add(i, 1) == i + 1, "wrong answer at call %d" % i)
        return "500 calls in %.3f s" % (clock() - started)


@feature("sequence_wrap")
def sequence_wrap(run):
    run.pyro.needs((4, 3), "sequence numbers")
    with run.proxy() as p:
        p._pyroBind()
        p._pyroSeq = 0xfffd
        for i in range(6):
            check(p.add(i, 1) == i + 1, "wrong answer at sequence number %d" % p._pyroSeq)
        return "up to %d" % p._pyroSeq


@feature("two_proxies")
def two_proxies(run):
    with run.proxy() as one, run.proxy() as two:
        for i in range(20):
            check(one.echo(i) == i and two.echo(-i) == -i, "answers mixed up")
    failures = []

    def worker(base):
        try:
            # Each thread makes its own: a Pyro5 proxy belongs to one thread.
            with run.proxy() as p:
                for i in range(100):
                    check(p.echo(base + i) == base + i, "answers mixed up between threads")
        except Exception as e:
            failures.append("%s: %s" % (type(e).__name__, e))

    threads = [threading.Thread(target=worker, args=(base,)) for base in (1000, 2000, 3000)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check(not failures, "; ".join(failures))


@feature("blob_down")
def blob_down(run):
    run.can_carry(b"\x00\xff")
    with run.proxy() as p:
        got = p.blob(1 << 20)
    got = serpent.tobytes(got) if isinstance(got, dict) else got
    check(bytes(got) == (bytes(bytearray(range(251))) * 5000)[:1 << 20], "1 MiB did not arrive unharmed")
    return "%d bytes" % len(got)


@feature("blob_up")
def blob_up(run):
    run.can_carry(b"\x00\xff")
    with run.proxy() as p:
        data = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(1 << 15))
        check(p.size(data) == 1 << 20, "size")


@feature("big_text")
def big_text(run):
    with run.proxy() as p:
        text = p.big_text(100000)
        check(text == ("The quick brown fox. " * 5000)[:100000], "the text differs")
        check(p.size(text) == 100000, "size")


class Counting(object):
    """A connection that counts the bytes of its replies."""

    def __init__(self, conn):
        self.__dict__.update(conn=conn, received=0)

    def recv(self, n):
        data = self.conn.recv(n)
        self.__dict__["received"] += len(data)
        return data

    def __getattr__(self, name):
        return getattr(self.conn, name)

    def __setattr__(self, name, value):
        setattr(self.conn, name, value)


@feature("compression")
def compression(run):
    if not run.args.compress:
        raise Cannot("only with --compress")
    text = "compress me, " * 4000
    with run.proxy() as p:
        p._pyroBind()
        p._pyroConnection = counter = Counting(p._pyroConnection)
        check(p.echo(text) == text, "the text differs")
        check(counter.received < len(text) // 2, "the reply of %d bytes was not compressed" % counter.received)
        check(p.echo("x") == "x", "a short text")
        return "%d characters in a reply of %d bytes" % (len(text), counter.received)


@feature("timeout")
def timeout(run):
    with run.proxy() as p:
        p.get_data("x")
        p._pyroTimeout = 0.3
        run.raised(run.errors.TimeoutError, lambda: p.slow(5.0))
        p._pyroTimeout = run.args.timeout
        check(p.get_data("y") == "You got remote data => y", "the proxy does not recover")


# --- errors ---------------------------------------------------------------------------------------------------------

def fails(name, kind, pick):
    def fail(run):
        wanted = pick(run)
        if wanted is None:
            raise Cannot("Pyro4 %s has no class %s" % (run.pyro.version, name))
        with run.proxy() as p:
            e = run.raised(wanted, lambda: p.fail(kind, "the message"))
            check(type(e) is wanted, "a %s" % type(e).__name__)
            check(e.args == ("the message",), "args %r" % (e.args,))
            # Security and serialisation errors end the connection; a proxy reconnects by itself, but not in every case.
            if kind not in ("security", "serialize"):
                check(p.get_data("y") == "You got remote data => y", "the connection does not live on")
        return repr(e)
    feature("exception:" + name)(fail)


for _kind, _class in (("value", ValueError), ("key", KeyError), ("zero", ZeroDivisionError), ("type", TypeError),
                      ("index", IndexError), ("attribute", AttributeError), ("runtime", RuntimeError),
                      ("assert", AssertionError), ("notimpl", NotImplementedError)):
    fails(_class.__name__, _kind, lambda run, c=_class: c)
for _kind, _class in (("pyro", "PyroError"), ("naming", "NamingError"), ("daemon", "DaemonError"), ("security", "SecurityError"),
                      ("serialize", "SerializeError")):
    fails(_class, _kind, lambda run, c=_class: getattr(run.errors, c, None))


@feature("exception_args")
def exception_args(run):
    with run.proxy() as p:
        e = run.raised(ValueError, lambda: p.fail("two", "the message"))
        check(tuple(e.args) == ("the message", 42), "args %r" % (e.args,))
        e = run.raised(ValueError, lambda: p.fail("noargs", ""))
        check(tuple(e.args) == (), "args %r" % (e.args,))
        e = run.raised(OSError, lambda: p.fail("os", "no such thing"))
        check(e.errno == 2 and e.strerror == "no such thing", "%r" % e)


@feature("exception_unicode")
def exception_unicode(run):
    with run.proxy() as p:
        e = run.raised(ValueError, lambda: p.fail("value", "caf\u00e9 \U0001f600 'quoted'\n"))
        check(e.args == ("caf\u00e9 \U0001f600 'quoted'\n",), "args %r" % (e.args,))


@feature("exception_attributes")
def exception_attributes(run):
    with run.proxy() as p:
        e = run.raised(ValueError, lambda: p.fail("attrs", "the message"))
        check(getattr(e, "code", None) == 42 and getattr(e, "note", None) == "extra", "attributes %r" % vars(e))


@feature("exception_traceback")
def exception_traceback(run):
    if run.args.gen == 4:
        from Pyro4.util import getPyroTraceback as formatter
    else:
        from Pyro5.errors import get_pyro_traceback as formatter
    with run.proxy() as p:
        try:
            p.fail("value", "the message")
        except ValueError as e:
            check("_pyroTraceback" in vars(e), "no _pyroTraceback")
            lines = e._pyroTraceback
            check(lines is None or isinstance(lines, (list, tuple)), "_pyroTraceback is a %s" % type(lines).__name__)
            check("the message" in "".join(formatter()), "the formatter makes nothing of it")
            return "%s remote lines" % (None if lines is None else len(lines))
    raise AssertionError("nothing was raised")


def tells_bank_error(e):
    told = [str(a) for a in e.args] + ["%s=%s" % kv for kv in vars(e).items() if kv[0] != "_pyroTraceback"]
    for what in ("bank.BankError", "the message"):
        check(any(what in t for t in told), "%s is not in %r" % (what, told))
    check(getattr(e, "balance", None) == 12 and getattr(e, "currency", None) == "EUR", "attributes %r" % vars(e))


@feature("exception_own")
def exception_own(run):
    """An exception class that this client does not know."""
    with run.proxy() as p:
        e = run.raised(run.errors.PyroError, lambda: p.fail("own", "the message"))
    if isinstance(e, getattr(run.errors, "SerializeError", ())) and "unsupported serialized class: bank.BankError" in str(e):
        raise Cannot("sent under its own name, which a Python client that has not registered it refuses: %s" % e)
    tells_bank_error(e)
    return "%r %r" % (e, {k: v for k, v in vars(e).items() if k != "_pyroTraceback"})


@feature("exception_own_registered")
def exception_own_registered(run):
    """The same for a client that has registered the class; a PyroError that tells everything is as good."""
    run.pyro.needs((4, 27), "registry of classes")
    def make(classname, data):
        e = values.BankError(*data["args"])
        for name, value in data["attributes"].items():
            setattr(e, name, value)
        return e

    registry = type(run.serializer)
    registry.register_dict_to_class("bank.BankError", make)
    try:
        with run.proxy() as p:
            e = run.raised((values.BankError, run.errors.PyroError), lambda: p.fail("own", "the message"))
    finally:
        registry.unregister_dict_to_class("bank.BankError")
    if isinstance(e, values.BankError):
        check(e.args == ("the message",), "args %r" % (e.args,))
        check(e.balance == 12 and e.currency == "EUR", "attributes %r" % vars(e))
    else:
        tells_bank_error(e)
    return repr(e)


@feature("unknown_method")
def unknown_method(run):
    with run.proxy() as p:
        # The proxy itself refuses what the metadata does not list; invoke() asks the server.
        if not run.pyro.before(4, 27):
            run.raised(AttributeError, lambda: p.nosuch)
        e = run.raised(AttributeError, lambda: run.invoke(p, "nosuch"))
        check(p.get_data("y") == "You got remote data => y", "the connection does not live on")
    return str(e)


@feature("private_method")
def private_method(run):
    with run.proxy() as p:
        texts = [str(run.raised(AttributeError, lambda n=n: run.invoke(p, n))) for n in ("_private", "__init__", "hidden", "get_data.__call__")]
    return "; ".join(texts)


@feature("wrong_arguments")
def wrong_arguments(run):
    texts = []
    with run.proxy() as p:
        for what in (lambda: p.get_data(), lambda: p.get_data(1, 2), lambda: p.get_data("x", nosuch=1),
                     lambda: p.get_data("x", param="y"), lambda: p.add(1, 2, 3)):
            texts.append(str(run.raised(TypeError, what)))
        check(p.get_data("y") == "You got remote data => y", "the connection does not live on")
    return "; ".join(texts)


# --- attributes, oneway, batch --------------------------------------------------------------------------------------

@feature("attribute_get")
def attribute_get(run):
    run.pyro.needs((4, 27), "access to attributes")
    run.can_call("__getattr__", ("readonly",), None)
    with run.proxy() as p:
        check(p.readonly == "fixed", "readonly is %r" % p.readonly)


@feature("attribute_set")
def attribute_set(run):
    run.pyro.needs((4, 27), "access to attributes")
    run.can_call("__setattr__", ("value", "x"), None)
    with run.proxy() as p:
        before = p.value
        p.value = run.token
        check(p.value == run.token, "value is %r" % p.value)
        p.value = before


@feature("attribute_refused")
def attribute_refused(run):
    run.pyro.needs((4, 27), "access to attributes")
    run.can_call("__setattr__", ("readonly", "x"), None)
    with run.proxy() as p:
        def set_it():
            p.readonly = "changed"
        texts = [str(run.raised(AttributeError, set_it))]
        check(p.readonly == "fixed", "readonly was changed")
        for method, args in (("__getattr__", ("get_data",)), ("__getattr__", ("_value",)), ("__getattr__", ("nosuch",)),
                             ("__setattr__", ("_value", 1)), ("__setattr__", ("nosuch", 1))):
            texts.append(str(run.raised(AttributeError, lambda m=method, a=args: p._pyroInvoke(m, a, None))))
    return "; ".join(texts)


@feature("oneway")
def oneway(run):
    with run.proxy() as p:
        p._pyroBind()
        started = clock()
        check(p.fire(run.token, 2.0) is None, "a result")
        took = clock() - started
        check(took < 2.0, "it waited for the method's end")
        run.eventually(lambda: run.token in p.fired(), "it did not happen")
        return "returned after %.4f s" % took


def batch_of(run, proxy):
    return run.pyro.api.batch(proxy) if run.args.gen == 4 else run.pyro.api.BatchProxy(proxy)


@feature("batch")
def batch(run):
    run.pyro.needs((4, 6), "batches")
    run.can_call("<batch>", [("add", (1, 2), {})], None)
    with run.proxy() as p:
        b = batch_of(run, p)
        b.add(1, 2)
        b.get_data("x")
        b.add(1, c=5)
        b.echo([1, {"k": None}])
        got = list(b())
        check(got == [3, "You got remote data => x", 16, [1, {"k": None}]], "got %r" % got)
        check(p.get_data("y") == "You got remote data => y", "the connection does not live on")
    return repr(got)


@feature("batch_exception")
def batch_exception(run):
    if run.pyro.before(4, 22) and run.args.serializer != "pickle":
        raise Cannot("4.20 has a form for an exception in a batch in pickle alone")
    run.pyro.needs((4, 6), "batches")
    run.can_call("<batch>", [("add", (1, 2), {})], None)
    with run.proxy() as p:
        b = batch_of(run, p)
        b.add(1, 2)
        b.fail("value", "the message")
        b.fire("never %s" % run.token)
        results = b()
        check(next(results) == 3, "first result")
        e = run.raised(ValueError, lambda: next(results))
        check(e.args == ("the message",), "args %r" % (e.args,))
        time.sleep(0.1)
        check("never %s" % run.token not in p.fired(), "the batch went on after the exception")


@feature("batch_oneway")
def batch_oneway(run):
    run.pyro.needs((4, 6), "batches")
    run.can_call("<batch>", [("add", (1, 2), {})], None)
    with run.proxy() as p:
        b = batch_of(run, p)
        b.fire("batch 1 %s" % run.token)
        b.fire("batch 2 %s" % run.token)
        check(b(oneway=True) is None, "a result")
        run.eventually(lambda: {"batch 1 %s" % run.token, "batch 2 %s" % run.token} <= set(p.fired()), "it did not happen")


# --- what travels beside the values ---------------------------------------------------------------------------------

@feature("annotations")
def annotations(run):
    run.pyro.needs((4, 37), "contexts of calls")
    if run.pyro.before(4, 38):
        class Telling(run.Proxy):
            def _pyroAnnotations(self):
                return {str("ABCD"): b"first", str("WXYZ"): b"second"}

        with run.proxy(cls=Telling) as p:
            seen = p.annotations()
        check(seen == {"ABCD": "first", "WXYZ": "second"}, "the server saw %r" % seen)
        return "without those of a reply, of which this release shows its clients nothing"
    with run.proxy() as p:
        p._pyroBind()
        # Pyro5 keeps the dict for every later message, Pyro4 empties it after one.
        run.context.annotations = {str("ABCD"): b"first", str("WXYZ"): b"second"}
        try:
            seen = p.annotations()
        finally:
            run.context.annotations = {}
        answer = {k: bytes(v) for k, v in run.context.response_annotations.items()}
        check(seen == {"ABCD": "first", "WXYZ": "second"}, "the server saw %r" % seen)
        check(answer.get("XYZZ") == b"custom reply annotation", "the reply had %r" % answer)
        p.nothing()
        check("XYZZ" not in run.context.response_annotations, "the annotation sticks to later replies")


@feature("correlation_id")
def correlation_id(run):
    run.pyro.needs((4, 37), "contexts of calls")
    with run.proxy() as p:
        wanted = uuid.uuid4()
        run.context.correlation_id = wanted
        try:
            got = p.correlation()
        finally:
            run.context.correlation_id = None
        check(got == str(wanted), "the server saw %r" % got)
        # Without one the server makes one up.
        check(uuid.UUID(p.correlation()) != wanted, "the id sticks to later calls")


@feature("daemon_annotation")
def daemon_annotation(run):
    """An annotation that the daemon adds to every reply."""
    run.pyro.needs((4, 37), "contexts of calls")
    run.pyro.needs((4, 38), "annotations of replies that its clients see")
    if run.args.annotation is None:
        raise Cannot("only with --annotation")
    with run.proxy() as p:
        for call in (lambda: p.nothing(), lambda: p.annotations(), lambda: run.raised(ValueError, lambda: p.fail("value", "x"))):
            call()
            seen = {k: bytes(v) for k, v in run.context.response_annotations.items()}
            check(seen.get("DAEM") == run.args.annotation.encode(), "the reply had %r" % seen)


@feature("wire_ping")
def wire_ping(run):
    run.pyro.needs((4, 22), "pings")
    with run.proxy() as p:
        p._pyroBind()
        if run.args.gen == 4:
            # Pyro4's own Message.ping() forgets the HMAC key when it reads the answer.
            from Pyro4 import message
            key = {} if run.pyro.before(4, 29) else {"hmac_key": p._pyroHmacKey}
            ping = message.Message(message.MSG_PING, b"ping", 42, 0, 0, **key)
            p._pyroConnection.send(ping.to_bytes())
            pong = message.Message.recv(p._pyroConnection, [message.MSG_PING], **key)
            check(pong.serializer_id == 42 and bytes(pong.data) == b"pong", "%r" % pong)
        else:
            from Pyro5.protocol import SendingMessage
            SendingMessage.ping(p._pyroConnection)
        check(p.get_data("y") == "You got remote data => y", "no call after a ping")


@feature("daemon_object")
def daemon_object(run):
    with run.proxy("Pyro.Daemon") as p:
        check(p.ping() is None, "ping")
        registered = set(p.registered())
        check({"Pyro.Daemon", run.uri.object, "other"} <= registered, "registered: %s" % sorted(registered))
        if run.pyro.before(4, 27):
            return "the daemon of this release has no more methods"
        check(isinstance(p.info(), values.texts), "info")
        no_sets(run)
        meta = p.get_metadata(run.uri.object)
        check(METHODS <= set(meta["methods"]) and set(meta["oneway"]) == {"fire"} and set(meta["attrs"]) == ATTRIBUTES, "metadata")
        run.raised(run.errors.DaemonError, lambda: p.get_metadata("nosuch"))
        return p.info()


@feature("uri_result")
def uri_result(run):
    run.can_carry_remote(run.uri)
    with run.proxy() as p:
        uri = p.give_uri()
    check(isinstance(uri, run.pyro.URI), "a %s" % type(uri).__name__)
    with run.configure(run.Proxy(uri)) as other:
        check(other.who() == "other", "who")
    return str(uri)


def other_proxy(run, got):
    check(isinstance(got, run.Proxy), "a %s" % type(got).__name__)
    with run.configure(got) as other:
        check(other.greet("you") == "Hello, you", "greet")
        check(other.who() == "other", "who")
    return str(got._pyroUri)


@feature("proxy_result")
def proxy_result(run):
    run.can_carry_remote(run.proxy())
    with run.proxy() as p:
        return other_proxy(run, p.give_proxy())


@feature("autoproxy")
def autoproxy(run):
    if run.args.serializer == "marshal":
        raise Cannot("marshal has no hook for a server's own objects, and trying it breaks autoproxy for everybody later")
    run.can_carry_remote(run.proxy())
    with run.proxy() as p:
        return other_proxy(run, p.give_other())


@feature("uri_argument")
def uri_argument(run):
    run.can_carry_remote(run.uri)
    with run.proxy() as p:
        got = p.echo(run.uri)
        check(isinstance(got, run.pyro.URI) and got == run.uri, "got %s" % values.text(got))
        return p.types(run.uri)


@feature("callback")
def callback(run):
    @run.pyro.expose
    class Callback(object):
        def get_data(self, param):
            if param == "raise":
                raise ValueError("from the callback")
            return "called back with %s" % param

    family = run.uri.sockname or run.uri.host
    daemon = run.pyro.api.Daemon(host="::1" if ":" in family and not run.uri.sockname else "127.0.0.1")
    if run.args.hmac is not None:
        run.pyro.set_key(daemon, run.args.hmac)
    daemon.register(Callback(), "callback")
    mine = run.pyro.proxy_for(daemon, "callback")
    if run.args.hmac is not None:
        run.pyro.set_key(mine, run.args.hmac)
    try:
        run.can_call("call_back", (mine, "x"), {})
        run.can_carry_remote(mine)
    except Cannot:
        # A shutdown before the loop has begun would wait for its end for ever.
        daemon.close()
        raise
    start(daemon.requestLoop)
    try:
        with run.proxy() as p:
            got = p.call_back(mine, "x")
            check(got == "called back with x", "got %r" % got)
            e = run.raised(ValueError, lambda: p.call_back(mine, "raise"))
            check("from the callback" in str(e), "text: %s" % e)
            check(p.get_data("y") == "You got remote data => y", "the connection does not live on")
        return got
    finally:
        daemon.shutdown()


@feature("restart")
def restart(run):
    """Asks whoever started this program to restart the server at its address, and waits until that is done."""
    if not run.args.restart:
        raise Cannot("only with --restart")
    with run.proxy() as p:
        check(p.get_data("before") == "You got remote data => before", "wrong answer")
        emit({"restart": True})
        sys.stdin.readline()
        # A Python proxy notices at its next call, tells, and connects anew at the one after.
        e = run.raised(run.errors.CommunicationError, lambda: p.get_data("lost"))
        check(p.get_data("after") == "You got remote data => after", "no answer after the restart")
    return "%s: %s" % (type(e).__name__, e)


# --- optional -------------------------------------------------------------------------------------------------------

def streams(run, p, method):
    p._pyroBind()
    if method not in p._pyroMethods:
        raise Cannot("the server offers no %s(n)" % method)


@feature("stream", optional=True)
def stream(run):
    run.pyro.needs((4, 49), "item streams")
    with run.proxy() as p:
        streams(run, p, "stream")
        check(list(p.stream(10)) == list(range(10)), "items")
        check(list(p.stream(0)) == [], "an empty stream")


@feature("stream_fail", optional=True)
def stream_fail(run):
    run.pyro.needs((4, 49), "item streams")
    with run.proxy() as p:
        streams(run, p, "stream_fail")
        items = p.stream_fail(2)
        check([next(items), next(items)] == [0, 1], "items")
        e = run.raised(ValueError, lambda: next(items))
        check(e.args == ("stream broke",), "args %r" % (e.args,))


@feature("stream_close", optional=True)
def stream_close(run):
    run.pyro.needs((4, 49), "item streams")
    with run.proxy() as p:
        streams(run, p, "stream")
        items = p.stream(10)
        check(next(items) == 0, "first item")
        items.close()
        e = run.raised(run.errors.PyroError, lambda: run.invoke(p, "get_next_stream_item", [items.streamId], objectid="Pyro.Daemon"))
        return str(e)


@feature("together", optional=True)
def together(run):
    """Meets clients of other generations in one method of one daemon."""
    with run.proxy() as p:
        if run.args.meet is None:
            raise Cannot("only with --meet: a Python daemon serves one generation")
        room, n = run.args.meet.split(":")
        return ", ".join(p.meet(room, int(n)))


@feature("serpent_bytes_literal", optional=True)
def serpent_bytes_literal(run):
    """Bytes written as b'..' instead of the base64 dict."""
    if run.args.serializer != "serpent" or not hasattr(run.config, "SERPENT_BYTES_REPR"):
        raise Cannot("only the serpent of Pyro5 5.2 and later has SERPENT_BYTES_REPR")
    run.config.SERPENT_BYTES_REPR = True
    try:
        with run.proxy() as p:
            got = p.echo(b"abc\x00\xff'")
            check(values.same(b"abc\x00\xff'", got), "got %s" % values.text(got))
            return p.types(b"abc")
    finally:
        run.config.SERPENT_BYTES_REPR = False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gen", type=int, choices=(4, 5))
    parser.add_argument("--uri")
    parser.add_argument("--serializer", default="serpent", choices=("serpent", "json", "marshal", "msgpack", "pickle"))
    parser.add_argument("--hmac", metavar="KEY")
    parser.add_argument("--compress", action="store_true", help="compress; the server has to compress too")
    parser.add_argument("--handshake", metavar="TEXT")
    parser.add_argument("--annotation", metavar="TEXT", help="what the daemon sends as DAEM with every reply")
    parser.add_argument("--restart", action="store_true",
                        help="print {\"restart\": true} when the server is to be restarted and read a line when it was")
    parser.add_argument("--meet", metavar="ROOM:N", help="meet N - 1 other clients there")
    parser.add_argument("--timeout", type=float, default=20.0, help="seconds for one call")
    parser.add_argument("--feature", metavar="NAME", action="append", nargs="+", help="only these; NAME: stands for every NAME:*")
    parser.add_argument("--specials", action="store_true", help="instead print what special(NAME) gives for every NAME")
    parser.add_argument("--list", action="store_true", help="print the names of the features and stop")
    args = parser.parse_args()

    if args.list:
        for name, (_, optional) in FEATURES.items():
            print(name + (" (optional)" if optional else ""))
        return 0
    if args.gen is None or args.uri is None:
        parser.error("--gen and --uri are needed")
    chosen = list(FEATURES)
    if args.feature:
        asked = [name for group in args.feature for name in group]
        unknown = [n for n in asked if not any(f == n or n.endswith(":") and f.startswith(n) for f in FEATURES)]
        if unknown:
            parser.error("no such feature: %s" % ", ".join(unknown))
        chosen = [f for f in FEATURES if any(f == n or n.endswith(":") and f.startswith(n) for n in asked)]

    run = Run(args)
    if args.specials:
        with run.proxy() as p:
            for name in p.specials():
                try:
                    got = values.text(p.special(name))
                except Exception as e:
                    got = "!%s: %s" % (type(e).__name__, str(e).splitlines()[0])
                emit({"special": name, "got": got})
        return 0
    failed = False
    for name in chosen:
        function, optional = FEATURES[name]
        try:
            ok, detail = True, function(run) or ""
        except Cannot as e:
            ok, detail = None, str(e)
        except Exception as e:
            ok, detail = False, "%s: %s" % (type(e).__name__, brief(str(e), 400))
            failed = True
        emit({"feature": name, "ok": ok, "optional": optional, "detail": detail})
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
