"""The names and habits that differ between the releases of Pyro: Pyro5, Pyro4, and Pyro4 before 4.38 on Python 2.7."""
import collections
import sys
import threading

PYTHON2 = sys.version_info[0] == 2


class Cannot(Exception):
    """This peer is not able to do it, whoever is on the other side."""


class Plain(object):
    """What releases before 4.20 have instead of serializers: pickle alone."""

    def __init__(self):
        import cPickle
        self._pickle = cPickle

    def dumps(self, value):
        return self._pickle.dumps(value, 2)

    def dumpsCall(self, *call):
        return self._pickle.dumps(call, 2)

    def loads(self, data):
        return self._pickle.loads(data)


class Pyro(object):
    """One release of it."""

    def __init__(self, gen):
        if gen == 4:
            import Pyro4
            import Pyro4.errors as errors
            from Pyro4.core import URI
            self.api, self.config = Pyro4, Pyro4.config
            self.version = getattr(Pyro4, "__version__", None) or Pyro4.constants.VERSION
            self.context = getattr(Pyro4.core, "current_context", None)
        else:
            # Pyro5 5.1 uses aliases that Python dropped in 3.10.
            import collections.abc
            for alias in ("Iterator", "MutableMapping"):
                setattr(collections, alias, getattr(collections.abc, alias))
            import Pyro5
            import Pyro5.api
            import Pyro5.errors as errors
            from Pyro5.api import URI
            self.api, self.config, self.version, self.context = Pyro5.api, Pyro5.config, Pyro5.__version__, Pyro5.api.current_context
        self.gen, self.errors, self.URI = gen, errors, URI
        self.release = tuple(int(part) for part in self.version.split("."))

    def before(self, *release):
        """Whether it is a Pyro4 older than that release."""
        return self.gen == 4 and self.release < release

    def needs(self, release, what):
        if self.before(*release):
            raise Cannot("Pyro4 %s has no %s: they came with %s" % (self.version, what, ".".join(map(str, release))))

    def configure(self, **items):
        """Sets what this release knows."""
        for name, value in items.items():
            if hasattr(self.config, name):
                setattr(self.config, name, value)

    def serializer(self, name):
        if self.gen == 5:
            import Pyro5.serializers
            return Pyro5.serializers.serializers[name]
        if self.before(4, 20):
            return Plain()
        import Pyro4.util
        return Pyro4.util.get_serializer() if self.before(4, 22) else Pyro4.util.get_serializer(name)

    def serializers(self):
        names = {"serpent", "json", "marshal", "msgpack", "pickle"}
        return names - {"msgpack"} if self.before(4, 56) or PYTHON2 else names

    def expose(self, member):
        return getattr(self.api, "expose", lambda same: same)(member)

    def oneway(self, method):
        return getattr(self.api, "oneway", lambda same: same)(method)

    def set_key(self, holder, key):
        """Gives a proxy or daemon its HMAC key, which once was one for all."""
        key = key.encode("utf-8") if key is not None and not isinstance(key, bytes) else key
        if self.before(4, 29):
            self.config.HMAC_KEY = key
        else:
            holder._pyroHmacKey = key

    def proxy_for(self, daemon, what):
        if hasattr(daemon, "proxyFor"):
            return daemon.proxyFor(what)
        return self.api.Proxy(daemon.uriFor(what))


def start(target, *args):
    """A thread that does not hold up the end of the program."""
    thread = threading.Thread(target=target, args=args)
    thread.daemon = True
    thread.start()
    return thread
