"""Uploads a function and calls it, as Faasm's users do."""

import sys

import requests

upload, invoke, wasm = sys.argv[1:]


def put(path):
    with open(wasm, "rb") as code:
        return requests.put(f"{upload}/f/{path}", data=code)


response = put("demo/echo")
assert response.status_code == 200, response.text

# The payload as a string, without a content type ...
payload = '{"user": "demo", "function": "echo", "input_data": "hello"}'
response = requests.post(f"{invoke}/", data=payload)
assert response.status_code == 200, response.text
assert response.text == "echo hello", response.text

# ... and as an object, to a URL without a path.
payload = {"user": "demo", "function": "echo", "input_data": "caf\u00e9"}
response = requests.post(invoke, json=payload)
assert (response.status_code, response.text) == (200, "echo caf\u00e9")

# Fields that older clients always send.
payload.update({"async": False, "python": False, "mpi": False, "cmdline": ""})
response = requests.post(invoke, json=payload)
assert response.text == "echo caf\u00e9", response.text

# Raw input, among others a form and a file.
response = requests.post(f"{invoke}/invoke/demo/echo", data={"a": "1", "b": "2"})
assert response.text == "echo a=1&b=2", response.text
with open(wasm, "rb") as data:
    response = requests.post(f"{invoke}/invoke/demo/echo", data=data)
with open(wasm, "rb") as data:
    assert response.content == b"echo " + data.read()

# An upload as a stream has no length beforehand.
def pieces():
    with open(wasm, "rb") as code:
        while piece := code.read(1000):
            yield piece


response = requests.put(f"{upload}/f/demo/streamed", data=pieces())
assert response.status_code == 200, response.text
with open(wasm, "rb") as code:
    assert requests.get(f"{upload}/f/demo/streamed").content == code.read()

# A session keeps its connections.
with requests.Session() as session:
    for number in range(50):
        payload["input_data"] = str(number)
        assert session.post(invoke, json=payload).text == f"echo {number}"

response = requests.put(f"{upload}/f/demo/bad", data=b"not wasm")
assert response.status_code == 422 and "WebAssembly" in response.text, response.text
