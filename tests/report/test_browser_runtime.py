"""The runtime of the page to try: only the published archive is used, and a message says how to get it."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
import requests

from common.errors import BadInput
from common.report import browser_runtime
from common.report.browser_runtime import Runtime, find_runtime


@pytest.fixture
def published(monkeypatch) -> bytes:
    """A small archive in place of the one on npm."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in {
            "package/dist/ort.wasm.bundle.min.mjs": b"export const a = 1;\n//# sourceMappingURL=ort.map\n",
            "package/dist/ort-wasm-simd-threaded.wasm": b"\0asm",
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    monkeypatch.setattr(browser_runtime, "SHA256", hashlib.sha256(content.getvalue()).hexdigest())
    monkeypatch.setattr(browser_runtime, "SIZE", len(content.getvalue()))
    monkeypatch.delenv("ONNXRUNTIME_WEB", raising=False)
    return content.getvalue()


def answer_with(monkeypatch, content: bytes | Exception) -> list[str]:
    """What a download brings. Returns the addresses that are asked for."""
    asked = []

    def get(address: str, **options):
        asked.append(address)
        if isinstance(content, Exception):
            raise content
        answer = requests.Response()
        answer.status_code, answer.raw = 200, io.BytesIO(content)
        return answer

    monkeypatch.setattr(requests, "get", get)
    return asked


def test_it_is_downloaded_once(tmp_path, published, monkeypatch):
    asked = answer_with(monkeypatch, published)
    expected = Runtime(b"export const a = 1;\n", b"\0asm")
    assert find_runtime(tmp_path) == find_runtime(tmp_path) == expected
    assert asked == ["https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-1.30.0.tgz"]
    (tmp_path / "onnxruntime-web-1.30.0.tgz").write_bytes(published[:-1])
    assert find_runtime(tmp_path) == expected
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda published: requests.ConnectionError("no route"), "could not be downloaded. Download https"),
        (lambda published: published + b"more", "bytes came"),
        (lambda published: published[:-1] + b"\1", "what came is not the published archive"),
    ],
    ids=["no network", "too long", "altered"],
)
def test_what_is_not_the_published_archive_is_not_kept(tmp_path, published, monkeypatch, change, said):
    answer_with(monkeypatch, change(published))
    with pytest.raises(BadInput, match=said) as refused:
        find_runtime(tmp_path)
    assert "ONNXRUNTIME_WEB=FILE.tgz" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_a_file_is_named(tmp_path: Path, published, monkeypatch):
    answer_with(monkeypatch, AssertionError("asked"))
    (tmp_path / "mine.tgz").write_bytes(published)
    monkeypatch.setenv("ONNXRUNTIME_WEB", str(tmp_path / "mine.tgz"))
    assert find_runtime(tmp_path / "cache").program == b"\0asm"
    monkeypatch.setenv("ONNXRUNTIME_WEB", str(tmp_path / "other.tgz"))
    with pytest.raises(BadInput, match=r"other\.tgz is not the published archive"):
        find_runtime(tmp_path / "cache")


def test_a_report_without_it_is_refused_before_any_page_is_made(repro, tmp_path, published, monkeypatch):
    monkeypatch.setenv("ONNXRUNTIME_WEB", "none.tgz")
    status, _, complaint = repro("report", "--try", "tang-small")
    assert status == 2
    assert "none.tgz is not the published archive" in complaint
    assert not (tmp_path / "site").exists()
