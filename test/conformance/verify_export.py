#!/usr/bin/env python3
"""A second verifier of audit exports, with nothing but Python's standard library (3.8 or newer).

    verify_export.py DIR [--key VERIFIER_KEY]… [--from OLD_CHECKPOINT] [--tokens FILE]

Written from RFC 6962, RFC 8032, RFC 8785 and c2sp.org (signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles), not from the
other verifier. Prints a JSON report; exit code 0: everything holds, 1: something does not, 2: nothing can be verified."""
import argparse, base64, functools, hashlib, json, os, struct, sys

base64url = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
BASE = (4 * pow(5, P - 2, P) % P).to_bytes(32, "little")
sha256 = lambda *parts: hashlib.sha256(b"".join(parts)).digest()

def decode(data):
    """RFC 8032 section 5.1.3; None when there is no such point."""
    y, sign = int.from_bytes(data, "little") & (1 << 255) - 1, data[-1] >> 7
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P: x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - xx) % P or y >= P or (x == 0 and sign): return None
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P

def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    m, n, c, d = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2), 2 * t1 * t2 * D, 2 * z1 * z2
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P

def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        result = add(result, point) if scalar & 1 else result
        point, scalar = add(point, point), scalar >> 1
    return result

def ed25519_verify(key, message, signature):
    a, r, s = decode(key), decode(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(key) != 32 or len(signature) != 64 or a is None or r is None or s >= L: return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = multiply(s, decode(BASE)), add(r, multiply(h, a))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)

def open_note(note, keys):
    """Text and the names of the given keys that signed it; a wrong signature of such a key is an error."""
    text, names = note.rpartition("\n\n")[0] + "\n", []
    for line in note[len(text) + 1:].split("\n")[:-1]:
        mark, name, encoded = line.split(" ")
        raw = base64.b64decode(encoded, validate=True)
        for key in keys:
            key_name, key_id, data = key.split("+", 2)
            data = base64.b64decode(data, validate=True)
            if mark != "\u2014" or key_name != name or bytes.fromhex(key_id) != raw[:4]: continue
            if sha256(name.encode(), b"\n", data)[:4] != raw[:4]: raise ValueError("a verifier key has an id that is not its own")
            signature, message = raw[4:], text
            if data[0] == 4:
                message = "cosignature/v1\ntime %d\n%s" % (struct.unpack(">Q", signature[:8])[0], text)
                signature = signature[8:]
            if data[0] not in (1, 4) or not ed25519_verify(data[1:], message.encode(), signature):
                raise ValueError("the signature of %s does not verify" % name)
            names.append(name)
    return text, names

def open_checkpoint(note, log_keys, witnesses=()):
    text, names = open_note(note, list(log_keys) + list(witnesses))
    origin, size, root = text.split("\n")[:3]
    if origin not in open_note(note, log_keys)[1]: raise ValueError("the checkpoint is of another log than the key")
    return origin, int(size), base64.b64decode(root, validate=True), names

def follow(keys, notes):
    """The keys, and those that they handed the log over to: notes of its name and `key <verifier key>`, signed by one of them."""
    for note in notes[:16] * min(len(notes), 16):
        try:
            text, names = open_note(note, keys)
            origin, key = text[:-1].split("\nkey ")
            if origin in names and key.split("+")[0] == origin and key not in keys: keys = keys + [key]
        except ValueError: pass
    return keys

def root_of(edge):
    nodes = [node for _, node in reversed(edge)] or [sha256()]
    return functools.reduce(lambda right, left: sha256(b"\x01", left, right), nodes)

def append(edge, leaf):
    level = 0
    while edge and edge[-1][0] == level:
        leaf, level = sha256(b"\x01", edge.pop()[1], leaf), level + 1
    edge.append((level, leaf))

def verify_inclusion(index, size, node, path, root):
    """RFC 9162 section 2.1.3.2."""
    last = size - 1
    if not 0 <= index < size or len(path) > 63: return False
    for sibling in path:
        if last == 0: return False
        if index & 1 or index == last:
            node = sha256(b"\x01", sibling, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = sha256(b"\x01", node, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and node == root

def tile_path(level, index, width):
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at:at + 3] for at in range(0, len(digits), 3)]
    name = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return "tile/%s/%s%s" % (level, name, "" if width == 256 else ".p/%d" % width)

class Verifier:
    def __init__(self, folder, key, older, tokens):
        self.folder, self.findings, self.tokens = folder, [], {}
        self.find = lambda index, text: self.findings.append({"index": index, "text": text})
        keys, manifest = json.loads(self.read("keys.json")), json.loads(self.read("manifest.json"))
        handovers = [each["handover"] for each in keys.get("keys", []) if "handover" in each]
        log_keys, note = follow(key, handovers) if key else keys["log"], self.read("checkpoint").decode()
        self.origin, self.size, self.root, self.names = open_checkpoint(note, log_keys, keys.get("witnesses", []))
        self.old = open_checkpoint(older, log_keys) if older else None
        for token in tokens:
            claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
            self.tokens[claims.pop("evt")] = claims
        if manifest["size"] != self.size or manifest["origin"] != self.origin:
            self.find(None, "the manifest is of another checkpoint")
        if manifest.get("tenant") and older: raise ValueError("a tenant's export cannot be compared with an older checkpoint")
        self.tenant() if manifest.get("tenant") else self.whole()
        for receipt in self.tokens: self.find(None, "a token's receipt names no entry: " + receipt)

    def read(self, path):
        with open(os.path.join(self.folder, path), "rb") as file:
            return file.read()

    def lines(self, path):
        return map(json.loads, open(os.path.join(self.folder, path), encoding="utf-8", newline="\n"))

    def check(self, index, entry, body, leaf):
        facts = json.loads(entry)
        if body is not None and base64url(sha256((facts["salt"] + body).encode())) != facts["body_hash"]:
            self.find(index, "the body is not the one that the entry commits to")
        claims = self.tokens.pop(base64url(leaf), None) if self.tokens else None
        if claims is not None:
            text = json.dumps(claims, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            if facts.get("type") != "token.issued" or facts.get("claims_hash") != base64url(sha256(text.encode())):
                self.find(index, "a token's claims are not those that were logged")

    def tenant(self):
        for line in self.lines("entries.ndjson"):
            entry, path = line["leaf"].encode(), [base64.b64decode(step) for step in line["proof"]]
            leaf = sha256(b"\x00", entry)
            self.check(line["position"], entry, line.get("body"), leaf)
            if not verify_inclusion(line["position"], self.size, leaf, path, self.root):
                self.find(line["position"], "the entry is not what was signed, or its proof is wrong")

    def whole(self):
        edge, sealed, wrong, old = [], [], [], None
        bodies = {line["position"]: line["body"] for line in self.lines("bodies.ndjson")}
        for first in range(0, self.size, 256):
            width = min(256, self.size - first)
            bundle, tile, at = self.read(tile_path("entries", first // 256, width)), self.read(tile_path(0, first // 256, width)), 0
            for index in range(first, first + width):
                if self.old and index == self.old[1]: old = root_of(edge)
                end, wanted = at + 2 + int.from_bytes(bundle[at:at + 2], "big"), tile[32 * (index - first):][:32]
                entry, at = bundle[at + 2:end], end
                leaf = sha256(b"\x00", entry)
                append(edge, leaf), append(sealed, wanted)
                if leaf != wanted:
                    wrong.append(index)
                else:
                    self.check(index, entry, bodies.pop(index, None), leaf)
            wrong += [first + width - 1] if at != len(bundle) else []
        whose = "the hash tile" if root_of(edge) == self.root else "the entry"
        for index in sorted(set(wrong)):
            bodies.pop(index, None)
            self.find(index, whose + " was changed")
        if root_of(edge) != self.root and root_of(sealed) != self.root:
            self.find(None, "entries and tiles are not what was signed")
        for index in bodies: self.find(index, "a body stands where there is no entry")
        if self.old and (self.old[0] != self.origin or self.old[2] != (root_of(edge) if self.old[1] == self.size else old)):
            self.find(None, "the older checkpoint is of another history")

def main():
    parser = argparse.ArgumentParser()
    for name in ("folder", "--from", "--tokens"):
        parser.add_argument(name)
    parser.add_argument("--key", action="append")
    given = vars(parser.parse_args())
    try:
        older, tokens = (open(given[name], encoding="utf-8").read() if given[name] else "" for name in ("from", "tokens"))
        done = Verifier(given["folder"], given["key"], older, tokens.split())
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(json.dumps({"valid": False, "error": str(error)}))
        return 2
    print(json.dumps({"valid": not done.findings, "size": done.size, "signed_by": done.names, "findings": done.findings[:100]}))
    return 1 if done.findings else 0

if __name__ == "__main__": sys.exit(main())
