"""Calls a function asynchronously and polls until it has ended."""

import sys
import time

import requests

upload, invoke, wasm = sys.argv[1:]


def wait(call_id):
    while True:
        response = requests.post(invoke, json={"status": True, "id": call_id})
        assert response.status_code == 200, response.text
        if response.text.startswith("SUCCESS"):
            return response.text
        if response.text.startswith("FAILED"):
            return response.text
        assert response.text == "RUNNING", response.text
        time.sleep(0.02)


with open(wasm, "rb") as code:
    requests.put(f"{upload}/f/demo/echo", data=code).raise_for_status()

payload = {"user": "demo", "function": "echo", "async": True, "input_data": "later"}
response = requests.post(invoke, json=payload)
assert response.status_code == 202 and response.ok, response.text
call_id = int(response.text.strip())
assert wait(call_id) == "SUCCESS: echo later"

# Ids are also kept as the text they came in, and results can be asked for twice.
assert wait(response.text) == wait(call_id)

# Several at a time.
calls = {}
for number in range(20):
    payload["input_data"] = str(number)
    calls[requests.post(invoke, json=payload).text] = number
assert len(calls) == 20
for call_id, number in calls.items():
    assert wait(call_id) == f"SUCCESS: echo {number}"

payload["cmdline"] = "fail"
assert wait(requests.post(invoke, json=payload).text).startswith("FAILED: echo 19")

response = requests.post(invoke, json={"status": True, "id": 987654321})
assert response.status_code == 404, response.text
