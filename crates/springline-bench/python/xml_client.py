"""The XML-RPC client of the benchmark: `xml_client.py HOST:PORT WARM_MS`."""

import sys
import time
import xmlrpc.client

PARAM = "Hello"
ANSWER = "You got remote data => Hello"


def work(proxy, calls):
    for _ in range(calls):
        if len(proxy.get_data(PARAM)) != len(ANSWER):
            raise SystemExit("wrong answer")
    return calls


def main():
    address, warm_ms = sys.argv[1:3]
    proxy = xmlrpc.client.ServerProxy("http://" + address)
    if proxy.get_data(PARAM) != ANSWER:
        raise SystemExit("wrong answer")
    start = time.perf_counter()
    calls = 1
    while True:
        batch = time.perf_counter()
        done = work(proxy, calls)
        now = time.perf_counter()
        if now - start >= int(warm_ms) / 1000:
            break
        calls *= 2
    print("warm %.0f" % (done / (now - batch)), flush=True)
    for line in sys.stdin:
        calls = int(line.split()[1])
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        done = work(proxy, calls)
        wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
        print("done", done, wall, cpu, 0, flush=True)


main()
