"""Takes parked calls from a Tandem: says a text, asks for a digit, and bridges the call or hangs up.

    npx tandem ivr --config tandem.yaml      # remote: { park: ['700'] }
    TARGET=sip:agent@10.0.0.7 python3 examples/remote/ivr.py

Python 3.8 or newer; nothing but its standard library. TANDEM_URL, TANDEM_HTTP_TOKEN and PROMPT change where it asks, what
it shows, and what is played in place of the spoken text.
"""

import http.client
import json
import os
import threading
import urllib.error
import urllib.parse
import urllib.request

URL = urllib.parse.urlsplit(os.environ.get("TANDEM_URL", "http://127.0.0.1:8080"))
TOKEN = os.environ.get("TANDEM_HTTP_TOKEN")
TARGET = os.environ.get("TARGET", "sip:agent@127.0.0.1:5070")
PROMPT = os.environ.get("PROMPT")
HEADERS = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}


class Fault(Exception):
    """A command that failed: `code` is the typed one, as ERR_DIALOG_ENDED."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error.get("data", {}).get("code")


def command(name, **params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": f"call.{name}", "params": params}).encode()
    request = urllib.request.Request(URL._replace(path="/RPC").geturl(), body, HEADERS)
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)["result"]
    except urllib.error.HTTPError as response:
        raise Fault(json.load(response)["error"])


def events(names):
    """Server-sent events, for ever; after a break it goes on where it was."""
    last = None
    while True:
        connection = http.client.HTTPConnection(URL.netloc, timeout=60)
        try:
            headers = {**HEADERS, **({"Last-Event-ID": last} if last else {})}
            connection.request("GET", f"/events?events={names}", headers=headers)
            response = connection.getresponse()
            print("follows the events", flush=True)
            while line := response.readline():
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "id":
                    last = value
                elif field == "data":
                    yield json.loads(value)
        except OSError as error:
            print(f"no events: {error}", flush=True)
            threading.Event().wait(2)
        finally:
            connection.close()


def handle(call):
    try:
        command("answer", call=call)
        prompt = {"file": PROMPT} if PROMPT else {"say": "Press 1 to be put through, or any other key to hang up."}
        pressed = command("gather", call=call, digits=1, timeout=8000, play=prompt)["digits"]
        print(f"{call} pressed {pressed or 'nothing'}", flush=True)
        if pressed == "1":
            agent = command("originate", uri=TARGET, timeout=30000)["call"]
            command("bridge", call=call, **{"with": agent})
        else:
            command("hangup", call=call)
    except Fault as fault:
        print(f"{call} failed: {fault.code} {fault}", flush=True)
        if fault.code not in ("ERR_DIALOG_ENDED", "ERR_CALL_UNKNOWN"):
            command("hangup", call=call)


for event in events("call:parked"):
    if event["event"] == "call:parked":
        threading.Thread(target=handle, args=(event["data"]["sessionId"],), daemon=True).start()
