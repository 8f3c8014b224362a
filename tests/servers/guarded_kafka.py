"""An Apache Kafka that speaks TLS alone, and wants a user."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.servers.kafka import KafkaServer

USER, PASSWORD = "ada", "correct-horse-battery"
_LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


class GuardedKafka(KafkaServer):
    """`certificate` is what its clients must trust."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.certificate = folder / "certificate.pem"

    @property
    def brokers(self) -> str:
        """The address, as the setting has it."""
        return f"SASL_SSL://{self.bootstrap}"

    def _properties(self) -> str:
        store = self.folder / "store.pem"
        key, certificate = _self_signed()
        store.write_bytes(key + certificate)
        self.certificate.write_bytes(certificate)
        users = (
            f'username="broker" password="its-own" user_broker="its-own" user_{USER}="{PASSWORD}"'
        )
        settings = {
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_SSL",
            "inter.broker.listener.name": "PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.name.plaintext.plain.sasl.jaas.config": f"{_LOGIN} required {users};",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.certificate),
        }
        # The last of two values counts.
        return super()._properties() + "".join(f"{k}={v}\n" for k, v in settings.items())


def _self_signed() -> tuple[bytes, bytes]:
    """Return a key and a certificate for the loopback address, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kafka")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, certificate.public_bytes(Encoding.PEM)
