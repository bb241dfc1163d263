"""The vendors' own addresses, all of which lead to a provider on loopback: a proxy, and a certificate for their names.

What a server does for the vendors themselves it does by their address, so that is what it has to be given.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.providers.provider import WAIT_S, Provider

HOSTS = ("api.openai.com", "api.anthropic.com", "generativelanguage.googleapis.com")
CHUNK = 1 << 16


class Vendors:
    """The proxy, in a thread. ``asked`` are the hosts that connections were wanted to; others than ``HOSTS`` get none.

    Args:
        provider: who answers.
        folder: where the certificate goes.
    """

    def __init__(self, provider: Provider, folder: Path) -> None:
        self.asked: list[str] = []
        self._certificate = folder / "vendors.pem"
        self._provider = provider
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vendors", daemon=True)
        _certify(self._certificate)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(WAIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables by which a process goes through the proxy and trusts the certificate."""
        proxy = f"http://127.0.0.1:{self._proxy_port}"
        return {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(self._certificate), "NO_PROXY": ""}

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _listen(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)
        self._tls = await asyncio.start_server(self._decrypted, "127.0.0.1", 0, ssl=context)
        self._proxy = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self._tls_port, self._proxy_port = (each.sockets[0].getsockname()[1] for each in (self._tls, self._proxy))

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        host = head.split(b" ")[1].decode().rpartition(":")[0]
        self.asked.append(host)
        if not head.startswith(b"CONNECT ") or host not in HOSTS:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await _join(reader, writer, self._tls_port)

    async def _decrypted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join(reader, writer, self._provider.port)


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Pass everything on to ``port`` and back, until either side closes."""
    there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
    ways = {asyncio.create_task(_pass(reader, there_writer)), asyncio.create_task(_pass(there_reader, writer))}
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in ways:
        way.cancel()
    writer.close()
    there_writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass


def _certify(path: Path) -> None:
    """Write a certificate for the vendors' names, which is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "providers on loopback")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
