"""The server with Pyro 3.16 on Python 2."""
import os
import sys

import Pyro.core


class Service(object):
    def get_data(self, param):
        return "You got remote data => %s" % param


remoteService = Pyro.core.ObjBase()
remoteService.delegateTo(Service())
Pyro.core.initServer(banner=0)
port = int(os.environ.get("SERVICE_PORT", 7000))
daemon = Pyro.core.Daemon(host="127.0.0.1", port=port, norange=1)
daemon.connect(remoteService, "ServiceName")
print "SERVER: ServiceName is at 127.0.0.1:%d" % port
sys.stdout.flush()
daemon.requestLoop()
