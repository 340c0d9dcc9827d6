"""A real Kubernetes control plane for tests: etcd, the API server and the controllers, on loopback ports.

Nothing in it is kept: etcd does not sync, and the data lies in the run's folder. Whoever needs it first starts it; it
is ended by process id with the run's other servers (support.servers).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.servers import RUNNING, ServerFailed, free_port

ROOT = Path(__file__).parents[3]
MODULE = ROOT / "make" / "kubernetes" / "go.mod"
BUILT = ROOT / ".cache" / "kubernetes"
PROGRAMS = ("kube-apiserver", "kube-controller-manager")
DEADLINE = 60.0
# Of the memory that a garbage collector may leave lying about: these servers hold next to nothing.
LEAN = {"GOGC": "50", "GOMAXPROCS": "2"}


def built_programs() -> Path | None:
    """Return the folder of the Kubernetes that `make test-cluster` built; None when a program or etcd is missing."""
    folder = BUILT / version() / "bin"
    is_complete = all(os.access(folder / name, os.X_OK) for name in PROGRAMS) and shutil.which("etcd")
    return folder if is_complete else None


def version() -> str:
    """Return the version of Kubernetes that this tree asks for, such as `v1.34.2`."""
    found = re.search(r"^require k8s\.io/kubernetes (v\S+)$", MODULE.read_text(), re.MULTILINE)
    if found is None:
        raise ServerFailed(f"{MODULE} names no version of k8s.io/kubernetes")
    return found[1]


@dataclass
class ControlPlane:
    """One control plane on a folder. `kubeconfig` is an administrator's, there once `start` has returned."""

    folder: Path
    programs: Path

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def start(self) -> None:
        """Start the three programs, and wait until the API server answers; seconds."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        token = secrets.token_urlsafe(24)
        (self.folder / "tokens.csv").write_text(f'{token},penstock-test,penstock-test,"system:masters"\n')
        self._write_service_account_key()
        etcd, api = self._start_etcd(), free_port()
        self._start_api_server(etcd, api)
        self._write_kubeconfig(api, token)
        self._run(self.programs / "kube-controller-manager", self._controllers())

    def _write_service_account_key(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        (self.folder / "service-accounts.pem").write_bytes(pem)

    def _start_etcd(self) -> str:
        url, peers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        arguments = [
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]
        process = self._run("etcd", arguments)
        self._wait_for("etcd", process, lambda: get(f"{url}/health") is not None)
        return url

    def _start_api_server(self, etcd: str, port: int) -> None:
        key = self.folder / "service-accounts.pem"
        arguments = [
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={self.folder}",  # makes its own certificate there
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged=true",  # so that it is Pod Security which refuses a privileged pod
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",  # one server, and no pod that looks for it
        ]
        process = self._run(self.programs / "kube-apiserver", arguments)
        self._wait_for("kube-apiserver", process, lambda: self._is_ready(port))

    def _controllers(self) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig}",
            f"--service-account-private-key-file={self.folder / 'service-accounts.pem'}",
            f"--root-ca-file={self.folder / 'apiserver.crt'}",
            "--leader-elect=false",
            "--secure-port=0",
        ]

    def _is_ready(self, port: int) -> bool:
        certificate = self.folder / "apiserver.crt"
        token = (self.folder / "tokens.csv").read_text().partition(",")[0]
        return certificate.exists() and get(f"https://127.0.0.1:{port}/readyz", certificate, token) == b"ok"

    def _write_kubeconfig(self, port: int, token: str) -> None:
        server = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(self.folder / "apiserver.crt")}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": server}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        self.kubeconfig.write_text(json.dumps(config))  # which YAML includes
        self.kubeconfig.chmod(0o600)

    def _run(self, program: Path | str, arguments: list[str]) -> subprocess.Popen[bytes]:
        """Start one program; its process id is left in the folder, by which the run's end finds it."""
        name = Path(program).name
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": os.environ.get("PATH", ""), **LEAN},
                start_new_session=True,  # Ctrl-C is for pytest, which then ends it
            )
        (self.folder / f"{name}.pid").write_text(str(process.pid))
        RUNNING.append(process)
        return process

    def _wait_for(self, name: str, process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]
                raise ServerFailed(f"{name} did not come up ({process.returncode}); its log says: {said}")
            time.sleep(0.05)


def get(url: str, certificate: Path | None = None, token: str = "") -> bytes | None:
    """Return what is served there; None when nobody answers, or not with success."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        context = ssl.create_default_context(cafile=certificate) if certificate else None
        with urllib.request.urlopen(request, timeout=2, context=context) as answer:
            return bytes(answer.read())
    except (urllib.error.URLError, OSError):  # a certificate that is half written counts as nobody there
        return None
