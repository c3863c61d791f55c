#!/usr/bin/env python3
"""Serves bare repositories over HTTP with git's own programs, and counts what they use.

    serve.py DIRECTORY LOG          prints the port it listens on, on loopback

POST /upload-pack/REPOSITORY or /http-backend/REPOSITORY with the body of a request for a pack, in the words of protocol
v2. The program writes into the socket itself: nothing of this process comes between it and the client. For each answer LOG
gets a line: the processor time of the program and its children in microseconds, and the memory of the largest of them
in KB. GET /peak answers the most private memory, in KB, that all programs held together since it was last asked.
"""

import http.server
import os
import subprocess
import sys
import tempfile
import threading
import time

ROOT, LOG = sys.argv[1], open(sys.argv[2], "a", buffering=1)
RUNNING, LOCK = set(), threading.Lock()
PEAK = 0


def private_kb(pid):
    """Private memory of a process and everything below it; what ended meanwhile has none."""
    try:
        with open(f"/proc/{pid}/status") as status:
            own = sum(int(line.split()[1]) for line in status if line.startswith("RssAnon:"))
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return own + sum(private_kb(child) for child in children.read().split())
    except (FileNotFoundError, ProcessLookupError):
        return 0


def watch():
    global PEAK
    while True:
        with LOCK:
            running = list(RUNNING)
        PEAK = max(PEAK, sum(private_kb(pid) for pid in running))
        time.sleep(0.05)


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        global PEAK
        text, PEAK = f"{PEAK}\n".encode(), 0
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + text)
        self.close_connection = True

    def do_POST(self):
        program, name = self.path.split("?")[0].strip("/").split("/")
        repository = os.path.join(ROOT, name)
        request = tempfile.TemporaryFile()
        request.write(self.rfile.read(int(self.headers["Content-Length"])))
        request.seek(0)
        environment = dict(os.environ, GIT_PROTOCOL="version=2", HTTP_GIT_PROTOCOL="version=2")
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
        if program == "upload-pack":
            command = ["git", "upload-pack", "--stateless-rpc", repository]
            head += b"Content-Type: application/x-git-upload-pack-result\r\n\r\n"
        else:
            command = ["git", "http-backend"]
            environment.update(
                REQUEST_METHOD="POST",
                GIT_HTTP_EXPORT_ALL="1",
                PATH_TRANSLATED=f"{repository}/git-upload-pack",
                CONTENT_TYPE="application/x-git-upload-pack-request",
                CONTENT_LENGTH=self.headers["Content-Length"],
                REMOTE_ADDR="127.0.0.1",
            )
        self.wfile.write(head)
        self.wfile.flush()
        child = subprocess.Popen(command, stdin=request, stdout=self.connection.fileno(), env=environment)
        with LOCK:
            RUNNING.add(child.pid)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = status
        with LOCK:
            RUNNING.discard(child.pid)
        LOG.write(f"{round((used.ru_utime + used.ru_stime) * 1e6)} {used.ru_maxrss} {status}\n")
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


threading.Thread(target=watch, daemon=True).start()
server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
