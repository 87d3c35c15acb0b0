"""The server with Pyro4 on Python 3."""
import os

import Pyro4


@Pyro4.expose
class Service(object):
    def get_data(self, param):
        return "You got remote data => %s" % param


daemon = Pyro4.Daemon(host="127.0.0.1", port=int(os.environ.get("SERVICE_PORT", 7000)))
print(daemon.register(Service(), "ServiceName"), flush=True)
daemon.requestLoop()
