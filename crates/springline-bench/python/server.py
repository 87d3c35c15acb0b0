"""The Pyro 5 server of the benchmark: serves the object `thing` until its standard input closes."""

import os
import sys
import threading
import time

import Pyro5.api
from Pyro5 import config
import serpent


@Pyro5.api.expose
class Thing:
    def get_data(self, param):
        return "You got remote data => " + param

    def blob(self, data):
        # serpent brings bytes as a dictionary with base64 text
        return serpent.tobytes(data) if isinstance(data, dict) else data


def control():
    for line in sys.stdin:
        if line.strip() == "stats":
            print("stats", time.process_time_ns(), 0, flush=True)
    os._exit(0)


def main():
    config.SERVERTYPE = sys.argv[1]
    daemon = Pyro5.api.Daemon(host="127.0.0.1", port=0)
    daemon.register(Thing(), "thing")
    print("listening", daemon.locationStr, flush=True)
    threading.Thread(target=control, daemon=True).start()
    daemon.requestLoop()


main()
