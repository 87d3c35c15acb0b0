# -*- coding: utf-8 -*-
"""Runs client.py against server.py, Python against Python, both versions both ways round, and prints what works as a table.

`+` works, `.` Python itself cannot, `X` fails. Exit status 1 when anything fails. Run it with Python 3:
selfcheck.py --python2 target/peers/python2 [--reasons] [--feature NAME ...]
"""
import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
WAYS = ("plain", "tls", "cert", "fields")


def program(python, name, *args):
    return [python, "-B", os.path.join(HERE, name), *args]


def run(server, client, way, certs, place, features):
    """The JSON lines of one client run against one fresh server."""
    options = ["--way", way, "--certs", certs]
    unix = ["--unix", os.path.join(place, "s%d" % abs(hash((server, client))))] if way == "plain" else []
    with tempfile.TemporaryFile("w+") as log:
        serve = subprocess.Popen(program(server, "server.py", *options, *unix), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            line = serve.stdout.readline()
            if not line.startswith("READY "):
                log.seek(0)
                raise RuntimeError("the server did not start: %r\n%s" % (line, log.read()))
            ready = json.loads(line[6:])
            for name in ("url", "http10", "strict", "auth"):
                options += ["--" + name, ready[name]]
            call = subprocess.run(program(client, "client.py", *options, *unix, *(["--feature", *features] if features else [])),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
            lines = [json.loads(x) for x in call.stdout.splitlines()]
            if call.returncode not in (0, 1) or not lines:
                raise RuntimeError("the client ended with status %d\n%s" % (call.returncode, call.stderr))
            return {x["feature"]: (x["ok"], x["detail"]) for x in lines}
        finally:
            serve.stdin.close()
            serve.wait(10)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python2", required=True)
    parser.add_argument("--reasons", action="store_true", help="also print why a cell is not +")
    parser.add_argument("--feature", nargs="*")
    args = parser.parse_args()
    written = subprocess.run(program(sys.executable, "values.py", "--xml"), stdout=subprocess.PIPE, check=True).stdout
    with open(os.path.join(HERE, "values.tsv"), "rb") as file:
        if file.read() != written:
            sys.exit("values.tsv is not what `values.py --xml` prints")
    pythons = {"3": sys.executable, "2": args.python2}
    columns = [(client, server, way) for client in "23" for server in "23" for way in WAYS]
    with tempfile.TemporaryDirectory() as place:
        certs = os.path.join(place, "certs")
        subprocess.run(program(sys.executable, "certs.py", certs), check=True)
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            results = list(pool.map(lambda c: run(pythons[c[1]], pythons[c[0]], c[2], certs, place, args.feature), columns))
    marks = {True: "+", None: ".", False: "X"}
    names = list(results[0])
    width = max(map(len, names))
    print("client>server, way: " + ", ".join("%s>%s %s" % c for c in columns))
    reasons = {}
    for name in names:
        print("%-*s  %s" % (width, name, " ".join(marks[r[name][0]] for r in results)))
        for column, result in zip(columns, results):
            if result[name][0] is not True:
                reasons.setdefault((marks[result[name][0]], name, result[name][1]), []).append("%s>%s %s" % column)
    failed = [key for key in reasons if key[0] == "X"]
    for key in reasons if args.reasons else failed:
        print("%s %s: %s [%s]" % (key[0], key[1], key[2], ", ".join(reasons[key])))
    print("%d features, %d columns, %d failures" % (len(names), len(columns), len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
