"""CPython's xmlrpc.client as a peer of the codec's tests.

Reads one JSON object a line and answers with one: {"loads": document in base64} gives {"value": tagged} or {"error": text};
{"dumps": tagged list, "method": name or null, "encoding": name or null} gives {"document": base64}. A tagged value is a list of a
tag and what belongs to it, because JSON cannot tell the types apart.
"""

import base64
import json
import struct
import sys
import xmlrpc.client


def tagged(v):
    if v is None:
        return ["null"]
    if isinstance(v, bool):
        return ["bool", v]
    if isinstance(v, int):
        return ["int", str(v)]
    if isinstance(v, float):
        return ["double", struct.pack(">d", v).hex() if v == v else "nan"]
    if isinstance(v, str):
        return ["str", v.encode("utf-8", "surrogatepass").hex()]
    if isinstance(v, xmlrpc.client.Binary):
        return ["bytes", v.data.hex()]
    if isinstance(v, xmlrpc.client.DateTime):
        return ["date", v.value]
    if isinstance(v, (list, tuple)):
        return ["list", [tagged(x) for x in v]]
    if isinstance(v, dict):
        return ["map", [[tagged(k), tagged(x)] for k, x in v.items()]]
    return ["other", repr(v)]


def untagged(t):
    tag, *rest = t
    if tag == "null":
        return None
    (v,) = rest
    if tag == "int":
        return int(v)
    if tag == "double":
        return float("nan") if v == "nan" else struct.unpack(">d", bytes.fromhex(v))[0]
    if tag == "str":
        return bytes.fromhex(v).decode("utf-8")
    if tag == "bytes":
        return xmlrpc.client.Binary(bytes.fromhex(v))
    if tag == "date":
        return xmlrpc.client.DateTime(v)
    if tag == "list":
        return [untagged(x) for x in v]
    if tag == "map":
        return {untagged(k): untagged(x) for k, x in v}
    return v


for line in sys.stdin:
    request = json.loads(line)
    try:
        if "loads" in request:
            params, method = xmlrpc.client.loads(base64.b64decode(request["loads"]))
            answer = {"value": tagged(params), "method": method}
        else:
            document = xmlrpc.client.dumps(
                tuple(untagged(x) for x in request["dumps"]),
                request["method"],
                methodresponse=request["method"] is None or None,
                encoding=request["encoding"],
                allow_none=True,
            )
            document = document.encode(request["encoding"] or "utf-8", "xmlcharrefreplace")
            answer = {"document": base64.b64encode(document).decode()}
    except xmlrpc.client.Fault as fault:
        answer = {"fault": [fault.faultCode, fault.faultString]}
    except Exception as e:
        answer = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(answer), flush=True)
