"""The Pyro 3 server of the benchmark, for Python 2.7: serves the object `thing` until its standard input closes."""

from __future__ import print_function

import os
import resource
import sys
import threading

import Pyro.core


class Thing(Pyro.core.ObjBase):
    def get_data(self, param):
        return "You got remote data => " + param


def cpu_ns():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int((usage.ru_utime + usage.ru_stime) * 1e9)


def control():
    while True:
        line = sys.stdin.readline()
        if not line:
            os._exit(0)
        if line.strip() == "stats":
            print("stats", cpu_ns(), 0)
            sys.stdout.flush()


def main():
    Pyro.core.initServer(banner=0)
    daemon = Pyro.core.Daemon(host="127.0.0.1", port=0, norange=1)
    daemon.connect(Thing(), "thing")
    print("listening", "127.0.0.1:%d" % daemon.port)
    sys.stdout.flush()
    thread = threading.Thread(target=control)
    thread.daemon = True
    thread.start()
    daemon.requestLoop()


main()
