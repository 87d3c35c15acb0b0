"""Tries every feature of Springline's Pyro 3 daemon from Python 2.7, and prints `fine`.

    pyro3_client.py LOCATION URI [--identification TEXT] [--compress] [--checksum] [--pickle 0|1|2] [--ssl CERTS]
"""
import os
import sys
import tempfile
import threading
import time

os.environ["PYRO_STORAGE"] = tempfile.gettempdir()

import datetime
import decimal

location, uri, args = sys.argv[1], sys.argv[2], sys.argv[3:]
if "--ssl" in args:
    # Pyro asks for what sockets have and M2Crypto's connections, which it wraps them in, have not.
    from M2Crypto import SSL
    SSL.Connection.gettimeout = lambda connection: connection.socket.gettimeout()

import Pyro.core
import Pyro.errors
import Pyro.util

Pyro.config.PYRO_COMPRESSION = int("--compress" in args)
Pyro.config.PYRO_CHECKSUM = int("--checksum" in args)
if "--pickle" in args:
    Pyro.config.PYRO_PICKLE_FORMAT = int(args[args.index("--pickle") + 1])
Pyro.config.PYRO_TRACELEVEL = 0
if "--ssl" in args:
    Pyro.config.PYROSSL_CERTDIR = args[args.index("--ssl") + 1]
    Pyro.config.PYROSSL_CA_CERT = "ca-chain.pem"
    Pyro.config.PYROSSL_CERT = "client-cert.pem"
    Pyro.config.PYROSSL_KEY = "client-key.pem"


def connected(proxy):
    if "--identification" in args:
        proxy._setIdentification(args[args.index("--identification") + 1])
    return proxy


class Thing(object):
    def __init__(self, x):
        self.x = x


class Back(Pyro.core.ObjBase):
    def get_data(self, x):
        return "called back with %s" % x


def raised(wanted, call):
    try:
        call()
    except wanted as e:
        return e
    raise AssertionError("nothing raised")


Pyro.core.initClient(banner=0)
p = connected(Pyro.core.getProxyForURI(location))
assert p.get_data("Hello") == "You got remote data => Hello"
assert connected(Pyro.core.getProxyForURI(uri)).get_data("x") == "You got remote data => x"
shared = [1]
ring = [shared, shared]
ring.append(ring)
got = p.echo(ring)
assert got[0] == [1] and got[0] is got[1] and got[2] is got, got
for x in (None, True, 5, -5, 2**40, -2**63, 2**70, 1.5, "text", u"\u20ac", "\xff\x00", "", (1, [2], {3: 4}), set([1]), frozenset([2]),
          complex(1, 2), decimal.Decimal("1.50"), datetime.datetime(2020, 1, 2, 3, 4, 5, 678), datetime.date(2020, 1, 2),
          datetime.timedelta(1, 2, 3), "x" * 100000, "\xff" * 100000, {"a": {None: []}}):
    got = p.echo(x)
    assert got == x and (type(got) is type(x) or isinstance(x, long)), (x, got)
assert p.echo(Thing(5)) == {"__class__": "__main__.Thing", "x": 5}
assert p.add(1) == 11 and p.add(1, 2) == 3 and p.add(1, c=5) == 16 and p.add(b=1, a=2) == 3
e = raised(TypeError, lambda: p.add())
e = raised(ValueError, lambda: p.fail("ValueError", "bad"))
assert e.args == ("bad",) and e.extra == 7, vars(e)
Pyro.util.getPyroTraceback(e)
raised(Pyro.errors.NamingError, lambda: p.fail("NamingError", "bad"))
e = raised(Pyro.errors.PyroError, lambda: p.fail("bank.BankError", "bad"))
assert "bank.BankError: bad" in str(e) and e.remote_class == "bank.BankError"
raised(AttributeError, lambda: p.nosuch())
assert p.get_data("after") == "You got remote data => after"
a = connected(Pyro.core.getAttrProxyForURI(location))
assert a.value == "initial"
a.value = "changed"
assert a.value == "changed" and a.get_data("x") == "You got remote data => x"
p._setOneway(["fire"])
assert p.fire("token") is None
for _ in range(300):
    if "token" in p.fired():
        break
    time.sleep(0.1)
else:
    raise AssertionError("nothing fired")
other = p.give_proxy()
assert connected(other).who() == "other"
assert len(p.GUID()) == 32
daemon = Pyro.core.Daemon(host="127.0.0.1")
back = Back()
daemon.connect(back, "back")
thread = threading.Thread(target=daemon.requestLoop)
thread.setDaemon(True)
thread.start()
assert p.call_back(back.getProxy(), "x") == "called back with x"
unknown = Pyro.core.getProxyForURI(location.replace("/thing", "/nosuch"))
raised(Pyro.errors.NamingError, lambda: connected(unknown).get_data("x"))
wrong = Pyro.core.getProxyForURI(uri[:-4] + "0000")
raised(Pyro.errors.ProtocolError, lambda: connected(wrong).get_data("x"))
if "--identification" in args:
    raised(Pyro.errors.ConnectionDeniedError, lambda: Pyro.core.getProxyForURI(location).get_data("x"))
sys.stdout.write("fine\n")
sys.stdout.flush()
os._exit(0)
