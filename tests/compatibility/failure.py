"""What a client sees of calls that fail."""

import sys

import requests

upload, invoke, wasm = sys.argv[1:]
with open(wasm, "rb") as code:
    requests.put(f"{upload}/f/demo/echo", data=code).raise_for_status()

payload = {"user": "demo", "function": "echo", "input_data": "x", "cmdline": "fail"}
response = requests.post(invoke, json=payload)
assert response.status_code == 500, response.status_code
output, reason = response.text.splitlines()
assert output == "echo x" and "3" in reason, response.text

payload["cmdline"] = "trap"
response = requests.post(invoke, json=payload)
assert response.status_code == 500 and "main" in response.text, response.text

response = requests.post(invoke, json={"user": "demo", "function": "nothing"})
assert response.status_code == 404 and "demo/nothing" in response.text, response.text

response = requests.post(invoke, data="not json")
assert response.status_code == 400 and "JSON" in response.text, response.text

response = requests.post(invoke, json={"user": 5, "function": "echo"})
assert response.status_code == 400 and "user" in response.text, response.text

headers = {"Accept": "application/json"}
response = requests.post(invoke, json={"user": "demo"}, headers=headers)
assert response.status_code == 400
assert response.json()["error"]["code"] == "missing_field", response.text
