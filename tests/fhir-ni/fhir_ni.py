#!/usr/bin/env python3
"""Does a FHIR server tell a reader anything of what the reader may not see?

Asks many questions as the reader, has data stored that the reader may not see, and asks again. A server
that keeps what is hidden to itself answers with the same bytes. Needs Python 3 alone, and knows of the
server only its FHIR base, so it can be run against any.

  fhir_ni.py --base https://host/fhir --reader 'Authorization: Bearer ...' \\
             --hidden hidden.json --patient ID [--visible visible.json] [--types Observation,Goal]
             [--ca ca.pem] [--ignore REGEX]

  --visible, --hidden  data sets: a JSON list of requests {"method", "path", "headers", "body"}. A path
                       that begins with a slash starts at the host, any other at the base. "keep":
                       {"name": "json/path"} takes a value from the answer, which later paths, bodies
                       and --patient may name as {name}. What --hidden keeps under names that begin
                       with "hidden" are "Type/id" that the reader may not see: they are read, too,
                       and must be answered as an id that does not exist.
  --types              resource types to ask for; else those of the CapabilityStatement that can be
                       searched by patient.
  --ignore             what of headers and bodies may differ, beside Date, request ids, receipts, and
                       id and timestamp of a Bundle.

Prints each difference and a last line of figures. Ends with 0 if there is none, 1 if there is, 2 if the
server cannot be asked.
"""
import argparse
import json
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

# Headers that belong to one request; an export has an address of its own.
OWN = {"content-location", "date", "x-request-id", "mylife-receipt", "x-correlation-id", "server-timing"}
ABSENT = "297.qqqqqqqqqqqqqqqqqqqqqqqqqq"
PAGES = 40


class Server:
    def __init__(self, base, ca=None, ignore=None):
        self.base = base.rstrip("/")
        self.context = ssl.create_default_context(cafile=ca) if base.startswith("https") else None
        self.ignore = re.compile(ignore) if ignore else None

    def url(self, path):
        if path.startswith("http"):
            return path
        if path.startswith("/"):
            return "/".join(self.base.split("/")[:3]) + path
        return f"{self.base}/{path}" if path else self.base

    def here(self, link):
        """A link as this host serves it: a server behind another gives its public name."""
        parts = urllib.parse.urlsplit(link)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def send(self, method, path, headers=None, body=None):
        """Status, headers and body of an answer."""
        data = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(self.url(path), data, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=60) as answer:
                return answer.status, answer.headers.items(), answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers.items(), refused.read().decode()

    def seen(self, answer):
        """What of an answer a reader sees, without what belongs to one request."""
        status, headers, body = answer
        kept = sorted((n.lower(), v) for n, v in headers if n.lower() not in OWN)
        try:
            bundle = json.loads(body)
            if isinstance(bundle, dict) and bundle.get("resourceType") == "Bundle":
                for own in ("id", "timestamp"):
                    if own in bundle:
                        body = body.replace(json.dumps(bundle[own]), '"-"')
        except ValueError:
            pass
        text = f"{status}\n" + "\n".join(f"{n}: {v}" for n, v in kept) + f"\n\n{body}"
        return self.ignore.sub("-", text) if self.ignore else text


def fill(text, names):
    """A text with the values that were kept."""
    for name, value in names.items():
        text = text.replace("{" + name + "}", str(value))
    return text


def store(server, path, names):
    """Sends the requests of a data set."""
    with open(path, encoding="utf-8") as file:
        requests = json.load(file)
    for one in requests:
        body = one.get("body")
        body = fill(body if isinstance(body, str) else json.dumps(body), names) if body else None
        status, _, text = server.send(
            one.get("method", "PUT"), fill(one["path"], names), one.get("headers"), body
        )
        if status >= 300:
            raise RuntimeError(f"{one['path']} was answered with {status}: {text[:300]}")
        for name, place in one.get("keep", {}).items():
            value = json.loads(text)
            for step in place.split("/"):
                value = value[int(step)] if isinstance(value, list) else value[step]
            names[name] = value


def types(server, reader):
    """Types that can be searched by patient."""
    status, _, body = server.send("GET", "metadata", reader)
    if status != 200:
        raise RuntimeError(f"metadata was answered with {status}")
    found = []
    for resource in json.loads(body)["rest"][0]["resource"]:
        names = {p["name"] for p in resource.get("searchParam", [])}
        if "patient" in names:
            found.append(resource["type"])
    return found


def questions(kinds, patient):
    """The questions: method, path, headers, body."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    strict = {"prefer": "handling=strict"}
    shapes = [
        "", "&_total=accurate", "&_summary=count", "&_count=0", "&_count=1", "&_count=2",
        "&_sort=_lastUpdated", "&_sort=-_lastUpdated", "&_sort=_id", "&_elements=id", "&_include=*",
        "&_revinclude=*", "&_lastUpdated=ge2000", "&_lastUpdated=lt2000", "&_id=" + ABSENT,
        "&_has:Observation:patient:code=x", "&_security=R", "&_tag=x", "&_filter=x", "&_text=x",
    ]
    for kind in kinds:
        about = f"{kind}?patient={patient}"
        for shape in shapes:
            yield "GET", about + shape, {}, None
        yield "GET", about + "&x-unknown=1", strict, None
        yield "HEAD", about, {}, None
        yield "POST", f"{kind}/_search", form, f"patient={urllib.parse.quote(patient)}"
        yield "GET", f"{kind}?_count=3", {}, None
        yield "GET", f"{kind}/{ABSENT}", {}, None
        yield "GET", f"{kind}/_history", {}, None
    for path in (f"Patient/{patient}", f"Patient/{patient}/$everything", "metadata", "$export"):
        yield "GET", path, {}, None


def ask(server, reader, kinds, patient):
    """Every question with every page, then every resource that was found: what is seen, by question."""
    seen, found = {}, {}
    for method, path, headers, body in questions(kinds, patient):
        headers = {**reader, **headers}
        answer = server.send(method, path, headers, body)
        seen[f"{method} {path} {body or ''}".strip()] = server.seen(answer)
        for page in range(PAGES):
            try:
                bundle = json.loads(answer[2])
            except ValueError:
                break
            for entry in bundle.get("entry", []):
                resource = entry.get("resource", {})
                if "id" in resource:
                    found[f"{resource['resourceType']}/{resource['id']}"] = True
            links = [l["url"] for l in bundle.get("link", []) if l.get("relation") == "next"]
            if not links:
                break
            answer = server.send("GET", server.here(links[0]), reader)
            seen[f"page {page + 2} of {method} {path}"] = server.seen(answer)
    for path in sorted(found):
        answer = server.send("GET", path, reader)
        tag = next((v for n, v in answer[1] if n.lower() == "etag"), 'W/"1"')
        seen[f"GET {path}"] = server.seen(answer)
        seen[f"HEAD {path}"] = server.seen(server.send("HEAD", path, reader))
        known = server.send("GET", path, {**reader, "if-none-match": tag})
        seen[f"GET {path} known"] = server.seen(known)
        seen[f"GET {path}/_history"] = server.seen(server.send("GET", f"{path}/_history", reader))
    return seen


def hidden_reads(server, reader, names):
    """What is hidden and what does not exist, asked for in the same way."""
    for name, path in names.items():
        if name.startswith("hidden"):
            kind, own = str(path).split("/")
            for tail in ("", "/_history", "/$everything"):
                pair = [
                    server.seen(server.send("GET", f"{kind}/{i}{tail}", reader)).replace(i, "-")
                    for i in (own, ABSENT)
                ]
                yield f"GET {kind}/<hidden>{tail}", pair


def report(question, one, other):
    """Prints where two answers part."""
    at = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    begin = max(0, at - 60)
    print(f"{question}\n  before: ...{one[begin:at + 80]!r}\n  after:  ...{other[begin:at + 80]!r}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ("base", "hidden", "patient"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("visible", "types", "ca", "ignore"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--reader", action="append", default=[])
    told = parser.parse_args()
    server = Server(told.base, told.ca, told.ignore)
    reader = dict(header.split(": ", 1) for header in told.reader)
    names, differences = {}, 0
    try:
        if told.visible:
            store(server, told.visible, names)
        patient = fill(told.patient, names)
        kinds = told.types.split(",") if told.types else types(server, reader)
        before = ask(server, reader, kinds, patient)
        store(server, told.hidden, names)
        after = ask(server, reader, kinds, patient)
        hidden = list(hidden_reads(server, reader, names))
    except (OSError, RuntimeError, ValueError, KeyError, IndexError) as trouble:
        print(f"cannot ask: {trouble}", file=sys.stderr)
        return 2
    for question in sorted(before.keys() | after.keys()):
        one, other = before.get(question, "(not asked)"), after.get(question, "(not asked)")
        if one != other:
            differences += 1
            report(question, one, other)
    for question, (own, absent) in hidden:
        if own != absent:
            differences += 1
            report(question, absent, own)
    print(f"{len(before) + len(hidden)} answers compared, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
