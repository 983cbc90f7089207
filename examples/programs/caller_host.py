"""Serves `callers` to a mesh and calls it back: Python's standard library alone. See docs/programs.md."""
import json, os, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

def call(service, method, params, peer):
    url = f"{os.environ['GATEWAY']}/v1/call/{service}/{method}?peer={peer}"
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Content-Type": "application/json"}
    return json.load(urllib.request.urlopen(urllib.request.Request(url, json.dumps(params).encode(), headers)))

class Callers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"methods": [{"name": "host", "about": "The machine of who asks.", "effects": "read"}]})
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        host = call("host", "info", {}, self.headers["Mesh-Peer"])
        self.answer({"name": self.headers["Mesh-Name"], "cores": host["cpu"]["cores"]})
    def answer(self, value):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Callers).serve_forever()
