"""The server of Spring Python's manual, "Splitting up the client and the server", for Python 2: its server.xml in the words of
Pyro 3.16, which PyroServiceExporter is made of. Serves until stdin ends.

    server.py [SERVICE_HOST [SERVICE_PORT]]
"""
import os
import sys
import tempfile
import threading

os.environ["PYRO_STORAGE"] = tempfile.gettempdir()

import Pyro.core


class Service(object):
    def get_data(self, param):
        return "You got remote data => %s" % param


if __name__ == "__main__":
    service_host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
    service_port = int(sys.argv[2]) if len(sys.argv) > 2 else 7000
    remoteService = Pyro.core.ObjBase()
    remoteService.delegateTo(Service())
    Pyro.core.initServer(banner=0)
    daemon = Pyro.core.Daemon(host=service_host, port=service_port, norange=1)
    daemon.connect(remoteService, "ServiceName")
    thread = threading.Thread(target=daemon.requestLoop)
    thread.setDaemon(True)
    thread.start()
    sys.stdout.write("SERVER: Exporting ServiceName as a Pyro service at %s:%d\n" % (service_host, service_port))
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)
