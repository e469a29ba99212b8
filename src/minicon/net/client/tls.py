"""TLS: which certificate authorities to trust, and which client certificate to present."""

from __future__ import annotations

import os

from minicon.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from ssl import SSLContext


def trusted_bundle(variables: Mapping[str, str]) -> bool | str:
    """The CA file that the usual environment variables name, else True for the default one."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        if variables.get(name):
            return variables[name]
    return True


def tls_context(trusted: bool | str, cert: str | tuple[str, str] | None) -> SSLContext | None:
    """Make a TLS context equal to the one of requests; None where only requests can make it."""
    if trusted is False or trusted == "truststore":
        return None
    import ssl

    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if trusted is True:
            import certifi

            context.load_verify_locations(certifi.where())
        elif os.path.isdir(trusted):
            context.load_verify_locations(capath=trusted)
        else:
            context.load_verify_locations(trusted)
        if cert is not None:
            context.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
    except (OSError, ImportError):
        return None
    return context


def truststore_context() -> SSLContext:
    """Make a TLS context that trusts the operating system's certificates.

    Raises:
        ConfigError: ``truststore-missing``: the package truststore is not installed.
    """
    import ssl

    try:
        import truststore  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        message = "ssl_verify is truststore, but the package truststore is not installed"
        hint = "pip install truststore, or set ssl_verify to a CA file"
        raise ConfigError("truststore-missing", message, hint=hint) from error
    context: SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return context


def check_tls_files(trusted: bool | str, cert: str | tuple[str, str] | None) -> None:
    """Check the configured certificate files: later, a mistake looks like a network failure.

    Raises:
        ConfigError: ``unusable-certificate``: a file is missing or invalid.
    """
    if isinstance(trusted, str) and trusted != "truststore":
        _check_bundle(trusted)
    if cert is not None:
        _check_client(*((cert, None) if isinstance(cert, str) else cert))


def _check_bundle(path: str) -> None:
    import ssl

    if os.path.isdir(path):
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError as error:
        is_empty = isinstance(error, ssl.SSLError)
        reason = "contains no certificates" if is_empty else "cannot be read"
        hint = "set ssl_verify to a file of CA certificates (PEM), or to true; check the variables "
        hint += "REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and SSL_CERT_FILE"
        raise _unusable(f"the file of trusted certificates {path} {reason}", hint) from error


class _EncryptedError(Exception):
    """The key needs a passphrase."""


def _check_client(cert: str, key: str | None) -> None:
    import ssl

    def refuse() -> str:
        raise _EncryptedError  # otherwise OpenSSL prompts for it, once per connection

    hint = "check client_ssl_cert and client_ssl_cert_key"
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(cert, key, password=refuse)
    except _EncryptedError as error:
        message = f"the key of the client certificate {cert} is encrypted"
        raise _unusable(message, "use a key without a passphrase") from error
    except ssl.SSLError as error:
        message = f"{cert} is not a client certificate (PEM), or its key belongs to another one"
        raise _unusable(message, hint) from error
    except OSError as error:
        message = f"the client certificate {cert}, or its key, cannot be read"
        raise _unusable(message, hint) from error


def _unusable(message: str, hint: str) -> ConfigError:
    return ConfigError("unusable-certificate", message, hint=hint)
