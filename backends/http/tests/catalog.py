"""A small catalog by another hand, which can also be told to misbehave.

It follows spec/CATALOG.md from the outside: the standard library of Python and nothing of this
project. Each session is a catalog of its own at /SESSION/, of one of these kinds:

  tier1    reads; knows neither /capabilities, OPTIONS, expand nor validate
  tier1v   the same, with validate and expand
  options  also writes; says so by OPTIONS alone
  tier2    also writes; says so by /capabilities
  tier3    the same, with an audit, scopes and validators

A session's script replaces what the catalog would answer: to a method and path, in order, the last
answer for good. Run as catalog.py [CERT KEY]; prints the ports (HTTP, HTTPS), and ends when standard
input does.
"""

import gzip
import hashlib
import json
import re
import ssl
import sys
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

NAME = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9_.+@-]{1,128}")
KNOWN = ("name", "transport", "command", "args", "env", "url", "headers", "description")
WRITERS = ("options", "tier2", "tier3")
ENDED = threading.Event()


class Session:
    def __init__(self, kind, script, token):
        self.kind, self.script, self.token = kind, script, token
        self.lock, self.log, self.scopes, self.audit = threading.Lock(), [], {}, {}


SESSIONS = {}
SESSIONS_LOCK = threading.Lock()


class Refused(Exception):
    def __init__(self, status, kind=None, message="no"):
        self.status, self.kind, self.message = status, kind, message


def number(value):
    """A number as ECMAScript writes it, which RFC 8785 asks for."""
    if isinstance(value, int):
        return str(value)
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa
    power = int(exponent)
    if -7 < power < 21:
        return f"{value:.{len(mantissa.replace('-', '').replace('.', '')) - 1 - power}f}"
    return f"{mantissa.removesuffix('.0')}e{power:+d}"


def canonical(value):
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def whole(entry):
    """The entry in the form its digest is made of."""
    remote = "url" in entry
    entry = {key: value for key, value in entry.items() if value is not None or key not in KNOWN}
    entry.setdefault("transport", "streamable-http" if remote else "stdio")
    entry.setdefault("description", "")
    for key, none in (("headers", {}),) if remote else (("args", []), ("env", {})):
        entry.setdefault(key, none)
    return entry


def digest(entry):
    return "sha256:" + hashlib.sha256(canonical(whole(entry)).encode()).hexdigest()


def is_broken(entry):
    return ("command" in entry) == ("url" in entry)


def broken(name):
    return {"kind": "descriptor_invalid", "message": f'"{name}" has neither command nor url, or both', "retryable": False}


def ref(entry):
    line = {key: whole(entry)[key] for key in ("name", "description", "transport")}
    return line | {"version": None, "source": "somewhere else"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError, ssl.SSLError):
            self.close_connection = True

    def answer(self, status, body=None, headers=()):
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(data)
        self.wfile.flush()

    def respond(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        segments = [unquote(segment) for segment in parts.path.split("/")[1:]]
        if segments[0] == "_sessions":
            return self.administer(segments[1:], parse_qs(parts.query), data)
        session = SESSIONS.get(segments[0])
        if session is None:
            return self.answer(404)
        path = "/" + "/".join(segments[1:])
        with session.lock:
            session.log.append({"method": self.command, "target": self.path, "headers": {key.lower(): value for key, value in self.headers.items()}})
            canned = session.script.get(f"{self.command} {path}") or session.script.get("*")
            if canned:
                canned = canned.pop(0) if len(canned) > 1 else canned[0]
            if not canned:
                status, body, headers = self.catalog(session, segments[1:], parts.query, data)
        if canned:
            while sum(asked["method"] == self.command for asked in session.log) < canned.get("gather", 0):
                if ENDED.wait(0.005):
                    break
            return self.misbehave(canned)
        self.answer(status, body, headers)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_CONNECT = respond

    def administer(self, path, query, data):
        if not path:
            asked = json.loads(data)
            with SESSIONS_LOCK:
                name = f"s{len(SESSIONS)}"
                SESSIONS[name] = Session(asked["kind"], asked.get("script", {}), asked.get("token"))
            return self.answer(200, {"session": name})
        session = SESSIONS[path[0]]
        with session.lock:
            if path[1] == "log":
                return self.answer(200, session.log)
            entry = json.loads(data)
            session.scopes.setdefault(query["agent_scope"][0], {})[entry["name"]] = entry
        self.answer(200, {})

    def misbehave(self, canned):
        if canned.get("hang"):
            ENDED.wait(60)
        if canned.get("drop") == "before":
            self.close_connection = True
            return
        if "raw" in canned:
            self.wfile.write(canned["raw"].encode())
            self.wfile.flush()
            self.close_connection = True
            return
        body = canned.get("body", "").encode() * canned.get("repeat", 1)
        if canned.get("gzip"):
            body = gzip.compress(body)
        self.send_response(canned.get("status", 200))
        for key, value in canned.get("headers", []):
            self.send_header(key, value)
        if canned.get("chunked"):
            self.send_header("Transfer-Encoding", "chunked")
            body = b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 65536]), body[i : i + 65536]) for i in range(0, len(body), 65536))
            body += b"0\r\n\r\n"
        elif canned.get("status", 200) != 204:
            self.send_header("Content-Length", str(len(body) + canned.get("more", 0)))
        self.end_headers()
        self.wfile.flush()
        if self.command == "HEAD":
            return
        if "trickle" in canned:
            for byte in body:
                if ENDED.wait(canned["trickle"]):
                    break
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
        else:
            self.wfile.write(body)
            self.wfile.flush()
        if canned.get("more"):
            self.close_connection = True

    def catalog(self, session, path, query, data):
        try:
            if session.token and self.headers.get("Authorization") != f"Bearer {session.token}":
                raise Refused(401, "auth_required")
            return self.serve(session, path, parse_qs(query, keep_blank_values=True, strict_parsing=bool(query)), data)
        except Refused as refused:
            error = {"error": {"kind": refused.kind, "message": refused.message, "retryable": False}}
            return refused.status, error if refused.kind else None, ()

    def serve(self, session, path, query, data):
        method = "GET" if self.command == "HEAD" else self.command
        if path == ["capabilities"] and method == "GET" and session.kind in ("tier2", "tier3"):
            claims = {f"supports_{what}": True for what in ("install", "update", "uninstall")}
            if session.kind == "tier3":
                claims |= {"supports_audit": True, "supports_scopes": True, "supports_allowed_commands": True}
            return 200, {"tier": int(session.kind[4]), **claims, "wire_version": "1.0"}, ()
        if path == ["mcp-servers"] and method == "OPTIONS" and session.kind == "options":
            return 204, None, (("Allow", "get, Post"), ("Allow", "OPTIONS,delete , PUT"))
        if path == ["scopes"] and session.kind == "tier3":
            return 200, {"scopes": sorted(scope for scope, entries in session.scopes.items() if entries)}, ()
        if path == ["allowed-commands"] and session.kind == "tier3":
            return 200, {"allowed_commands": ["deno"] if query["agent_scope"] == ["own"] else None}, ()
        if method == "OPTIONS" or path[0] not in ("mcp-servers", "audit"):
            raise Refused(404)
        (scope,) = query["agent_scope"]
        entries = session.scopes.get(scope, {})
        if path == ["audit"] and session.kind == "tier3":
            after, limit = int(query["after"][0]), int(query["limit"][0])
            return 200, {"records": session.audit.get(scope, [])[after : after + limit]}, ()
        if method == "GET":
            return self.read(session, path[1:], query, entries)
        if session.kind not in WRITERS:
            raise Refused(405)
        return self.write(session, method, path[1:], scope, data)

    def read(self, session, path, query, entries):
        if not path:
            expand = session.kind != "tier1" and query.get("expand") == ["spec"]
            names = sorted(entries)
            more = {}
            if "limit" in query:
                after, limit = query.get("cursor", [""])[0], int(query["limit"][0])
                names = [name for name in names if name > after]
                if len(names) > limit:
                    names = names[:limit]
                    more = {"next_cursor": names[-1]}
            good = [entries[name] for name in names if not is_broken(entries[name])]
            bad = [{"name": name, "error": broken(name)} for name in names if is_broken(entries[name])]
            listing = {"servers": good if expand else list(map(ref, good)), "broken": bad, **more}
            tag = hashlib.sha256(json.dumps(listing, sort_keys=True).encode()).hexdigest()
            return 200, listing, (("ETag", f'"{tag}"'),) if session.kind == "tier3" else ()
        name = path[0]
        if path[1:] == ["validate"] and session.kind != "tier1":
            if name not in entries:
                found = ['there is no server "%s"' % name]
            else:
                found = [broken(name)["message"]] if is_broken(entries[name]) else []
            return 200, {"ok": not found, "errors": found, "warnings": []}, ()
        if path[1:] or name not in entries:
            raise Refused(404, "not_in_registry")
        if is_broken(entries[name]):
            raise Refused(422, "descriptor_invalid", broken(name)["message"])
        return 200, entries[name], ()

    def write(self, session, method, path, scope, data):
        entries = session.scopes.setdefault(scope, {})
        entry = json.loads(data) if data else None
        name = path[0] if path else entry["name"]
        action = {"POST": "install", "PUT": "update", "DELETE": "uninstall"}[method]
        before = digest(entries[name]) if name in entries and not is_broken(entries[name]) else None
        record = {
            "at": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "actor": "someone",
            "request_id": self.headers.get("X-Request-Id"),
            "action": action,
            "scope": scope,
            "name": name,
            "before": before,
        }
        try:
            if not NAME.fullmatch(name) or (entry and is_broken(entry)):
                raise Refused(422, "invalid_spec")
            if action == "install" and name in entries:
                raise Refused(409, "already_installed")
            if action == "update" and name not in entries:
                raise Refused(404, "not_in_registry")
            expected = self.headers.get("If-Match")
            if name in entries and expected and expected != f'"{before}"':
                raise Refused(412, "conflict")
            entries.pop(name, None) if action == "uninstall" else entries.update({name: entry})
            outcome = "done"
        except Refused as refused:
            outcome = refused.kind
            raise
        finally:
            records = session.audit.setdefault(scope, [])
            after = before if outcome != "done" else digest(entry) if entry else None
            records.append({"seq": len(records) + 1, **record, "after": after, "outcome": outcome})
        return (204, None, ()) if action == "uninstall" else (201 if action == "install" else 200, ref(entry), ())


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        pass


def listen(context=None):
    server = Server(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


ports = [listen()]
if len(sys.argv) > 2:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    ports.append(listen(tls))
print(*ports, flush=True)
sys.stdin.read()
ENDED.set()
time.sleep(0.05)
