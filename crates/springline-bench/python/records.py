"""CPython's share of the codec benchmark: `records.py RECORDS.json RECORDS.serpent RECORDS.xml DIR`. Pickles go into DIR."""

import json
import os
import pickle
import sys
import time
import xmlrpc.client

import msgpack
import serpent

with open(sys.argv[1], encoding="utf-8") as file:
    records = json.load(file)
packed = msgpack.packb(records)
text = serpent.dumps(records)
with open(sys.argv[2], "wb") as file:
    file.write(text)
assert serpent.loads(text) == records
with open(sys.argv[3], "rb") as file:
    response = file.read()
(some,), _ = xmlrpc.client.loads(response)
assert some == records[: len(some)]

# Keys of records are one object each, since json keeps them, so that pickle writes each once and refers to it.
pickles = {protocol: pickle.dumps(records, protocol) for protocol in (2, 3, 4, 5)}
for protocol, pickled in pickles.items():
    with open(os.path.join(sys.argv[4], f"pickle{protocol}"), "wb") as file:
        file.write(pickled)

work = {
    "msgpack-encode": lambda: msgpack.packb(records),
    "msgpack-decode": lambda: msgpack.unpackb(packed),
    "serpent-encode": lambda: serpent.dumps(records),
    "serpent-decode": lambda: serpent.loads(text),
    "pickle-encode": lambda: pickle.dumps(records, 2),
    "pickle2-decode": lambda: pickle.loads(pickles[2]),
    "pickle3-decode": lambda: pickle.loads(pickles[3]),
    "pickle4-decode": lambda: pickle.loads(pickles[4]),
    "pickle5-decode": lambda: pickle.loads(pickles[5]),
    "xml-decode-value": lambda: xmlrpc.client.loads(response),
    "xml-encode": lambda: xmlrpc.client.dumps((some,), methodresponse=True),
}

print("ready", flush=True)
for line in sys.stdin:
    run = work[line.strip()]
    start = time.thread_time_ns()
    run()
    print("done", time.thread_time_ns() - start, flush=True)
