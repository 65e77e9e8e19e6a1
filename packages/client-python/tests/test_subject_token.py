"""Where the workload's own credential comes from."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PERMISSIONS, World
from mayfly import InvalidUseError, MayflyError, command, environment, file, github_actions


def test_reads_a_file_before_each_exchange_because_something_else_keeps_it_fresh(world: World, tmp_path: Path) -> None:
    token = tmp_path / "token"
    client = world.client(subject_token=token)
    for content in ("first\n", "second"):
        token.write_text(content)
        client.exchange(PERMISSIONS)
    assert [one.form["subject_token"] for one in world.exchanges] == ["first", "second"]
    assert world.exchanges[0].form["subject_token_type"] == "urn:ietf:params:oauth:token-type:jwt"


def test_takes_a_function_and_a_type(world: World) -> None:
    world.client(subject_token=lambda: " t ", subject_token_type="urn:x").exchange(PERMISSIONS)
    assert (world.exchanges[0].form["subject_token"], world.exchanges[0].form["subject_token_type"]) == ("t", "urn:x")


def test_reads_a_variable_and_a_programs_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYFLY_ID_TOKEN", "from-the-job")
    assert environment("MAYFLY_ID_TOKEN")() == "from-the-job"
    assert command([sys.executable, "-c", "print('from-a-program')"])().strip() == "from-a-program"


def test_says_what_is_wrong_with_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAYFLY_ID_TOKEN", raising=False)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    fails = [sys.executable, "-c", "import sys; print('eyJsecret.x.y'); sys.exit('no login')"]
    cases = [
        (file(tmp_path / "absent"), "No such file"),
        (file(binary), "no text"),
        (environment("MAYFLY_ID_TOKEN"), "is not set"),
        (command(["/nonexistent/program"]), "No such file"),
        (command(fails), "ended with 1: no login"),
        (command([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.1), "did not end within 0.1 s"),
    ]
    for source, words in cases:
        with pytest.raises(InvalidUseError, match=words) as caught:
            source()
        assert caught.value.remedy
        assert "eyJ" not in str(caught.value)


@pytest.mark.parametrize("given", ["/var/run/secrets/token", "C:\\token"])
def test_does_not_send_a_path_as_a_token(world: World, given: str) -> None:
    with pytest.raises(InvalidUseError, match="looks like a path"):
        world.client(subject_token=given)


def test_refuses_what_is_no_token_and_does_not_try_again(world: World) -> None:
    asked = []

    def none() -> object:
        asked.append(1)
        return None

    for source, words in ((none, "NoneType"), (lambda: " \n", "empty")):
        with pytest.raises(InvalidUseError, match=words):
            world.client(subject_token=source).exchange(PERMISSIONS)
    assert len(asked) == 1 and world.exchanges == []


def test_a_command_is_no_line_for_a_shell() -> None:
    with pytest.raises(InvalidUseError, match="list of its words"):
        command("gcloud auth")
    with pytest.raises(InvalidUseError, match="list of its words"):
        command([])


def test_github_says_what_the_job_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL", raising=False)
    with pytest.raises(InvalidUseError, match="id-token: write"):
        github_actions("mayfly")()


def pem_files(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make certificates with")
    cert, key = folder / "agent.pem", folder / "agent.key"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=agent"
    command = ["openssl", *words.split(), "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    return cert, key


def test_a_certificate_alone_is_what_is_exchanged_where_there_is_no_token(world: World, tmp_path: Path) -> None:
    world.client(certificate=pem_files(tmp_path), subject_token=None).exchange(PERMISSIONS)
    one = world.exchanges[0]
    assert one.url == "https://mtls.broker.example/token"
    assert one.form["subject_token_type"] == "urn:ietf:params:oauth:token-type:mtls"
    pem = (tmp_path / "agent.pem").read_text().splitlines()
    assert one.form["subject_token"] == "".join(line for line in pem if "CERTIFICATE" not in line)


def test_says_what_is_wrong_with_a_certificate(world: World, tmp_path: Path) -> None:
    cert, key = pem_files(tmp_path)
    (tmp_path / "other").mkdir()
    _, other = pem_files(tmp_path / "other")
    encrypted = tmp_path / "encrypted.key"
    lock = ["openssl", "pkey", "-in", str(key), "-aes256", "-passout", "pass:secret", "-out", str(encrypted)]
    subprocess.run(lock, check=True, capture_output=True)  # noqa: S603
    junk = tmp_path / "junk"
    junk.write_text("junk")
    cases: list[tuple[dict[str, object], str]] = [
        ({"certificate": (cert, tmp_path / "absent")}, "no such file"),
        ({"certificate": (cert, other)}, "KEY_VALUES_MISMATCH"),
        ({"certificate": (cert, encrypted)}, "encrypted"),
        ({"certificate": (cert.read_text(), key)}, "PEM text"),
        ({"certificate": (junk, key)}, "not usable"),
        ({"ca": junk}, "not usable"),
        ({"ca": str(tmp_path / "absent")}, "no such file"),
    ]
    for change, words in cases:
        with pytest.raises(MayflyError, match=words) as caught:
            world.client(**change)
        assert caught.value.remedy and "PRIVATE KEY" not in str(caught.value)
