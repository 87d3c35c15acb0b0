"""The Pyro 5 client of the benchmark: `client.py SERIALIZER WORKLOAD HOST:PORT WARM_MS`."""

import sys
import threading
import time

import Pyro5.api
from Pyro5 import config
import serpent

PARAM = "Hello"
ANSWER = "You got remote data => Hello"
BLOB = bytes(range(256)) * 4096


def texts(proxy, calls):
    for _ in range(calls):
        if len(proxy.get_data(PARAM)) != len(ANSWER):
            raise SystemExit("wrong answer")


def blobs(proxy, calls):
    for _ in range(calls):
        data = proxy.blob(BLOB)
        if isinstance(data, dict):
            data = serpent.tobytes(data)
        if len(data) != len(BLOB):
            raise SystemExit("wrong answer")


def run(proxies, work, calls):
    each = -(-calls // len(proxies))
    if len(proxies) == 1:
        work(proxies[0], each)
        return each

    def caller(proxy):
        proxy._pyroClaimOwnership()
        work(proxy, each)

    threads = [threading.Thread(target=caller, args=(proxy,)) for proxy in proxies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return each * len(proxies)


def main():
    serializer, workload, address, warm_ms = sys.argv[1:5]
    config.SERIALIZER = serializer
    work = blobs if workload == "blob1m" else texts
    proxies = []
    for _ in range(16 if workload == "conn16" else 1):
        proxy = Pyro5.api.Proxy("PYRO:thing@" + address)
        if proxy.get_data(PARAM) != ANSWER:
            raise SystemExit("wrong answer")
        proxies.append(proxy)
    start = time.perf_counter()
    calls = len(proxies)
    while True:
        batch = time.perf_counter()
        done = run(proxies, work, calls)
        now = time.perf_counter()
        if now - start >= int(warm_ms) / 1000:
            break
        calls *= 2
    print("warm %.0f" % (done / (now - batch)), flush=True)
    for line in sys.stdin:
        calls = int(line.split()[1])
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        done = run(proxies, work, calls)
        wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
        print("done", done, wall, cpu, 0, flush=True)


main()
