"""Runs client.py against server.py, Python against Python, and prints what works as a table.

`+` works, `.` Python itself cannot, `X` fails. Exit status 1 when anything fails.
"""
import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
COLUMNS = [(gen, serializer) for gen in (4, 5) for serializer in ("serpent", "json", "marshal", "msgpack")]


# Sets of texts come out in hash order.
ENVIRONMENT = dict(os.environ, PYTHONHASHSEED="0")


def run(gen, serializer, server=(), client=()):
    """The JSON lines of one client run against one fresh server."""
    serve = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "server.py"), "--gen", str(gen), "--serializer", serializer, *server],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    try:
        line = serve.stdout.readline()
        if not line.startswith("READY "):
            raise RuntimeError("the server did not start: %r" % line)
        call = subprocess.run([sys.executable, "-B", os.path.join(HERE, "client.py"), "--gen", str(gen), "--serializer", serializer,
                               "--uri", json.loads(line[6:])["uri"], *client], stdout=subprocess.PIPE, text=True, timeout=300, env=ENVIRONMENT)
        lines = [json.loads(x) for x in call.stdout.splitlines()]
        if call.returncode not in (0, 1) or not lines:
            raise RuntimeError("the client ended with status %d" % call.returncode)
        return lines
    finally:
        serve.stdin.close()
        serve.wait(10)


def column(gen, serializer):
    """One column, merged from a plain run, one with every option on a Unix socket, one over IPv6 and one multiplexed."""
    key = (["--hmac", "s3cret"], ["--hmac", "s3cret"]) if gen == 4 else ([], [])
    with tempfile.TemporaryDirectory() as place:
        runs = [
            ("plain", run(gen, serializer)),
            ("options", run(gen, serializer, ["--unix", os.path.join(place, "s"), "--compress", "--require-handshake", "open",
                                            "--translate-own", "--annotation", "from the daemon", *key[0]],
                            ["--compress", "--handshake", "open", "--annotation", "from the daemon", *key[1]])),
            ("ipv6", run(gen, serializer, ["--host", "::1"], ["--feature", "transport", "call", "callback", "uri_result"])),
            ("multiplex", run(gen, serializer, ["--servertype", "multiplex"], ["--feature", "call", "oneway", "callback", "many_calls"])),
        ]
    merged = {}
    for label, result in runs:
        for line in result:
            name, ok, detail = line["feature"], line["ok"], line["detail"]
            old = merged.get(name)
            if old is None or ok is False or old[0] is None and ok:
                merged[name] = (ok, detail if label == "plain" else "[%s] %s" % (label, detail))
    return merged


def specials():
    """What Python's own client makes of every special value, as the text of specials.json."""
    columns = {}
    for gen, serializer in COLUMNS:
        columns["%d-%s" % (gen, serializer)] = {x["special"]: x["got"] for x in run(gen, serializer, client=["--specials"])}
    return json.dumps(columns, indent=1) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reasons", action="store_true", help="also print why a cell is not +")
    parser.add_argument("--details", action="store_true", help="also print what was seen in every cell")
    parser.add_argument("--write-specials", action="store_true", help="write specials.json anew and stop")
    args = parser.parse_args()
    if args.write_specials:
        with open(os.path.join(HERE, "specials.json"), "w", encoding="ascii") as out:
            out.write(specials())
        return 0
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda c: column(*c), COLUMNS))
    marks = {True: "+", None: ".", False: "X"}
    names = list(results[0])
    width = max(map(len, names)) + 2
    print("".ljust(width) + " ".join("%d-%-8s" % c for c in COLUMNS))
    for name in names:
        print(name.ljust(width) + " ".join(marks[r[name][0]].ljust(10) for r in results))
    failed = [(c, n, r[n][1]) for c, r in zip(COLUMNS, results) for n in names if r[n][0] is False]
    for c, r in zip(COLUMNS, results):
        for name in names:
            ok, detail = r[name]
            if args.details or ok is False or args.reasons and ok is None:
                print("%s %d-%s %s: %s" % (marks[ok], *c, name, detail))
    print("%d cells, %d failed" % (len(names) * len(COLUMNS), len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
