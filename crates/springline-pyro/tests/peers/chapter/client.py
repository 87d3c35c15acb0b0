"""The client of Spring Python's manual, "Splitting up the client and the server", for Python 2: its client.xml in the words of
Pyro 3.16, which PyroProxyFactory is made of.

    client.py [SERVICE_URL]
"""
import os
import sys
import tempfile

os.environ["PYRO_STORAGE"] = tempfile.gettempdir()

import Pyro.core

if __name__ == "__main__":
    service_url = sys.argv[1] if len(sys.argv) > 1 else "PYROLOC://127.0.0.1:7000/ServiceName"
    Pyro.core.initClient(banner=0)
    service = Pyro.core.getProxyForURI(service_url)
    print "CLIENT: %s" % service.get_data("Hello")
