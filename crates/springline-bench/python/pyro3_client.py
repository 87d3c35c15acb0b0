"""The Pyro 3 client of the benchmark, for Python 2.7: `pyro3_client.py HOST:PORT WARM_MS`."""

from __future__ import print_function

import resource
import sys
import time

import Pyro.core

PARAM = "Hello"
ANSWER = "You got remote data => Hello"


def cpu_ns():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int((usage.ru_utime + usage.ru_stime) * 1e9)


def say(*words):
    print(*words)
    sys.stdout.flush()


def work(proxy, calls):
    for _ in range(calls):
        if len(proxy.get_data(PARAM)) != len(ANSWER):
            raise SystemExit("wrong answer")
    return calls


def main():
    address, warm_ms = sys.argv[1:3]
    Pyro.core.initClient(banner=0)
    proxy = Pyro.core.getProxyForURI("PYROLOC://%s/thing" % address)
    if proxy.get_data(PARAM) != ANSWER:
        raise SystemExit("wrong answer")
    start = time.time()
    calls = 1
    while True:
        batch = time.time()
        done = work(proxy, calls)
        now = time.time()
        if now - start >= int(warm_ms) / 1000.0:
            break
        calls *= 2
    say("warm", "%.0f" % (done / (now - batch)))
    while True:
        line = sys.stdin.readline()
        if not line:
            break
        calls = int(line.split()[1])
        wall, cpu = time.time(), cpu_ns()
        done = work(proxy, calls)
        wall, cpu = time.time() - wall, cpu_ns() - cpu
        say("done", done, int(wall * 1e9), cpu, 0)


main()
