"""The same from Python 3, with Pyro5 and what comes with Python."""
import os
from xmlrpc.client import ServerProxy

import Pyro5.api

with Pyro5.api.Proxy("PYRO:ServiceName@127.0.0.1:%s" % os.environ.get("GATEWAY_PORT", 7766)) as service:
    print("Pyro 5  ", service.get_data("Hello"))
service = ServerProxy("http://127.0.0.1:%s/RPC2" % os.environ.get("GATEWAY_HTTP_PORT", 8000))
print("XML-RPC ", service.get_data("Hello"))
