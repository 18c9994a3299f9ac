"""The tree of calls, and a flush."""

import sys

import requests

upload, invoke, wasm = sys.argv[1:]
with open(wasm, "rb") as code:
    requests.put(f"{upload}/f/demo/echo", data=code).raise_for_status()

payload = {"user": "demo", "function": "echo", "async": True, "cmdline": "chain 3"}
call_id = requests.post(invoke, json=payload).text
status = {"status": True, "id": call_id, "wait_ms": 30000}
assert requests.post(invoke, json=status).text.startswith("SUCCESS")

response = requests.post(invoke, json={"exec_graph": True, "id": int(call_id)})
assert response.status_code == 200, response.text


def count(node):
    assert node["msg"]["user"] == "demo" and node["msg"]["function"] == "echo", node
    return 1 + sum(count(child) for child in node["chained"])


root = response.json()["root"]
assert root["msg"]["id"] == int(call_id)
assert count(root) == 4, root

for flush in ({"type": 3}, {"flush": True}):
    response = requests.post(invoke, json=flush)
    assert response.status_code == 200, response.text
response = requests.post(invoke, json={"user": "demo", "function": "echo", "input_data": "y"})
assert response.text == "echo y", response.text
