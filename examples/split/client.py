"""The client with Pyro 3.16 on Python 2."""
import os

import Pyro.core

Pyro.core.initClient(banner=0)
port = os.environ.get("SERVICE_PORT", 7000)
service = Pyro.core.getProxyForURI("PYROLOC://127.0.0.1:%s/ServiceName" % port)
print "CLIENT: %s" % service.get_data("Hello")
