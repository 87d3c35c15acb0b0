"""Tries every feature of README.md's interface that Pyro 3 has, from Python 2.7, and prints a JSON line for each, as client.py does.

    pyro3_client.py LOCATION URI [--identification TEXT] [--token TEXT] [--compress] [--checksum] [--pickle 0|1|2] [--ssl CERTS]
                    [--feature NAME ..]

LOCATION is the object's PYROLOC URI, URI the one by its id. With --token the client's validator answers with the text and the challenge
backwards.
"""
import collections
import copy
import datetime
import decimal
import json
import os
import sys
import tempfile
import threading
import time

os.environ["PYRO_STORAGE"] = tempfile.gettempdir()

location, uri, args = sys.argv[1], sys.argv[2], sys.argv[3:]


def option(name, otherwise=None):
    return args[args.index(name) + 1] if name in args else otherwise


if "--ssl" in args:
    # Pyro asks for what sockets have and M2Crypto's connections, which it wraps them in, have not.
    from M2Crypto import SSL
    SSL.Connection.gettimeout = lambda connection: connection.socket.gettimeout()

import Pyro.core
import Pyro.errors
import Pyro.protocol
import Pyro.util

import values

Pyro.config.PYRO_COMPRESSION = int("--compress" in args)
Pyro.config.PYRO_CHECKSUM = int("--checksum" in args)
Pyro.config.PYRO_PICKLE_FORMAT = int(option("--pickle", 2))
Pyro.config.PYRO_TRACELEVEL = 0
if "--ssl" in args:
    Pyro.config.PYROSSL_CERTDIR = option("--ssl")
    Pyro.config.PYROSSL_CA_CERT = "ca-chain.pem"
    Pyro.config.PYROSSL_CERT = "client-cert.pem"
    Pyro.config.PYROSSL_KEY = "client-key.pem"
new_classes = issubclass(Pyro.core.ObjBase, object)

FEATURES = collections.OrderedDict()


class Cannot(Exception):
    """This client is not able to do it, whoever serves."""


def feature(name):
    def add(function):
        FEATURES[name] = function
        return function
    return add


def check(condition, detail):
    if not condition:
        raise AssertionError(detail)


class Token(Pyro.protocol.DefaultConnValidator):
    def createAuthToken(self, authid, challenge, peeraddr, uri, daemon):
        return option("--token") + challenge[::-1]


def introduced(proxy):
    if "--identification" in args:
        proxy._setIdentification(option("--identification"))
    if "--token" in args:
        proxy._setNewConnectionValidator(Token())
    return proxy


def proxy(at=location):
    return introduced(Pyro.core.getProxyForURI(at))


def attributes():
    return introduced(Pyro.core.getAttrProxyForURI(location))


def raised(wanted, call):
    try:
        got = call()
    except wanted as e:
        return e
    except Exception as e:
        raise AssertionError("wanted %s, got %s: %s" % (wanted, type(e).__name__, e))
    raise AssertionError("wanted %s, got the result %r" % (wanted, got))


def works(p):
    check(p.get_data("y") == "You got remote data => y", "the connection does not live on")


def anonymous(at=location):
    """What a client without a passphrase meets."""
    return raised(Pyro.errors.ConnectionDeniedError, lambda: Pyro.core.getProxyForURI(at).get_data("x"))


# --- connecting -----------------------------------------------------------------------------------------------------

@feature("handshake")
def handshake():
    works(proxy())
    return "with a passphrase" if "--identification" in args else "with a token" if "--token" in args else "without a passphrase"


@feature("handshake_refused")
def handshake_refused():
    if "--identification" not in args and "--token" not in args:
        raise Cannot("only with options")
    details = [str(anonymous()), str(anonymous(uri))]
    wrong = Pyro.core.getProxyForURI(location)
    wrong._setIdentification("not the passphrase")
    details.append(str(raised(Pyro.errors.ConnectionDeniedError, lambda: wrong.get_data("x"))))
    check(all("security reasons" in d for d in details), repr(details))
    return details[0]


@feature("transport")
def transport():
    works(proxy())
    return location.split(":")[0]


@feature("unknown_object")
def unknown_object():
    e = raised(Pyro.errors.NamingError, lambda: proxy(location.replace("/thing", "/nosuch")).get_data("x"))
    check(e.args[0] == "no object found by this name", repr(e.args))
    return str(e)


@feature("unknown_object_call")
def unknown_object_call():
    wrong = proxy(uri[:-4] + "0000")
    e = raised(Pyro.errors.ProtocolError, lambda: wrong.get_data("x"))
    check("unknown object ID" in str(e), str(e))
    return str(e)


@feature("reconnect")
def reconnect():
    p = proxy()
    works(p)
    p._release()
    works(p)
    p.adapter.rebindURI(tries=1)
    works(p)


@feature("by_id")
def by_id():
    works(proxy(uri))


# --- calls ----------------------------------------------------------------------------------------------------------

@feature("call")
def call():
    p = proxy()
    check(p.get_data("Hello") == "You got remote data => Hello", "get_data")
    check(p.nothing() is None, "nothing")


@feature("kwargs")
def kwargs():
    p = proxy()
    got = [p.add(1), p.add(1, 2), p.add(1, b=2), p.add(a=1, b=2, c=3), p.add(1, c=3)]
    check(got == [11, 3, 3, 6, 14], repr(got))


@feature("describe")
def describe():
    wanted = '[int:1, str:"x\\u{e9}\\"", float:2.5, None, bool:True, list[int:1, str:"two"]] {flag: bool:False, k: dict{str:"a": int:1}}'
    got = proxy().describe(1, u"x\u00e9\"", 2.5, None, True, [1, "two"], k={"a": 1}, flag=False)
    check(got == wanted, "got %s, wanted %s" % (got, wanted))


def same(value, got):
    # Text and bytes are one type here; what goes out as the one may come back as the other.
    check(values.same(value, got), "sent %s, got %s" % (values.text(value)[:200], values.text(got)[:200]))


def echo_of(name):
    def echo():
        if name == "bytearray":
            got = proxy().echo(values.SPECIAL[name])
            check(bytes(got) == bytes(values.SPECIAL[name]), values.text(got))
        else:
            same(values.SPECIAL[name], proxy().echo(values.SPECIAL[name]))
    return echo


def missing():
    raise Cannot("Python 2 has no such type")


for _name in values.SPECIAL:
    if _name not in values.SERVER_ONLY:
        feature("echo:" + _name)(echo_of(_name))
for _name in values.MISSING:
    if _name not in values.SERVER_ONLY:
        feature("echo:" + _name)(missing)


def special_of(name):
    def special():
        same(values.SPECIAL[name], proxy().special(name))
    return special


for _name in ("none", "big", "inf", "str_astral", "str_control", "bytes_all", "tuple", "set", "dict_intkeys", "nested",
              "datetime_us", "timedelta", "decimal", "uuid"):
    feature("special:" + _name)(special_of(_name))


@feature("types_kept")
def types_kept():
    p = proxy()
    for x in (None, True, 5, -5, 2**40, -2**63, 2**70, 1.5, "text", u"\u20ac", "\xff\x00", "", (1, [2], {3: 4}), set([1]), frozenset([2]),
              complex(1, 2), decimal.Decimal("1.50"), datetime.datetime(2020, 1, 2, 3, 4, 5, 678), datetime.date(2020, 1, 2),
              datetime.timedelta(1, 2, 3), "x" * 100000, "\xff" * 100000, {"a": {None: []}}):
        got = p.echo(x)
        check(got == x and (type(got) is type(x) or isinstance(x, long)), "%r came back as %r" % (x, got))


@feature("shared_and_cyclic")
def shared_and_cyclic():
    shared = [1]
    ring = [shared, shared]
    ring.append(ring)
    got = proxy().echo(ring)
    check(got[0] == [1] and got[0] is got[1] and got[2] is got, repr(got))


class Money(object):
    def __init__(self, amount):
        self.amount = amount


class OldMoney:
    def __init__(self, amount):
        self.amount = amount


@feature("objects")
def objects():
    p = proxy()
    for cls in (Money, OldMoney):
        got = p.echo(cls(5))
        check(got == {"__class__": "__main__." + cls.__name__, "amount": 5}, repr(got))


@feature("many_calls")
def many_calls():
    p = proxy()
    for i in range(500):
        check(p.add(i, 1) == i + 1, "wrong answer at call %d" % i)


@feature("two_proxies")
def two_proxies():
    failures = []
    shared = proxy()

    def worker(base):
        try:
            own = proxy()
            for i in range(100):
                check(own.echo(base + i) == base + i, "answers mixed up")
                # From 3.10 on a proxy has a lock.
                check(not new_classes or shared.echo(base - i) == base - i, "answers of one proxy mixed up")
        except Exception as e:
            failures.append("%s: %s" % (type(e).__name__, e))

    threads = [threading.Thread(target=worker, args=(base,)) for base in (1000, 2000, 3000)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check(not failures, "; ".join(failures))


@feature("blob_down")
def blob_down():
    check(proxy().blob(1 << 20) == (bytes(bytearray(range(251))) * 5000)[:1 << 20], "1 MiB did not arrive unharmed")


@feature("blob_up")
def blob_up():
    check(proxy().size("\x00\xff" * (1 << 19)) == 1 << 20, "size")


@feature("big_text")
def big_text():
    p = proxy()
    text = p.big_text(100000)
    check(text == ("The quick brown fox. " * 5000)[:100000], "the text differs")
    check(p.size(text) == 100000, "size")


class Counting(object):
    """A socket that counts what comes in, and keeps the flags of the last message."""

    def __init__(self, sock):
        self.sock, self.received, self.flags = sock, 0, 0

    def recv(self, *what):
        data = self.sock.recv(*what)
        self.received += len(data)
        if data.startswith("PYRO") and len(data) == 18:
            self.flags = ord(data[13])
        return data

    def __getattr__(self, name):
        return getattr(self.sock, name)


def counted(p):
    works(p)
    p.adapter.conn.sock = counter = Counting(p.adapter.conn.sock)
    return counter


@feature("compression")
def compression():
    if "--compress" not in args:
        raise Cannot("only with options")
    p = proxy()
    counter = counted(p)
    text = "compress me, " * 4000
    check(p.echo(text) == text, "the text differs")
    check(counter.received < len(text) // 2 and counter.flags & 1, "%d bytes, flags %d" % (counter.received, counter.flags))
    check(p.echo("x") == "x", "a short text")


@feature("checksum")
def checksum():
    if "--checksum" not in args:
        raise Cannot("only with options")
    p = proxy()
    counter = counted(p)
    check(p.echo("x" * 1000) == "x" * 1000 and counter.flags & 2, "flags %d" % counter.flags)


@feature("timeout")
def timeout():
    p = proxy()
    works(p)
    p._setTimeout(0.3)
    raised(Pyro.errors.TimeoutError, lambda: p.slow(5.0))
    p = proxy()
    works(p)


# --- errors ---------------------------------------------------------------------------------------------------------

def fails(name, kind, wanted):
    def fail():
        if wanted is None:
            raise Cannot("Pyro 3 has no class %s" % name)
        p = proxy()
        e = raised(wanted, lambda: p.fail(kind, "the message"))
        check(type(e) is wanted and e.args == ("the message",), "%r %r" % (type(e), e.args))
        works(p)
    feature("exception:" + name)(fail)


for _kind, _class in (("value", ValueError), ("key", KeyError), ("zero", ZeroDivisionError), ("type", TypeError), ("index", IndexError),
                      ("attribute", AttributeError), ("runtime", RuntimeError), ("assert", AssertionError),
                      ("notimpl", NotImplementedError)):
    fails(_class.__name__, _kind, _class)
for _kind, _name in (("pyro", "PyroError"), ("naming", "NamingError"), ("daemon", "DaemonError"), ("security", "SecurityError"),
                     ("serialize", "SerializeError")):
    fails(_name, _kind, getattr(Pyro.errors, _name, None))


@feature("exception_args")
def exception_args():
    p = proxy()
    e = raised(ValueError, lambda: p.fail("two", "the message"))
    check(tuple(e.args) == ("the message", 42), repr(e.args))
    e = raised(ValueError, lambda: p.fail("noargs", ""))
    check(tuple(e.args) == (), repr(e.args))
    e = raised(OSError, lambda: p.fail("os", "no such thing"))
    check(e.errno == 2 and e.strerror == "no such thing", repr(e))


@feature("exception_unicode")
def exception_unicode():
    text = u"caf\u00e9 \U0001f600 'quoted'\n"
    e = raised(ValueError, lambda: proxy().fail("value", text))
    check(e.args == (text,), repr(e.args))


@feature("exception_attributes")
def exception_attributes():
    e = raised(ValueError, lambda: proxy().fail("attrs", "the message"))
    check(getattr(e, "code", None) == 42 and getattr(e, "note", None) == "extra", repr(vars(e)))


@feature("exception_traceback")
def exception_traceback():
    e = raised(ValueError, lambda: proxy().fail("value", "the message"))
    check(isinstance(e.remote_stacktrace, list), repr(e.remote_stacktrace))
    check("the message" in "".join(Pyro.util.getPyroTraceback(e) + e.remote_stacktrace + [str(e)]), "the formatter makes nothing of it")


@feature("exception_own")
def exception_own():
    e = raised(Pyro.errors.PyroError, lambda: proxy().fail("own", "the message"))
    check("bank.BankError: the message" in str(e) and e.remote_class == "bank.BankError", "%s %r" % (e, vars(e)))
    check(e.balance == 12 and e.currency == "EUR", repr(vars(e)))


@feature("unknown_method")
def unknown_method():
    p = proxy()
    e = raised(AttributeError, lambda: p.nosuch())
    works(p)
    return str(e)


@feature("private_method")
def private_method():
    p = proxy()
    for name in ("_private", "__init__", "hidden", "__class__"):
        raised(AttributeError, lambda: p._invokePYRO(name, (), {}))
    works(p)


@feature("wrong_arguments")
def wrong_arguments():
    p = proxy()
    texts = []
    for what in (lambda: p.get_data(), lambda: p.get_data(1, 2), lambda: p.get_data("x", nosuch=1), lambda: p.get_data("x", param="y"),
                 lambda: p.add(1, 2, 3)):
        texts.append(str(raised(TypeError, what)))
    works(p)
    return "; ".join(texts)


# --- attributes, oneway -----------------------------------------------------------------------------------------------

@feature("attribute_get")
def attribute_get():
    p = attributes()
    check(p.readonly == "fixed", "readonly")
    works(p)


@feature("attribute_set")
def attribute_set():
    p = attributes()
    before = p.value
    p.value = "changed"
    check(attributes().value == "changed", "value")
    p.value = before


@feature("attribute_refused")
def attribute_refused():
    p = attributes()
    texts = []
    for what in (lambda: setattr(p, "readonly", "changed"), lambda: setattr(p, "nosuch", 1), lambda: p._invokePYRO("_r_ga", ("_value",), {}),
                 lambda: p._invokePYRO("_r_sa", ("_value", 1), {})):
        texts.append(str(raised(AttributeError, what)))
    check(attributes().readonly == "fixed", "readonly was changed")
    return "; ".join(texts)


@feature("oneway")
def oneway():
    p = proxy()
    p._setOneway(["fire"])
    started = time.time()
    check(p.fire("oneway", 2.0) is None, "a result")
    check(time.time() - started < 2.0, "it waited for the method's end")
    for _ in range(600):
        if "oneway" in proxy().fired():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


# --- remote objects -----------------------------------------------------------------------------------------------------

@feature("daemon_object")
def daemon_object():
    servant = proxy(uri[:uri.rindex("/") + 1] + "c0000000011000001000000010000001")
    all_ = servant.getRegistered()
    check(all_[uri[uri.rindex("/") + 1:]] == "thing" and "other" in all_.values(), repr(all_))
    check("/" + servant.ResolvePYROLOC("thing") == uri[uri.rindex("/"):], "ResolvePYROLOC")


@feature("own_methods")
def own_methods():
    p = proxy()
    check(p.GUID() == uri[uri.rindex("/") + 1:], p.GUID())
    check(introduced(p.getProxy()).get_data("x") == "You got remote data => x", "getProxy")
    check(introduced(p.getAttrProxy()).value == "initial", "getAttrProxy")
    check(p._invokePYRO("_r_ha", ("get_data",), {}) == 1 and p._invokePYRO("_r_ha", ("value",), {}) == 2, "_r_ha")


@feature("uri_result")
def uri_result():
    got = proxy().give_uri()
    check(isinstance(got, Pyro.core.PyroURI), repr(got))
    check(introduced(got.getProxy()).who() == "other", "who")


@feature("proxy_result")
def proxy_result():
    got = proxy().give_proxy()
    check(isinstance(got, Pyro.core.DynamicProxy), repr(got))
    check(introduced(got).greet("you") == "Hello, you", "greet")
    check(introduced(copy.copy(got)).who() == "other", "who")


@feature("uri_argument")
def uri_argument():
    mine = Pyro.core.PyroURI(uri)
    got = proxy().echo(mine)
    check(isinstance(got, Pyro.core.PyroURI) and str(got) == str(mine), repr(got))
    check(proxy().types(mine) in ("URI", "PyroURI", "instance"), "types")
    if "--ssl" in args:
        # Proxies over TLS cannot be pickled.
        return "URIs alone"
    check(proxy().types(proxy()) in ("Proxy", "DynamicProxy"), "types")


@feature("callback")
def callback():
    class Callback(Pyro.core.CallbackObjBase):
        def get_data(self, x):
            if x == "raise":
                raise ValueError("from the callback")
            return "called back with %s" % x

    daemon = Pyro.core.Daemon(host="127.0.0.1")
    back = Callback()
    daemon.connect(back, "callback")
    thread = threading.Thread(target=daemon.requestLoop)
    thread.setDaemon(True)
    thread.start()
    p = proxy()
    check(p.call_back(back.getProxy(), "x") == "called back with x", "by proxy")
    e = raised(ValueError, lambda: p.call_back(back.getProxy(), "raise"))
    check("from the callback" in str(e), str(e))
    check(p.call_back(back.getProxy().URI, "by URI") == "called back with by URI", "by URI")
    works(p)


Pyro.core.initClient(banner=0)
chosen = args[args.index("--feature") + 1:] if "--feature" in args else []
for name, function in FEATURES.items():
    if chosen and not any(name == c or c.endswith(":") and name.startswith(c) for c in chosen):
        continue
    try:
        ok, detail = True, function() or ""
    except Cannot as e:
        ok, detail = None, str(e)
    except Exception as e:
        ok, detail = False, "%s: %s" % (type(e).__name__, str(e)[:400])
    sys.stdout.write(json.dumps({"feature": name, "ok": ok, "optional": False, "detail": detail.decode("utf-8", "replace")}) + "\n")
    sys.stdout.flush()
# Threads of daemons do not hold it up.
os._exit(0)
