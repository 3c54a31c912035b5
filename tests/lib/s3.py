"""A small S3 client for tests: signs with AWS Signature Version 4, knows nothing of the code under test."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import urllib.parse
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class S3Client:
    port: int
    access: str
    secret: str
    region: str = "us-east-1"

    def call(
        self, method: str, path: str, body: bytes = b"", query: dict[str, str] | None = None, **headers: str
    ) -> Answer:
        """path: "/bucket/key", not encoded. A header's name has _ for -: if_none_match="*"."""
        path = urllib.parse.quote(path, safe="/-_.~")
        text = "&".join(f"{quoted(k)}={quoted(v)}" for k, v in sorted((query or {}).items()))
        sent = {k.replace("_", "-").lower(): v for k, v in headers.items()}
        sent |= self._signature(method, path, text, body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path + (f"?{text}" if text else ""), body or None, sent)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def put(self, bucket: str, key: str, body: bytes) -> None:
        done = self.call("PUT", f"/{bucket}/{key}", body)
        assert done.status == 200, done

    def get(self, bucket: str, key: str) -> bytes:
        done = self.call("GET", f"/{bucket}/{key}")
        assert done.status == 200, done
        return done.body

    def delete(self, bucket: str, key: str) -> None:
        done = self.call("DELETE", f"/{bucket}/{key}")
        assert done.status == 204, done

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """All keys in order, page by page."""
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            done = self.call("GET", f"/{bucket}", query={"list-type": "2", "prefix": prefix} | token)
            assert done.status == 200, done
            root = ET.fromstring(done.body)  # noqa: S314 - our own server's
            space = root.tag.partition("}")[0] + "}"
            found += [key.text or "" for key in root.iterfind(f"{space}Contents/{space}Key")]
            following = root.findtext(f"{space}NextContinuationToken")
            if not following:
                return found
            token = {"continuation-token": following}

    def _signature(self, method: str, path: str, query: str, body: bytes) -> dict[str, str]:
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        signed = {"host": f"127.0.0.1:{self.port}", "x-amz-content-sha256": digest, "x-amz-date": now}
        names = ";".join(signed)
        request = "\n".join([method, path, query, *(f"{k}:{v}" for k, v in signed.items()), "", names, digest])
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
        key = f"AWS4{self.secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"AWS4-HMAC-SHA256 Credential={self.access}/{scope}"
        return signed | {"authorization": f"{credential}, SignedHeaders={names}, Signature={signature}"}


def quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="-_.~")
