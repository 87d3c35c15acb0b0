"""The client with Pyro4 on Python 3."""
import os

import Pyro4

port = os.environ.get("SERVICE_PORT", 7000)
with Pyro4.Proxy("PYRO:ServiceName@127.0.0.1:%s" % port) as service:
    print("CLIENT: %s" % service.get_data("Hello"))
