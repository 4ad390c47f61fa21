"""A small S3: PutObject into memory, with signatures checked as AWS documents them (Signature Version 4)."""

import datetime
import hashlib
import hmac
import urllib.parse


def error(status, code, more=""):
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>no</Message>{more}</Error>'
    return status, {"Content-Type": "application/xml"}, body.encode()


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class S3:
    """The answer function of an http_peer.Peer."""

    def __init__(self, region="us-east-1"):
        self.region, self.skew = region, datetime.timedelta()
        self.keys = {"AKIDEXAMPLE": "sec/ret+key"}
        self.tokens = {}
        self.buckets = {"events": {}}
        self.denied = False
        self.puts = []

    def signature(self, request, fields, date):
        path, _, query = request.target.partition("?")
        assert not query
        # S3 encodes each byte of the key once.
        canonical_path = urllib.parse.quote(urllib.parse.unquote(path), safe="/-_.~")
        names = fields["SignedHeaders"].split(";")
        headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in names)
        canonical = "\n".join([request.method, canonical_path, "", headers, ";".join(names),
                               request.headers["x-amz-content-sha256"]])
        scope = fields["Credential"].split("/", 1)[1]
        to_sign = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        day, region, service, end = scope.split("/")
        key = sign(sign(sign(sign(("AWS4" + self.keys[fields["Credential"].split("/")[0]]).encode(), day), region),
                        service), end)
        return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()

    def __call__(self, request):
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if scheme != "AWS4-HMAC-SHA256":
            return error(403, "AccessDenied")
        fields = dict(field.strip().split("=", 1) for field in rest.split(","))
        access, day, region, service, end = fields["Credential"].split("/")
        if access not in self.keys:
            return error(403, "InvalidAccessKeyId")
        if self.tokens.get(access, request.headers.get("x-amz-security-token")) != \
                request.headers.get("x-amz-security-token"):
            return error(400, "InvalidToken")
        if region != self.region:
            return error(400, "AuthorizationHeaderMalformed", f"<Region>{self.region}</Region>")
        date = request.headers["x-amz-date"]
        when = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ")
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + self.skew
        if abs(now - when) > datetime.timedelta(minutes=15):
            return error(403, "RequestTimeTooSkewed")
        signed = fields["SignedHeaders"].split(";")
        # Each that is signed is there.
        if set(signed) - set(request.headers):
            return error(403, "SignatureDoesNotMatch")
        for name in ("host", "x-amz-date", "x-amz-content-sha256",
                     *(["x-amz-security-token"] if "x-amz-security-token" in request.headers else [])):
            if name not in signed:
                return error(403, "AccessDenied")
        if (service, end, day) != ("s3", "aws4_request", date[:8]) or \
                self.signature(request, fields, date) != fields["Signature"]:
            return error(403, "SignatureDoesNotMatch")
        if hashlib.sha256(request.body).hexdigest() != request.headers["x-amz-content-sha256"]:
            return error(400, "XAmzContentSHA256Mismatch")
        if self.denied:
            return error(403, "AccessDenied")
        _, bucket, key = urllib.parse.unquote(request.target).split("/", 2)
        if bucket not in self.buckets:
            return error(404, "NoSuchBucket")
        if request.method != "PUT":
            return error(405, "MethodNotAllowed")
        self.puts.append(key)
        self.buckets[bucket][key] = request
        return 200
